//! Every format this Wharf understands: one line each.

use std::sync::Arc;

use wharf_registry::format::Format;

/// The formats, in the order they are asked.
pub(crate) fn all() -> Vec<Arc<dyn Format>> {
    vec![Arc::new(wharf_helm::Charts), Arc::new(wharf_pypi::Distributions)]
}
