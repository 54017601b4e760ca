//! distribution itself, Debian's `docker-registry`, as a source and as the one that wrote the files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Shell;
use crate::harness::{Caller, Image, Repository, Wharf, component, descriptor, free_port, media_type};

/// A running distribution, with files of its own.
pub(super) struct Distribution {
    home: TempDir,
    pub(super) host: String,
    process: Child,
}

impl Distribution {
    /// One on loopback, without a login; nothing where there is none on this machine.
    pub(super) async fn start() -> Option<Self> {
        if !component("docker-registry") {
            return None;
        }
        let home = TempDir::new().unwrap();
        let host = format!("127.0.0.1:{}", free_port());
        let configuration = serde_json::json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": home.path().join("root")}},
            "http": {"addr": host},
        });
        let path = home.path().join("config.yml");
        std::fs::write(&path, configuration.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
        let distribution = Self { home, host, process: command.spawn().unwrap() };
        let (caller, begun) = (distribution.caller(), Instant::now());
        while caller.request("GET", "/v2/").try_send().await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "docker-registry does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(distribution)
    }

    fn caller(&self) -> Caller {
        Caller::anonymous(&format!("http://{}", self.host))
    }

    pub(super) fn repository(&self, name: &str) -> Repository {
        self.caller().repository(name)
    }

    /// Its root directory.
    pub(super) fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An image with a referrer that only a tag tells of, as clients do where there is no list of referrers.
pub(super) async fn push_with_referrer(repository: &Repository) -> (Image, Image) {
    let image = Image::docker(1);
    let report = Image::oci(2).about(&image);
    repository.push_image(&image, "v1").await;
    repository.push_image(&report, &report.digest()).await;
    let list = Image::index(media_type::OCI_INDEX, &[&report]);
    repository.put_manifest(&image.digest().replace(':', "-"), media_type::OCI_INDEX, &list).await.is(201);
    (image, report)
}

/// The image and its referrer must be there, the second told of by the server's own list.
pub(super) async fn expect_both(repository: &Repository, image: &Image, report: &Image) {
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    let list = repository.referrers(&image.digest(), "").await.is(200).json();
    assert_eq!(list["manifests"][0]["digest"], descriptor("", &report.manifest)["digest"]);
}

#[tokio::test]
async fn everything_distribution_has_arrives_with_what_its_tags_tell_of() {
    let Some(source) = Distribution::start().await else { return };
    let target = Wharf::start().await;
    let (image, report) = push_with_referrer(&source.repository("team/app")).await;
    let shell = Shell::at(&[&target]).await;

    shell.import(&["--all", &source.host, &target.host()]).await.ends_with(0);
    expect_both(&target.admin().repository("team/app"), &image, &report).await;

    let one = [&format!("{}/team/app:v1", source.host)[..], &format!("{}/team/one", target.host())];
    shell.import(&one).await.ends_with(0);
    expect_both(&target.admin().repository("team/one"), &image, &report).await;
}

/// The file that holds a blob's bytes.
pub(super) fn data(root: &Path, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    root.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
}
