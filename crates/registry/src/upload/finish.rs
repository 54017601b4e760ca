//! The end of an upload: its object becomes the blob, without a copy or a rename.

use std::time::Duration;

use wharf_core::{Algorithm, ByteStream, Detail, Digest, Error, Grant, Kind, Result, UploadId, action::Push};
use wharf_hash::Hasher;

use super::{
    Finished, HashedBytes, Offset, expect_offset, on_its_own,
    pump::{Pumped, Source},
    rows::{End, FinishUpload, KeepReread},
};
use crate::{
    Registry, Settings, Taps, UploadEnd,
    port::{BlobRow, BlobWriter, Ended, Progress, Reread, Unfinished, UploadRow},
};

/// For how long a body from another machine may stand still. The way there has its own, stricter bounds.
const FETCHED_STALL: Duration = Duration::from_secs(60);

/// The end of an upload, as a request words it.
pub struct Closing {
    /// What the whole must be.
    pub digest: Digest,
    /// Where the last bytes begin.
    pub start: Offset,
    /// The last bytes, if any.
    pub body: ByteStream,
}

/// What a whole blob is made of.
enum Content {
    Stream(Source, Taps),
    Hashed(HashedBytes),
}

impl Registry {
    /// Takes the last bytes of an upload and makes it the blob of its digest. Durable when it returns.
    ///
    /// # Errors
    /// As [`Registry::append`]; `Invalid` with [`Detail::Digest`] when the bytes have another digest: the upload
    /// then stays usable, with these bytes in it – or without them, where the digest's algorithm was never announced.
    /// For such a digest the bytes are read once more, and only once: after that it is held against what was found, and
    /// refused where the last bytes are others than they were then.
    /// `StorageFull` stands for last bytes on a disk that is nearly full; an upload that has all of its own is finished
    /// a little longer.
    pub async fn finish_upload(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        closing: Closing,
    ) -> Result<Finished> {
        self.expect_last_room().await?;
        let (row, lock) = self.lock_upload(grant, id).await?;
        expect_offset(&row, closing.start)?;
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move {
            let source = Source::new(closing.body, lock.wanted(), registry.stall());
            let finishing = registry.finish_locked(&grant, &row, closing.digest, source);
            let finished = registry.touching(id, finishing).await;
            drop(lock);
            finished
        })
        .await
    }

    /// Takes a whole blob in one go, with taps: of this digest, or of whatever SHA-256 it has where none is expected.
    /// Durable when it returns; nothing is kept of one that fails.
    ///
    /// # Errors
    /// `Invalid` when the body breaks off, or with [`Detail::Digest`] has another digest; `Timeout` when it stands still;
    /// `RateLimited` as [`Registry::begin_upload`]; `StorageFull`, `Unavailable`.
    pub async fn push_blob(
        &self,
        grant: &Grant<Push>,
        expected: impl Into<Option<Digest>>,
        body: ByteStream,
        taps: Taps,
    ) -> Result<Finished> {
        let (registry, grant, expected) = (self.clone(), grant.clone(), expected.into());
        let content = Content::Stream(Source::new(body, None, self.stall()), taps);
        on_its_own(async move { registry.push_in_turn(&grant, expected, content).await }).await
    }

    /// The same for what is fetched, by whoever has his turn to fetch and is waited for: what comes from upstreams takes no
    /// turn from clients.
    pub(crate) async fn push_fetched(
        &self,
        grant: &Grant<Push>,
        expected: Digest,
        body: ByteStream,
        taps: Taps,
    ) -> Result<Finished> {
        self.expect_room().await?;
        let source = Source::new(body, None, FETCHED_STALL);
        self.push_whole(grant, Some(expected), Content::Stream(source, taps)).await
    }

    /// Takes a whole blob that was hashed already. Durable when it returns; nothing is kept of one that fails.
    ///
    /// # Errors
    /// `RateLimited` as [`Registry::begin_upload`]; `StorageFull`, `Unavailable`.
    pub async fn push_hashed(&self, grant: &Grant<Push>, content: &HashedBytes) -> Result<Finished> {
        let (registry, grant, expected) = (self.clone(), grant.clone(), Some(*content.digest()));
        let content = Content::Hashed(content.clone());
        on_its_own(async move { registry.push_in_turn(&grant, expected, content).await }).await
    }

    async fn push_in_turn(
        &self,
        grant: &Grant<Push>,
        expected: Option<Digest>,
        content: Content,
    ) -> Result<Finished> {
        self.expect_room().await?;
        let _turn = self.turn(grant).await?;
        self.push_whole(grant, expected, content).await
    }

    async fn push_whole(
        &self,
        grant: &Grant<Push>,
        expected: Option<Digest>,
        content: Content,
    ) -> Result<Finished> {
        let algorithm = expected.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let row = self.begin(grant, algorithm).await?;
        let _lock = self.0.locks.lock(row.id).await?;
        self.touching(row.id, self.push_into(grant, &row, (expected, content))).await
    }

    async fn push_into(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        (expected, content): (Option<Digest>, Content),
    ) -> Result<Finished> {
        let taken = match content {
            Content::Stream(source, taps) => self.take(row, source, taps).await,
            Content::Hashed(content) => self.put(row, &content).await,
        };
        let (taps, taken) = match taken {
            Ok(Pumped { hasher, writer, taps, end }) => {
                let found = end.and_then(|()| expected_or_found(&hasher, expected));
                (taps, found.map(|digest| (hasher, writer, digest)))
            }
            Err(error) => (Taps::none(), Err(error)),
        };
        let sealed = match taken {
            Ok((hasher, writer, digest)) => {
                let sealed = self.seal(grant, row, writer, (digest, &hasher)).await;
                sealed.map(|size| (digest, size))
            }
            Err(error) => Err(error),
        };
        if sealed.is_err() {
            self.abandon(row).await;
        }
        let extra = taps.end(if sealed.is_ok() { UploadEnd::Stored } else { UploadEnd::Abandoned });
        sealed.map(|(digest, size)| Finished { digest, size, extra })
    }

    async fn finish_locked(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        digest: Digest,
        source: Source,
    ) -> Result<Finished> {
        let _turn = self.turn(grant).await?;
        let Pumped { hasher, writer, taps, end } = self.take(row, source, Taps::none()).await?;
        if let Err(wrong) = end.and_then(|()| expect_announced(&hasher, digest)) {
            // What arrived is kept, and the upload stays usable.
            self.save(row, &hasher, writer).await?;
            return Err(wrong);
        }
        let size = self.seal(grant, row, writer, (digest, &hasher)).await?;
        Ok(Finished { digest, size, extra: taps.end(UploadEnd::Stored) })
    }

    /// First the bytes to stable storage, then the rows: from here on they are the blob. Yields their number. Their
    /// digest is right, or of an algorithm that was never announced.
    async fn seal(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        mut writer: Box<dyn BlobWriter>,
        (digest, hasher): (Digest, &Hasher),
    ) -> Result<u64> {
        let compared = compare(row.reread.as_ref(), hasher, digest)?;
        let (grant, size) = (self.regrant(grant).await?, hasher.count());
        self.expect_quota(&grant, digest, size).await?;
        let row = self.prepare(row, writer.as_mut()).await?;
        let ended = match writer.finish().await {
            Ok(ended) => ended,
            Err(Unfinished::Kept(error)) => return Err(error),
            Err(Unfinished::Lost(error)) => {
                self.abandon(&row).await;
                return Err(error);
            }
        };
        match (compared, ended) {
            (Compared::Yes, Ended::Surely) => {}
            (Compared::Yes, Ended::Perhaps) => {
                let stored = self.hash_stored(row.key, size, digest.algorithm()).await?.finish();
                expect_digest(stored, digest).map_err(not_ours)?;
            }
            (Compared::Never, _) => self.expect_reread(&row, hasher, digest).await?,
        }
        let now = self.now();
        let Settings { object_grace: grace, collection_delay: delay, .. } = *self.settings();
        let blob = BlobRow { digest, size, key: row.key };
        let id = row.id;
        let finish = FinishUpload { grant: grant.clone(), upload: row, blob, now, grace, delay };
        let finished = self.store().commit_by(&grant, finish).await;
        let condemned = finished.inspect_err(|error| self.0.doubts.note(id, error))?;
        self.meters().uploads.finished.increment();
        self.meters().objects_condemned.add(condemned.into());
        Ok(size)
    }

    /// Lets the row hold what the store wants there before the end. Who loses this race ends nothing.
    async fn prepare(&self, row: &UploadRow, writer: &mut dyn BlobWriter) -> Result<UploadRow> {
        match writer.prepare().await? {
            Some(store_state) => {
                self.save_progress(row, Progress { store_state, ..row.progress.clone() }).await
            }
            None => Ok(row.clone()),
        }
    }

    /// Reads the bytes of a finished object once more, for a digest that nobody hashed them for. If it is wrong, what they
    /// are is kept: nobody has them read a second time.
    async fn expect_reread(&self, row: &UploadRow, hasher: &Hasher, digest: Digest) -> Result<()> {
        self.meters().uploads.reread.increment();
        let other = self.hash_stored(row.key, hasher.count(), digest.algorithm()).await?.finish();
        if other != digest {
            let reread = Reread { own: hasher.clone().finish(), other };
            self.store().commit(KeepReread { id: row.id, reread }).await?;
        }
        expect_digest(other, digest)
    }

    /// Gives an upload up that cannot be finished. One whose commit went unanswered may have no row any more: then its
    /// object is the blob, and stays.
    pub(super) async fn abandon(&self, row: &UploadRow) {
        match self.end_upload(row, End::GivenUp).await {
            Ok(ended) => self.meters().uploads.cancelled.add(ended.into()),
            Err(error) => {
                tracing::warn!(upload = %row.id, ?error, "upload could not be given up, it will expire");
            }
        }
    }
}

