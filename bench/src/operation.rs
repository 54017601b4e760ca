//! One operation of a client.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    Result, api,
    client::{Body, Connection, Request, Sink},
    fixture::{Image, MANIFEST_TYPE, REPOSITORY, manifest_path},
    form::Form,
    index,
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
    /// HEAD and GET of each of an image's parts.
    PullImage(Vec<String>),
    /// What an image needs, pushed one after the other into a repository that is new.
    PushImage(Arc<Image>),
    /// GET of the page of a Python project; by one who has it, with what it is known by.
    GetPage { target: &'static str, known: Option<String> },
    /// POST of a form to a path.
    Upload { target: &'static str, form: Form },
    /// A request of the management API.
    Manage { method: &'static str, path: String, body: Option<Value> },
}

impl Operation {
    /// Does it.
    pub(crate) async fn perform(&self, connection: &mut Connection, access: &Access) -> Result<()> {
        let authorization = match access {
            Access::Header(line) => line,
            Access::Keys(keys) => return self.store(connection, keys).await,
        };
        match self {
            Self::Get(target) => ask(connection, authorization, ("GET", target)).await,
            Self::PushBlob(payload) => Self::push_blob(payload, REPOSITORY, connection, authorization).await,
            Self::PushManifest { tag, bytes } => {
                put_manifest(connection, authorization, (&manifest_path(REPOSITORY, tag), bytes)).await
            }
            Self::PullImage(parts) => {
                for target in parts {
                    ask(connection, authorization, ("HEAD", target)).await?;
                    ask(connection, authorization, ("GET", target)).await?;
                }
                Ok(())
            }
            Self::GetPage { target, known } => {
                index::get(connection, authorization, (target, known.as_deref())).await
            }
            Self::Upload { target, form } => form.send(connection, authorization, target).await,
            Self::Manage { method, path, body } => {
                api::ask_as(connection, authorization, (method, path), body.as_ref()).await.map(drop)
            }
            Self::PushImage(image) => {
                let repository = format!("{REPOSITORY}-{}", payload::number());
                for blob in image.blobs() {
                    Self::push_blob(blob, &repository, connection, authorization).await?;
                }
                let target = manifest_path(&repository, "latest");
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
        repository: &str,
        connection: &mut Connection,
        authorization: &str,
    ) -> Result<()> {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let begin = Request { method: "POST", target: &target, headers: authorization, body: Body::Nothing };
        let answer = connection.call(begin, Sink::Nobody).await?;
        let target = upload_path(answer.header("location").ok_or("an upload without a location")?, payload);
        let headers = format!("{authorization}content-type: application/octet-stream\r\n");
        let finish = Request { method: "PUT", target: &target, headers: &headers, body: Body::Blob(payload) };
        connection.call(finish, Sink::Nobody).await.map(drop)
    }
}

async fn ask(
    connection: &mut Connection,
    authorization: &str,
    (method, target): (&'static str, &str),
) -> Result<()> {
    let headers = format!("{authorization}accept: {MANIFEST_TYPE}\r\n");
    let request = Request { method, target, headers: &headers, body: Body::Nothing };
    connection.call(request, Sink::Nobody).await.map(drop)
}

async fn put_manifest(
    connection: &mut Connection,
    authorization: &str,
    (target, bytes): (&str, &[u8]),
) -> Result<()> {
    let headers = format!("{authorization}content-type: {MANIFEST_TYPE}\r\n");
    let request = Request { method: "PUT", target, headers: &headers, body: Body::Bytes(bytes) };
    connection.call(request, Sink::Nobody).await.map(drop)
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
