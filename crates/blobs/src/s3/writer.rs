//! Writing one object: gather a part, send it while the next is gathered; in the end join the parts, or put what never
//! filled one in one call.
//!
//! Of writers on several nodes, and of calls that arrive late, none may do harm to what a row names:
//! - a put never replaces anything, so it can only be early or refused;
//! - parts are joined only by whoever got their id into the upload's row before, so there is one id for each object,
//!   and S3 joins it once;
//! - where an answer is lost, what lies there is not taken for ours by its length alone: the engine reads it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use object_store::path::Path;
use tokio::task::JoinSet;
use tracing::Instrument as _;
use wharf_core::{Error, Kind, ObjectKey, Result, Subject};
use wharf_registry::port::{BlobWriter, Ended, StoreState, Unfinished};

use super::{
    bucket::{Bucket, Put, is_gone},
    buffer::Buffer,
    payload::{Payload, RangeHash},
    reading::Reading,
    settings::SMALLEST_PART,
    state::{MOST_PARTS, Place, State, Tail},
};

/// How many names for a tail are tried: each one that is taken was another writer's, or ours whose answer was lost.
const NAMES: u32 = 16;

/// So many bytes are gathered beside the smallest part while it is on its way. The kernel holds about a part of what a
/// client sends meanwhile, and memory is what an upload must not cost.
const AHEAD: u64 = 512 << 10;

/// A writer of one object.
pub(super) struct Writer {
    bucket: Arc<Bucket>,
    key: ObjectKey,
    path: Path,
    /// The parts so far; the tail as it was resumed.
    state: State,
    /// How many of the parts the row knows.
    known_parts: usize,
    /// How many bytes of the resumed tail count and were not fetched yet.
    owed: u64,
    /// What follows the parts; what is on its way is still in front, for it may have to be sent again.
    buffer: Buffer,
    /// Of the part that is gathered.
    hash: RangeHash,
    /// The part that is on its way; none other begins before S3 has it.
    sending: Option<Sending>,
    /// How long the object would be by now, where somebody has ended it: a node that died before it could say so, or one
    /// that is about to. Nothing is stored any more; whether it is ours the end finds out.
    ended: Option<u64>,
}

/// A part on its way. It is called back when nobody waits for it any more.
struct Sending {
    call: JoinSet<Result<String>>,
    /// In bytes.
    length: usize,
}

impl Writer {
    /// Goes on at `offset`, which must lie at the end of a part or within the tail.
    pub(super) fn resume(bucket: Arc<Bucket>, key: ObjectKey, mut state: State, offset: u64) -> Result<Self> {
        let full = usize::try_from(offset / state.part_size).map_err(Error::internal)?;
        let owed = offset % state.part_size;
        let tail = state.tail.as_ref().map_or(0, |tail| tail.length);
        if full > state.parts.len() || (owed > 0 && (full < state.parts.len() || owed > tail)) {
            return Err(Error::not_found(Subject::Blob));
        }
        state.parts.truncate(full);
        let path = bucket.object(key);
        let (buffer, hash) = (Buffer::default(), RangeHash::default());
        Ok(Self {
            bucket,
            key,
            path,
            state,
            known_parts: full,
            owed,
            buffer,
            hash,
            sending: None,
            ended: None,
        })
    }

    fn length(&self) -> u64 {
        self.state.in_parts() + self.owed + self.buffer.length()
    }

    /// Whether the object is just what was resumed.
    fn is_unchanged(&self) -> bool {
        let resumed = self.state.tail.as_ref().map_or(0, |tail| tail.length);
        self.buffer.length() == 0 && self.owed == resumed && self.state.parts.len() == self.known_parts
    }

    /// Whether it lies under its key already, as the tail that it was. Parts that were begun may have replaced that.
    fn is_there(&self) -> bool {
        self.is_unchanged()
            && self.state.id.is_none()
            && matches!(self.state.tail, Some(Tail { place: Place::Own, .. }))
    }

    /// Whether nothing of it was ever stored.
    fn is_new(&self) -> bool {
        let State { id, tail, spent, .. } = &self.state;
        id.is_none() && tail.is_none() && spent.is_none()
    }

    /// Fetches the tail.
    async fn fetch(&mut self) -> Result<()> {
        let lost = || Error::not_found(Subject::Upload);
        let Some(tail) = self.state.tail.as_ref().filter(|_| self.owed > 0) else { return Ok(()) };
        let path = tail.name().map_or_else(|| self.path.clone(), |name| self.bucket.path(name));
        let (length, reading) = Reading::begin(self.bucket.clone(), path, 0..self.owed).await?;
        if length != tail.length {
            return Err(lost());
        }
        // Copied together: each piece keeps all that the network read with it.
        let mut fetched = BytesMut::with_capacity(usize::try_from(self.owed).map_err(Error::internal)?);
        let mut pieces = reading.into_stream();
        while let Some(piece) = pieces.try_next().await.map_err(Error::unavailable)? {
            fetched.extend_from_slice(&piece);
        }
        self.owed = 0;
        self.gather(fetched.freeze()).await
    }

