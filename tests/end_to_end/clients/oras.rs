//! oras: artifacts of any kind, and what is attached to them.

use super::program::Program;
use super::{acme, built_by_go, digest_of, only_when_public, with_image};
use crate::formats::plugin::{Shop, connector, hex};
use crate::harness::{Wharf, component};

fn oras(wharf: &Wharf) -> Program {
    Program::new(wharf, "oras", built_by_go("oras"))
}

#[tokio::test]
async fn oras_pushes_attaches_finds_copies_and_pulls() {
    if !component("oras") {
        return;
    }
    let (wharf, alice) = acme().await;
    let oras = oras(&wharf);
    let file = |name: &str| oras.directory.join(name);
    std::fs::write(file("hello.txt"), "hello").unwrap();
    std::fs::write(file("sbom.json"), "{}").unwrap();

    let said = oras.run_lines_of("oras", &wharf);

    assert!(said.contains("└── application/spdx+json"), "{said}");
    assert_eq!(std::fs::read_to_string(file("pulled/hello.txt")).unwrap(), "hello");
    let digest = digest_of(&alice, "acme/files", "v1").await;
    assert_eq!(digest_of(&alice, "acme/copy", "v1").await, digest);
    let attached = alice.repository("acme/copy").referrers(&digest, "").await.is(200).json();
    assert_eq!(attached["manifests"][0]["artifactType"], "application/spdx+json");
}

/// oras sends its login only when it is asked for one.
#[tokio::test]
async fn oras_lists_the_repositories_of_who_logged_in() {
    if !component("oras") {
        return;
    }
    let (wharf, _) = acme().await;
    let oras = oras(&wharf);
    let login = ["login", "--plain-http", "--username", "alice", "--password-stdin"];
    oras.run_with_input(&[&login[..], &[&wharf.host()]].concat(), "the-password-of-alice");

    assert_eq!(oras.run(&["repo", "ls", "--plain-http", &wharf.host()]), "acme/founding");
}

#[tokio::test]
async fn oras_pulls_without_a_login_only_what_is_public() {
    if !component("oras") {
        return;
    }
    let (wharf, name, _) = with_image("oras").await;
    let copy = ["copy", "--from-plain-http", "--to-oci-layout", &name, "layout:v1"];

    only_when_public(&wharf, &oras(&wharf), &copy);
}

/// What `oras` pushes as a plugin is read, verified and listed for memflow's own clients.
#[tokio::test]
async fn oras_pushes_and_pulls_a_memflow_plugin() {
    if !component("oras") {
        return;
    }
    let shop = Shop::open().await;
    let oras = oras(&shop.wharf);
    let login = ["login", "--plain-http", "--username", "alice", "--password-stdin"];
    oras.run_with_input(&[&login[..], &[&shop.wharf.host()]].concat(), "the-password-of-alice");
    let plugin = connector("fixture", "0.2.0");
    std::fs::write(oras.directory.join("fixture.so"), &plugin).unwrap();
    let push = |repository: &str, signature: &str| {
        let target = format!("{}/acme/main/{repository}:0.2.0", shop.wharf.host());
        let annotation = format!("memflow.signature={signature}");
        let kind = ["push", "--plain-http", "--artifact-type", "application/vnd.memflow.plugin.v1"];
        oras.try_run(&[&kind[..], &["--annotation", &annotation, &target, "fixture.so"]].concat(), "")
    };
    let signature = shop.key.sign(&plugin);
    for (repository, signature, words) in [
        ("memflow/fixture", "00", "the signature is by none of the registry's keys"),
        ("memflow/other", &signature, "belongs into the repository memflow/fixture"),
    ] {
        let refused = push(repository, signature);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{said}");
    }
    assert!(push("memflow/fixture", &signature).status.success());
    let [listed] = shop.variants("fixture").await.try_into().expect("one variant");
    let listed: serde_json::Value = listed;
    assert_eq!((&listed["digest"], &listed["verified"]), (&hex(&plugin).into(), &true.into()));

    let other = connector("fixture", "0.3.0");
    shop.add(&other).await;
    let target = format!("{}/acme/main/memflow/fixture:0.3.0-elf-x86_64", shop.wharf.host());
    oras.run(&["pull", "--plain-http", "--output", "pulled", &target]);
    let name = format!("libmemflow_fixture_{}.so", &hex(&other)[..7]);
    assert_eq!(std::fs::read(oras.directory.join("pulled").join(name)).unwrap(), other);
}
