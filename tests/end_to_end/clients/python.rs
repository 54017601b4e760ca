//! pip, uv and twine: what one publishes the others install, and nothing but this server is asked.

use serde_json::json;

use super::program::Program;
use super::{acme, built_by_go, path_from_environment};
use crate::formats::wheel::{Distribution, INDEX, wheel_files};
use crate::harness::{Caller, Wharf, component, sha256};
use crate::upstreams;

pub(super) const PASSWORD: &str = "the-password-of-alice";

/// A program of the environment, which reads no settings of this machine and knows no other index.
pub(super) fn python(wharf: &Wharf, name: &str) -> Program {
    let program = Program::new(wharf, "python", path_from_environment("WHARF_TEST_PYTHON").join(name));
    let program = program.with_variable("UV_CACHE_DIR", wharf.directory("uv-cache"));
    let program = program.with_variable("PIP_FIND_LINKS", "").with_variable("UV_NO_CONFIG", "1");
    let program =
        program.with_variable("UV_PYTHON", path_from_environment("WHARF_TEST_PYTHON").join("python3"));
    program.with_variable("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
}

/// The index with a login in its address, or without.
pub(super) fn index(wharf: &Wharf, user: Option<&str>) -> String {
    let login = user.map(|user| format!("{user}:{PASSWORD}@")).unwrap_or_default();
    format!("http://{login}{}{INDEX}/simple/", wharf.host())
}

pub(super) fn upload_url(wharf: &Wharf) -> String {
    format!("{}{INDEX}/legacy/", wharf.base())
}

/// Puts a file where the programs run.
pub(super) fn put(program: &Program, distribution: &Distribution) {
    std::fs::write(program.directory.join(&distribution.filename), &distribution.bytes).unwrap();
}

fn twine(program: &Program, wharf: &Wharf, file: &str) -> std::process::Output {
    let url = upload_url(wharf);
    let fixed = ["upload", "--non-interactive", "--disable-progress-bar", "--repository-url", &url];
    program.try_run(&[&fixed[..], &["-u", "alice", "-p", PASSWORD, file]].concat(), "")
}

pub(super) fn pip_install(wharf: &Wharf, user: Option<&str>, more: &[&str]) -> Program {
    let pip = python(wharf, "pip");
    let index = index(wharf, user);
    let fixed =
        ["install", "--isolated", "--no-input", "--no-cache-dir", "--target", "installed", "-i", &index];
    pip.run(&[&fixed[..], more].concat());
    pip
}

fn installed(program: &Program, module: &str) -> String {
    std::fs::read_to_string(program.directory.join("installed").join(module)).unwrap()
}

#[tokio::test]
async fn twine_pip_and_uv_do_what_the_document_says() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let wheel = Distribution::wheel("hello", "1.0");
    for (client, makes) in [("twine", None), ("pip", Some("hello.py")), ("uv", Some("hello.py"))] {
        let program = python(&wharf, client);
        put(&program, &wheel);
        program.run_lines_of(client, &wharf);
        if let Some(module) = makes {
            assert!(installed(&program, module).contains("VERSION = '1.0'"), "{client}");
            std::fs::remove_dir_all(program.directory.join("installed")).unwrap();
        }
    }
    lists(&alice, &wheel).await;
}

#[tokio::test]
async fn twine_publishes_and_pip_installs() {
    if !component("python") {
        return;
    }
    let (wharf, _alice) = acme().await;
    let program = python(&wharf, "twine");
    let wheel = Distribution::wheel("hello", "1.0+local.1");
    put(&program, &wheel);
    put(&program, &Distribution::source("hello", "0.9"));
    for file in [wheel.filename.as_str(), "hello-0.9.tar.gz", &wheel.filename] {
        let output = twine(&program, &wharf, file);
        assert!(output.status.success(), "{output:?}");
    }

    let hash = format!("hello==1.0+local.1 --hash={}\n", sha256(&wheel.bytes));
    std::fs::write(program.directory.join("requirements.txt"), hash).unwrap();
    let pip = pip_install(&wharf, Some("alice"), &["--require-hashes", "-r", "requirements.txt"]);
    assert!(installed(&pip, "hello.py").contains("VERSION = '1.0+local.1'"));

    wharf.set_public("acme/main", true);
    let pip =
        pip_install(&wharf, None, &["--upgrade", "--uploaded-prior-to", "2100-01-01T00:00:00Z", "hello"]);
    assert!(installed(&pip, "hello.py").contains("VERSION = '1.0+local.1'"));
}

#[tokio::test]
async fn twine_prints_why_a_wheel_is_refused() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let program = python(&wharf, "twine");
    let mut files = wheel_files("hello", "1.0", "changed = True\n");
    files.swap(0, 1);
    Distribution::wheel("hello", "1.0").upload(&alice).await.is(200);
    let other = Distribution::wheel_of("hello-1.0-py3-none-any.whl", &files);
    put(&program, &other);
    let refused = twine(&program, &wharf, &other.filename);
    let said =
        format!("{}{}", String::from_utf8_lossy(&refused.stdout), String::from_utf8_lossy(&refused.stderr));
    assert!(!refused.status.success() && said.contains("File already exists"), "{said}");
}

