//! Mistakes on the command line: said in words, and nothing is made.

use std::process::{Command, Output};

use crate::harness::{Wharf, wharf_command};

pub(super) fn run(arguments: &[&str]) -> Output {
    let mut command: Command = wharf_command();
    command.args(arguments).output().unwrap()
}

pub(super) fn said(output: &Output) -> String {
    assert!(!output.status.success(), "it was taken for right");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_command_in_the_wrong_folder_makes_no_second_wharf() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("wharf-data");
    let data_dir = data.to_str().unwrap();

    let refused = said(&run(&["registry", "set", "acme/main", "--public", "true", "--data-dir", data_dir]));

    assert!(refused.contains("there is no Wharf in") && refused.contains(data_dir), "{refused}");
    assert!(!data.exists());
}

#[test]
fn an_import_whose_words_mean_nothing_together_is_no_use_of_the_command() {
    let said = |arguments: &[&str]| {
        let output = run(&[&["import"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let forms = said(&["here.example/a"]);
    assert!(forms.contains("name the source too") && forms.contains("--all HOST[/PREFIX] SERVER"), "{forms}");
    let pypi = "SERVER/ORGANISATION/REGISTRY/pypi";
    assert!(said(&["--from-packages", "x", "foo", "here.example/acme/main/foo"]).contains(pypi));
    let index = ["--from-index", "https://y.example/simple/", "--all", "here.example/acme/main"];
    assert!(said(&index).contains(pypi));
    assert!(said(&["--all", "here.example/a"]).contains("name the source too"));
    assert!(said(&["--from-packages", "x", "here.example/a"]).contains("or say --all"));
    for more in [&["x", "here.example/a"][..], &["--all", "here.example/a"]] {
        let said = said(&[&["--from-memflow", "folder"], more].concat());
        assert!(said.contains("everything moves in"), "{said}");
    }
    assert!(
        said(&["--from-memflow", "x", "--from-index", "https://y.example", "here.example/a"])
            .contains("cannot be used with")
    );
}

#[test]
fn a_word_that_is_none_is_no_use_of_the_command_whatever_data_there_is() {
    for (words, place, allowed) in [
        ("user add Bob", "'Bob' for '<USER>'", "lower-case letters"),
        ("user add bob --member acme:owner", "'acme:owner' for '--member", "viewer, writer or admin"),
        ("user add bob --member acme", "'acme' for '--member", "organisation:role"),
        ("user passwd v2", "'v2' for '<USER>'", "is reserved"),
        ("registry set acme --public true", "'acme' for '<ORGANISATION/REGISTRY>'", "organisation/registry"),
        ("registry set acme/main --members a,B", "'a,B' for '--members", "lower-case letters"),
        ("registry set acme/main --upstream index.example", "for '--upstream", "http://host/path"),
        ("key add acme/main a/b key.pem", "'a/b' for '<NAME>'", "letters, digits"),
        ("key add acme/main a key.pem --expires soon", "'soon' for '--expires", "2027-01-31T12:00:00Z"),
        ("audit export --month november", "'november' for '--month <YYYY-MM>'", "2026-11"),
        ("audit verify --noted yesterday", "'yesterday' for '--noted", "2026-11/12345/<64 hex digits>"),
        ("verify --rate 0", "'0' for '--rate <MIB>'", "1.."),
        ("gc --upload-expiry soon", "upload_expiry (from --upload-expiry) must be", " gc [OPTIONS]"),
        ("--listen nowhere", "listen (from --listen) must be host:port", "Usage: "),
        ("login a/b --username bob", "'a/b' for '<HOST>'", "address of a registry"),
        ("login a.example --username a:b", "'a:b' for '--username", "no ':' in it"),
        ("logout a/b", "'a/b' for '<HOST>'", "address of a registry"),
        ("import Quay.io//a here.example/a", "for '[SOURCE]'", "name of a repository"),
        ("import a.example/a here.example/A", "'here.example/A' for '<TARGET>'", "name of a repository"),
        ("import a.example/a here.example/b:v1", "a whole repository keeps its tags", " import [OPTIONS]"),
        ("import --from-index nowhere a here.example/a", "for '--from-index <URL>'", "http"),
        (
            "import --from-memflow folder here.example/a",
            "'here.example/a' for '<TARGET>'",
            "server/organisation",
        ),
        ("plugin list --registry a.example/acme", "'a.example/acme' for '--registry", "server/organisation"),
        ("plugin pull --registry a.example dump:", "'dump:' for '<NAME[:VERSION]>", "name:version"),
    ] {
        let output = run(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{words}: {output:?}");
        let said = said(&output);
        assert!(said.contains(place) && said.contains(allowed), "{words}: {said}");
    }
}

/// On PostgreSQL it is a service that has the settings, and an operator's shell that has not.
#[tokio::test]
async fn a_server_takes_commands_from_who_does_not_know_its_database() {
    let mut wharf = Wharf::start().await;
    let data_dir = wharf.data.to_str().unwrap().to_owned();
    let look = || run(&["gc", "--dry-run", "--data-dir", &data_dir]);
    let here = wharf.data.join("wharf.sqlite");
    let lies_here = here.exists();

    let taken = look();
    assert!(taken.status.success(), "{taken:?}");
    wharf.kill();
    let after = look();
    assert_eq!(after.status.success(), lies_here, "{after:?}");
    assert_eq!(here.exists(), lies_here, "a second Wharf was made");
}

#[test]
fn what_a_refused_start_left_is_no_wharf() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lock"), "").unwrap();

    let refused = said(&run(&["gc", "--data-dir", folder.path().to_str().unwrap()]));

    assert!(refused.contains("there is no Wharf in"), "{refused}");
    assert!(!folder.path().join("wharf.sqlite").exists());
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_its_line_and_without_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wharf.toml");
    std::fs::write(&file, "listen = \":0\"\nsecret_key = hunter2\n").unwrap();

    let refused = said(&run(&["config", "--config", file.to_str().unwrap()]));

    assert!(refused.contains("wharf.toml: line 2: ") && !refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_data_directory_that_is_a_file_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    std::fs::write(&file, "").unwrap();

    let refused = said(&run(&["serve", "--data-dir", file.to_str().unwrap()]));

    assert!(refused.contains(file.to_str().unwrap()) && refused.contains("not a directory"), "{refused}");
}

#[test]
fn a_data_directory_too_deep_for_a_socket_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("x".repeat(120));

    let refused = said(&run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]));

    assert!(refused.contains("a socket's path holds") && refused.contains("--data-dir"), "{refused}");
}

#[test]
fn the_settings_are_listed_once() {
    let shown = |arguments: &[&str]| String::from_utf8(run(arguments).stdout).unwrap();
    assert!(shown(&["serve", "--help"]).contains("--listen [127.0.0.1:8080]"));
    let short = shown(&["registry", "set", "--help"]);
    assert!(short.contains("--public") && !short.contains("--listen"), "{short}");
}

#[test]
fn a_misspelt_log_level_is_refused_rather_than_taken_for_silence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("wharf-data");

    let refused = said(&run(&["serve", "--log", "inof", "--data-dir", data.to_str().unwrap()]));

    assert!(refused.contains("inof"), "{refused}");
    assert!(!data.exists());
}

#[test]
fn a_public_url_that_is_none_is_refused_by_its_key_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("wharf-data");

    let refused = said(&run(&["serve", "--public-url", "example.com", "--data-dir", data.to_str().unwrap()]));

    assert!(refused.contains("public_url (from --public-url) must be"), "{refused}");
    assert!(!data.exists());
}

#[test]
fn a_lost_secret_key_is_not_replaced_by_another() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lock"), "").unwrap();
    std::fs::write(folder.path().join("wharf.sqlite"), "").unwrap();

    let refused = said(&run(&[
        "user",
        "passwd",
        "admin",
        "--password-stdin",
        "--data-dir",
        folder.path().to_str().unwrap(),
    ]));

    assert!(refused.contains("secret-key is missing"), "{refused}");
    assert!(!folder.path().join("secret-key").exists());
}
