//! `wharf verify`: everything is read, and what is wrong is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ADMIN_PASSWORD, Image, Wharf, media_type, noise, sha256, storage, wharf_command};

/// Verifies; the exit code and the lines that were told.
fn verify(wharf: &Wharf, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = wharf.try_command(&[&["verify"], arguments].concat(), "");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), told.lines().map(str::to_owned).collect())
}

fn verify_json(wharf: &Wharf, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let (code, lines) = verify(wharf, &[&["--json"], arguments].concat());
    (code, lines.iter().map(|line| serde_json::from_str(line).expect("nothing but JSON")).collect())
}

async fn furnished() -> (Wharf, Image) {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "v1").await;
    repository.push_image(&Image::docker(2), "docker").await;
    let index = Image::index(media_type::OCI_INDEX, &[&image]);
    repository.put_manifest("all", media_type::OCI_INDEX, &index).await.is(201);
    let mut unfinished = repository.upload().await;
    unfinished.append(noise(9, 100)).await.is(202);
    (wharf, image)
}

#[tokio::test]
async fn all_is_right_where_nothing_was_touched_while_serving_or_not() {
    let (mut wharf, image) = furnished().await;
    // Images often have an empty layer several times.
    let twice = Image::index(media_type::OCI_INDEX, &[&image, &image]);
    wharf.admin().repository("acme/app").put_manifest("twice", media_type::OCI_INDEX, &twice).await.is(201);
    let (code, told) = verify(&wharf, &[]);
    assert_eq!(code, Some(0), "{told:?}");
    assert!(
        told[0].starts_with("verified 6 blobs of ") && told[0].contains("4 manifests, 7 objects"),
        "{told:?}"
    );
    assert!(told[0].ends_with("all is right"), "{told:?}");
    wharf.stop().await;
    let (code, told) = verify_json(&wharf, &[]);
    assert_eq!((code, &told[0]["verified"]["findings"]), (Some(0), &json!(0)), "{told:?}");
}

#[tokio::test]
async fn what_is_damaged_gone_or_left_over_is_named_with_the_tags_it_concerns() {
    let (mut wharf, image) = furnished().await;
    let (docker, lacking) = (Image::docker(2), wharf.admin().repository("acme/lacking"));
    for blob in &image.blobs {
        lacking.mount(&sha256(blob), Some("acme/app")).await.is(201);
    }
    lacking.put_manifest("v1", media_type::OCI_MANIFEST, &image.manifest).await.is(201);
    lacking.delete_blob(&sha256(&image.blobs[0])).await.is(202);
    wharf.flip_a_byte_of(&image.blobs[1]);
    fs::write(wharf.object_of(&docker.blobs[1]), b"short").unwrap();
    // One that was read a moment ago, and that somebody moved: nothing that is still open stands in for it.
    wharf.admin().repository("acme/app").blob(&sha256(&docker.blobs[2])).await.is(200);
    fs::rename(wharf.object_of(&docker.blobs[2]), wharf.data.join("moved")).unwrap();
    fs::write(wharf.data.join("objects/00/0190a5c6-0000-7000-8000-0000000000ab"), b"left").unwrap();
    fs::write(wharf.data.join("objects/ab/a-thesis.tex"), b"lost").unwrap();
    let of_docker = ["acme/app:docker"];
    let mut expected = vec![
        json!({"found": "damaged", "digest": sha256(&image.blobs[1]),
            "tags": ["acme/app:all", "acme/app:v1", "acme/lacking:v1"]}),
        json!({"found": "damaged", "digest": sha256(&docker.blobs[1]), "tags": of_docker}),
        json!({"found": "damaged", "digest": sha256(&docker.blobs[2]), "tags": of_docker}),
        json!({"found": "missing", "manifest": format!("acme/lacking@{}", image.digest()),
            "content": sha256(&image.blobs[0])}),
        json!({"found": "stray", "object": "objects/00/0190a5c6-0000-7000-8000-0000000000ab"}),
        json!({"found": "stray", "object": "objects/ab/a-thesis.tex"}),
    ];
    expected.sort_by_key(Value::to_string);
    for stopped in [false, true] {
        if stopped {
            wharf.stop().await;
        }
        let (code, mut told) = verify_json(&wharf, &[]);
        let end = told.pop().unwrap();
        told.sort_by_key(Value::to_string);
        assert_eq!((code, &told), (Some(10), &expected));
        assert_eq!(end["verified"]["findings"], 6);
    }
}

#[tokio::test]
async fn a_repair_sets_wrong_bytes_aside_and_the_next_push_heals() {
    let (wharf, image) = furnished().await;
    let repository = wharf.admin().repository("acme/app");
    let damaged = sha256(&image.blobs[1]);
    wharf.flip_a_byte_of(&image.blobs[1]);
    fs::write(wharf.data.join("objects/00/0190a5c6-0000-7000-8000-0000000000ab"), b"left").unwrap();
    let served = repository.blob(&damaged).await.is(200).body;
    assert_ne!(served, image.blobs[1], "wrong bytes of the right length are served until somebody looks");

    let (code, told) = verify(&wharf, &["--repair"]);

    assert_eq!(code, Some(10), "{told:?}");
    assert_eq!(told[0], format!("damaged: {damaged}, needed by acme/app:all, acme/app:v1"));
    repository.blob(&damaged).await.is(404);
    repository.head_blob(&damaged).await.is(404);
    let (code, told) = verify(&wharf, &[]);
    assert_eq!(code, Some(10), "it stays lost until somebody pushes it: {told:?}");
    assert_eq!(told.len(), 2, "the stray is condemned, and known: {told:?}");
    repository.push_blob(&image.blobs[1]).await;
    repository.blob(&damaged).await.is(200).has_body(&image.blobs[1]);
    let (code, told) = verify(&wharf, &[]);
    assert_eq!(code, Some(0), "{told:?}");
}

