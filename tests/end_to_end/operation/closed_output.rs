//! Commands whose output nobody reads to its end, as under `| head`, and whose output cannot be written.

use std::fs::OpenOptions;
use std::io::pipe;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::harness::{Image, Shell, Wharf, wharf_command};

/// Runs a command with standard output that somebody has closed.
fn unread(command: &mut Command) -> Output {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap()
}

#[track_caller]
fn ends_well(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}

#[tokio::test]
async fn a_reader_that_went_away_ends_no_command() {
    let wharf = Wharf::start().await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let shell = Shell::at(&[&wharf]).await;
    let home = shell.path();
    let (from, to) = (format!("{}/acme/app", wharf.host()), format!("{}/acme/copy", wharf.host()));
    let registry = format!("{}/acme/main", wharf.host());
    let elsewhere: [&[&str]; 6] = [
        &["import", &from, &to],
        &["import", "--json", &from, &to],
        &["plugin", "list", "--registry", &registry],
        &["plugin", "push", "--help"],
        &["logout", &wharf.host()],
        &["config", "--example"],
    ];
    for arguments in elsewhere {
        let mut command = wharf_command();
        command.args(arguments).env("HOME", home).env("DOCKER_CONFIG", home.join("docker"));
        ends_well(&unread(&mut command));
    }
    wharf.admin().repository("acme/copy").manifest("v1").await.is(200);
    for arguments in [&["verify"][..], &["gc", "--dry-run"], &["key", "list", "acme/main"], &["config"]] {
        let mut command = wharf_command();
        command.args(arguments).arg("--data-dir").arg(&wharf.data).envs(wharf.environment());
        ends_well(&unread(&mut command));
    }
}

#[tokio::test]
async fn a_refusal_that_nobody_reads_is_still_told_by_the_exit_code() {
    let home = TempDir::new().unwrap();
    for (words, code) in [(["gc", "--data-dir", "nowhere"], 1), (["key", "list", "no registry"], 2)] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = wharf_command();
        command.args(words).current_dir(home.path()).stdout(Stdio::null()).stderr(writer);

        assert_eq!(command.status().unwrap().code(), Some(code), "{words:?}");
    }
}

#[tokio::test]
async fn output_that_cannot_be_written_is_told() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = wharf_command().args(["config", "--example"]).stdout(full).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard output cannot be written"), "{said}");
}
