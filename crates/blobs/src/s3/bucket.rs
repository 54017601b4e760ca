//! The calls to S3, each with its deadline: what all of them share, and nothing of how an object is made of them.
//!
//! Object by object they go through `object_store`, which signs, retries 500, 503 and broken connections with a growing
//! pause, and knows where credentials come from. An answer that is an error comes out as ours, with S3's own as the
//! cause.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::TryFutureExt as _;
use object_store::{
    ClientOptions, Error as S3Error, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector, ReqwestConnector},
    list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore},
    multipart::{MultipartStore, PartId},
    path::Path,
    signer::{Method, SignedUrlOptions, Signer},
};
use tokio::time::timeout;
use wharf_core::{Error, Kind, ObjectKey, Result, Subject};

use super::{
    crypto::{Crypto, sending},
    payload::Payload,
    settings::{Encryption, Redirect, S3Settings, Style},
};
use crate::meters::BucketMeters;

/// A call without a body worth the name, its tries included.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// What a single try of a call with a body has: this …
const TRY: Duration = Duration::from_secs(20);

/// … and a second for each so many bytes of a part.
const SLOWEST: u64 = 256 << 10;

/// Tries after the first, and how long a call may have taken for another one.
const TRIES: usize = 3;
const TRYING: Duration = Duration::from_secs(10);

/// A bucket and how we speak to it.
pub(super) struct Bucket {
    store: AmazonS3,
    /// Signs URLs for the endpoint that clients reach.
    public: AmazonS3,
    redirect: Option<Redirect>,
    prefix: String,
    /// For what `object_store` has no call for.
    pub(super) http: HttpClient,
    /// Of new uploads, in bytes.
    pub(super) part_size: u64,
    pub(super) meters: BucketMeters,
}

/// What became of a put that may not replace anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is stored.
    Made,
    /// Something lies there: another's, or our own, if an answer was lost.
    Taken,
}

impl Bucket {
    pub(super) fn new(settings: &S3Settings) -> Result<Self> {
        Self::through(settings, ReqwestConnector::default)
    }

    /// A bucket that is spoken to through connections of this kind.
    pub(super) fn through<C: HttpConnector>(
        settings: &S3Settings,
        connector: impl Fn() -> C,
    ) -> Result<Self> {
        let store = build(builder(settings, settings.endpoint.as_deref())?.with_http_connector(connector()))?;
        let theirs = settings.redirect.as_ref().and_then(|redirect| redirect.endpoint.as_deref());
        let public = builder(settings, theirs.or(settings.endpoint.as_deref()))?
            .with_credentials(store.credentials().clone());
        Ok(Self {
            store,
            public: build(public)?,
            redirect: settings.redirect.clone(),
            prefix: if settings.prefix.is_empty() { String::new() } else { format!("{}/", settings.prefix) },
            http: connector().connect(&options(settings)).map_err(Error::unavailable)?,
            part_size: settings.part_size,
            meters: BucketMeters::default(),
        })
    }

    /// Where an object lies.
    pub(super) fn object(&self, key: ObjectKey) -> Path {
        self.path(&key.to_string())
    }

    /// Where something else of ours lies.
    pub(super) fn path(&self, name: &str) -> Path {
        Path::from(format!("{}{name}", self.prefix))
    }

    /// Puts a whole object where nothing lies yet: never over anything, so that no late call does harm.
    pub(super) async fn put_new(&self, path: &Path, payload: Payload) -> Result<Put> {
        let mut tries = 0;
        loop {
            tries += 1;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let bytes = PutPayload::from_iter(payload.pieces().iter().cloned());
            let mut is_refused = false;
            let put = sending(payload.clone(), self.store.put_opts(path, bytes, options)).map_err(|error| {
                is_refused = matches!(error, S3Error::AlreadyExists { .. });
                failure(error)
            });
            let Err(error) = self.meters.put_object.run(put).await else { return Ok(Put::Made) };
            // An answer may have been lost, and a server that refuses may close the connection before it is heard. And of
            // two puts at once S3 may refuse both. So what is there decides.
            match self.size(path).await {
                Ok(Some(_)) => return Ok(Put::Taken),
                // Nothing is: another call was in the way (409), and S3 says to try again.
                Ok(None) if is_refused && tries <= TRIES => {}
                _ => return Err(error),
            }
        }
    }

    /// Begins an object of parts, and yields its id.
    pub(super) async fn begin_parts(&self, path: &Path) -> Result<String> {
        self.meters.create_parts.run(within(DEADLINE, self.store.create_multipart(path))).await
    }

