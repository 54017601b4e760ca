//! What an operator's Prometheus reads: every meter of every part, as OpenMetrics text.
//!
//! The parts count for themselves and know nothing of this. Here their meters get names, units and labels, at the
//! moment they are asked for. Labels take few values, all known beforehand: an endpoint, a method, a status, a job,
//! an outcome. Never an organisation, a repository, a user or a path: there are too many of them, and the page is
//! read by people who may not know of them.

mod bodies;
mod door;
mod jobs;
mod page;
mod parts;
mod process;
mod requests;
mod storage;

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder,
        text::{encode_eof, encode_registry},
    },
    registry::Registry as Names,
};
use wharf_core::{Error, Result};

use self::page::Page;
pub(crate) use self::{
    bodies::{Received, Sent, Waits},
    door::{Door, guarded, open, read_token},
    jobs::JobMeters,
    parts::MeteredParts,
    process::Process,
    requests::{Answered, Outcome, RequestMeters, Running},
};

/// All metrics. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    /// `wharf_…`
    own: Names,
    /// `process_…`, as every program names them.
    process: Names,
}

impl Metrics {
    /// Puts the parts' meters on one page.
    pub(crate) fn of(parts: MeteredParts, process: Process) -> Self {
        let mut own = Names::with_prefix("wharf");
        own.register_collector(Box::new(parts));
        let mut names = Names::default();
        names.register_collector(Box::new(process));
        Self(Arc::new(Inner { own, process: names }))
    }

    /// The page as it is now. It looks at disks and files, so it may block.
    fn page(&self) -> Result<String> {
        let mut text = String::with_capacity(64 * 1024);
        encode_registry(&mut text, &self.0.own)
            .and_then(|()| encode_registry(&mut text, &self.0.process))
            .and_then(|()| encode_eof(&mut text))
            .map_err(Error::internal)?;
        Ok(text)
    }
}

impl Collector for MeteredParts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.show(&mut Page(encoder))
    }
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.show(&mut Page(encoder))
    }
}
