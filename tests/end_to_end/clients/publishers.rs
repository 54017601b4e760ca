//! hatch, flit, poetry and pdm: each publishes by its own command, with a password or with a token, and what they
//! published is what an independent reader of the pages finds, and what installers install.

use serde_json::json;

use super::acme;
use super::program::Program;
use super::python::{PASSWORD, index, pip_install, put, python, upload_url};
use crate::formats::wheel::{Distribution, INDEX};
use crate::harness::{Caller, Wharf, component, sha256};

const PROJECT: &str = "[build-system]\nrequires = [\"flit_core\"]\nbuild-backend = \"flit_core.buildapi\"\n\n\
    [project]\nname = \"hello\"\nversion = \"1.0\"\ndescription = \"A test\"\nrequires-python = \">=3.8\"\n";

/// A program beside a project `hello` that was built: its wheel and its source distribution lie in `dist`.
fn built(wharf: &Wharf, name: &str) -> (Program, [Distribution; 2]) {
    let program = python(wharf, name);
    let program = program.with_variable("PDM_USE_VENV", "0").with_variable("PDM_CHECK_UPDATE", "0");
    let files = [Distribution::wheel("hello", "1.0"), Distribution::source("hello", "1.0")];
    std::fs::create_dir_all(program.directory.join("dist")).unwrap();
    std::fs::write(program.directory.join("pyproject.toml"), PROJECT).unwrap();
    std::fs::write(program.directory.join("hello.py"), "\"\"\"A test\"\"\"\nVERSION = '1.0'\n").unwrap();
    for file in &files {
        std::fs::write(program.directory.join("dist").join(&file.filename), &file.bytes).unwrap();
    }
    (program, files)
}

/// A token of alice's, which is the password of `__token__`.
async fn token(alice: &Caller) -> String {
    let made = alice.send_json("POST", "/api/v1/tokens", &json!({ "name": "ci" })).await.is(201);
    made.json()["token"].as_str().unwrap().to_owned()
}

async fn lists(wharf: &Wharf, files: &[Distribution]) {
    // The programs take their time, and a connection that nobody uses is closed.
    let alice = wharf.caller("alice", PASSWORD);
    let page = alice.get(&format!("{INDEX}/simple/hello/?format=application/vnd.pypi.simple.v1+json")).await;
    let page = page.is(200).json();
    for file in files {
        let digest = sha256(&file.bytes).replace("sha256:", "");
        let found = page["files"].as_array().unwrap().iter().find(|found| found["filename"] == file.filename);
        assert_eq!(found.expect("the file is listed")["hashes"]["sha256"], digest, "{}", file.filename);
    }
}

#[tokio::test]
async fn hatch_publishes_and_passes_over_what_is_there() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let (hatch, files) = built(&wharf, "hatch");
    let (url, token) = (upload_url(&wharf), token(&alice).await);
    let publish = ["publish", "-n", "-r", &url, "-u", "__token__", "-a", &token, "dist"];
    hatch.run(&publish);
    lists(&wharf, &files).await;
    // It reads the page to know: its own way to it is served.
    let again = hatch.try_run(&publish, "");
    let said =
        format!("{}{}", String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
    assert!(said.contains("already exists"), "{said}");
}

#[tokio::test]
async fn flit_builds_and_publishes() {
    if !component("python") {
        return;
    }
    let (wharf, _alice) = acme().await;
    let (flit, _) = built(&wharf, "flit");
    let flit = flit.with_variable("FLIT_INDEX_URL", upload_url(&wharf));
    let flit = flit.with_variable("FLIT_USERNAME", "alice").with_variable("FLIT_PASSWORD", PASSWORD);
    flit.run(&["publish", "--no-use-vcs"]);
    let page = wharf.caller("alice", PASSWORD).get(&format!("{INDEX}/simple/hello/")).await.is(200);
    assert!(String::from_utf8_lossy(&page.body).contains("hello-1.0.tar.gz"));
    let pip = pip_install(&wharf, Some("alice"), &["hello"]);
    assert!(std::fs::read_to_string(pip.directory.join("installed/hello.py")).unwrap().contains("1.0"));
}

#[tokio::test]
async fn poetry_publishes_with_a_token() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let (poetry, files) = built(&wharf, "poetry");
    let poetry = poetry.with_variable("POETRY_REPOSITORIES_WHARF_URL", upload_url(&wharf));
    let poetry = poetry.with_variable("POETRY_HTTP_BASIC_WHARF_USERNAME", "__token__");
    let poetry = poetry.with_variable("POETRY_HTTP_BASIC_WHARF_PASSWORD", token(&alice).await);
    poetry.with_variable("POETRY_VIRTUALENVS_CREATE", "false").run(&["publish", "-n", "-r", "wharf"]);
    lists(&wharf, &files).await;
}

#[tokio::test]
async fn pdm_publishes() {
    if !component("python") {
        return;
    }
    let (wharf, _alice) = acme().await;
    let (pdm, files) = built(&wharf, "pdm");
    let url = upload_url(&wharf);
    std::fs::create_dir_all(pdm.directory.join("__pypackages__")).unwrap();
    pdm.run(&["publish", "--no-build", "-r", &url, "-u", "alice", "-P", PASSWORD]);
    lists(&wharf, &files).await;
}

