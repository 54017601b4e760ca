//! Where one request ends and the next begins: whatever a client writes, there is one reading of it or none.
//!
//! Each case is sent on one connection with a second request behind it, as a smuggler would, whose path only this
//! test knows. It may be answered only where the first request ends without any doubt.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Random, Wharf, announce, number_from_environment};

/// After so long without an end the client says that nothing more will come, and after as long again it must end.
const PATIENCE: Duration = Duration::from_secs(4);

/// What stands behind the first request: a login that is answered 401, like no other request here.
const SMUGGLED: &str = "GET /v2/ HTTP/1.1\r\nhost: x\r\nx-smuggled: 1\r\nconnection: close\r\n\r\n";

/// Writes these bytes and reads all that comes until the server closes.
async fn exchange(wharf: &Wharf, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
    // A server that has refused the beginning may be gone before the end is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    if timeout(PATIENCE, read_on(&mut stream, &mut answer)).await.is_err() {
        let _ = stream.shutdown().await;
        let ended = timeout(PATIENCE, read_on(&mut stream, &mut answer)).await;
        assert!(ended.is_ok(), "the connection hangs on {:?}", String::from_utf8_lossy(bytes));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn read_on(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece).await {
        answer.extend_from_slice(&piece[..length]);
    }
}

/// The statuses of the answers on a connection, in order.
fn statuses(answer: &str) -> Vec<u16> {
    let of = |line: &str| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok();
    answer.split("\r\n").filter_map(|line| line.rfind("HTTP/1.1 ").and_then(|at| of(&line[at..]))).collect()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /token HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}").into_bytes()
}

async fn start() -> Wharf {
    Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", crate::harness::ADMIN_PASSWORD),
        ("WHARF_HEADER_TIMEOUT", "2s"),
    ])
    .await
}

#[tokio::test]
async fn a_request_with_a_length_is_as_long_as_it_says() {
    let wharf = start().await;

    let shorter = exchange(&wharf, &post("content-length: 3\r\n", &format!("a=b{SMUGGLED}"))).await;
    assert_eq!(statuses(&shorter).len(), 2, "what comes behind is a request of its own: {shorter}");
    let length = format!("content-length: {}\r\nconnection: close\r\n", SMUGGLED.len());
    let whole = exchange(&wharf, &post(&length, SMUGGLED)).await;
    assert_eq!(statuses(&whole).len(), 1, "a body is no request: {whole}");
}

#[tokio::test]
async fn a_request_whose_end_is_in_doubt_is_refused_and_nothing_behind_it_heard() {
    let wharf = start().await;
    let chunked = format!("0\r\n\r\n{SMUGGLED}");
    let length = SMUGGLED.len();

    let cases = [
        // Two lengths.
        ("content-length: 3\r\ncontent-length: 0\r\n".to_owned(), format!("a=b{SMUGGLED}")),
        ("content-length: 3, 0\r\n".to_owned(), format!("a=b{SMUGGLED}")),
        (format!("content-length: 0\r\ncontent-length: {length}\r\n"), SMUGGLED.to_owned()),
        // No lengths.
        ("content-length: -1\r\n".to_owned(), SMUGGLED.to_owned()),
        ("content-length: +3\r\n".to_owned(), format!("a=b{SMUGGLED}")),
        ("content-length: 0x3\r\n".to_owned(), format!("a=b{SMUGGLED}")),
        ("content-length: 18446744073709551616\r\n".to_owned(), SMUGGLED.to_owned()),
        ("content-length: \r\n".to_owned(), SMUGGLED.to_owned()),
        // Encodings that nobody knows, or that are not the last.
        ("transfer-encoding: chunked, identity\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: xchunked\r\n".to_owned(), chunked.clone()),
        ("transfer-encoding: identity\r\n".to_owned(), chunked.clone()),
        // Chunks that are none.
        ("transfer-encoding: chunked\r\n".to_owned(), format!("-1\r\n{SMUGGLED}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("zz\r\n{SMUGGLED}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("10000000000000000\r\n{SMUGGLED}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("1\r\naxx0\r\n\r\n{SMUGGLED}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("3 3\r\na=b\r\n{chunked}")),
        ("transfer-encoding: chunked\r\n".to_owned(), format!("0x3\r\na=b\r\n{chunked}")),
        // Headers that are none.
        ("content-length : 3\r\n".to_owned(), format!("a=b{SMUGGLED}")),
        ("x-folded: a\r\n content-length: 3\r\n".to_owned(), SMUGGLED.to_owned()),
        ("x-none\r\n".to_owned(), SMUGGLED.to_owned()),
        ("x-zero: a\0b\r\n".to_owned(), SMUGGLED.to_owned()),
        (": nameless\r\n".to_owned(), SMUGGLED.to_owned()),
    ];
    // At once, for the server waits for the rest of some of them.
    let sent: Vec<_> = cases.iter().map(|(headers, body)| post(headers, body)).collect();
    let answers = join_all(sent.iter().map(|bytes| exchange(&wharf, bytes))).await;
    for ((headers, body), answer) in cases.iter().zip(answers) {
        assert!(statuses(&answer).len() <= 1, "{headers:?} {body:?}: {answer}");
        assert!(statuses(&answer).iter().all(|status| *status >= 400), "{headers:?} {body:?}: {answer}");
    }
    wharf.anonymous().get("/healthz").await.is(200);
}

/// A length and an encoding at once: the encoding counts, as RFC 9112 §6.3 says, or nothing does; never the length.
#[tokio::test]
async fn where_a_length_and_an_encoding_disagree_the_length_never_counts() {
    let wharf = start().await;
    let chunked = format!("0\r\n\r\n{SMUGGLED}");

    for order in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
    ] {
        let answer = exchange(&wharf, &post(order, &chunked)).await;
        // By length the second request would begin at "\r\n" + the rest of the chunk, which is none.
        assert!([1, 2].contains(&statuses(&answer).len()), "{order:?}: {answer}");
        let inside = format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len());
        let close = format!("{order}connection: close\r\n");
        let answer = exchange(&wharf, &post(&close, &inside)).await;
        assert_eq!(statuses(&answer).len(), 1, "a body was heard as a request after {order:?}: {answer}");
    }
}

