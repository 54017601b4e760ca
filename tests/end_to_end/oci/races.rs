//! Several clients at once at one upload, one manifest, one blob. What was acknowledged holds, and nobody is told
//! that the server failed. Everything follows from one seed, `WHARF_RACE_SEED`, which is printed; `WHARF_RACE_ROUNDS`
//! asks for more.

use bytes::Bytes;
use futures_util::future::join_all;

use crate::harness::{
    ADMIN_PASSWORD, Answer, Image, Random, Repository, Upload, Wharf, announce, noise,
    number_from_environment, sha256,
};

/// A server, the operator under a token at `acme/app`, and chance.
struct Track {
    wharf: Wharf,
    repository: Repository,
    random: Random,
}

impl Track {
    async fn start() -> Self {
        Self::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)]).await
    }

    async fn start_with(environment: &[(&str, &str)]) -> Self {
        let seed = number_from_environment("WHARF_RACE_SEED", u64::from(std::process::id()));
        announce(format_args!("WHARF_RACE_SEED={seed}"));
        let wharf = Wharf::start_with(environment).await;
        wharf.found(&["acme"]).await;
        let scopes = ["repository:acme/app:pull,push,delete", "repository:acme/source:pull,push,delete"];
        let repository = wharf.admin().with_token(&scopes).await.repository("acme/app");
        Self { wharf, repository, random: Random::new(seed) }
    }

    /// Something from one to so many bytes, never had before.
    fn content(&mut self, most: u64) -> Bytes {
        let length = usize::try_from(1 + self.random.below(most)).unwrap();
        noise(self.random.next(), length)
    }
}

fn rounds(default: u64) -> u64 {
    number_from_environment("WHARF_RACE_ROUNDS", default)
}