/// What pypi-simple, which is no installer's parser, makes of both forms of a page.
const READER: &str = "
import json, sys
from pypi_simple import PyPISimple, ACCEPT_HTML_ONLY, ACCEPT_JSON_ONLY
with PyPISimple(sys.argv[1]) as index:
    for accept in (ACCEPT_JSON_ONLY, ACCEPT_HTML_ONLY):
        page = index.get_project_page('hello', accept=accept)
        print(json.dumps([page.repository_version, page.status, page.status_reason, [
            [p.filename, p.version, p.package_type, p.digests['sha256'], p.requires_python, p.is_yanked, p.yanked_reason,
             p.has_metadata, p.size] for p in page.packages]]))
    print(json.dumps([list(index.get_index_page(accept=accept).projects), '']))
";

#[tokio::test]
async fn an_independent_reader_finds_what_was_published_in_both_forms() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let [wheel, source] = [Distribution::wheel("hello", "1.0"), Distribution::source("hello", "1.0")];
    for file in [&wheel, &source] {
        file.upload(&alice).await.is(200);
    }
    let project = "/api/v1/orgs/acme/registries/main/repositories/pypi/hello";
    let yank = format!("{project}/files/{}/yank", source.filename);
    alice.send_json("PUT", &yank, &json!({ "reason": "it <breaks>" })).await.is(204);
    let ada = wharf.add_user("ada", &["acme:admin"]);
    let retired = json!({ "status": "deprecated", "reason": "use bar" });
    ada.send_json("PUT", &format!("{project}/status"), &retired).await.is(204);

    let said = python(&wharf, "python3").run(&["-c", READER, &index(&wharf, Some("alice"))]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [from_json, from_html, root] = lines.as_slice() else { panic!("three lines: {said}") };
    let file = |file: &Distribution, kind: &str, yanked: bool, sizes: bool| {
        let digest = sha256(&file.bytes).replace("sha256:", "");
        let reason = yanked.then_some("it <breaks>");
        let size = sizes.then_some(file.bytes.len());
        json!([file.filename, "1.0", kind, digest, ">=3.8", yanked, reason, kind == "wheel", size])
    };
    for (found, sizes) in [(from_json, true), (from_html, false)] {
        assert_eq!(
            (&found[0], &found[1], &found[2]),
            (&json!("1.4"), &json!("deprecated"), &json!("use bar"))
        );
        let mut files = found[3].as_array().unwrap().clone();
        // HTML says of a file without metadata nothing.
        files.iter_mut().for_each(|file| file[7] = (file[7] == true).into());
        assert_eq!(files, [file(&wheel, "wheel", false, sizes), file(&source, "sdist", true, sizes)]);
    }
    assert_eq!(root[0], json!(["hello"]));
}

#[tokio::test]
async fn installers_pass_over_what_is_yanked_and_warn_of_it() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    for version in ["1.0", "2.0"] {
        Distribution::wheel("hello", version).upload(&alice).await.is(200);
    }
    let yank = "/api/v1/orgs/acme/registries/main/repositories/pypi/hello/releases/2.0/yank";
    alice.send_json("PUT", yank, &json!({ "reason": "it breaks" })).await.is(204);
    let pip = pip_install(&wharf, Some("alice"), &["hello"]);
    assert!(std::fs::read_to_string(pip.directory.join("installed/hello.py")).unwrap().contains("1.0"));
    let index = index(&wharf, Some("alice"));
    let exactly = |program: &Program, fixed: &[&str]| {
        let output = program.try_run(&[fixed, &["-i", &index, "hello==2.0"]].concat(), "");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let pip = exactly(
        &python(&wharf, "pip"),
        &["install", "--isolated", "--no-input", "--no-cache-dir", "--target", "by-pip"],
    );
    assert!(pip.contains("yanked") && pip.contains("it breaks"), "{pip}");
    let uv = python(&wharf, "uv");
    let uv = exactly(&uv, &["pip", "install", "--no-config", "--no-cache", "--target", "by-uv"]);
    assert!(uv.contains("yanked") && uv.contains("it breaks"), "{uv}");
}

#[tokio::test]
async fn uv_installs_what_was_there_before_a_moment() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let wheel = Distribution::wheel("hello", "1.0");
    wheel.upload(&alice).await.is(200);
    let uv = python(&wharf, "uv");
    put(&uv, &wheel);
    let index = index(&wharf, Some("alice"));
    let fixed = ["pip", "install", "--no-config", "--no-cache", "--target", "before", "-i", &index, "hello"];
    let install = |moment: &str| uv.try_run(&[&fixed[..], &["--exclude-newer", moment]].concat(), "");
    let refused = install("2020-01-01");
    assert!(!refused.status.success(), "{refused:?}");
    let installed = install("2100-01-01");
    assert!(installed.status.success(), "{installed:?}");
}
