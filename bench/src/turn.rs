//! The turn a contender takes: a queue of operations that its clients share.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    Result, audit,
    case::{Kind, Scale, Work},
    crowd,
    fixture::{Fixture, Image},
    index::{self, Doors},
    operation::Operation,
    payload::{self, Payload},
    plugins, tenants,
};

/// Operations, made when they are taken or before.
type Operations = Box<dyn Iterator<Item = Operation> + Send>;

/// A contender's turn.
pub(crate) struct Turn {
    operations: Mutex<Operations>,
    taken: AtomicU32,
    /// How long it takes, where the operations never end.
    pub(crate) time: Option<Duration>,
    /// How long after one operation the next is due, where they are to come at a rate.
    pace: Option<Duration>,
}

impl Turn {
    /// A turn of this work. What is pushed is made here, before any clock runs.
    ///
    /// # Errors
    /// None, as long as what is made can be.
    pub(crate) fn new(work: Work, prepared: &Prepared<'_>) -> Result<Self> {
        let work = work.done_by(prepared.kind);
        let time = if work.is_counted() { None } else { Some(prepared.scale.turn) };
        let pace = work.rate().map(|rate| Duration::from_secs(1) / rate);
        let operations = Mutex::new(prepared.operations(work)?);
        Ok(Self { operations, taken: AtomicU32::new(0), time, pace })
    }

    /// The next operation, if there is one left.
    pub(crate) fn next(&self) -> Option<Operation> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// How long after the turn began the operation that is taken next is due, where they come at a rate. A server that
    /// is late for one is late for those behind it too: they are timed from when they were due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.pace.map(|pace| pace * self.taken.fetch_add(1, Ordering::Relaxed))
    }
}

/// What is there for a turn.
pub(crate) struct Prepared<'a> {
    pub(crate) kind: Kind,
    pub(crate) fixture: &'a Fixture,
    pub(crate) scale: Scale,
    /// What the page of the Python project is known by.
    pub(crate) page: Option<String>,
    /// The ids of the API tokens that are to be ended.
    pub(crate) tokens: Vec<String>,
}

impl Prepared<'_> {
    fn operations(&self, work: Work) -> Result<Operations> {
        let Self { kind, fixture, scale, page, tokens } = self;
        let (crowd, tenants, doors) = (scale.crowd_of(*kind), scale.tenants, Doors::of(*kind));
        Ok(match work {
            Work::GetManifest | Work::GetManifestAt(_) => endless(Fixture::manifest_path()),
            Work::GetBlob(_) => endless(fixture.blob_path()),
            Work::PushBlob { size, count } => {
                let size = size.min(scale.largest_push);
                counted(count, || Ok(Operation::PushBlob(Payload::new(size))))?
            }
            Work::PushManifest => {
                let manifest = fixture.image.manifest(0);
                Box::new(std::iter::repeat_with(move || renumbered(&manifest)))
            }
            Work::PullImage(_) => {
                let parts = fixture.image.paths();
                Box::new(std::iter::repeat_with(move || Operation::PullImage(parts.clone())))
            }
            Work::PushImage { size, count } => {
                let image = Arc::new(Image::new(size));
                counted(count, || Ok(Operation::PushImage(image.clone())))?
            }
            Work::GetTagsAt(_) => anywhere(move || crowd::tag_path(crowd)),
            Work::ListRepositories if *kind == Kind::TenantsWharf => {
                anywhere(move || tenants::catalog_path(tenants))
            }
            Work::ListRepositories => anywhere(move || crowd::catalog_path(crowd)),
            Work::ListTags => anywhere(move || crowd::tags_path(crowd)),
            Work::ListVariantsAt(_) => {
                let plugins = fixture.plugins.clone().ok_or("there is no plugin to list")?;
                anywhere(move || plugins.list(payload::number()))
            }
            Work::ListPlugins => endless(plugins::NAMES.to_owned()),
            Work::UploadPlugin(count) => counted(count, || {
                Ok(Operation::Upload { target: plugins::UPLOADS, form: plugins::upload()? })
            })?,
            Work::GetPage => pages(doors.page, None),
            Work::RevalidatePage => {
                let tag = page.clone().ok_or("the page is known by nothing")?;
                pages(doors.page, Some(tag))
            }
            Work::UploadWheels { size, count } => {
                counted(count, || Ok(Operation::Upload { target: doors.uploads, form: index::upload(size) }))?
            }
            Work::ChangeMember => Box::new(std::iter::repeat_with(move || tenants::change_member(tenants))),
            Work::EndToken(_) => Box::new(tokens.clone().into_iter().map(|id| Operation::Manage {
                method: "DELETE",
                path: format!("/tokens/{id}"),
                body: None,
            })),
            Work::SearchAudit => anywhere(move || audit::search_path(crowd)),
            // Nobody asks a server that is started and stopped.
            Work::Start(_) => Box::new(std::iter::empty()),
        })
    }
}

/// So many operations, made now.
fn counted(count: usize, make: impl Fn() -> Result<Operation>) -> Result<Operations> {
    let made = (0..count).map(|_| make()).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(made.into_iter()))
}

fn pages(target: &'static str, known: Option<String>) -> Operations {
    Box::new(std::iter::repeat_with(move || Operation::GetPage { target, known: known.clone() }))
}

fn endless(path: String) -> Operations {
    Box::new(std::iter::repeat_with(move || Operation::Get(path.clone())))
}

fn anywhere(path: impl Fn() -> String + Send + 'static) -> Operations {
    Box::new(std::iter::repeat_with(move || Operation::Get(path())))
}

/// A manifest nobody has, with a tag of its own: trailing white space is part of a document and of its digest.
fn renumbered(manifest: &[u8]) -> Operation {
    let number = payload::number();
    let mut bytes = manifest.to_vec();
    bytes.extend((0..u64::BITS).map(|bit| if number >> bit & 1 == 0 { b' ' } else { b'\n' }));
    Operation::PushManifest { tag: format!("t{number}"), bytes }
}
