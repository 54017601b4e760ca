//! What clients change: blobs pushed and mounted, manifests pushed and deleted, tags.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use wharf_core::{
    Algorithm, ByteStream, Condition, Detail, Digest, Error, Reference,
    action::{Delete, Pull, Push},
};
use wharf_registry::{Closing, ManifestPush, Mounted, Offset, ReleaseTag, Taps};

use super::{
    client::{Client, found},
    house::{BLOBS, DELAY, REPOSITORIES, TAGS, content, digest_of, is_loose},
    model::{Image, Place, Promised},
    register::Register,
};

fn body(bytes: Bytes) -> ByteStream {
    stream::iter([Ok(bytes)]).boxed()
}

/// How many different manifests there are of the same blobs.
const KINDS: u64 = 3;

impl Client {
    pub(super) async fn push_any(&mut self, repository: usize) {
        let blob = self.pick_blob();
        self.push((repository, blob)).await;
    }

    pub(super) async fn push(&mut self, place: Place) {
        let (model, bytes) = (&self.house.model, content(place.1));
        let (began, digest) = (model.begin(), digest_of(&bytes));
        model.attempt(place);
        let grant = self.grant::<Push>(place.0).await;
        let pushed = self.registry.push_blob(&grant, digest, body(bytes), Taps::none()).await;
        if self.expect("a push", pushed).is_some() {
            model.promise(place, began, DELAY);
            model.count("pushed", 1);
        }
        self.tell(&format!("pushed {place:?}"));
    }

