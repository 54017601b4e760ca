//! Every format this Wharf understands: one line each.

use std::sync::Arc;

use wharf_registry::format::Format;
use wharf_signing::Signing;

use crate::world::SystemClock;

/// The formats, in the order they are asked.
pub(crate) fn all(signing: Signing, public_url: Option<&str>) -> Vec<Arc<dyn Format>> {
    let origin = public_url.filter(|url| url.starts_with("https://"));
    let origin = origin.map(|url| url.trim_end_matches('/').to_owned());
    vec![
        Arc::new(wharf_helm::Charts),
        Arc::new(wharf_pypi::Distributions { origin }),
        Arc::new(wharf_memflow::Plugins { signing, clock: Arc::new(SystemClock) }),
    ]
}
