//! What `wharf org export` writes is read by the tools that everybody has, and brought to another registry by them.

use super::program::Program;
use super::{archive, built_by_go, unpackable};
use crate::harness::{Image, Make, Peer, Shell, Wharf, component, media_type};

#[tokio::test]
async fn oras_and_crane_bring_an_export_to_another_registry() {
    if !component("oras") || !component("crane") {
        return;
    }
    let home = tempfile::TempDir::new().unwrap();
    let Some(other) = Peer::start_on(Make::DistributionThree, home.path()).await else { return };
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/team/app");
    let image = unpackable(&archive(&wharf, "export"));
    repository.push_image(&image, "v1").await;
    let attached = Image::oci(2).about(&image);
    repository.push_image(&attached, &attached.digest()).await;
    let index = Image::index(media_type::OCI_INDEX, &[&image]);
    repository.put_manifest("all", media_type::OCI_INDEX, &index).await.is(201);
    let shell = Shell::at(&[&wharf]).await;
    let done = shell.run(&["org", "export", "acme", "out", "--server", &wharf.host()], "").await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let layout = shell.path().join("out/registries/team/repositories/app").display().to_string();
    let oras = Program::new(&wharf, "oras", built_by_go("oras"));
    let copy = |more: &[&str], tag: &str| {
        let (from, to) = (format!("{layout}:{tag}"), format!("{}/moved/app:{tag}", other.host));
        let copy = ["copy", "--from-oci-layout", "--to-plain-http"];
        oras.run(&[&copy[..], more, &[&from, &to]].concat());
    };
    // With all that is about it. Of an index oras loses its way among what is about its images.
    copy(&["--recursive"], "v1");
    copy(&[], "all");
    let crane = Program::new(&wharf, "crane", built_by_go("crane"));
    crane.run(&["push", "--index", &layout, &format!("{}/moved/whole:all", other.host)]);

    let digest = |name: &str| crane.run(&["digest", &format!("{}/{name}", other.host)]);
    for tag in ["v1", "all"] {
        let here = repository.head_manifest(tag).await.is(200);
        assert_eq!(digest(&format!("moved/app:{tag}")), here.header("docker-content-digest"));
    }
    for image in [&attached, &image] {
        digest(&format!("moved/app@{}", image.digest()));
        digest(&format!("moved/whole@{}", image.digest()));
    }
    if component("regctl") {
        let regctl = Program::new(&wharf, "regctl", built_by_go("regctl"));
        regctl.run(&["registry", "set", "--tls", "disabled", &other.host]);
        let to = format!("{}/moved/regctl:v1", other.host);
        regctl.run(&["image", "copy", &format!("ocidir://{layout}:v1"), &to]);
        assert_eq!(digest("moved/regctl:v1"), digest("moved/app:v1"));
    }
    crane.run(&["pull", "--format=oci", &format!("{}/moved/app:v1", other.host), "pulled"]);
}