#[tokio::test]
async fn it_keeps_to_a_pace() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    for seed in 0..3 {
        repository.push_blob(&noise(seed, 1 << 20)).await;
    }
    wharf.stop().await;
    let begun = Instant::now();
    assert_eq!(verify(&wharf, &["--rate", "3"]).0, Some(0));
    assert!(begun.elapsed().as_millis() >= 900, "3 MiB took {:?} at 3 MiB/s", begun.elapsed());

    assert!(!position(&wharf).exists(), "it came to its end");
}

/// Where a verification keeps how far it came.
fn position(wharf: &Wharf) -> PathBuf {
    wharf.data.join("verify-position")
}

/// Begins a verification of a MiB a second, and ends its process with this signal once it came somewhere.
fn interrupted(wharf: &Wharf, signal: &str) {
    let mut command = wharf_command();
    command.args(["verify", "--rate", "1", "--data-dir"]).arg(&wharf.data).envs(wharf.environment());
    let mut process = command.stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !position(wharf).exists() {
        assert!(process.try_wait().unwrap().is_none(), "it came to its end");
        assert!(begun.elapsed() < Duration::from_secs(60), "it came nowhere");
        thread::sleep(Duration::from_millis(20));
    }
    let id = process.id().to_string();
    assert!(
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &id]).status().unwrap().success()
    );
    assert!(!process.wait().unwrap().success(), "SIG{signal} ends it");
}

/// Goes on, and holds how many blobs are read against those after the one that was read last.
fn goes_on(wharf: &Wharf, digests: &[String]) {
    let last = fs::read_to_string(position(wharf)).unwrap();
    let read = 1 + digests.iter().position(|digest| digest == last.trim()).expect("it is the name of a blob");
    assert!(read < digests.len(), "it was at its end when it was cut");
    let (code, told) = verify_json(wharf, &["--resume"]);
    assert_eq!((code, &told[0]["verified"]["blobs"]), (Some(0), &json!(digests.len() - read)), "{told:?}");
    assert!(!position(wharf).exists(), "it came to its end");
    let (_, told) = verify_json(wharf, &["--resume"]);
    assert_eq!(told[0]["verified"]["blobs"], digests.len(), "a new one begins at the start: {told:?}");
}

#[tokio::test]
async fn one_that_was_cut_by_a_signal_goes_on_after_the_last_blob() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    let mut digests = Vec::new();
    for seed in 0..8 {
        digests.push(repository.push_blob(&noise(seed, 1 << 20)).await);
    }
    digests.sort();
    // The server reads, and keeps how far it came when nobody listens any more.
    interrupted(&wharf, "INT");
    wharf.stop().await;
    goes_on(&wharf, &digests);
    // Nobody serves, and the command reads by itself.
    interrupted(&wharf, "KILL");
    goes_on(&wharf, &digests);
}

/// Two databases on one bucket: what one keeps there is nobody's to the other, which still leaves it alone.
#[tokio::test]
async fn a_stray_in_a_bucket_is_named() {
    let Some(bucket) = storage::bucket("") else { return };
    let environment = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_DATABASE", "sqlite"),
        ("WHARF_STORAGE", bucket.as_str()),
    ];
    let mut wharf = Wharf::start_with(&environment).await;
    wharf.stop().await;
    let [database, before, after] = ["wharf.sqlite", "before", "after"].map(|name| wharf.data.join(name));
    copy_database(&database, &before);
    wharf.restart().await;
    wharf.admin().repository("acme/app").push_blob(&noise(1, 1000)).await;
    wharf.stop().await;

    copy_database(&database, &after);
    copy_database(&before, &database);
    let (code, told) = verify_json(&wharf, &[]);
    assert_eq!((code, told.len(), &told[0]["found"]), (Some(10), 2, &json!("stray")), "{told:?}");
    assert!(told[0]["object"].as_str().unwrap().starts_with("objects/"), "{told:?}");
    copy_database(&after, &database);
    let (code, told) = verify_json(&wharf, &[]);
    assert_eq!((code, &told[0]["verified"]["objects"]), (Some(0), &json!(1)), "{told:?}");
}

/// Puts a database in the place of another, each with the log that may still hold its last changes.
fn copy_database(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    for suffix in ["-wal", "-shm"] {
        let [from, to] = [from, to].map(|database| PathBuf::from(format!("{}{suffix}", database.display())));
        if fs::copy(&from, &to).is_err() {
            let _ = fs::remove_file(&to);
        }
    }
}

#[tokio::test]
async fn a_terminal_is_shown_how_far_it_is() {
    let wharf = Wharf::start_in_files(&[]).await;
    wharf.admin().repository("acme/app").push_blob(&noise(1, 3 << 20)).await;
    let (program, data) = (wharf_command(), wharf.data.display());
    let line = format!("{} verify --rate 6 --data-dir {data}", program.get_program().display());

    // It gives the command a terminal.
    let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();

    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("reading") && shown.contains("/3.00 MiB"), "{shown:?}");
    assert!(shown.trim_end().ends_with("all is right"), "{shown:?}");
}