    /// Keeps bytes until they are sent, and lets them be hashed meanwhile.
    async fn gather(&mut self, bytes: Bytes) -> Result<()> {
        self.hash.take(self.length(), bytes.clone()).await?;
        self.buffer.push(bytes);
        Ok(())
    }

    /// The first so many bytes that follow the parts.
    async fn payload(&mut self, length: u64) -> Result<Payload> {
        let start = self.state.in_parts();
        let pieces = self.buffer.first(usize::try_from(length).map_err(Error::internal)?);
        self.hash.payload(start..start + length, pieces).await
    }

    /// S3's id of the parts, asked for when it is first needed.
    async fn id(&mut self) -> Result<String> {
        if let Some(id) = &self.state.id {
            return Ok(id.clone());
        }
        let id = self.bucket.begin_parts(&self.path).await?;
        self.state.id = Some(id.clone());
        Ok(id)
    }

    /// Sets out to send the first so many bytes as the next part.
    async fn send(&mut self, length: u64) -> Result<()> {
        if self.state.parts.len() == MOST_PARTS {
            let most = MOST_PARTS as u64 * self.state.part_size;
            let message =
                format!("a blob may have {most} bytes here; part_size in the storage URL lifts that");
            return Err(Error::new(Kind::TooLarge, message));
        }
        let (id, index) = (self.id().await?, self.state.parts.len());
        let (bucket, path, payload) = (self.bucket.clone(), self.path.clone(), self.payload(length).await?);
        let mut call = JoinSet::new();
        call.spawn(async move { bucket.put_part(&path, &id, index, payload).await }.in_current_span());
        self.sending = Some(Sending { call, length: usize::try_from(length).map_err(Error::internal)? });
        Ok(())
    }

    /// Waits until S3 has the part that is on its way, and lets its bytes go.
    async fn settle(&mut self) -> Result<()> {
        let Some(mut sending) = self.sending.take() else { return Ok(()) };
        let sent = sending.call.join_next().await.ok_or_else(|| Error::internal("no part is on its way"))?;
        let tag = sent.map_err(Error::internal)?.map_err(|error| match is_gone(&error) {
            true => Error::not_found(Subject::Upload).because(error),
            false => error,
        })?;
        self.buffer.forget_first(sending.length);
        self.state.parts.push(tag);
        Ok(())
    }

    /// How many bytes wait behind those that are on their way.
    fn waiting(&self) -> u64 {
        self.buffer.length() - self.sending.as_ref().map_or(0, |sending| sending.length as u64)
    }

    /// How many bytes may wait while a part is on its way. The kernel has no room for larger parts: of what they have
    /// beyond the smallest, half is gathered here.
    const fn ahead(&self) -> u64 {
        AHEAD + self.state.part_size.saturating_sub(SMALLEST_PART) / 2
    }

    /// Takes bytes, and sends what fills a part. While one is on its way, no more is taken once enough waits beside it.
    async fn take(&mut self, pieces: &[Bytes]) -> Result<()> {
        self.fetch().await?;
        for mut piece in pieces.iter().cloned() {
            while !piece.is_empty() {
                let room = usize::try_from(self.state.part_size.saturating_sub(self.waiting()))
                    .map_err(Error::internal)?;
                self.gather(piece.split_to(piece.len().min(room))).await?;
                if self.waiting() > self.ahead() {
                    self.settle().await?;
                }
                self.send_full_parts().await?;
            }
        }
        Ok(())
    }

    /// Sends parts until what waits fills none.
    async fn send_full_parts(&mut self) -> Result<()> {
        while self.waiting() >= self.state.part_size {
            self.settle().await?;
            self.send(self.state.part_size).await?;
        }
        Ok(())
    }

    /// Stores what follows the parts where nobody has stored anything.
    async fn put_tail(&mut self, end: u64) -> Result<Tail> {
        let length = self.buffer.length();
        let payload = self.payload(length).await?;
        if self.is_new() && self.bucket.put_new(&self.path, payload.clone()).await? == Put::Made {
            return Ok(Tail { place: Place::Own, length });
        }
        for number in 0..NAMES {
            let name = Bucket::tail_name(self.key, end, number);
            if self.bucket.put_new(&self.bucket.path(&name), payload.clone()).await? == Put::Made {
                return Ok(Tail { place: Place::Beside(name), length });
            }
        }
        Err(Error::unavailable("every name for the tail is taken"))
    }

