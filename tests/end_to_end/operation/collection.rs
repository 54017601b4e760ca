//! Collection while serving, as an operator sees it.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::sleep;

use super::scrub::metric;
use crate::harness::{Image, Wharf, noise, wharf_command};

/// A collector in a hurry.
const HURRY: [(&str, &str); 3] =
    [("WHARF_COLLECTION_DELAY", "4s"), ("WHARF_OBJECT_GRACE", "1s"), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];

/// How many bytes all objects have.
fn size_of_objects(wharf: &Wharf) -> u64 {
    let folders = fs::read_dir(wharf.data.join("objects")).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn told(wharf: &Wharf, arguments: &[&str]) -> String {
    let output = wharf.try_command(arguments, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn what_nothing_needs_goes_by_itself_and_what_is_named_stays() {
    let wharf = Wharf::start_in_files(&HURRY).await;
    let repository = wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "v1").await;
    let gone = Image::oci(2);
    let manifest = repository.push_image(&gone, "v2").await;
    let idle = repository.push_blob(&noise(3, 100_000)).await;
    repository.delete_manifest(&manifest).await.is(202);

    let needed: u64 = image.blobs.iter().map(|blob| blob.len() as u64).sum();
    let begun = Instant::now();
    while size_of_objects(&wharf) != needed {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} bytes stay", size_of_objects(&wharf));
        sleep(Duration::from_millis(200)).await;
    }
    repository.head_blob(&idle).await.is(404);
    repository.blob(&idle).await.is(404);
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    for blob in &image.blobs {
        repository.blob(&crate::harness::sha256(blob)).await.is(200).has_body(blob);
    }
    repository.push_image(&gone, "v2").await;
}

#[tokio::test]
async fn the_command_says_what_would_go_and_takes_it_without_the_delay() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&Image::oci(1), "v1").await;
    let idle = repository.push_blob(&Bytes::from_static(b"twelve bytes")).await;
    let looked = told(&wharf, &["gc", "--dry-run"]);
    assert!(looked.contains("due now: 0 memberships"), "{looked}");
    assert!(
        looked.contains("without the delay: 1 memberships of blobs in repositories, 12 bytes"),
        "{looked}"
    );
    assert!(told(&wharf, &["gc"]).contains("collected: 0 memberships"));
    repository.blob(&idle).await.is(200);

    let taken = told(&wharf, &["gc", "--now"]);
    assert!(taken.contains("collected: 1 memberships") && taken.contains("1 blobs went"), "{taken}");
    repository.blob(&idle).await.is(404);

    repository.push_blob(&Bytes::from_static(b"twelve bytes")).await;
    wharf.stop().await;
    let taken = told(&wharf, &["gc", "--now"]);
    assert!(taken.contains("collected: 1 memberships"), "a stopped server's data too: {taken}");
}

/// Whatever the operator hurries, the bytes stay for those that have them open.
#[tokio::test]
async fn without_the_delay_the_bytes_still_stay_for_the_grace() {
    let mut wharf = Wharf::start_in_files(&[("WHARF_HOUSEKEEPING_INTERVAL", "1s")]).await;
    wharf.admin().repository("acme/app").push_blob(&noise(1, 100_000)).await;
    assert!(told(&wharf, &["gc", "--now", "--force"]).contains("1 blobs went"));

    let sweeps = "wharf_job_duration_seconds_count{job=\"sweep\"}";
    let (before, begun) = (metric(&wharf, sweeps).await, Instant::now());
    while metric(&wharf, sweeps).await < before + 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing sweeps");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(size_of_objects(&wharf), 100_000, "an hour is not over");
    wharf.kill();

    let wharf = Wharf::start_in_files(&HURRY).await;
    wharf.admin().repository("acme/app").push_blob(&noise(1, 100_000)).await;
    told(&wharf, &["gc", "--now"]);
    let begun = Instant::now();
    while size_of_objects(&wharf) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} bytes stay", size_of_objects(&wharf));
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_terminal_is_shown_how_far_a_collection_is() {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    for seed in 0..3 {
        repository.push_blob(&noise(seed, 10)).await;
    }
    let (program, data) = (wharf_command(), wharf.data.display());
    let line = format!("{} gc --now --data-dir {data}", program.get_program().display());

    // It gives the command a terminal.
    let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();

    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("counting what nothing needs") && shown.contains(" rows"), "{shown:?}");
    assert!(shown.contains("collected: 3 memberships"), "{shown:?}");
}