    /// Stores one part of an upload, counted from 0, and yields its tag.
    pub(super) async fn put_part(
        &self,
        path: &Path,
        id: &str,
        index: usize,
        payload: Payload,
    ) -> Result<String> {
        let (id, bytes) = (id.to_owned(), PutPayload::from_iter(payload.pieces().iter().cloned()));
        let part = sending(payload, self.store.put_part(path, &id, index, bytes)).map_err(failure);
        Ok(self.meters.put_part.run(part).await?.content_id)
    }

    /// Makes the object of its parts.
    pub(super) async fn join_parts(&self, path: &Path, id: &str, tags: Vec<String>) -> Result<()> {
        let parts = tags.into_iter().map(|content_id| PartId { content_id }).collect();
        let id = id.to_owned();
        let join = self.store.complete_multipart(path, &id, parts).map_err(failure);
        self.meters.join_parts.run(join).await.map(drop)
    }

    /// Gives an object of parts up. One that is not there any more is given up already.
    pub(super) async fn abort_parts(&self, path: &Path, id: &str) -> Result<()> {
        let id = id.to_owned();
        let abort = within(DEADLINE, self.store.abort_multipart(path, &id));
        gone_is_fine(self.meters.abort_parts.run(abort).await)
    }

    /// How large an object is, in bytes; `None` where there is none.
    pub(super) async fn size(&self, path: &Path) -> Result<Option<u64>> {
        match self.meters.head_object.run(within(DEADLINE, self.store.head(path))).await {
            Ok(found) => Ok(Some(found.size)),
            // A bucket that is gone says the same, for an answer to HEAD has no words.
            Err(error) if is_gone(&error) => self.check().await.map(|()| None),
            Err(error) => Err(error),
        }
    }

    /// Begins to read a range of an object, which goes on at a later call only if it is still the same.
    pub(super) async fn get(
        &self,
        path: &Path,
        range: Range<u64>,
        same: Option<String>,
    ) -> Result<GetResult> {
        let options =
            GetOptions { range: Some(GetRange::Bounded(range)), if_match: same, ..GetOptions::default() };
        self.meters.get_object.run(within(DEADLINE, self.store.get_opts(path, options))).await
    }

    /// Removes an object. One that is not there is removed already.
    pub(super) async fn delete(&self, path: &Path) -> Result<()> {
        gone_is_fine(self.meters.delete_object.run(within(DEADLINE, self.store.delete(path))).await)
    }

    /// A page of what lies below a name.
    pub(super) async fn list(
        &self,
        name: &str,
        options: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let prefix = format!("{}{name}", self.prefix);
        let page = within(DEADLINE, self.store.list_paginated(Some(&prefix), options));
        self.meters.list_objects.run(page).await
    }

    /// Whether the bucket answers, to us.
    pub(super) async fn check(&self) -> Result<()> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        self.list("objects/", options).await.map(drop)
    }

    /// A URL under which a client may read an object for a while, if clients are sent here at all.
    pub(super) async fn link(&self, path: &Path) -> Result<Option<String>> {
        let Some(redirect) = &self.redirect else { return Ok(None) };
        // Somebody's upload: no browser may take it for a page.
        let options =
            SignedUrlOptions::default().with_query([("response-content-type", "application/octet-stream")]);
        let url = self.public.signed_url_opts(Method::GET, path, redirect.lifetime, &options);
        Ok(Some(within(DEADLINE, url).await?.into()))
    }

    /// A URL under which we may ask the bucket itself something.
    pub(super) async fn question(&self, query: &[(&str, &str)]) -> Result<String> {
        let options = SignedUrlOptions::default().with_query(query.iter().copied());
        let whole = Path::default();
        let url = self.store.signed_url_opts(Method::GET, &whole, DEADLINE * 6, &options);
        Ok(within(DEADLINE, url).await?.into())
    }

    /// The key in S3 of a name of ours, and back.
    pub(super) fn name_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.prefix)
    }
}

fn builder(settings: &S3Settings, endpoint: Option<&str>) -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::new();
    for (key, value) in &settings.variables {
        builder = builder.with_config(*key, value.expose());
    }
    builder = builder
        .with_bucket_name(&settings.bucket)
        .with_client_options(options(settings))
        .with_retry(RetryConfig { max_retries: TRIES, retry_timeout: TRYING, ..RetryConfig::default() })
        .with_virtual_hosted_style_request(settings.style == Style::VirtualHost)
        .with_crypto_provider(Arc::new(Crypto))
        // Not every server knows the call for many.
        .with_disable_bulk_delete(true);
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(place(endpoint, settings));
    }
    for (name, value) in encryption(settings) {
        builder = builder.with_config(name.parse().map_err(Error::internal)?, value);
    }
    Ok(builder)
}

