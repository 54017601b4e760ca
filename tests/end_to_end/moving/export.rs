//! What an organisation owns, copied out by one of its admins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::{fs, io};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::furniture::furnish;
use super::{said, told};
use crate::harness::{Image, Shell, Wharf, descriptor, media_type, noise, sha256, sha512};

async fn export(shell: &Shell, wharf: &Wharf, more: &[&str]) -> Output {
    let host = wharf.host();
    shell.run(&[&["org", "export", "acme", "out", "--server", &host], more].concat(), "").await
}

/// An admin of acme, who is no operator.
async fn admin_of_acme(wharf: &Wharf) -> Shell {
    wharf.add_user("boss", &["acme:admin"]);
    let shell = Shell::new();
    shell.log_in_as("boss", (&wharf.host(), "the-password-of-boss")).await;
    shell
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

/// The records of an exported audit log, without their places in the sealed one.
fn records(lines: &[u8]) -> Vec<Value> {
    let lines = String::from_utf8_lossy(lines);
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["record"].clone()).collect()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The contents of a layout, each of which has the digest that it is called by.
fn contents(layout: &Path) -> BTreeMap<String, Vec<u8>> {
    let named = |path: PathBuf| {
        let (algorithm, hex) = (path.parent().unwrap().file_name().unwrap(), path.file_name().unwrap());
        let (name, bytes) = (format!("{}:{}", algorithm.display(), hex.display()), fs::read(&path).unwrap());
        let found = if name.starts_with("sha512") { sha512(&bytes) } else { sha256(&bytes) };
        assert_eq!(name, found);
        (name, bytes)
    };
    files(&layout.join("blobs")).into_iter().map(named).collect()
}

/// The digests of a layout's tags, and of what it has without one.
fn index(layout: &Path) -> (BTreeMap<String, String>, Vec<String>) {
    assert_eq!(read(&layout.join("oci-layout")), json!({ "imageLayoutVersion": "1.0.0" }));
    let (mut tags, mut others) = (BTreeMap::new(), Vec::new());
    for entry in read(&layout.join("index.json"))["manifests"].as_array().unwrap() {
        let digest = entry["digest"].as_str().unwrap().to_owned();
        match entry["annotations"]["org.opencontainers.image.ref.name"].as_str() {
            Some(tag) => drop(tags.insert(tag.to_owned(), digest)),
            None => others.push(digest),
        }
    }
    (tags, others)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_the_organisation_owns_and_no_secret() {
    let wharf = Wharf::start().await;
    furnish(&wharf).await;
    let (image, boss) = (Image::oci(1), admin_of_acme(&wharf).await);
    let (acme, admin) = ("/api/v1/orgs/acme", wharf.admin());
    let attached = Image::oci(9).about(&image);
    let digest = attached.digest();
    admin.repository("acme/app").push_image(&attached, &digest).await;
    let make = async |path: &str, body: Value| {
        admin.send_json("POST", &format!("{acme}/{path}"), &body).await.is(201).json()
    };
    make("robots", json!({ "name": "ci", "role": "writer" })).await;
    let token = make("robots/ci/tokens", json!({ "name": "nightly" })).await;
    let hook = make("webhooks", json!({ "url": "https://ci.example/hook" })).await;
    make("issuers", json!({ "name": "github", "url": "https://token.actions.githubusercontent.com" })).await;
    let access = json!([{ "repositories": "acme/app", "actions": ["pull"] }]);
    make(
        "issuers/github/rules",
        json!({ "name": "ci", "claims": { "repository": "acme/app" }, "access": access }),
    )
    .await;

    let done = told(&export(&boss, &wharf, &[]).await);

    assert!(done.contains("acme/app: 6 manifests, 6 tags\n"), "{done}");
    let out = boss.path().join("out");
    assert_eq!(read(&out.join("export.json"))["complete"], true);
    assert_eq!(read(&out.join("organisation.json"))["name"], "acme");
    assert_eq!(read(&out.join("robots.json"))[0]["tokens"][0]["name"], "nightly");
    assert_eq!(read(&out.join("issuers.json"))[0]["rules"][0]["name"], "ci");
    assert_eq!(read(&out.join("webhooks.json"))[0]["url"], "https://ci.example/hook");
    assert_eq!(read(&out.join("registries/open/registry.json"))["public"], true);
    assert!(read(&out.join("members.json")).to_string().contains("boss"));
    assert_eq!(read(&out.join("registries/main/repositories/app/repository.json"))["name"], "app");
    assert_eq!(read(&out.join("registries/main/repositories/app/status.json"))["status"], "active");
    let audit = records(&fs::read(out.join("audit.ndjson")).unwrap());
    assert!(audit.iter().any(|record| record["action"] == "manifest.push"));
    let told = records(&admin.get(&format!("{acme}/audit/export")).await.is(200).body);
    assert!(audit.iter().all(|record| told.contains(record)), "the shape is that of the API");
    let app = out.join("registries/main/repositories/app");
    let (tags, others) = index(&app);
    for (tag, digest) in &tags {
        let there = admin.repository("acme/app").head_manifest(tag).await.is(200);
        assert_eq!(there.header("docker-content-digest"), digest);
    }
    assert_eq!(tags.len(), 6);
    assert!(others.contains(&digest), "what no tag points to: {others:?}");
    let kept = contents(&app);
    assert!(image.blobs.iter().all(|blob| kept[&sha256(blob)] == blob[..]));
    let chart = out.join("registries/main/repositories/charts+web");
    assert_eq!(index(&chart).0.len(), 1);
    contents(&chart);
    // What two repositories share lies there once.
    let blob = |registry: &str| {
        let hex = sha256(&image.blobs[0]).replace(':', "/");
        let path = out.join("registries").join(registry).join("repositories/app/blobs").join(hex);
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
    };
    assert_eq!(blob("main"), blob("open"));
    let secrets = [&token["token"], &hook["secret"]].map(|secret| secret.as_str().unwrap().to_owned());
    for file in files(&out) {
        let bytes = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{} tells a secret", file.display());
    }
}

#[tokio::test]
async fn an_export_that_is_run_again_fetches_only_what_it_lacks() {
    let wharf = Wharf::start().await;
    let (image, boss) = (Image::oci(1), {
        wharf.found(&["acme"]).await;
        admin_of_acme(&wharf).await
    });
    wharf.admin().repository("acme/app").push_image(&image, "v1").await;
    let fetched = async |more: &[&str]| {
        let done = told(&export(&boss, &wharf, &[&["--json"], more].concat()).await);
        let summary: Value = serde_json::from_str(done.lines().last().unwrap()).unwrap();
        summary["blobs_fetched"].as_u64().unwrap()
    };
    assert_eq!(fetched(&[]).await, 3);
    assert_eq!(fetched(&[]).await, 0);
    let blobs = boss.path().join("out/registries/main/repositories/app/blobs");
    let place = |bytes: &[u8]| blobs.join(sha256(bytes).replace(':', "/"));
    // One was cut off, one has lost its end, and a manifest is another.
    fs::rename(place(&image.blobs[0]), place(&image.blobs[0]).with_extension("part")).unwrap();
    fs::write(place(&image.blobs[1]), "short").unwrap();
    fs::write(place(&image.manifest), "{}").unwrap();
    assert_eq!(fetched(&[]).await, 2);
    let mut bytes = image.blobs[2].to_vec();
    bytes[1] ^= 1;
    fs::write(place(&image.blobs[2]), bytes).unwrap();
    assert_eq!(fetched(&["--check"]).await, 1);
    assert_eq!(contents(blobs.parent().unwrap()).len(), 4);

    wharf.admin().repository("acme/app").push_image(&Image::oci(2), "v1").await;
    assert_eq!(fetched(&[]).await, 3);
    assert_eq!(index(blobs.parent().unwrap()).0["v1"], Image::oci(2).digest());
}

#[tokio::test]
async fn what_cannot_be_exported_is_named_and_who_may_not_leaves_no_trace() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let boss = admin_of_acme(&wharf).await;
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&Image::oci(1), "v1").await;
    repository.push_image(&Image::oci(2), "v2").await;
    let lacked = sha256(&Image::oci(2).blobs[0]);
    repository.delete_blob(&lacked).await.is(202);
    let foreign = noise(3, 100);
    let config = Image::oci(1).blobs.last().unwrap().clone();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, &config),
        "layers": [descriptor(media_type::OCI_FOREIGN_LAYER, &foreign)],
    });
    repository
        .put_manifest("foreign", media_type::OCI_MANIFEST, &Bytes::from(manifest.to_string()))
        .await
        .is(201);

    let done = export(&boss, &wharf, &[]).await;

    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert_eq!(said(&done).matches("not exported: ").count(), 1, "{}", said(&done));
    assert!(said(&done).contains(&format!("not exported: acme/app@{lacked}: ")), "{}", said(&done));
    assert_eq!(read(&boss.path().join("out/export.json"))["complete"], false);
    assert_eq!(index(&boss.path().join("out/registries/main/repositories/app")).0.len(), 3);

    wharf.add_user("viewer", &["acme:viewer"]);
    wharf.add_user("stranger", &[]);
    for user in ["viewer", "stranger"] {
        let shell = Shell::new();
        shell.log_in_as(user, (&wharf.host(), &format!("the-password-of-{user}"))).await;
        let refused = export(&shell, &wharf, &[]).await;
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(!shell.path().join("out").exists(), "{user} was told something");
    }
    let refused = boss.run(&["org", "export", "acme", "docker", "--server", &wharf.host()], "").await;
    assert!(said(&refused).contains("holds something that is no export"), "{}", said(&refused));
    wharf.found(&["zoo"]).await;
    wharf.add_user("keeper", &["zoo:admin"]);
    boss.log_in_as("keeper", (&wharf.host(), "the-password-of-keeper")).await;
    let refused = boss.run(&["org", "export", "zoo", "out", "--server", &wharf.host()], "").await;
    assert!(said(&refused).contains("holds the export of something else"), "{}", said(&refused));
}