    /// Removes what nobody needs any more. What cannot be removed now is left over.
    async fn drop_tails(&self, names: [Option<&String>; 2]) {
        for name in names.into_iter().flatten() {
            if let Err(error) = self.bucket.delete(&self.bucket.path(name)).await {
                tracing::debug!(%name, ?error, "tail is left over");
            }
        }
    }

    /// One call for an object that is smaller than a part.
    async fn put_whole(&mut self) -> Result<Ended, Unfinished> {
        let payload = self.payload(self.buffer.length()).await.map_err(Unfinished::Kept)?;
        let put = self.bucket.put_new(&self.path, payload).await;
        match put.map_err(Unfinished::Kept)? {
            Put::Made => Ok(Ended::Surely),
            Put::Taken => {
                let taken = Error::unavailable("something else has the object's key");
                self.ended_before(self.buffer.length(), taken).await
            }
        }
    }

    async fn join(&mut self) -> Result<()> {
        self.fetch().await?;
        self.settle().await?;
        if self.buffer.length() > 0 {
            self.send(self.buffer.length()).await?;
            self.settle().await?;
        }
        let id = self.id().await?;
        self.bucket.join_parts(&self.path, &id, self.state.parts.clone()).await
    }

    /// What S3 does not know any more was lost, or ended before by a call whose answer was.
    async fn ended_before(&self, length: u64, error: Error) -> Result<Ended, Unfinished> {
        match self.bucket.size(&self.path).await {
            Ok(Some(size)) if size == length => Ok(Ended::Perhaps),
            Ok(_) => Err(Unfinished::Lost(error)),
            Err(error) => Err(Unfinished::Kept(error)),
        }
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        let more: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let length = self.ended.unwrap_or_else(|| self.length()) + more;
        if self.ended.is_none() {
            match self.take(pieces).await {
                // Its parts or its tail are gone, and it is there.
                Err(error) if is_gone(&error) && self.bucket.size(&self.path).await?.is_some() => {}
                taken => return taken,
            }
        }
        (self.ended, self.buffer, self.sending) = (Some(length), Buffer::default(), None);
        Ok(())
    }

    async fn suspend(mut self: Box<Self>, offset: u64) -> Result<StoreState> {
        if self.ended.is_some() {
            return Err(Error::not_found(Subject::Upload));
        }
        if offset == self.length() && self.is_unchanged() {
            return Ok(self.state.save());
        }
        self.fetch().await?;
        if let Err(error) = self.settle().await {
            // Its bytes are here yet, and whoever wrote them was told that they were taken: they are sent once more.
            tracing::debug!(?error, "part did not arrive");
        }
        let kept = offset.checked_sub(self.state.in_parts());
        let kept = kept.ok_or_else(|| Error::unavailable("a part was sent that was not to be kept"))?;
        self.buffer.truncate(usize::try_from(kept).map_err(Error::internal)?);
        self.send_full_parts().await?;
        self.settle().await?;
        let tail = if self.buffer.length() > 0 { Some(self.put_tail(offset).await?) } else { None };
        let (before, spent) = (self.state.tail.take(), self.state.spent.take());
        // The row stands at the tail before: nobody goes on from the one before that.
        self.drop_tails([spent.as_ref(), None]).await;
        self.state.spent = before.as_ref().and_then(Tail::name).cloned();
        self.state.tail = tail;
        Ok(self.state.save())
    }

    async fn prepare(&mut self) -> Result<Option<StoreState>> {
        if self.is_there() || self.is_new() || self.ended.is_some() {
            return Ok(None);
        }
        self.id().await?;
        let parts = self.state.parts.iter().take(self.known_parts).cloned().collect();
        Ok(Some(State { parts, ..self.state.clone() }.save()))
    }

    async fn finish(mut self: Box<Self>) -> Result<Ended, Unfinished> {
        if let Some(length) = self.ended {
            return self.ended_before(length, Error::not_found(Subject::Upload)).await;
        }
        if self.is_there() {
            return Ok(Ended::Surely);
        }
        if self.is_new() {
            return self.put_whole().await;
        }
        let length = self.length();
        let ended = match self.join().await {
            Ok(()) => Ended::Surely,
            Err(error) if is_gone(&error) => self.ended_before(length, error).await?,
            Err(error) => match self.ended_before(length, error).await {
                Err(Unfinished::Lost(error)) => return Err(Unfinished::Kept(error)),
                ended => ended?,
            },
        };
        self.drop_tails([self.state.tail.as_ref().and_then(Tail::name), self.state.spent.as_ref()]).await;
        Ok(ended)
    }
}

#[cfg(test)]
mod tests;
