//! helm with a chart repository, as it was before OCI, and the plugin that pushes to ChartMuseum.

use super::program::Program;
use super::{acme, built_by_go};
use crate::formats::chart::{CONTENT, Chart};
use crate::harness::{Caller, Image, Shell, Wharf, component};
use crate::import::stage::{Said, Stage};

const PASSWORD: &str = "the-password-of-alice";

fn helm(wharf: &Wharf, major: &str) -> Program {
    Program::new(wharf, major, built_by_go(major))
}

fn url(wharf: &Wharf) -> String {
    format!("{}/helm/acme/main", wharf.base())
}

fn add(helm: &Program, wharf: &Wharf) {
    let add = ["repo", "add", "acme", &url(wharf), "--username", "alice", "--password", PASSWORD];
    helm.run(&add);
}

/// The plugin, laid out as its installer does.
fn with_plugin(helm: Program, wharf: &Wharf) -> Program {
    let plugins = wharf.directory("plugins");
    let plugin = plugins.join("helm-push");
    std::fs::create_dir_all(&plugin).unwrap();
    let program = built_by_go("cm-push");
    let described = format!(
        "name: cm-push\nversion: 0.10.4\nusage: push\ndescription: push\ncommand: {}\n",
        program.display()
    );
    std::fs::write(plugin.join("plugin.yaml"), described).unwrap();
    helm.with_variable("HELM_PLUGINS", plugins)
}

async fn push(caller: &Caller, name: &str, version: &str) -> Chart {
    let mut chart = Chart::new(name, version);
    let described =
        format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '1.10'\nkeywords: [web]\n");
    chart.files[0].1 = described.into_bytes();
    let template =
        format!("kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {name}-{{{{ .Values.a }}}}\n");
    chart.files.push((format!("{name}/templates/map.yaml"), template.into_bytes()));
    let tag = version.replace('+', "_");
    chart.push(&caller.repository(&format!("acme/{name}")), &tag).await.is(201);
    chart
}

async fn finds_pulls_and_renders(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, alice) = acme().await;
    push(&alice, "hello", "0.1.0").await;
    let chart = push(&alice, "hello", "0.2.0+build.7").await;
    let helm = helm(&wharf, major);
    let said = helm.run_lines_of("helm repo", &wharf);
    assert!(said.contains("0.2.0+build.7") && said.contains("name: hello-1"), "{said}");
    assert!(helm.directory.join("hello-0.1.0.tgz").exists());

    helm.run(&["pull", "acme/hello", "--version", "0.2.0+build.7"]);
    let pulled = std::fs::read(helm.directory.join("hello-0.2.0+build.7.tgz")).unwrap();
    assert_eq!(pulled, chart.packaged());
    // helm 3 looks for a cluster even then.
    if major == "helm4" {
        let installed = helm.run(&["install", "greeting", "acme/hello", "--dry-run=client"]);
        assert!(installed.contains("name: hello-1"), "{installed}");
    }
    let found = helm.run(&["search", "repo", "web"]);
    assert!(found.contains("acme/hello"), "{found}");
    builds_dependencies(&helm, &wharf);
}

/// A chart that needs one of the repository gets it, with the login that belongs to the address.
fn builds_dependencies(helm: &Program, wharf: &Wharf) {
    let described = format!(
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n- name: hello\n  version: ~0.1\n  repository: {}\n",
        url(wharf).replace("127.0.0.1", "localhost")
    );
    std::fs::create_dir(helm.directory.join("parent")).unwrap();
    std::fs::write(helm.directory.join("parent/Chart.yaml"), described).unwrap();
    helm.run(&["dependency", "update", "parent"]);
    std::fs::remove_dir_all(helm.directory.join("parent/charts")).unwrap();
    helm.run(&["dependency", "build", "parent"]);
    assert!(helm.directory.join("parent/charts/hello-0.1.0.tgz").exists());
}

#[tokio::test]
async fn helm_3_finds_pulls_and_renders_from_a_repository() {
    finds_pulls_and_renders("helm3").await;
}

