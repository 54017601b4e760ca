//! One flush of a folder for all who made an entry in it before the flush began.
//!
//! A flush takes what one write to the disk takes, however many entries it makes durable. While one runs, those who
//! made their entries meanwhile gather, and one of them flushes next, for all.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::{Mutex as Turn, OnceCell},
    task::JoinHandle,
};

/// The flushes of the 256 folders of objects.
#[derive(Debug)]
pub(crate) struct SharedFlushes(Vec<Folder>);

#[derive(Debug, Default)]
struct Folder {
    /// The flush that has not begun: whoever made an entry joins it.
    next: Mutex<Arc<Flush>>,
    /// Held while one runs.
    running: Turn<()>,
}

/// A flush, and what came of it: for all who joined it the same, also where it failed, for after a failed flush nobody
/// knows what is on the disk, and another one would say that all is well.
type Flush = OnceCell<Result<(), Arc<io::Error>>>;

impl Default for SharedFlushes {
    fn default() -> Self {
        Self((0..=u8::MAX).map(|_| Folder::default()).collect())
    }
}

impl SharedFlushes {
    /// Returns when a flush of the folder is over that began after the call. `flush` is begun by one of those who wait
    /// for the same.
    pub(crate) async fn share(
        &self,
        folder: u8,
        flush: impl FnOnce() -> JoinHandle<io::Result<()>>,
    ) -> io::Result<()> {
        let Some(folder) = self.0.get(usize::from(folder)) else { return Ok(()) };
        let joined = folder.next().clone();
        let run = async || {
            let _turn = folder.running.lock().await;
            *folder.next() = Arc::default();
            flush().await.map_err(io::Error::other).flatten().map_err(Arc::new)
        };
        let flushed = joined.get_or_init(run).await;
        flushed.clone().map_err(|error| io::Error::new(error.kind(), error))
    }
}

impl Folder {
    fn next(&self) -> std::sync::MutexGuard<'_, Arc<Flush>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::{sync::Semaphore, task::yield_now};

    use super::*;

    /// Flushes that end when they are let, and how many began.
    #[derive(Clone)]
    struct Disk {
        begun: Arc<AtomicUsize>,
        let_go: Arc<Semaphore>,
    }

    impl Disk {
        fn new() -> Self {
            Self { begun: Arc::default(), let_go: Arc::new(Semaphore::new(0)) }
        }

        fn flush(&self, ended: io::Result<()>) -> JoinHandle<io::Result<()>> {
            let disk = self.clone();
            disk.begun.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                disk.let_go.acquire().await.unwrap().forget();
                ended
            })
        }
    }

    #[tokio::test]
    async fn those_who_come_while_one_runs_share_the_next() {
        let (flushes, disk) = (Arc::new(SharedFlushes::default()), Disk::new());
        let share = || {
            let (flushes, disk) = (flushes.clone(), disk.clone());
            tokio::spawn(async move { flushes.share(7, || disk.flush(Ok(()))).await })
        };
        let first = share();
        while disk.begun.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
        let others: Vec<_> = (0..20).map(|_| share()).collect();
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(
            others.iter().all(|other| !other.is_finished()),
            "a flush that ran before they came is not theirs"
        );
        disk.let_go.add_permits(2);
        first.await.unwrap().unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(disk.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_flush_that_fails_fails_for_all_who_share_it() {
        let (flushes, disk) = (SharedFlushes::default(), Disk::new());
        disk.let_go.add_permits(3);
        let full = || Err(io::ErrorKind::StorageFull.into());
        let ended = join_all((0..5).map(|_| flushes.share(7, || disk.flush(full())))).await;
        assert!(ended.iter().all(|ended| ended.as_ref().unwrap_err().kind() == io::ErrorKind::StorageFull));
        assert_eq!(disk.begun.load(Ordering::SeqCst), 2, "the first one's, and one for all others");
        flushes.share(7, || disk.flush(Ok(()))).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_stops_waiting_takes_nobodys_flush_away() {
        let (flushes, disk) = (SharedFlushes::default(), Disk::new());
        let mut first = Box::pin(flushes.share(7, || disk.flush(Ok(()))));
        let mut second = Box::pin(flushes.share(7, || disk.flush(Ok(()))));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(first);
        disk.let_go.add_permits(2);
        second.await.unwrap();
    }
}
