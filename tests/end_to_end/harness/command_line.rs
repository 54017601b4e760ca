//! The command line of a running server: it speaks to it through the socket in the data directory.

use std::io::Write as _;
use std::process::{Output, Stdio};

use super::binary::wharf_command;
use super::{Caller, Wharf};

impl Wharf {
    /// Adds a user with memberships, each written `organisation:role`, and speaks as them.
    pub(crate) fn add_user(&self, name: &str, memberships: &[&str]) -> Caller {
        let password = format!("the-password-of-{name}");
        let mut arguments = vec!["user", "add", name, "--password-stdin"];
        for membership in memberships {
            arguments.extend(["--member", membership]);
        }
        self.command(&arguments, &password);
        self.caller(name, &password)
    }

    /// Gives a user another password.
    pub(crate) fn change_password(&self, name: &str, password: &str) {
        self.command(&["user", "passwd", name, "--password-stdin"], password);
    }

    /// Opens a registry (`organisation/registry`) to everyone, or closes it.
    pub(crate) fn set_public(&self, registry: &str, public: bool) {
        self.command(&["registry", "set", registry, "--public", &public.to_string()], "");
    }

    /// Lets a registry take manifests whose content it lacks (`accept`), or not (`refuse`).
    pub(crate) fn set_missing_content(&self, registry: &str, word: &str) {
        self.command(&["registry", "set", registry, "--missing-content", word], "");
    }

    /// Lets a registry send who pulls to the bucket (`on`), or not (`off`).
    pub(crate) fn set_redirect(&self, registry: &str, word: &str) {
        self.command(&["registry", "set", registry, "--redirect", word], "");
    }

    /// Brings an organisation to life, with the registries named `organisation` or `organisation/registry`: the
    /// operator pushes something to each.
    pub(crate) async fn found(&self, registries: &[&str]) {
        for registry in registries {
            self.admin().repository(&format!("{registry}/founding")).push_empty_index(&["stone"]).await;
        }
    }

    /// Runs a command that must go well.
    pub(crate) fn command(&self, arguments: &[&str], input: &str) {
        let output = self.try_command(arguments, input);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "wharf {arguments:?} ended with {}: {said}", output.status);
    }

    /// Runs a command with this server's settings and says how it went.
    pub(crate) fn try_command(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = wharf_command();
        command.args(arguments).arg("--data-dir").arg(&self.data);
        command.envs(self.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // A command that refuses its arguments reads no input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }
}
