//! Small objects that are read over and over stay open: no thread is woken to open them again.

use std::{
    collections::HashMap,
    fs::File,
    mem,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_core::ObjectKey;

/// Larger ones are opened each time: that costs little beside their bytes, and one that was removed while it is open
/// keeps its place on the disk.
const LARGEST: u64 = 4 << 20;
/// How many stay open at most, in halves: those asked for lately, and those before them.
const HALF: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<ObjectKey, Arc<File>>,
    old: HashMap<ObjectKey, Arc<File>>,
}

impl Halves {
    fn keep(&mut self, key: ObjectKey, file: Arc<File>) {
        if self.young.len() >= HALF {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, file);
    }

    fn find(&mut self, key: ObjectKey) -> Option<Arc<File>> {
        if let Some(file) = self.young.get(&key) {
            return Some(file.clone());
        }
        let file = self.old.remove(&key)?;
        self.keep(key, file.clone());
        Some(file)
    }

    fn forget(&mut self, key: ObjectKey) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

impl Opened {
    /// The file of an object, if it is open, of that size, and still what lies at its path: one that somebody moved, or put
    /// another one in the place of, is not.
    pub(crate) fn find(&self, key: ObjectKey, size: u64, path: &Path) -> Option<Arc<File>> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = halves.find(key)?;
        let (open, there) = (rustix::fs::fstat(&file), rustix::fs::stat(path));
        let is_whole = open.and_then(|open| there.map(|there| (open, there))).is_ok_and(|(open, there)| {
            let size = u64::try_from(there.st_size) == Ok(size);
            size && (open.st_dev, open.st_ino) == (there.st_dev, there.st_ino)
        });
        if !is_whole {
            halves.forget(key);
        }
        is_whole.then_some(file)
    }

    /// Keeps a file of that size open, if it is small.
    pub(crate) fn keep(&self, key: ObjectKey, size: u64, file: &Arc<File>) {
        if size <= LARGEST {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(key, file.clone());
        }
    }

    /// Closes a file, once those who read it are done.
    pub(crate) fn forget(&self, key: ObjectKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
    }
}