    /// In two pieces; now and then it is cancelled, or left behind.
    pub(super) async fn upload_in_pieces(&mut self, repository: usize) {
        let place = (repository, self.pick_blob());
        let (bytes, fate) = (content(place.1), self.random.below(8));
        let model = &self.house.model;
        let (first, rest) = (bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..));
        let grant = self.grant::<Push>(repository).await;
        let begun = self.registry.begin_upload(&grant, Algorithm::Sha256).await;
        let Some(upload) = self.expect("the beginning of an upload", begun) else { return };
        // The repository may have been born with the upload.
        let grant = self.grant::<Push>(repository).await;
        let appended = self.registry.append(&grant, upload.id, Offset::At(0), body(first)).await;
        self.expect("a chunk", appended);
        match fate {
            0 => return,
            1 => {
                let cancelled = self.registry.cancel_upload(&grant, upload.id).await;
                self.expect("a cancellation", cancelled);
                return;
            }
            _ => {}
        }
        let began = model.begin();
        model.attempt(place);
        let closing = Closing { digest: digest_of(&bytes), start: Offset::Here, body: body(rest) };
        let finished = self.registry.finish_upload(&grant, upload.id, closing).await;
        if self.expect("the end of an upload", finished).is_some() {
            model.promise(place, began, DELAY);
        }
        self.tell(&format!("uploaded {place:?}"));
    }

    pub(super) async fn mount_any(&mut self, repository: usize) {
        let (source, blob) = (self.pick(REPOSITORIES), self.pick_blob());
        if source != repository {
            self.mount((repository, blob), source).await;
        }
    }

    async fn mount(&mut self, place: Place, source: usize) {
        let (model, from) = (&self.house.model, (source, place.1));
        let (began, promised) = (model.begin(), model.promised(from));
        let is_known = model.was_attempted(from);
        if is_known {
            model.attempt(place);
        }
        let (grant, pull) = (self.grant::<Push>(place.0).await, self.grant::<Pull>(source).await);
        let mounted = self.registry.mount(&grant, &digest_of(&content(place.1)), Some(&pull)).await;
        let Some(mounted) = self.expect("a mount", mounted) else { return };
        let stood = promised.is_some_and(|promised| model.stands(from, promised, 0));
        match mounted {
            Mounted::Yes => {
                model.promise(place, began, DELAY);
                // Who was mounted from was named by that.
                model.promise(from, began, DELAY);
                model.count("mounted", 1);
            }
            Mounted::No if stood && self.is_within_grace(began) => {
                model.fault(format!("{}: {from:?} was promised and cannot be mounted", self.number));
            }
            Mounted::No => {}
        }
        self.tell(&format!("mounted {place:?} from {source}: {mounted:?}"));
    }

    /// As docker does: asks for each blob, mounts or pushes what is not there, and names them all.
    pub(super) async fn push_image(&mut self, repository: usize) {
        let blobs = self.some_blobs();
        for &blob in &blobs {
            if !self.is_told((repository, blob)).await {
                match self.random.below(3) {
                    0 => self.mount((repository, blob), (repository + 1) % REPOSITORIES).await,
                    _ => self.push((repository, blob)).await,
                }
            }
        }
        self.push_manifest(repository, blobs).await;
    }

    /// Names blobs that may be there or not.
    pub(super) async fn push_image_unasked(&mut self, repository: usize) {
        let blobs = self.some_blobs();
        self.push_manifest(repository, blobs).await;
    }

    fn some_blobs(&mut self) -> Vec<usize> {
        let mut blobs: Vec<usize> = (0..=self.random.below(3)).map(|_| self.pick_blob()).collect();
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }

    pub(super) async fn push_manifest(&mut self, repository: usize, blobs: Vec<usize>) {
        let kind = self.random.below(KINDS);
        let tag = Some(self.random.below(TAGS)).filter(|tag| *tag > 0);
        let bytes = manifest(&blobs, kind);
        let digest = digest_of(&bytes);
        let promised: Option<Vec<Promised>> =
            blobs.iter().map(|&blob| self.house.model.promised((repository, blob))).collect();
        self.begin_image(repository, digest, &blobs, tag);
        let reference = tag.map_or(Reference::Digest(digest), |tag| Reference::Tag(name(tag)));
        let (tags, content_type, condition) = (Vec::new(), None, Condition::default());
        let release = ReleaseTag::Kept;
        let push = ManifestPush { reference, tags, content_type, condition, bytes, release };
        let grant = self.grant::<Push>(repository).await;
        let pushed = self.registry.push_manifest(&grant, push).await;
        self.end_image(repository, digest, pushed.is_ok(), tag);
        let model = &self.house.model;
        let stood = |(&blob, &promised): (&usize, &Promised)| model.stands((repository, blob), promised, 0);
        let all_stood = promised.is_some_and(|promised| blobs.iter().zip(&promised).all(stood));
        match &pushed {
            Ok(_) => model.count("imaged", 1),
            Err(error) if !is_missing(error) => {
                model.fault(format!("{}: a push of a manifest failed: {error:?}", self.number));
            }
            Err(error) if all_stood => {
                model.fault(format!("{}: {blobs:?} of {repository} were promised: {error:?}", self.number));
            }
            Err(_) => model.count("refused", 1),
        }
        self.tell(&format!("named {blobs:?} in {repository} as {digest} ({tag:?}): {}", pushed.is_ok()));
    }

    fn begin_image(&self, repository: usize, digest: Digest, blobs: &[usize], tag: Option<u64>) {
        let mut pages = self.house.model.pages();
        let new = || Image { blobs: blobs.to_vec(), is_there: Register::holding(false) };
        pages.images.entry((repository, digest)).or_insert_with(new).is_there.begin();
        if let Some(tag) = tag {
            pages.tags.get_mut(&(repository, tag)).unwrap().begin();
        }
    }

    fn end_image(&self, repository: usize, digest: Digest, pushed: bool, tag: Option<u64>) {
        let mut pages = self.house.model.pages();
        let image = pages.images.get_mut(&(repository, digest)).unwrap();
        image.is_there.end_with(pushed.then_some(true));
        if let Some(tag) = tag {
            pages.tags.get_mut(&(repository, tag)).unwrap().end_with(pushed.then_some(Some(digest)));
        }
    }

    pub(super) async fn delete_tag(&mut self, repository: usize) {
        let tag = self.random.below(TAGS);
        let key = (repository, tag);
        self.house.model.pages().tags.get_mut(&key).unwrap().begin();
        let grant = self.grant::<Delete>(repository).await;
        let deleted = found(self.registry.delete_tag(&grant, &name(tag), Condition::default()).await);
        let before = self.house.model.pages().tags.get_mut(&key).unwrap().end(|_| Some(None));
        let Some(deleted) = self.expect("the deletion of a tag", deleted) else { return };
        if before.is_some_and(|before| before.is_some() != deleted.is_some()) {
            self.house.model.fault(format!("{}: tag {tag} of {repository} was {before:?}", self.number));
        }
        self.house.model.count("untagged", deleted.map_or(0, |()| 1));
        self.tell(&format!("removed tag {tag} of {repository}: {deleted:?}"));
    }

    pub(super) async fn delete_image(&mut self, repository: usize) {
        let Some((digest, blobs)) = self.some_image(repository) else { return };
        let began = self.house.model.begin();
        self.begin_image_deletion(repository, digest);
        let grant = self.grant::<Delete>(repository).await;
        let deleted = found(self.registry.delete_manifest(&grant, &digest, Condition::default()).await);
        let before = self.end_image_deletion(repository, digest);
        let Some(deleted) = self.expect("the deletion of a manifest", deleted) else { return };
        let model = &self.house.model;
        if before.is_some_and(|before| before != deleted.is_some()) {
            model.fault(format!("{}: {digest} of {repository} was {before:?}", self.number));
        }
        if before == Some(true) {
            // What it alone named has its whole delay.
            let kept = blobs.iter().filter(|&&blob| !is_loose(blob));
            kept.for_each(|&blob| model.promise((repository, blob), began, DELAY));
            model.count("deleted", 1);
        }
        self.tell(&format!("deleted {digest} of {repository}: {deleted:?}"));
    }

    /// A manifest that somebody pushed there once.
    pub(super) fn some_image(&mut self, repository: usize) -> Option<(Digest, Vec<usize>)> {
        let pages = self.house.model.pages();
        let all: Vec<_> = pages
            .images
            .iter()
            .filter(|((at, _), image)| *at == repository && !image.is_gone())
            .map(|((_, digest), image)| (*digest, image.blobs.clone()))
            .collect();
        drop(pages);
        self.random.pick(&all).cloned()
    }

    fn begin_image_deletion(&self, repository: usize, digest: Digest) {
        let pages = &mut *self.house.model.pages();
        pages.images.get_mut(&(repository, digest)).unwrap().is_there.begin();
        let tags = pages.tags.iter_mut().filter(|((at, _), _)| *at == repository);
        tags.for_each(|(_, tag)| tag.begin());
    }

    fn end_image_deletion(&self, repository: usize, digest: Digest) -> Option<bool> {
        let pages = &mut *self.house.model.pages();
        for (_, tag) in pages.tags.iter_mut().filter(|((at, _), _)| *at == repository) {
            tag.end(|before| (*before == Some(digest)).then_some(None));
        }
        pages.images.get_mut(&(repository, digest)).unwrap().is_there.end(|_| Some(false))
    }

    pub(super) async fn delete_blob(&mut self, repository: usize) {
        let place = (repository, self.pick(BLOBS / 5) * 5);
        self.house.model.begin_deletion(place);
        let grant = self.grant::<Delete>(repository).await;
        let digest = digest_of(&content(place.1));
        let deleted = found(self.registry.delete_blob(&grant, &digest, Condition::default()).await);
        self.house.model.end_deletion(place);
        let deleted = self.expect("the deletion of a blob", deleted);
        self.tell(&format!("deleted {place:?}: {deleted:?}"));
    }
}

pub(super) fn name(tag: u64) -> wharf_core::Tag {
    format!("tag-{tag}").parse().unwrap()
}

fn is_missing(error: &Error) -> bool {
    matches!(error.detail(), Some(Detail::Missing(_)))
}

fn manifest(blobs: &[usize], kind: u64) -> Bytes {
    let descriptor = |&blob: &usize| {
        let bytes = content(blob);
        json!({"mediaType": "a/b", "digest": digest_of(&bytes).to_string(), "size": bytes.len()})
    };
    let mut all = blobs.iter().map(descriptor);
    let (config, layers) = (all.next(), all.collect::<Vec<_>>());
    let kind = kind.to_string();
    let text = json!({"schemaVersion": 2, "config": config, "layers": layers, "annotations": {"kind": kind}});
    Bytes::from(text.to_string())
}
