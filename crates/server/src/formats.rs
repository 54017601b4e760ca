//! Every format this Wharf understands: one line each.

use std::sync::Arc;

use wharf_memflow::Plugins;
use wharf_pypi::Distributions;
use wharf_registry::format::Format;

/// The formats, in the order they are asked.
pub(crate) fn all(distributions: Distributions, plugins: Plugins) -> Vec<Arc<dyn Format>> {
    vec![Arc::new(wharf_helm::Charts), Arc::new(distributions), Arc::new(plugins)]
}
