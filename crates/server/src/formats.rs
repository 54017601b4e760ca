//! Every format this Wharf understands: one line each.

use std::sync::Arc;

use wharf_pypi::Distributions;
use wharf_registry::format::Format;
use wharf_signing::Signing;

use crate::world::SystemClock;

/// The formats, in the order they are asked.
pub(crate) fn all(signing: Signing, distributions: Distributions) -> Vec<Arc<dyn Format>> {
    vec![
        Arc::new(wharf_helm::Charts),
        Arc::new(distributions),
        Arc::new(wharf_memflow::Plugins { signing, clock: Arc::new(SystemClock) }),
    ]
}