#[tokio::test]
async fn helm_4_finds_pulls_and_renders_from_a_repository() {
    finds_pulls_and_renders("helm4").await;
}

async fn adds_a_private_repository_only_with_a_login(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, alice) = acme().await;
    push(&alice, "hello", "0.1.0").await;
    wharf.add_user("stranger", &[]);
    let helm = helm(&wharf, major);
    let url = url(&wharf);
    let add = |name: &str, login: &[&str]| helm.try_run(&[&["repo", "add", name, &url], login].concat(), "");
    let said = |output: std::process::Output| {
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let nobody = said(add("nobody", &[]));
    assert!(nobody.contains("401"), "{nobody}");
    let stranger =
        said(add("stranger", &["--username", "stranger", "--password", "the-password-of-stranger"]));
    assert!(stranger.contains("404"), "{stranger}");
    wharf.set_public("acme/main", true);
    assert!(add("open", &[]).status.success());
    helm.run(&["pull", "open/hello"]);
}

#[tokio::test]
async fn helm_3_adds_a_private_repository_only_with_a_login() {
    adds_a_private_repository_only_with_a_login("helm3").await;
}

#[tokio::test]
async fn helm_4_adds_a_private_repository_only_with_a_login() {
    adds_a_private_repository_only_with_a_login("helm4").await;
}

#[tokio::test]
async fn cm_push_does_what_the_document_says() {
    if !component("helm3") || !component("cm-push") {
        return;
    }
    let (wharf, alice) = acme().await;
    let helm = with_plugin(helm(&wharf, "helm3"), &wharf);
    let said = helm.run_lines_of("helm cm-push", &wharf);
    assert!(said.contains("Done.") && said.contains("name: hello"), "{said}");

    let pushed = alice.repository("acme/hello").manifest("0.1.0").await.is(200).json();
    let login = ["registry", "login", "--plain-http", "--username", "alice", "--password-stdin"];
    helm.run_with_input(&[&login[..], &[&wharf.host()]].concat(), PASSWORD);
    let oci = |rest: &str| format!("oci://{}/acme/main/{rest}", wharf.host());
    helm.run(&["push", "--plain-http", "hello-0.1.0.tgz", &oci("copies")]);
    let same = alice.repository("acme/main/copies/hello").manifest("0.1.0").await.is(200).json();
    // The plugin packs the chart anew, with another time in it.
    assert_eq!(pushed["config"], same["config"]);
    assert_eq!(pushed["layers"][0]["mediaType"], same["layers"][0]["mediaType"]);
    let mut annotations = same["annotations"].clone();
    annotations.as_object_mut().unwrap().remove("org.opencontainers.image.created");
    assert_eq!(pushed["annotations"], annotations);

    let refused = helm.try_run(&["cm-push", "hello-0.1.0.tgz", "acme"], "");
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("409: file already exists"), "{words}");
    alice.repository("acme/main/copies/hello").delete_manifest("0.1.0").await.is(202);
    helm.run(&["cm-push", "--force", "hello-0.1.0.tgz", "acme"]);
    helm.run(&["pull", "--plain-http", &oci("hello"), "--version", "0.1.0", "--destination", "."]);
    words_of_refusals(&helm, &wharf);
}

