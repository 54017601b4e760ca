//! Long random scripts at uploads, held against a model of what an upload is: bytes that only grow, at one offset.
//!
//! Each step is chosen by chance: chunks at right and wrong offsets, clients that leave in the middle, closings
//! with right and wrong digests, cancellations, questions, restarts. Everything follows from one seed,
//! `WHARF_SCRIPT_SEED`, which is printed; `WHARF_SCRIPT_STEPS` asks for more.

use bytes::Bytes;

use super::at;
use crate::harness::raw::Exchange;
use crate::harness::{
    Random, Repository, Upload, Wharf, announce, noise, number_from_environment, sha256, sha512, with_digest,
};

/// An upload, and what must be in it.
struct Modelled {
    upload: Upload,
    taken: Vec<u8>,
}

struct Script {
    wharf: Wharf,
    repository: Repository,
    random: Random,
    open: Vec<Modelled>,
    blobs: Vec<Bytes>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_what_its_model_says_whatever_happens_to_it() {
    let seed = number_from_environment("WHARF_SCRIPT_SEED", u64::from(std::process::id()));
    announce(format_args!("WHARF_SCRIPT_SEED={seed}"));
    let (wharf, _) = at("hello").await;
    wharf.found(&["acme"]).await;
    let caller = wharf.admin().with_token(&["repository:acme/app:pull,push,delete"]).await;
    let repository = caller.repository("acme/app");
    let random = Random::new(seed);
    let mut script = Script { wharf, repository, random, open: Vec::new(), blobs: Vec::new() };

    for _ in 0..number_from_environment("WHARF_SCRIPT_STEPS", 150) {
        script.step().await;
    }
    for blob in &script.blobs {
        script.repository.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
    assert!(!script.blobs.is_empty(), "the script closed no upload");
}

impl Script {
    async fn step(&mut self) {
        if self.open.is_empty() || (self.open.len() < 4 && self.random.below(8) == 0) {
            let upload = self.repository.upload().await;
            return self.open.push(Modelled { upload, taken: Vec::new() });
        }
        let index = usize::try_from(self.random.below(self.open.len() as u64)).unwrap();
        match self.random.below(100) {
            0..25 => self.append(index).await,
            25..40 => self.append_elsewhere(index).await,
            40..55 => self.leave_in_the_middle(index).await,
            55..65 => self.ask(index).await,
            65..75 => self.close_under_a_wrong_digest(index).await,
            75..90 => self.close(index).await,
            90..97 => self.cancel(index).await,
            _ => self.restart().await,
        }
    }

    /// From nothing to 300,000 bytes, small pieces as often as large ones.
    fn piece(&mut self) -> Bytes {
        let limit = 1_u64 << self.random.below(19);
        let length = usize::try_from(self.random.below(limit)).unwrap();
        noise(self.random.next(), length)
    }

    async fn append(&mut self, index: usize) {
        let piece = self.piece();
        let how = self.random.below(3);
        let Modelled { upload, taken } = &mut self.open[index];
        let answer = match how {
            0 => upload.append(piece.clone()).await,
            1 => upload.stream(vec![piece.slice(..piece.len() / 2), piece.slice(piece.len() / 2..)]).await,
            // Only the start counts.
            _ => upload.chunk(&format!("{}-{}", taken.len(), taken.len() / 2), piece.clone()).await,
        };
        taken.extend_from_slice(&piece);
        answer.is(202).has_header("range", &range_of(taken));
    }

    async fn append_elsewhere(&mut self, index: usize) {
        let (piece, wrong) = (self.piece(), self.random.below(1 << 20));
        let Modelled { upload, taken } = &mut self.open[index];
        if wrong == taken.len() as u64 {
            return;
        }
        let closes = with_digest(&upload.location, &sha256(&piece));
        let range = format!("{wrong}-{}", wrong + piece.len() as u64);
        upload.chunk(&range, piece.clone()).await.is(416).has_header("range", &range_of(taken));
        let closing = upload.caller.request("PUT", &closes).header("content-range", &range).body(piece);
        closing.send().await.is(416).has_header("range", &range_of(taken));
    }

    /// What was sent is kept, or the beginning of it, and the status tells how much.
    async fn leave_in_the_middle(&mut self, index: usize) {
        let piece = self.piece();
        let sent = usize::try_from(self.random.below(piece.len() as u64 + 1)).unwrap();
        let is_closing = self.random.below(2) == 0;
        let Modelled { upload, taken } = &mut self.open[index];
        let before = taken.len();
        // `0-0` would be told of one byte as of none.
        let sent = if before == 0 && sent == 1 { 0 } else { sent };
        let closes = with_digest(&upload.location, &sha256(&[taken, &piece[..]].concat()));
        let (method, path) = if is_closing { ("PUT", &closes) } else { ("PATCH", &upload.location) };
        let length = (piece.len() + 1).to_string();
        let announced = [("content-length", length.as_str())];
        let mut exchange = Exchange::begin(&upload.caller, method, path, &announced).await;
        exchange.send(&piece[..sent]).await;
        exchange.break_off().await;
        // A chunk of nothing waits for whoever still writes.
        let answer = upload.append(Bytes::new()).await.is(202);
        let kept = length_of(answer.header("range"), before);
        assert!((before..=before + sent).contains(&kept), "{kept} bytes of {before} and {sent}");
        taken.extend_from_slice(&piece[..kept - before]);
    }

    async fn ask(&mut self, index: usize) {
        let Modelled { upload, taken } = &self.open[index];
        upload.status().await.is(204).has_header("range", &range_of(taken));
    }

    async fn close_under_a_wrong_digest(&mut self, index: usize) {
        let piece = self.piece();
        let Modelled { upload, taken } = &mut self.open[index];
        let wrong = sha256(&[taken, &piece[..], b"!"].concat());
        upload.finish(&wrong, piece.clone()).await.is(400).error("DIGEST_INVALID");
        taken.extend_from_slice(&piece);
        upload.status().await.is(204).has_header("range", &range_of(taken));
        self.repository.head_blob(&wrong).await.is(404);
    }

    async fn close(&mut self, index: usize) {
        let (piece, is_surprising) = (self.piece(), self.random.below(4) == 0);
        let Modelled { upload, mut taken } = self.open.swap_remove(index);
        taken.extend_from_slice(&piece);
        let digest = if is_surprising { sha512(&taken) } else { sha256(&taken) };
        upload.finish(&digest, piece).await.is(201).has_header("docker-content-digest", &digest);
        self.repository.blob(&digest).await.is(200).has_body(&taken);
        upload.status().await.is(404);
        if !is_surprising {
            self.blobs.push(taken.into());
        }
    }

    async fn cancel(&mut self, index: usize) {
        let Modelled { mut upload, .. } = self.open.swap_remove(index);
        upload.cancel().await.is(204);
        upload.status().await.is(404);
        upload.append(Bytes::from_static(b"late")).await.is(404);
        upload.finish(&sha256(b"late"), Bytes::from_static(b"late")).await.is(404);
    }

    async fn restart(&mut self) {
        if self.random.below(2) == 0 {
            self.wharf.stop().await;
        } else {
            self.wharf.kill();
        }
        self.wharf.restart().await;
    }
}

/// What the server says of an upload that holds these bytes: `0-0` stands for nothing and for one byte.
fn range_of(taken: &[u8]) -> String {
    format!("0-{}", taken.len().saturating_sub(1))
}

/// The length that a range tells of an upload that had so many bytes before.
fn length_of(range: &str, before: usize) -> usize {
    let last: usize = range.trim_start_matches("0-").parse().unwrap();
    if last == 0 { before.min(1) } else { last + 1 }
}