#[tokio::test]
async fn uv_publishes_and_installs() {
    if !component("python") {
        return;
    }
    let (wharf, alice) = acme().await;
    let uv = python(&wharf, "uv");
    let wheel = Distribution::wheel("hello", "2.0");
    put(&uv, &wheel);
    let (url, check) = (upload_url(&wharf), index(&wharf, None));
    let publish = ["publish", "--publish-url", &url, "--check-url", &check, "-u", "alice", "-p", PASSWORD];
    for _ in 0..2 {
        uv.run(&[&publish[..], &[&wheel.filename]].concat());
    }
    uv_installs(&wharf, &uv, &index(&wharf, Some("alice")));
    wharf.set_public("acme/main", true);
    uv_installs(&wharf, &uv, &check);
    lists(&alice, &wheel).await;
}

fn uv_installs(wharf: &Wharf, uv: &Program, index: &str) {
    let _ = std::fs::remove_dir_all(uv.directory.join("installed"));
    let fixed = ["pip", "install", "--no-config", "--no-cache", "--target", "installed"];
    uv.run(&[&fixed[..], &["--exclude-newer", "2100-01-01", "--default-index", index, "hello"]].concat());
    assert!(installed(uv, "hello.py").contains("VERSION = '2.0'"), "{}", wharf.log());
}

async fn lists(caller: &Caller, wheel: &Distribution) {
    let page = caller.get(&format!("{INDEX}/simple/hello/")).await.is(200);
    assert!(String::from_utf8_lossy(&page.body).contains(&wheel.filename));
}

#[tokio::test]
async fn oras_pulls_what_twine_published_and_pip_installs_what_oras_pushed() {
    if !component("python") || !component("oras") {
        return;
    }
    let (wharf, alice) = acme().await;
    let program = python(&wharf, "twine");
    let (published, pushed) = (Distribution::wheel("hello", "1.0"), Distribution::wheel("hello", "2.0"));
    published.upload(&alice).await.is(200);
    put(&program, &pushed);
    let oras = program.beside(built_by_go("oras"));
    let login = ["login", "--plain-http", "--username", "alice", "--password-stdin", &wharf.host()];
    oras.run_with_input(&login, PASSWORD);
    let name = |reference: &str| format!("{}/acme/main/pypi/hello{reference}", wharf.host());

    let release = alice.repository("acme/main/pypi/hello").manifest("1.0").await.is(200).json();
    let file = release["manifests"][0]["digest"].as_str().unwrap();
    oras.run(&["pull", "--plain-http", "--output", "pulled", &name(&format!("@{file}"))]);
    let pulled = std::fs::read(oras.directory.join("pulled").join(&published.filename)).unwrap();
    assert_eq!(pulled, published.bytes);

    let kind = "application/vnd.wharf.python.distribution.v1";
    let wheel = format!("{}:application/vnd.wharf.python.wheel.v1+zip", pushed.filename);
    oras.run(&["push", "--plain-http", "--artifact-type", kind, &name(":2.0"), &wheel]);
    let pip = pip_install(&wharf, Some("alice"), &["hello"]);
    assert!(installed(&pip, "hello.py").contains("VERSION = '2.0'"));
    let lying = oras.try_run(&["push", "--plain-http", "--artifact-type", kind, &name(":3.0"), &wheel], "");
    let said = String::from_utf8_lossy(&lying.stderr).into_owned();
    assert!(!lying.status.success() && said.contains("is tagged 3.0"), "{said}");
}

#[tokio::test]
async fn pip_and_uv_install_through_a_proxy_and_a_virtual_registry() {
    if !component("python") {
        return;
    }
    let (upstream, (wharf, admin)) = tokio::join!(acme(), upstreams::near());
    let (upstream, publisher) = upstream;
    upstream.set_public("acme/main", true);
    Distribution::wheel("hello", "9.0").upload(&publisher).await.is(200);
    Distribution::wheel("other", "2.0").upload(&publisher).await.is(200);
    Distribution::wheel("hello", "1.0").upload(&admin).await.is(200);
    upstreams::mirror(&admin, &format!("{}{INDEX}/simple/", upstream.base()), json!({})).await;
    let members = json!({ "name": "all", "kind": "virtual", "members": ["main", "mirror"] });
    upstreams::make(&admin, members).await;
    for registry in ["main", "mirror", "all"] {
        wharf.set_public(&format!("acme/{registry}"), true);
    }
    let index = |registry: &str| format!("{}/pypi/acme/{registry}/simple/", wharf.base());
    let (mirror, all) = (index("mirror"), index("all"));

    let pip = python(&wharf, "pip");
    let fixed = ["install", "--isolated", "--no-input", "--no-cache-dir", "--target", "installed", "-i"];
    pip.run(&[&fixed[..], &[&mirror, "hello", "other"]].concat());
    assert!(installed(&pip, "hello.py").contains("VERSION = '9.0'"));
    std::fs::remove_dir_all(pip.directory.join("installed")).unwrap();
    pip.run(&[&fixed[..], &[&all, "hello", "other"]].concat());
    assert!(installed(&pip, "hello.py").contains("VERSION = '1.0'"), "the name was taken over upstream");
    assert!(installed(&pip, "other.py").contains("VERSION = '2.0'"));

    let uv = python(&wharf, "uv");
    let fixed = ["pip", "install", "--no-config", "--no-cache", "--target", "installed", "--default-index"];
    uv.run(&[&fixed[..], &[&all, "hello", "other"]].concat());
    assert!(installed(&uv, "hello.py").contains("VERSION = '1.0'"));
    assert!(installed(&uv, "other.py").contains("VERSION = '2.0'"));
}
