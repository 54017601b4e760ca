//! A content on its way in: checked, and gone on with where a connection breaks.

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture};
use wharf_core::{ByteStream, Digest, Error, Kind, Result};

use crate::{checked::Checker, pace::Pace};

/// Opens a content at an offset, which is below its size, and tries that often enough by itself. What it yields is distrusted.
pub type Opener<'a> = Box<dyn Fn(u64) -> BoxFuture<'a, Result<ByteStream>> + Send + Sync + 'a>;

/// A content on its way in. The last bytes are handed out only after the digest was found right.
pub struct Download<'a> {
    open: Opener<'a>,
    digest: Digest,
    size: u64,
    checker: Checker,
    stream: Option<ByteStream>,
    /// What came and was not yet asked for.
    rest: Bytes,
    pace: Pace,
}

impl<'a> Download<'a> {
    /// A content of this digest and size, in bytes.
    pub fn new(digest: Digest, size: u64, open: Opener<'a>) -> Self {
        let (checker, pace) = (Checker::new(digest, size), Pace::default());
        Self { open, digest, size, checker, stream: None, rest: Bytes::new(), pace }
    }

    /// What it is.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes were handed out.
    pub const fn position(&self) -> u64 {
        self.checker.position()
    }

    /// How many are still to come.
    pub const fn left(&self) -> u64 {
        self.checker.left()
    }

    /// The next bytes, at most so many; `None` after the last.
    ///
    /// # Errors
    /// `Invalid` with `Detail::Digest` where they are not the content; what opening it failed with; `Unavailable` where it breaks
    /// off time and again.
    pub async fn next(&mut self, most: u64) -> Result<Option<Bytes>> {
        if self.left() == 0 {
            return self.checker.judge().map(|()| None);
        }
        while self.rest.is_empty() {
            let next = self.stream().await?.next().await;
            let cut = Error::new(Kind::Unavailable, format!("{} broke off", self.digest));
            let broken = match next {
                Some(Ok(bytes)) => {
                    self.rest = bytes;
                    continue;
                }
                Some(Err(error)) => cut.because(error),
                None => cut,
            };
            self.stream = None;
            self.pace.wait(broken).await?;
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        let bytes = self.rest.split_to(most);
        self.checker.take(&bytes)?;
        self.pace.reset();
        Ok(Some(bytes))
    }

    /// The source from here on, which is opened if it is not.
    async fn stream(&mut self) -> Result<&mut ByteStream> {
        match &mut self.stream {
            Some(stream) => Ok(stream),
            none => Ok(none.insert((self.open)(self.checker.position()).await?)),
        }
    }

    /// A place to come back to.
    pub(crate) fn mark(&self) -> Checker {
        self.checker.clone()
    }

    /// Goes back to a place.
    pub(crate) fn rewind(&mut self, mark: Checker) {
        if mark.position() != self.checker.position() {
            self.stream = None;
            self.rest = Bytes::new();
        }
        self.checker = mark;
    }

    /// Goes back to the beginning.
    pub(crate) fn restart(&mut self) {
        self.rewind(Checker::new(self.digest, self.size));
    }

    /// Goes on to a later place, past bytes that nobody needs any more but the digest.
    pub(crate) async fn skip_to(&mut self, position: u64) -> Result<()> {
        while self.position() < position {
            self.next(position - self.position()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use futures_util::stream;
    use wharf_core::Algorithm;
    use wharf_hash::digest;

    use super::*;

    const CONTENT: &[u8] = b"the whole of a cargo";

    /// Breaks off after four bytes, each time; remembers where it was opened.
    fn fragile(opened: Arc<Mutex<Vec<u64>>>) -> Opener<'static> {
        Box::new(move |offset| {
            opened.lock().unwrap().push(offset);
            let from = usize::try_from(offset).unwrap();
            let piece = Bytes::from_static(&CONTENT[from..CONTENT.len().min(from + 4)]);
            let pieces = [Ok(piece), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
            Box::pin(async { Ok(Box::pin(stream::iter(pieces)) as ByteStream) })
        })
    }

    async fn drained(download: &mut Download<'_>) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = download.next(3).await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_breaks_off_is_gone_on_with_where_it_did() {
        let opened = Arc::default();
        let promised = digest(Algorithm::Sha256, CONTENT);
        let mut download = Download::new(promised, CONTENT.len() as u64, fragile(Arc::clone(&opened)));
        assert_eq!(drained(&mut download).await.unwrap(), CONTENT);
        assert_eq!(*opened.lock().unwrap(), [0, 4, 8, 12, 16]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_bytes_of_a_wrong_content_are_never_handed_out() {
        let promised = digest(Algorithm::Sha256, b"something else");
        let mut download = Download::new(promised, CONTENT.len() as u64, fragile(Arc::default()));
        let mut count = 0;
        let refused = loop {
            match download.next(3).await {
                Ok(bytes) => count += bytes.map_or(0, |bytes| bytes.len()),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), Kind::Invalid);
        assert!(count < CONTENT.len());
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_back_and_on_again() {
        let promised = digest(Algorithm::Sha256, CONTENT);
        let mut download = Download::new(promised, CONTENT.len() as u64, fragile(Arc::default()));
        download.skip_to(5).await.unwrap();
        let mark = download.mark();
        download.skip_to(11).await.unwrap();
        download.rewind(mark);
        assert_eq!(drained(&mut download).await.unwrap(), CONTENT[5..]);
        download.restart();
        assert_eq!(drained(&mut download).await.unwrap(), CONTENT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_cannot_be_opened_is_not_asked_by_two_loops() {
        let opened = Arc::new(Mutex::new(0));
        let counted = opened.clone();
        let closed: Opener<'_> = Box::new(move |_| {
            *counted.lock().unwrap() += 1;
            Box::pin(async { Err(Error::new(Kind::Unavailable, "it was tried often enough")) })
        });
        let mut download = Download::new(digest(Algorithm::Sha256, CONTENT), 3, closed);
        assert_eq!(download.next(3).await.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(*opened.lock().unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_yields_nothing_is_given_up() {
        let promised = digest(Algorithm::Sha256, CONTENT);
        let empty: Opener<'_> = Box::new(|_| Box::pin(async { Ok(Box::pin(stream::empty()) as ByteStream) }));
        let mut download = Download::new(promised, 3, empty);
        assert_eq!(download.next(3).await.unwrap_err().kind(), Kind::Unavailable);
    }
}
