//! One operation of a client, and the turn a contender takes: a queue of them that its clients share.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    Result,
    case::{Crowd, Scale, Work},
    client::{Body, Connection, Request},
    crowd,
    fixture::{Fixture, Image, MANIFEST_TYPE, REPOSITORY, manifest_path},
    form::Form,
    payload::{self, Payload},
    plugins,
    s3::{self, Keys},
};

/// What lets a client in.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// A whole header line, or nothing.
    Header(String),
    /// The keys of an S3 server, by which each request is signed.
    Keys(Keys),
}

/// What is counted, and timed, as one.
#[derive(Debug)]
pub(crate) enum Operation {
    /// GET of a path.
    Get(String),
    /// POST for an upload, then PUT of the bytes.
    PushBlob(Payload),
    /// PUT of a manifest.
    PushManifest { tag: String, bytes: Vec<u8> },
    /// GET of each of an image's parts.
    PullImage(Vec<String>),
    /// What an image needs, pushed one after the other.
    PushImage(Image),
    /// POST of a form to a path.
    Upload { target: &'static str, form: Form },
}

impl Operation {
    /// Does it.
    pub(crate) async fn perform(&self, connection: &mut Connection, access: &Access) -> Result<()> {
        let authorization = match access {
            Access::Header(line) => line,
            Access::Keys(keys) => return self.store(connection, keys).await,
        };
        match self {
            Self::Get(target) => get(connection, authorization, target).await,
            Self::PushBlob(payload) => Self::push_blob(payload, connection, authorization).await,
            Self::PushManifest { tag, bytes } => {
                put_manifest(connection, authorization, (&manifest_path(tag), bytes)).await
            }
            Self::PullImage(parts) => {
                for target in parts {
                    get(connection, authorization, target).await?;
                }
                Ok(())
            }
            Self::Upload { target, form } => form.send(connection, authorization, target).await,
            Self::PushImage(image) => {
                for blob in image.blobs() {
                    Self::push_blob(blob, connection, authorization).await?;
                }
                let target = manifest_path(&format!("t{}", payload::number()));
                put_manifest(connection, authorization, (&target, &image.manifest(0))).await
            }
        }
    }

    /// What an S3 server is asked to do.
    async fn store(&self, connection: &mut Connection, keys: &Keys) -> Result<()> {
        match self {
            Self::PushBlob(payload) => s3::push(payload, connection, keys).await,
            _ => Err("an S3 server takes blobs only".into()),
        }
    }

    /// Pushes a blob in two requests, as clients do.
    pub(crate) async fn push_blob(
        payload: &Payload,
        connection: &mut Connection,
        authorization: &str,
    ) -> Result<()> {
        let target = format!("/v2/{REPOSITORY}/blobs/uploads/");
        let begin = Request { method: "POST", target: &target, headers: authorization, body: Body::Nothing };
        let answer = connection.call(begin, &mut |_| ()).await?;
        let target = upload_path(answer.header("location").ok_or("an upload without a location")?, payload);
        let headers = format!("{authorization}content-type: application/octet-stream\r\n");
        let finish = Request { method: "PUT", target: &target, headers: &headers, body: Body::Blob(payload) };
        connection.call(finish, &mut |_| ()).await.map(drop)
    }
}

async fn get(connection: &mut Connection, authorization: &str, target: &str) -> Result<()> {
    let headers = format!("{authorization}accept: {MANIFEST_TYPE}\r\n");
    let request = Request { method: "GET", target, headers: &headers, body: Body::Nothing };
    connection.call(request, &mut |_| ()).await.map(drop)
}

async fn put_manifest(
    connection: &mut Connection,
    authorization: &str,
    (target, bytes): (&str, &[u8]),
) -> Result<()> {
    let headers = format!("{authorization}content-type: {MANIFEST_TYPE}\r\n");
    let request = Request { method: "PUT", target, headers: &headers, body: Body::Bytes(bytes) };
    connection.call(request, &mut |_| ()).await.map(drop)
}

/// An upload's location, which may be a whole URL with a query, as the target of its last request.
fn upload_path(location: &str, payload: &Payload) -> String {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/"),
        None => location,
    };
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}digest={}", payload.digest)
}

/// A contender's turn.
pub(crate) struct Turn {
    operations: Mutex<Box<dyn Iterator<Item = Operation> + Send>>,
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
    pub(crate) fn new(work: Work, fixture: &Fixture, crowd: Crowd, scale: Scale) -> Result<Self> {
        let operations: Box<dyn Iterator<Item = Operation> + Send> = match work {
            Work::GetManifest | Work::GetManifestAt(_) => endless(Fixture::manifest_path()),
            Work::GetBlob(_) => endless(fixture.blob_path()),
            Work::PushBlob { size, count } => {
                let blob = |_| Operation::PushBlob(Payload::new(size.min(scale.largest_push)));
                Box::new((0..count).map(blob).collect::<Vec<_>>().into_iter())
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
                let image = |_| Operation::PushImage(Image::new(size));
                Box::new((0..count).map(image).collect::<Vec<_>>().into_iter())
            }
            Work::GetTagsAt(_) => anywhere(move || crowd::tag_path(crowd)),
            Work::ListRepositories => anywhere(move || crowd::catalog_path(crowd)),
            Work::ListTags => anywhere(move || crowd::tags_path(crowd)),
            Work::ListVariantsAt(_) => {
                let plugins = fixture.plugins.clone().ok_or("there is no plugin to list")?;
                anywhere(move || plugins.list(payload::number()))
            }
            Work::ListPlugins => endless(plugins::NAMES.to_owned()),
            Work::UploadPlugin(count) => {
                let uploads = (0..count).map(|_| plugins::upload()).collect::<Result<Vec<_>>>()?;
                let target = plugins::UPLOADS;
                Box::new(uploads.into_iter().map(move |form| Operation::Upload { target, form }))
            }
            // Nobody asks a server that is started and stopped.
            Work::Start(_) => Box::new(std::iter::empty()),
        };
        let time = if work.is_counted() { None } else { Some(scale.turn) };
        let pace = work.rate().map(|rate| Duration::from_secs(1) / rate);
        Ok(Self { operations: Mutex::new(operations), taken: AtomicU32::new(0), time, pace })
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

fn endless(path: String) -> Box<dyn Iterator<Item = Operation> + Send> {
    Box::new(std::iter::repeat_with(move || Operation::Get(path.clone())))
}

fn anywhere(path: impl Fn() -> String + Send + 'static) -> Box<dyn Iterator<Item = Operation> + Send> {
    Box::new(std::iter::repeat_with(move || Operation::Get(path())))
}

/// A manifest nobody has, with a tag of its own: trailing white space is part of a document and of its digest.
fn renumbered(manifest: &[u8]) -> Operation {
    let number = payload::number();
    let mut bytes = manifest.to_vec();
    bytes.extend((0..u64::BITS).map(|bit| if number >> bit & 1 == 0 { b' ' } else { b'\n' }));
    Operation::PushManifest { tag: format!("t{number}"), bytes }
}
