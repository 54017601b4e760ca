//! A writer in front of a server that answers for a part when it is let.

use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt as _;
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService},
};
use tokio::{sync::Semaphore, time::sleep};
use wharf_core::{Algorithm, Timestamp, UploadId};

use super::*;
use crate::S3Settings;

/// As large as the blocks of the engine.
const BLOCK: usize = 512 << 10;

#[derive(Clone, Debug)]
struct Server(Arc<Served>);

#[derive(Debug)]
struct Served {
    /// A part is taken in for each.
    turns: Semaphore,
    parts: Mutex<Vec<Bytes>>,
    /// Whether the next one does not arrive.
    lost: AtomicBool,
}

impl HttpConnector for Server {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Server {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = match request.uri().query() {
            Some(query) if query.contains("partNumber=") => {
                self.0.turns.acquire().await.unwrap().forget();
                if self.0.lost.swap(false, Ordering::Relaxed) {
                    return Err(HttpError::new(
                        HttpErrorKind::Unknown,
                        io::Error::from(io::ErrorKind::ConnectionReset),
                    ));
                }
                let signed = request.headers()["x-amz-content-sha256"].to_str().unwrap().to_owned();
                let part = request.into_body().collect().await?.to_bytes();
                assert_eq!(signed, wharf_hash::digest(Algorithm::Sha256, &part).hex());
                self.0.parts.lock().unwrap().push(part);
                ""
            }
            Some("uploads=" | "uploads") => "<Begun><UploadId>id</UploadId></Begun>",
            _ => "<Joined><ETag>whole</ETag></Joined>",
        };
        let mut response = HttpResponse::new(answer.to_owned().into());
        response.headers_mut().insert("etag", "part".parse().unwrap());
        Ok(response)
    }
}

impl Server {
    fn new() -> Self {
        Self(Arc::new(Served {
            turns: Semaphore::new(0),
            parts: Mutex::default(),
            lost: AtomicBool::new(false),
        }))
    }

    fn writer(&self, part_size: u64) -> Writer {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|key| (key.to_owned(), "x".to_owned()));
        let settings = S3Settings::parse("s3://wharf?endpoint=http://s3.test", keys).unwrap();
        let bucket = Arc::new(Bucket::through(&settings, || self.clone()).unwrap());
        let key = UploadId::new(Timestamp::default(), [9; 16]).object_key();
        Writer::resume(bucket, key, State::new(part_size), 0).unwrap()
    }
}

/// Until nothing goes on by itself any more: the clock stands still as long as anything does, threads that hash included.
async fn rest() {
    sleep(Duration::from_secs(1)).await;
}

/// Writes so many blocks, and lets a part be taken in whenever the writer waits for that. Yields the most bytes that it
/// held, and how often it waited.
async fn write(writer: &mut Writer, server: &Server, blocks: usize) -> (u64, usize) {
    let (mut most, mut waits) = (0, 0);
    for number in 0..blocks {
        let block = [Bytes::from(vec![u8::try_from(number).unwrap(); BLOCK])];
        most = most.max(writer.buffer.length() + BLOCK as u64);
        let mut writing = writer.write(&block);
        let written = tokio::select! {
            biased;
            written = &mut writing => Some(written),
            () = rest() => None,
        };
        if written.is_none() {
            waits += 1;
            server.0.turns.add_permits(1);
        }
        match written {
            Some(written) => written.unwrap(),
            None => writing.await.unwrap(),
        }
    }
    (most, waits)
}

#[tokio::test(start_paused = true)]
async fn a_writer_holds_the_part_on_its_way_and_little_beside_it() {
    const MEBIBYTE: u64 = 1 << 20;
    for (part_size, blocks, waits, beside) in
        [(5 * MEBIBYTE, 50, 4, MEBIBYTE), (16 * MEBIBYTE, 100, 2, 13 * MEBIBYTE / 2)]
    {
        let server = Server::new();
        let mut writer = server.writer(part_size);
        assert_eq!(write(&mut writer, &server, blocks).await, (part_size + beside, waits));
        server.0.turns.add_permits(2);
        assert!(matches!(Box::new(writer).finish().await, Ok(Ended::Surely)));
        let parts = server.0.parts.lock().unwrap();
        let (last, full) = parts.split_last().unwrap();
        assert!(full.iter().all(|part| part.len() as u64 == part_size));
        assert!(last.len() as u64 <= part_size);
        let whole = parts.concat();
        assert_eq!(whole.len(), blocks * BLOCK);
        assert!(whole.chunks(BLOCK).enumerate().all(|(number, block)| block == vec![number as u8; BLOCK]));
    }
}

#[tokio::test]
async fn a_part_that_did_not_arrive_is_signed_anew_with_what_came_behind_it() {
    let server = Server::new();
    server.0.lost.store(true, Ordering::Relaxed);
    server.0.turns.add_permits(3);
    let mut writer = server.writer(5 << 20);
    let bytes: Vec<u8> = (0..(11 << 20) + 7).map(|at| (at % 251) as u8).collect();
    assert!(writer.write(&[Bytes::from(bytes.clone())]).await.is_err());
    // What was taken by then is sent once more.
    let kept = writer.length();
    let state = Box::new(writer).suspend(kept).await.unwrap();
    let state = State::read(&state, 5 << 20).unwrap();
    assert_eq!((state.parts.len(), state.length()), (2, kept));
    assert!(bytes.starts_with(&server.0.parts.lock().unwrap().concat()));
}