/// Lets some time pass, so that requests meet each other at every step.
async fn hesitate(random: &mut Random) {
    let microseconds = random.below(3_000);
    tokio::time::sleep(std::time::Duration::from_micros(microseconds)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_chunks_at_once_each_byte_is_taken_once() {
    let mut track = Track::start().await;
    for _ in 0..rounds(10) {
        let content = track.content(200_000);
        let upload = track.repository.upload().await;
        let pushers = (0..4).map(|_| push_all(upload.clone(), content.clone()));
        let taken: usize = join_all(pushers).await.into_iter().sum();
        assert_eq!(taken, content.len(), "bytes that were acknowledged, of {}", content.len());
        upload.finish(&sha256(&content), Bytes::new()).await.is(201);
        track.repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    }
}

/// Sends chunk after chunk from wherever it is told that the upload stands; says how many bytes were acknowledged.
async fn push_all(mut upload: Upload, content: Bytes) -> usize {
    let piece = content.len() / 5 + 1;
    let (mut offset, mut taken) = (0, 0);
    while offset < content.len() {
        let end = (offset + piece).min(content.len());
        let range = format!("{offset}-{}", end - 1);
        let answer = upload.chunk(&range, content.slice(offset..end)).await.any_of(&[202, 416]);
        let last: usize = answer.header("range").trim_start_matches("0-").parse().unwrap();
        if answer.status == 202 {
            taken += end - offset;
            assert_eq!(last + 1, end, "what was acknowledged is where the next chunk begins");
        }
        offset = if last == 0 { 0 } else { last + 1 };
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_closed_or_cancelled_and_never_both() {
    let mut track = Track::start().await;
    for _ in 0..rounds(25) {
        let content = track.content(50_000);
        let digest = sha256(&content);
        let upload = track.repository.upload().await;
        let (mut first, mut second) = (Random::new(track.random.next()), Random::new(track.random.next()));
        let close = async {
            hesitate(&mut first).await;
            upload.finish(&digest, content.clone()).await.any_of(&[201, 404])
        };
        let cancel = async {
            hesitate(&mut second).await;
            upload.cancel().await.any_of(&[204, 404])
        };
        let (closed, cancelled) = tokio::join!(close, cancel);
        assert_ne!(closed.status == 201, cancelled.status == 204, "{closed:?}\n{cancelled:?}");
        let found = track.repository.blob(&digest).await;
        assert_eq!(found.status, if closed.status == 201 { 200 } else { 404 });
        upload.status().await.is(404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_uploads_closed_at_once_both_are_right() {
    let mut track = Track::start().await;
    for _ in 0..rounds(10) {
        let content = track.content(50_000);
        let digest = sha256(&content);
        let uploads = join_all((0..4).map(|_| track.repository.upload())).await;
        for answer in join_all(uploads.iter().map(|upload| upload.finish(&digest, content.clone()))).await {
            answer.is(201);
        }
        track.repository.blob(&digest).await.is(200).has_body(&content);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_pushed_while_it_is_deleted_is_there_or_not_and_nothing_between() {
    let mut track = Track::start().await;
    let repository = track.repository.clone();
    for round in 0..rounds(20) {
        let image = Image::oci(round);
        let digest = repository.push_image(&image, "v1").await;
        let mut chances: Vec<Random> = (0..4).map(|_| Random::new(track.random.next())).collect();
        let [one, two, three, four] = &mut chances[..] else { unreachable!() };
        let push = |random| push_later(&repository, &image, random);
        let by_digest = delete_later(&repository, &digest, three);
        let (_, _, deleted, _) =
            tokio::join!(push(one), push(two), by_digest, delete_later(&repository, "v1", four));
        deleted.is(202);
        let (tagged, whole) = (repository.manifest("v1").await, repository.manifest(&digest).await);
        assert!(tagged.status != 200 || whole.status == 200, "a tag without its manifest");
        let listed = repository.tags("").await.any_of(&[200, 404]).json();
        let is_listed = listed["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "v1"));
        assert_eq!(is_listed, tagged.status == 200, "the list and the tag disagree");
        if whole.status == 200 {
            holds(&repository, &image, &digest).await;
        }
    }
}

async fn push_later(repository: &Repository, image: &Image, random: &mut Random) -> Answer {
    hesitate(random).await;
    repository.put_manifest("v1", image.media_type, &image.manifest).await.is(201)
}

async fn delete_later(repository: &Repository, reference: &str, random: &mut Random) -> Answer {
    hesitate(random).await;
    repository.delete_manifest(reference).await.any_of(&[202, 404])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_mounted_while_its_source_is_deleted_is_mounted_whole_or_not_at_all() {
    let mut track = Track::start().await;
    let source = track.repository.caller.repository("acme/source");
    for _ in 0..rounds(25) {
        let content = track.content(5_000);
        let digest = source.push_blob(&content).await;
        let (mut first, mut second) = (Random::new(track.random.next()), Random::new(track.random.next()));
        let mount = async {
            hesitate(&mut first).await;
            track.repository.mount(&digest, Some("acme/source")).await.any_of(&[201, 202])
        };
        let delete = async {
            hesitate(&mut second).await;
            source.delete_blob(&digest).await.is(202)
        };
        let (mounted, _) = tokio::join!(mount, delete);
        source.blob(&digest).await.is(404);
        let here = track.repository.blob(&digest).await;
        match mounted.status {
            201 => here.is(200).has_body(&content),
            _ => here.is(404),
        };
    }
}

/// The collector takes what nothing needs at once, again and again, while images are pushed and deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_image_is_whole_whatever_is_collected_meanwhile() {
    let hurry = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_OBJECT_GRACE", "1s"),
        ("WHARF_HOUSEKEEPING_INTERVAL", "1s"),
    ];
    let mut track = Track::start_with(&hurry).await;
    let wharf = &track.wharf;
    let count = rounds(12);
    let (ended, mut collected) = (std::sync::atomic::AtomicBool::new(false), 0);
    let collect = async {
        while !ended.load(std::sync::atomic::Ordering::Relaxed) {
            // It waits for a process: elsewhere, so that the pushes go on.
            let output = tokio::task::block_in_place(|| wharf.try_command(&["gc", "--now"], ""));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let said = String::from_utf8(output.stdout).unwrap();
            collected += u64::from(!said.contains("collected: 0 memberships"));
            tokio::task::yield_now().await;
        }
    };
    let seeds: Vec<u64> = (0..3).map(|_| track.random.next()).collect();
    let pushes = async {
        let pushers = seeds.iter().map(|&seed| {
            let repository = track.repository.clone();
            tokio::spawn(async move { push_and_delete(&repository, seed, count).await })
        });
        let stands = join_all(pushers).await;
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        stands
    };
    let (stands, ()) = tokio::join!(pushes, collect);

    // What was condemned is removed by now.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for stands in stands {
        for image in stands.unwrap() {
            holds(&track.repository, &image, &image.digest()).await;
        }
    }
    assert!(collected > 0, "nothing was collected");
}

/// Pushes images that share blobs with those of other clients; deletes one in three. Says which must stand.
async fn push_and_delete(repository: &Repository, seed: u64, count: u64) -> Vec<Image> {
    let mut random = Random::new(seed);
    let mut stands = Vec::new();
    for round in 0..count {
        let tag = format!("{seed}-{round}");
        // Of few different contents, so that one client's blobs are another's, and in a manifest of its own.
        let image = Image::oci(random.below(4)).edited(|manifest| {
            manifest["annotations"] = serde_json::json!({"tag": tag});
        });
        if !push_until_acknowledged(repository, &image, &tag).await {
            continue;
        }
        holds(repository, &image, &image.digest()).await;
        if random.below(3) == 0 {
            repository.delete_manifest(&image.digest()).await.is(202);
        } else {
            stands.push(image);
        }
    }
    stands
}

/// With `--now` a blob may go before it is named: then the push is refused by that name, and tried again.
async fn push_until_acknowledged(repository: &Repository, image: &Image, tag: &str) -> bool {
    for _ in 0..20 {
        repository.push_blobs_of(image).await;
        let answer = repository.put_manifest(tag, image.media_type, &image.manifest).await;
        if answer.any_of(&[201, 400, 404]).status == 201 {
            return true;
        }
    }
    false
}

/// The manifest is there, and each blob that it names.
async fn holds(repository: &Repository, image: &Image, digest: &str) {
    repository.manifest(digest).await.is(200).has_body(&image.manifest);
    for blob in &image.blobs {
        repository.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
}
