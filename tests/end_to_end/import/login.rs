//! Logins in docker's file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::Shell;
use crate::harness::{ADMIN_PASSWORD, Certificate, Wharf};

fn kept(shell: &Shell) -> Value {
    serde_json::from_slice(&fs::read(shell.docker_file()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_is_kept_for_its_owner_alone_beside_what_docker_keeps_there() {
    let (wharf, shell) = (Wharf::start().await, Shell::new());
    fs::create_dir_all(shell.docker_file().parent().unwrap()).unwrap();
    fs::write(
        shell.docker_file(),
        json!({"auths": {"a.example": {"auth": "eDp5"}}, "psFormat": "x"}).to_string(),
    )
    .unwrap();

    shell.log_in(&wharf.host(), ADMIN_PASSWORD).await;

    let file = kept(&shell);
    assert_eq!(file["psFormat"], "x");
    assert_eq!(file["auths"]["a.example"]["auth"], "eDp5");
    assert!(file["auths"][wharf.host()]["auth"].is_string());
    let mode = fs::metadata(shell.docker_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let output = shell.run(&["logout", &wharf.host()], "").await;
    assert!(output.status.success());
    assert_eq!(kept(&shell), json!({"auths": {"a.example": {"auth": "eDp5"}}, "psFormat": "x"}));
}

#[tokio::test]
async fn a_login_by_the_other_of_http_and_https_says_so() {
    let (plain, secure) = (Wharf::start().await, Wharf::start_secure(&Certificate::new(), &[]).await);
    let shell = Shell::new();
    for (address, words) in [
        (format!("https://{}", plain.host()), "does not speak TLS: begin its address with http://"),
        (format!("http://{}", secure.host()), "does not speak plain HTTP: begin its address with https://"),
    ] {
        let arguments = ["login", &address, "--username", "admin", "--password-stdin"];
        let refused = shell.run(&arguments, ADMIN_PASSWORD).await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains(words), "{said}");
    }
    assert!(!shell.docker_file().exists());
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_kept() {
    let (wharf, shell) = (Wharf::start().await, Shell::new());

    let refused =
        shell.run(&["login", &wharf.host(), "--username", "admin", "--password-stdin"], "guessed").await;

    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("401"), "{refused:?}");
    assert!(!shell.docker_file().exists());
}

#[tokio::test]
async fn a_file_of_docker_that_is_none_is_left_alone() {
    let (wharf, shell) = (Wharf::start().await, Shell::new());
    fs::create_dir_all(shell.docker_file().parent().unwrap()).unwrap();
    fs::write(shell.docker_file(), "{ half").unwrap();

    let arguments = ["login", &wharf.host(), "--username", "admin", "--password-stdin"];
    let refused = shell.run(&arguments, ADMIN_PASSWORD).await;

    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not JSON"), "{refused:?}");
    assert_eq!(fs::read_to_string(shell.docker_file()).unwrap(), "{ half");
}

#[tokio::test]
async fn a_login_that_docker_keeps_in_a_helper_is_found() {
    let (wharf, shell) = (Wharf::start().await, Shell::new());
    let helper = shell.path().join("bin/docker-credential-chest");
    fs::create_dir_all(helper.parent().unwrap()).unwrap();
    let kept = json!({ "ServerURL": wharf.host(), "Username": "admin", "Secret": ADMIN_PASSWORD });
    let host = wharf.host();
    let script = format!("#!/bin/sh\n[ \"$1 $(cat)\" = 'get {host}' ] && echo '{kept}'\n");
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(shell.docker_file().parent().unwrap()).unwrap();

    let list = ["plugin", "list", "--registry", &host];
    for (file, code) in [
        (json!({ "credsStore": "chest" }), 0),
        (json!({ "credHelpers": { (host.as_str()): "chest" }, "credsStore": "none" }), 0),
        (json!({ "credsStore": "none" }), 1),
        (json!({ "credsStore": "../bin/docker-credential-chest" }), 1),
    ] {
        fs::write(shell.docker_file(), file.to_string()).unwrap();
        let output = shell.run(&list, "").await;
        assert_eq!(output.status.code(), Some(code), "{file}: {output:?}");
    }
}