/// What the bytes are to be stored as.
fn expected_or_found(hasher: &Hasher, expected: Option<Digest>) -> Result<Digest> {
    match expected {
        Some(digest) => expect_announced(hasher, digest).map(|()| digest),
        None => Ok(hasher.clone().finish()),
    }
}

/// Compares the digest, where the hash ran for its algorithm.
fn expect_announced(hasher: &Hasher, digest: Digest) -> Result<()> {
    if digest.algorithm() == hasher.algorithm() {
        expect_digest(hasher.clone().finish(), digest)
    } else {
        Ok(())
    }
}

/// Whether bytes and digest were held against each other.
#[derive(Clone, Copy)]
enum Compared {
    /// And they are the same.
    Yes,
    /// The bytes were never hashed for it.
    Never,
}

/// What is known of a digest without reading the bytes. Of an announced one everything is; any other is held against what
/// the bytes were found to be when they were read for such a one.
fn compare(reread: Option<&Reread>, hasher: &Hasher, digest: Digest) -> Result<Compared> {
    if digest.algorithm() == hasher.algorithm() {
        return Ok(Compared::Yes);
    }
    match reread {
        None => Ok(Compared::Never),
        Some(found) if found.own == hasher.clone().finish() => {
            expect_digest(found.other, digest).map(|()| Compared::Yes)
        }
        Some(_) => {
            let algorithm = digest.algorithm().name();
            let message = format!(
                "the upload was read for a {algorithm} digest before and is another now: begin it anew with digest-algorithm={algorithm}"
            );
            Err(Error::new(Kind::Invalid, message).with(Detail::Digest))
        }
    }
}

/// Our bytes were right, so if others are stored, somebody else's are.
fn not_ours(error: Error) -> Error {
    match error.kind() {
        Kind::Invalid => Error::new(Kind::Conflict, "another request ended this upload").because(error),
        _ => error,
    }
}

fn expect_digest(found: Digest, digest: Digest) -> Result<()> {
    if found == digest {
        return Ok(());
    }
    let message = format!("the bytes have the digest {found}, not {digest}");
    Err(Error::new(Kind::Invalid, message).with(Detail::Digest))
}