fn build(builder: AmazonS3Builder) -> Result<AmazonS3> {
    builder.build().map_err(|error| {
        Error::new(Kind::Invalid, "the storage cannot be used as it is configured").because(error)
    })
}

/// What `object_store` calls the kinds of encryption.
fn encryption(settings: &S3Settings) -> Vec<(&'static str, &str)> {
    const KIND: &str = "aws_server_side_encryption";
    match &settings.encryption {
        None => Vec::new(),
        Some(Encryption::Aes256) => vec![(KIND, "AES256")],
        Some(Encryption::Kms(None)) => vec![(KIND, "aws:kms")],
        Some(Encryption::Kms(Some(key))) => vec![(KIND, "aws:kms"), ("aws_sse_kms_key_id", key)],
    }
}

/// An endpoint as `object_store` wants it: with the bucket in its host, where it belongs there.
fn place(endpoint: &str, settings: &S3Settings) -> String {
    match (settings.style, endpoint.split_once("://")) {
        (Style::VirtualHost, Some((scheme, host))) => format!("{scheme}://{}.{host}", settings.bucket),
        _ => endpoint.to_owned(),
    }
}

fn options(settings: &S3Settings) -> ClientOptions {
    // There is no limit on a whole answer, for a blob may take an hour. A try ends when nothing comes for so long,
    // sending a part included.
    let patience = TRY + Duration::from_secs(settings.part_size / SLOWEST);
    ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(CONNECT)
        .with_timeout_disabled()
        .with_read_timeout(patience)
}

async fn within<T>(deadline: Duration, call: impl Future<Output = object_store::Result<T>>) -> Result<T> {
    match timeout(deadline, call).await {
        Ok(answer) => answer.map_err(failure),
        Err(late) => Err(Error::unavailable(late)),
    }
}

/// S3's error as ours. Not every 404 is about an object: a bucket can be gone, and a proxy have its own opinion.
pub(super) fn failure(error: S3Error) -> Error {
    let gone = match (&error, code(&error).as_deref()) {
        (S3Error::NotFound { .. }, Some(code)) => {
            matches!(code, "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion")
        }
        // An answer to HEAD has no words.
        (S3Error::NotFound { .. }, None) => error.to_string().trim_end().ends_with("404 Not Found:"),
        _ => false,
    };
    if gone { Error::not_found(Subject::Blob).because(error) } else { Error::unavailable(error) }
}

/// The word S3 has for an error, if it said one. It is found in the text, for no type of `object_store` hands it out.
pub(super) fn code(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let text = error.to_string();
    let (_, behind) = text.split_once("<Code>")?;
    behind.split_once("</Code>").map(|(code, _)| code.to_owned())
}

pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound(_))
}

fn gone_is_fine(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if is_gone(&error) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use object_store::client::{HttpError, HttpRequest, HttpResponse, HttpService};

    use super::*;

    /// A server that refuses puts so many times with 409, and holds nothing before it takes one.
    #[derive(Clone, Debug)]
    struct Busy(Arc<AtomicUsize>);

    impl HttpConnector for Busy {
        fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
            Ok(HttpClient::new(self.clone()))
        }
    }

    #[async_trait]
    impl HttpService for Busy {
        async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
            let (status, answer) = match request.method().as_str() {
                "PUT" => {
                    let left =
                        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                    (
                        if left.is_ok() { 409 } else { 200 },
                        "<Error><Code>ConditionalRequestConflict</Code></Error>",
                    )
                }
                "HEAD" => (404, ""),
                _ => (200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
            };
            let mut response = HttpResponse::new(answer.to_owned().into());
            *response.status_mut() = status.try_into().unwrap();
            response.headers_mut().insert("etag", "whole".parse().unwrap());
            Ok(response)
        }
    }

    #[tokio::test]
    async fn a_put_that_another_call_was_in_the_way_of_is_tried_again_and_not_for_ever() {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|key| (key.to_owned(), "x".to_owned()));
        let settings = S3Settings::parse("s3://wharf?endpoint=http://s3.test", keys).unwrap();
        for (refusals, is_made) in [(0, true), (1, true), (TRIES, true), (TRIES + 1, false)] {
            let busy = Busy(Arc::new(AtomicUsize::new(refusals)));
            let bucket = Bucket::through(&settings, || busy.clone()).unwrap();
            let payload = Payload::hash(vec!["bytes".into()]).await.unwrap();
            let put = bucket.put_new(&bucket.path("probe"), payload).await;
            assert_eq!(put.is_ok_and(|put| put == Put::Made), is_made, "{refusals}");
        }
    }
}
