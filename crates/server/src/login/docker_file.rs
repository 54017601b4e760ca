//! docker's own file of logins, `config.json` in `$DOCKER_CONFIG` or `~/.docker`: read with care, and written so that
//! a reader sees the old one or the new one, whole, and nobody but its owner sees either.
//!
//! What stands there beside logins stays as it is.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use wharf_core::{Error, Kind, Result, Secret};
use wharf_outbound::{Login, RegistryAddress};

use super::{helper, private_file::replace};
use crate::world;

/// The key docker keeps the login at its own registry under.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The file as it was read, with the changes made since.
pub(crate) struct DockerFile {
    path: PathBuf,
    content: Map<String, Value>,
}

#[expect(clippy::disallowed_methods, reason = "docker's file lies in the user's home")]
impl DockerFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// `Invalid` where it cannot be read or is no JSON: then it is not touched either.
    pub(crate) fn read() -> Result<Self> {
        let folder = world::variable("DOCKER_CONFIG").map(PathBuf::from);
        let home = || Some(PathBuf::from(world::variable("HOME")?).join(".docker"));
        let nowhere =
            || Error::new(Kind::Invalid, "neither DOCKER_CONFIG nor HOME says where logins are kept");
        let path = folder.or_else(home).ok_or_else(nowhere)?.join("config.json");
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(&path, "cannot be read").because(error)),
        }
        let text = if text.trim().is_empty() { "{}" } else { text.as_str() };
        let content =
            serde_json::from_str(text).map_err(|error| unusable(&path, "is not JSON").because(error))?;
        Ok(Self { path, content })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The login at a server: of the file, else of the helper that the file names for it.
    pub(crate) fn login(&self, server: &RegistryAddress) -> Option<Login> {
        self.own_login(server).or_else(|| helper::login(self.helper(server)?, &key(server)))
    }

    fn helper(&self, server: &RegistryAddress) -> Option<&str> {
        let of_server = self.content.get("credHelpers").and_then(|helpers| helpers.get(key(server)));
        of_server.or_else(|| self.content.get("credsStore"))?.as_str()
    }

    fn own_login(&self, server: &RegistryAddress) -> Option<Login> {
        let found = self.content.get("auths")?.get(key(server))?;
        let text = |name: &str| found.get(name)?.as_str().filter(|text| !text.is_empty());
        if let Some(token) = text("identitytoken") {
            return Some(Login::Refresh(Secret::new(token.to_owned())));
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(text("auth")?).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        let password = Secret::new(password.trim_end_matches('\0').to_owned());
        Some(Login::Password { user: user.to_owned(), password })
    }

    /// Keeps a login, in the place of an older one.
    pub(crate) fn set(
        &mut self,
        server: &RegistryAddress,
        user: &str,
        password: &Secret<String>,
    ) -> Result<()> {
        let auths = self.content.entry("auths").or_insert_with(|| json!({}));
        let auths = auths.as_object_mut().ok_or_else(|| unusable(&self.path, "has odd auths"))?;
        let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        auths.insert(key(server), json!({ "auth": pair }));
        Ok(())
    }

    /// Forgets a login; says whether there was one.
    pub(crate) fn remove(&mut self, server: &RegistryAddress) -> bool {
        let auths = self.content.get_mut("auths").and_then(Value::as_object_mut);
        auths.is_some_and(|auths| auths.remove(&key(server)).is_some())
    }

    /// Writes the file anew and puts it in the place of the old one.
    pub(crate) fn write(&self) -> Result<()> {
        let failed = |error: io::Error| unusable(&self.path, "cannot be written").because(error);
        let bytes = serde_json::to_vec_pretty(&self.content).map_err(Error::internal)?;
        replace(&self.path, &bytes).map_err(failed)
    }
}

fn key(server: &RegistryAddress) -> String {
    if server.is_docker_hub() { HUB_KEY.to_owned() } else { server.to_string() }
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::new(Kind::Invalid, format!("{} {what}", path.display()))
}