#[tokio::test]
async fn chunks_may_have_extensions_of_modest_size_and_odd_ends_of_lines_are_no_second_reading() {
    let wharf = start().await;

    let extended = format!("3;name=value\r\na=b\r\n0\r\n\r\n{SMUGGLED}");
    let answer = exchange(&wharf, &post("transfer-encoding: chunked\r\n", &extended)).await;
    assert_eq!(statuses(&answer).len(), 2, "{answer}");
    let endless = format!("3;{}\r\na=b\r\n0\r\n\r\n", "x".repeat(1 << 20));
    let answer = exchange(&wharf, &post("transfer-encoding: chunked\r\n", &endless)).await;
    assert!(statuses(&answer).iter().all(|status| *status >= 400), "{answer}");
    // RFC 9112 §2.2 lets a bare line feed end a line of the head; in a chunk's size nothing does but both.
    let bare = b"GET /healthz HTTP/1.1\nhost: x\nconnection: close\n\n";
    assert!(statuses(&exchange(&wharf, bare).await).len() <= 1);
    let smuggling = format!("1;a\nb\r\nx\r\n0\r\n\r\n{SMUGGLED}");
    let answer = exchange(&wharf, &post("transfer-encoding: chunked\r\n", &smuggling)).await;
    assert!(statuses(&answer).len() <= 1, "{answer}");
}

/// Whole requests with a few bytes changed, seeded by `WHARF_FRAMING_SEED`: answered or refused, and never hung on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutilated_requests_are_answered_or_refused_in_time() {
    let wharf = start().await;
    let seed = number_from_environment("WHARF_FRAMING_SEED", u64::from(std::process::id()));
    announce(format_args!("WHARF_FRAMING_SEED={seed}"));
    let mut random = Random::new(seed);
    let whole = [
        post("content-length: 3\r\nconnection: close\r\n", "a=b"),
        post("transfer-encoding: chunked\r\nconnection: close\r\n", "3\r\na=b\r\n0\r\n\r\n"),
        b"GET /v2/acme/app/tags/list?n=10 HTTP/1.1\r\nhost: x\r\nrange: bytes=0-1\r\nconnection: close\r\n\r\n".to_vec(),
        b"PUT /v2/a/b/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_vec(),
    ];
    let mutilated = (0..number_from_environment("WHARF_FRAMING_REQUESTS", 400)).map(|_| {
        let mut bytes = random.pick(&whole).unwrap().clone();
        for _ in 0..=random.below(3) {
            mutilate(&mut bytes, &mut random);
        }
        bytes
    });
    let mutilated: Vec<Vec<u8>> = mutilated.collect();

    for some in mutilated.chunks(100) {
        join_all(some.iter().map(|bytes| exchange(&wharf, bytes))).await;
    }

    wharf.anonymous().get("/healthz").await.is(200);
    let log = wharf.log();
    assert!(!log.contains("panic"), "{log}");
}

/// Replaces, removes, doubles or inserts a byte, most often one that means something.
fn mutilate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
    let odd = *random.pick(b"\r\n\0 :;,%/-0f\x80\xff\t").unwrap();
    match random.below(4) {
        0 => bytes[at] = odd,
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, bytes[at]),
        _ => bytes.insert(at, odd),
    }
}