fn words_of_refusals(helm: &Program, wharf: &Wharf) {
    wharf.add_user("viewer", &["acme:viewer"]);
    let as_user = |user: &str| {
        let password = format!("the-password-of-{user}");
        let url = url(wharf);
        let push = ["cm-push", "hello-0.1.0.tgz", &url, "--context-path", "/helm/acme/main"];
        let login = ["--username", user, "--password", &password];
        let output = helm.try_run(&[&push[..], &login].concat(), "");
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(as_user("viewer").contains("403: push needs the role writer in the organisation acme"));
    assert!(as_user("nobody").contains("401: "));
}

#[tokio::test]
async fn oras_pulls_what_cm_push_brought() {
    if !component("helm4") || !component("cm-push") || !component("oras") {
        return;
    }
    let (wharf, _alice) = acme().await;
    let helm = with_plugin(helm(&wharf, "helm4"), &wharf);
    add(&helm, &wharf);
    helm.run(&["create", "hello"]);
    helm.run(&["cm-push", "hello", "acme", "--version", "0.3.0"]);
    let oras = helm.beside(built_by_go("oras"));
    let login = ["login", "--plain-http", "--username", "alice", "--password-stdin", &wharf.host()];
    oras.run_with_input(&login, PASSWORD);
    let name = format!("{}/acme/hello:0.3.0", wharf.host());
    let manifest = oras.run(&["manifest", "fetch", "--plain-http", &name]);
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], CONTENT);
    let digest = manifest["layers"][0]["digest"].as_str().unwrap();
    let blob = format!("{}/acme/hello@{digest}", wharf.host());
    oras.run(&["blob", "fetch", "--plain-http", "--output", "hello.tgz", &blob]);
    let shown = helm.run(&["show", "chart", "./hello.tgz"]);
    assert!(shown.contains("version: 0.3.0"), "{shown}");
}

/// What `helm package` and `helm repo index` make is moved in, and pulled from its new place by both doors.
async fn moves_in(major: &str) {
    if !component(major) {
        return;
    }
    let (wharf, alice) = acme().await;
    let helm = helm(&wharf, major);
    for version in ["0.1.0", "0.2.0+build.7"] {
        helm.run(&["create", "hello"]);
        helm.run(&["package", "hello", "--version", version, "--destination", "old"]);
    }
    helm.run(&["repo", "index", "old"]);
    let folder = helm.directory.join("old");
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let file = std::fs::read(folder.join(heard.target.rsplit('/').next().unwrap()));
        Some(file.map_or(Said::new(404, ""), |bytes| Said::new(200, bytes)))
    })
    .await;
    let shell = Shell::new();
    shell.log_in_as("alice", (&wharf.host(), PASSWORD)).await;
    let (from, to) = (format!("http://{}", stage.host), format!("{}/acme/main", wharf.host()));

    let imported = shell.import(&["--from-chart-repository", &from, "--all", &to]).await.ends_with(0);

    assert_eq!(imported.count("imported"), 2);
    add(&helm, &wharf);
    helm.run(&["pull", "acme/hello", "--version", "0.2.0+build.7"]);
    let read = |path: &str| std::fs::read(helm.directory.join(path)).unwrap();
    assert_eq!(read("hello-0.2.0+build.7.tgz"), read("old/hello-0.2.0+build.7.tgz"));
    helm.run(&["registry", "login", "--plain-http", &wharf.host(), "-u", "alice", "-p", PASSWORD]);
    let oci = format!("oci://{}/acme/main/hello", wharf.host());
    helm.run(&["pull", "--plain-http", &oci, "--version", "0.1.0"]);
    assert_eq!(read("hello-0.1.0.tgz"), read("old/hello-0.1.0.tgz"));
    // What helm pushes itself is the same chart, so nothing is brought again and its tag stays.
    let chart = helm.directory.join("old/hello-0.1.0.tgz").display().to_string();
    helm.run(&["push", "--plain-http", &chart, &format!("oci://{}/acme/main", wharf.host())]);
    let pushed = alice.repository("acme/hello").manifest("0.1.0").await.is(200);
    let folder = helm.directory.join("old").display().to_string();
    let again = shell.import(&["--from-charts", &folder, "--all", &to]).await.ends_with(0);
    assert_eq!(again.count("present"), 2);
    alice.repository("acme/hello").manifest("0.1.0").await.is(200).has_body(&pushed.body);
}

#[tokio::test]
async fn a_repository_that_helm_3_made_moves_in() {
    moves_in("helm3").await;
}

#[tokio::test]
async fn a_repository_that_helm_4_made_moves_in() {
    moves_in("helm4").await;
}
