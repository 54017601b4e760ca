//! Files over a real connection, against the bytes that are in them.

use std::{
    convert::Infallible,
    fs::File,
    io::{ErrorKind, Write as _},
    sync::{Arc, mpsc},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, Response},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustix::fs::Advice;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use wharf_http::FilePart;

use super::{Outgoing, STRETCH, Sender, warmth::is_byte_in_memory};

const LENGTH: usize = 5 * STRETCH + 12_345;

fn bytes() -> Vec<u8> {
    (0..LENGTH).map(|n| (n % 251) as u8 ^ (n / 65_536) as u8).collect()
}

/// The file of those bytes, without a name.
fn file() -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes()).unwrap();
    Arc::new(file)
}

/// Answers `/<offset>/<length>` with that part of a file, and `/` with words. A body that was read instead would say so.
fn answer(request: &Request<Incoming>, file: &Arc<File>) -> axum::response::Response {
    let mut numbers = request.uri().path().split('/').filter_map(|text| text.parse().ok());
    let Some((offset, length)) = numbers.next().zip(numbers.next()) else {
        return Response::new(Body::from("words"));
    };
    let body = Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> { panic!("the bytes were read, not sent") },
    ));
    let mut response = Response::builder().header("content-length", length).body(body).unwrap();
    response.extensions_mut().insert(FilePart { file: file.clone(), offset, length });
    response
}

/// A connection to a server of that file, and the server's end of it.
async fn connected(file: Arc<File>) -> (TcpStream, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test talks to itself")]
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(async move {
        let sender = Sender::new(stream);
        let parts = sender.parts().clone();
        let service = service_fn(|request| {
            let answer = Outgoing::of(answer(&request, &file), Some(&parts));
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().writev(true);
        let served = builder.serve_connection(TokioIo::new(sender), service).await;
        assert!(parts.next().is_none(), "a part is still listed after the end");
        served.is_ok()
    });
    (client, server)
}

async fn ask(client: &mut TcpStream, paths: &[String]) {
    let requests: Vec<_> =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).collect();
    client.write_all(requests.concat().as_bytes()).await.unwrap();
}

async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn parts_of_a_file_arrive_byte_for_byte_one_after_the_other_and_pipelined() {
    let (mut client, server) = connected(file()).await;
    let ranges = [
        (0, 1),
        (0, STRETCH - 1),
        (7, STRETCH),
        (0, STRETCH + 1),
        (LENGTH - 1, 1),
        (3, LENGTH - 3),
        (0, LENGTH),
    ];
    let paths: Vec<_> = ranges.iter().map(|(offset, length)| format!("/{offset}/{length}")).collect();
    for path in &paths {
        ask(&mut client, &[path.clone(), "/".to_owned()]).await;
        read(&mut client, &[path.clone(), "/".to_owned()]).await;
    }
    let all: Vec<_> = paths.iter().flat_map(|path| ["/".to_owned(), path.clone()]).collect();
    ask(&mut client, &all).await;
    read(&mut client, &all).await;
    drop(client);
    assert!(server.await.unwrap());
}

async fn read(client: &mut TcpStream, paths: &[String]) {
    for path in paths {
        head(client).await;
        let mut numbers = path.split('/').filter_map(|text| text.parse::<usize>().ok());
        let expected = match numbers.next().zip(numbers.next()) {
            Some((offset, length)) => bytes()[offset..offset + length].to_vec(),
            None => b"words".to_vec(),
        };
        let mut found = vec![0; expected.len()];
        client.read_exact(&mut found).await.unwrap();
        assert!(found == expected, "{path}");
    }
}

#[tokio::test]
async fn a_slow_reader_gets_every_byte_and_others_are_not_held_up() {
    let file = file();
    let (mut slow, server) = connected(file.clone()).await;
    ask(&mut slow, &[format!("/0/{LENGTH}")]).await;
    head(&mut slow).await;
    let mut found = vec![0; 1000];
    slow.read_exact(&mut found).await.unwrap();
    let (mut quick, _) = connected(file).await;
    ask(&mut quick, &["/".to_owned()]).await;
    read(&mut quick, &["/".to_owned()]).await;
    while found.len() < LENGTH {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut piece = vec![0; 100_000.min(LENGTH - found.len())];
        slow.read_exact(&mut piece).await.unwrap();
        found.append(&mut piece);
    }
    assert!(found == bytes());
    drop(slow);
    assert!(server.await.unwrap());
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_open() {
    let file = file();
    let (mut client, server) = connected(file.clone()).await;
    ask(&mut client, &[format!("/0/{LENGTH}"), format!("/0/{LENGTH}")]).await;
    head(&mut client).await;
    drop(client);
    assert!(!server.await.unwrap());
    assert_eq!(Arc::strong_count(&file), 1, "the file is still open");
}

#[tokio::test]
async fn a_file_that_ends_early_ends_the_connection_and_no_byte_is_made_up() {
    let file = file();
    file.set_len(STRETCH as u64).unwrap();
    let (mut client, server) = connected(file).await;
    ask(&mut client, &[format!("/0/{LENGTH}")]).await;
    head(&mut client).await;
    let mut found = Vec::new();
    let _ = client.read_to_end(&mut found).await;
    assert!(found == bytes()[..STRETCH], "{} bytes came", found.len());
    assert!(!server.await.unwrap());
}

#[tokio::test]
async fn a_marker_that_is_written_for_bytes_never_leaves() {
    let (mut client, stream) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test talks to itself")]
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, listener.accept().await.unwrap().0)
    };
    let mut sender = Sender::new(stream);
    let part = FilePart { file: file(), offset: 0, length: 100 };
    let mut response = axum::response::Response::new(Body::empty());
    response.extensions_mut().insert(part);
    let Outgoing::File(Some(mut piece)) = Outgoing::of(response, Some(sender.parts())).into_body() else {
        panic!("it is a file")
    };
    let copied = hyper::body::Buf::copy_to_bytes(&mut piece, 100);
    assert!(sender.write_all(&copied).await.is_err(), "a marker went out");
    drop((sender, piece));
    let mut found = Vec::new();
    client.read_to_end(&mut found).await.unwrap();
    assert!(found.is_empty());
}

/// All on one thread, and the only one that may block is busy until it is told: whatever is sent meanwhile waits for no disk.
#[test]
fn who_waits_for_the_disk_holds_nobody_else_up() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let file = file();
    file.sync_all().unwrap();
    let middle = STRETCH as u64;
    // Both ends of what is asked for stay in memory.
    rustix::fs::fadvise(&file, middle, std::num::NonZeroU64::new(middle), Advice::DontNeed).unwrap();
    if is_byte_in_memory(&file, middle + middle / 2) {
        eprintln!("skipped: the file system of temporary files keeps them in memory");
        return;
    }
    runtime.block_on(async {
        let (busy, release) = mpsc::channel::<()>();
        let blocked = tokio::task::spawn_blocking(move || release.recv());
        let (mut cold, _) = connected(file.clone()).await;
        let (mut warm, _) = connected(file.clone()).await;
        let length = 3 * STRETCH;
        ask(&mut cold, &[format!("/0/{length}")]).await;
        head(&mut cold).await;

        for _ in 0..10 {
            ask(&mut warm, &["/".to_owned()]).await;
            read(&mut warm, &["/".to_owned()]).await;
        }

        let early = cold.try_read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::WouldBlock), "the thread waited for the disk and sent it");
        busy.send(()).unwrap();
        blocked.await.unwrap().unwrap();
        let mut found = vec![0; length];
        cold.read_exact(&mut found).await.unwrap();
        assert!(found == bytes()[..length]);
    });
}
