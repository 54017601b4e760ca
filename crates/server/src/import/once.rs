//! What several need and one does: the second waits for the first, and takes its result.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

/// Works by key, each done once.
pub(super) struct Once<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceCell<V>>>>,
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    pub(super) fn new() -> Self {
        Self { cells: Mutex::default() }
    }

    /// The result of the work for this key, which is done unless it was or is.
    pub(super) async fn get(&self, key: K, work: impl Future<Output = V>) -> V {
        let cell = self.cells.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone();
        cell.get_or_init(|| work).await.clone()
    }
}
