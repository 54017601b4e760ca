//! What clients look at.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use wharf_core::{BlobBody, Grant, Reference, Result, action::Pull};
use wharf_registry::{Blob, Registry};

use super::{
    client::{Client, found},
    house::{BLOBS, TOLD, content, digest_of, is_loose},
    model::Place,
};

/// Whether a reader opens at once what it found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Fast,
    Slow,
}

impl Client {
    /// HEAD: who is told that a blob is there may count on it for a while.
    pub(super) async fn is_told(&mut self, place: Place) -> bool {
        let model = &self.house.model;
        let (began, promised) = (model.begin(), model.promised(place));
        let grant = self.grant::<Pull>(place.0).await;
        let told = found(self.registry.stat_blob(&grant, &digest_of(&content(place.1))).await);
        let Some(told) = self.expect("a HEAD", told) else { return false };
        let is_told = told.is_some();
        let long = promised.is_some_and(|promised| model.stands(place, promised, TOLD));
        match is_told {
            true if !model.was_attempted(place) => {
                model.fault(format!("{}: nobody put {place:?} there", self.number));
            }
            true => {
                model.promise(place, began, TOLD);
                model.count("told", 1);
            }
            false if long && self.is_within_grace(began) => {
                model.fault(format!("{}: {place:?} was promised for long and is not shown", self.number));
            }
            false => model.count("hidden", 1),
        }
        self.tell(&format!("asked for {place:?}: {is_told}"));
        is_told
    }

    /// HEAD of what may soon go, and a manifest that names it after a while.
    pub(super) async fn ask(&mut self, repository: usize) {
        let blob = self.pick_leaving(repository);
        if self.is_told((repository, blob)).await {
            self.dawdle().await;
            self.push_manifest(repository, vec![blob]).await;
        }
    }

    /// Lets others go first.
    async fn dawdle(&mut self) {
        for _ in 0..self.random.below(10) {
            self.house.turnstile.call().await;
        }
    }

    /// A blob that is about to go, if there is one.
    fn pick_leaving(&mut self, repository: usize) -> usize {
        let model = &self.house.model;
        let soon = model.now().plus_seconds(TOLD);
        let promised = |blob: &usize| model.promised((repository, *blob));
        let is_leaving = |blob: &usize| promised(blob).is_some_and(|promised| promised.until < soon);
        let leaving: Vec<usize> = (0..BLOBS).filter(is_leaving).collect();
        self.random.pick(&leaving).copied().unwrap_or_else(|| self.pick_blob())
    }

    /// GET of a blob: what was promised is there, until the last moment.
    pub(super) async fn read_blob(&mut self, repository: usize) {
        let place = (repository, self.pick_leaving(repository));
        let promised = self.house.model.promised(place);
        let grant = self.grant::<Pull>(repository).await;
        let Some(read) = self.read(&grant, place, Pace::Slow).await else { return };
        let model = &self.house.model;
        let stood = promised.is_some_and(|promised| model.stands(place, promised, 0));
        match read {
            Some(_) if !model.was_attempted(place) => {
                model.fault(format!("{}: nobody put {place:?} there", self.number));
            }
            Some(bytes) if bytes != content(place.1) => {
                model.fault(format!("{}: {place:?} has other bytes", self.number));
            }
            None if stood => {
                model.fault(format!("{}: {place:?} was promised and is not there", self.number));
            }
            _ => {}
        }
    }

    /// The bytes of a blob, if it is there. Who has found the row finds the bytes, for as long as the grace
    /// lasts, however many turns it lets pass.
    async fn read(&mut self, grant: &Grant<Pull>, place: Place, pace: Pace) -> Option<Option<Bytes>> {
        let began = self.house.model.begin();
        let opened = found(self.registry.open_blob(grant, &digest_of(&content(place.1))).await);
        let Some(blob) = self.expect("a GET", opened)? else { return Some(None) };
        if pace == Pace::Slow {
            self.dawdle().await;
        }
        let bytes = self.expect("a GET", bytes_of(blob).await)?;
        match bytes {
            Some(bytes) => Some(Some(bytes)),
            None if self.is_within_grace(began) => {
                self.house.model.fault(format!("{}: {place:?} is there without its bytes", self.number));
                None
            }
            None => None,
        }
    }

    /// A pull of an image that is there for certain: the manifest and each of its blobs.
    pub(super) async fn read_image(&mut self, repository: usize) {
        let Some((digest, blobs)) = self.some_image(repository) else { return };
        let key = (repository, digest);
        let seen = {
            let pages = self.house.model.pages();
            let image = &pages.images[&key].is_there;
            if image.value() != Some(&true) {
                return;
            }
            image.look()
        };
        let grant = self.grant::<Pull>(repository).await;
        let mut missing = Vec::new();
        let manifest = found(self.registry.manifest(&grant, &Reference::Digest(digest)).await);
        if self.expect("a GET of a manifest", manifest).is_some_and(|manifest| manifest.is_none()) {
            missing.push("the manifest".to_owned());
        }
        for blob in blobs.into_iter().filter(|blob| !is_loose(*blob)) {
            let Some(read) = self.read(&grant, (repository, blob), Pace::Fast).await else { return };
            if read != Some(content(blob)) {
                missing.push(format!("blob {blob}"));
            }
        }
        let stood = self.house.model.pages().images[&key].is_there.stood_since(seen);
        if stood && !missing.is_empty() {
            self.house.model.fault(format!("{}: {digest} of {repository} lacks {missing:?}", self.number));
        }
    }
}

/// The bytes of a blob, if they are there.
pub(super) async fn read(registry: &Registry, grant: &Grant<Pull>, blob: usize) -> Result<Option<Bytes>> {
    let Some(blob) = found(registry.open_blob(grant, &digest_of(&content(blob))).await)? else {
        return Ok(None);
    };
    bytes_of(blob).await
}

/// The bytes of a blob whose row was found, if they are there.
async fn bytes_of(blob: Blob) -> Result<Option<Bytes>> {
    let size = blob.size;
    let Some(BlobBody::Stream(stream)) = found(blob.body(0..size).await)? else { return Ok(None) };
    let pieces: Vec<Bytes> = stream.try_collect().await.expect("memory can be read");
    Ok(Some(Bytes::from(pieces.concat())))
}
