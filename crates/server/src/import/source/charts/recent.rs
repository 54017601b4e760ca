//! The charts that were read a moment ago: what is resolved is wanted again at once, part by part.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_helm::Artifact;

use super::Name;

/// How much is kept, in bytes. The newest stays, whatever it has.
const MOST: usize = 128 * 1024 * 1024;

/// Charts, the newest last.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<(Name, Arc<Artifact>)>>);

impl Recent {
    pub(super) fn get(&self, name: &Name) -> Option<Arc<Artifact>> {
        let charts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        charts.iter().find(|(known, _)| known == name).map(|(_, artifact)| artifact.clone())
    }

    pub(super) fn keep(&self, name: Name, artifact: Arc<Artifact>) {
        let mut charts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        charts.push_back((name, artifact));
        let mut held: usize = charts.iter().map(|(_, artifact)| size_of(artifact)).sum();
        while held > MOST && charts.len() > 1 {
            held -= charts.pop_front().map_or(0, |(_, artifact)| size_of(&artifact));
        }
    }
}

/// How many bytes a chart holds. Small ones hold something besides.
fn size_of(artifact: &Artifact) -> usize {
    artifact.parts().map(|(_, bytes)| bytes.len()).sum::<usize>() + 1024 * 1024
}