/// A way to a server on which the answers to whatever has this in its path break off where their bodies begin.
async fn breaking(wharf: &Wharf, path: &'static str) -> String {
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), wharf.host());
    let here = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, TcpStream::connect(&server).await.unwrap(), path));
        }
    });
    here
}

async fn pass(mut client: TcpStream, mut server: TcpStream, breaking: &str) -> io::Result<()> {
    let (mut asked, mut said, mut breaks) = (vec![0; 64 << 10], vec![0; 64 << 10], false);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let asked = &asked[..read?];
                if asked.is_empty() {
                    return Ok(());
                }
                breaks |= String::from_utf8_lossy(asked).contains(breaking);
                server.write_all(asked).await?;
            }
            read = server.read(&mut said) => {
                let said = &said[..read?];
                let head = said.windows(4).position(|window| window == b"\r\n\r\n").filter(|_| breaks);
                client.write_all(head.map_or(said, |end| &said[..end + 4])).await?;
                if said.is_empty() || head.is_some() {
                    return Ok(());
                }
            }
        }
    }
}

#[tokio::test]
async fn an_audit_log_that_breaks_off_is_named_and_the_rest_is_exported() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    wharf.add_user("boss", &["acme:admin"]);
    let (way, boss) = (breaking(&wharf, "/orgs/acme/audit/export").await, Shell::new());
    boss.log_in_as("boss", (&way, "the-password-of-boss")).await;

    let done = boss.run(&["org", "export", "acme", "out", "--server", &way], "").await;

    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    assert!(said(&done).contains("not exported: audit.ndjson: the audit log broke off"), "{}", said(&done));
    let out = boss.path().join("out");
    assert_eq!(read(&out.join("export.json"))["complete"], false);
    assert_eq!(index(&out.join("registries/main/repositories/app")).0.len(), 1);
    assert!(out.join("issuers.json").exists());
    let torn = files(&out).into_iter().find(|file| file.to_string_lossy().contains("audit"));
    assert_eq!(torn, None, "half a log is not taken for one");
}
