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
    case::{Scale, Work},
    client::{Body, Connection, Request},
    fixture::{Fixture, MANIFEST_TYPE, REPOSITORY, manifest_path},
    payload::{self, Payload},
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
}

impl Operation {
    /// Does it.
    pub(crate) async fn perform(&self, connection: &mut Connection, access: &Access) -> Result<()> {
        let authorization = match access {
            Access::Header(line) => line,
            Access::Keys(keys) => return self.store(connection, keys).await,
        };
        match self {
            Self::Get(target) => {
                let headers = format!("{authorization}accept: {MANIFEST_TYPE}\r\n");
                let request = Request { method: "GET", target, headers: &headers, body: Body::Nothing };
                connection.call(request, &mut |_| ()).await.map(drop)
            }
            Self::PushBlob(payload) => Self::push_blob(payload, connection, authorization).await,
            Self::PushManifest { tag, bytes } => {
                let headers = format!("{authorization}content-type: {MANIFEST_TYPE}\r\n");
                let target = manifest_path(tag);
                let body = Body::Bytes(bytes);
                let request = Request { method: "PUT", target: &target, headers: &headers, body };
                connection.call(request, &mut |_| ()).await.map(drop)
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
    pub(crate) fn new(work: Work, fixture: &Fixture, scale: Scale) -> Self {
        let operations: Box<dyn Iterator<Item = Operation> + Send> = match work {
            Work::GetManifest | Work::GetManifestAt(_) => endless(Fixture::manifest_path()),
            Work::GetBlob(_) => endless(fixture.blob_path()),
            Work::PushBlob { size, count } => {
                let blob = |_| Operation::PushBlob(Payload::new(size.min(scale.largest_push)));
                Box::new((0..count).map(blob).collect::<Vec<_>>().into_iter())
            }
            Work::PushManifest => {
                let manifest = fixture.manifest(0);
                Box::new(std::iter::repeat_with(move || renumbered(&manifest)))
            }
        };
        let time = if matches!(work, Work::PushBlob { .. }) { None } else { Some(scale.turn) };
        let pace = match work {
            Work::GetManifestAt(rate) => Some(Duration::from_secs(1) / rate),
            _ => None,
        };
        Self { operations: Mutex::new(operations), taken: AtomicU32::new(0), time, pace }
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

/// A manifest nobody has, with a tag of its own: trailing white space is part of a document and of its digest.
fn renumbered(manifest: &[u8]) -> Operation {
    let number = payload::number();
    let mut bytes = manifest.to_vec();
    bytes.extend((0..u64::BITS).map(|bit| if number >> bit & 1 == 0 { b' ' } else { b'\n' }));
    Operation::PushManifest { tag: format!("t{number}"), bytes }
}
