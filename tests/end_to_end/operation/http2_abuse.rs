//! Abuse of HTTP/2, in frames made by hand: the connection ends or costs nothing, and everybody else is served.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use serde_json::json;

use crate::harness::{Image, Wharf};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u32 = 7;

/// What a connection may cost at its worst, in KiB, beside noise.
const FLAT: u64 = 24 << 10;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block: method and path, in literals that no table remembers.
fn head(method: &str, path: &str) -> Vec<u8> {
    let literal =
        |name: u8, value: &str| [&[name, u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    // `:method`, `:scheme` http, `:path` and `:authority` by their numbers in the static table.
    [literal(2, method), vec![0x86], literal(4, path), literal(1, "wharf.example")].concat()
}

struct Abuser {
    stream: TcpStream,
}

impl Abuser {
    async fn greet(wharf: &Wharf) -> Self {
        let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
        let greeting = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
        stream.write_all(&greeting).await.unwrap();
        Self { stream }
    }

    /// Sends these frames, if it still may; what the server says meanwhile is thrown away.
    async fn send(&mut self, frames: &[u8]) -> bool {
        let (mut read, mut write) = self.stream.split();
        let mut said = vec![0; 64 << 10];
        let sending = write.write_all(frames);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                sent = &mut sending => return sent.is_ok(),
                told = read.read(&mut said) => {
                    if told.is_err() || told.is_ok_and(|length| length == 0) {
                        return false;
                    }
                }
            }
        }
    }

    /// What the server says until one of these frames has come.
    async fn hear(&mut self, is_it: impl Fn(&Frame<'_>) -> bool) -> Vec<u8> {
        let (mut said, mut piece) = (Vec::new(), vec![0; 64 << 10]);
        while !frames(&said).iter().any(&is_it) {
            let read = timeout(Duration::from_secs(20), self.stream.read(&mut piece)).await;
            let length = read.expect("the server says nothing more").unwrap();
            assert!(length > 0, "the connection ended");
            said.extend_from_slice(&piece[..length]);
        }
        said
    }

    /// Sends again and again; how often until the server had enough, if it ever had.
    async fn send_until_refused(mut self, most: usize, frames: impl Fn(usize) -> Vec<u8>) -> Option<usize> {
        for number in 0..most {
            if !self.send(&frames(number)).await {
                return Some(number);
            }
        }
        // The last word may be on its way.
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(1), self.stream.read_to_end(&mut rest)).await;
        (ended.is_ok() || has_go_away(&rest)).then_some(most)
    }
}

/// A frame of the server's.
struct Frame<'a> {
    kind: u8,
    stream: u32,
    payload: &'a [u8],
}

/// The frames that the server has sent whole.
fn frames(mut said: &[u8]) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _, s, t, u, v, rest @ ..] = said {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
        let Some((payload, next)) = rest.split_at_checked(length) else { break };
        frames.push(Frame { kind: *kind, stream: u32::from_be_bytes([*s, *t, *u, *v]), payload });
        said = next;
    }
    frames
}

/// Whether there is such a frame among what the server said.
fn has_go_away(said: &[u8]) -> bool {
    frames(said).iter().any(|frame| frame.kind == GO_AWAY)
}

/// The first window of every stream: none, so that no answer comes to its end.
fn no_window() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&4_u16.to_be_bytes()[..], &0_u32.to_be_bytes()].concat())
}

/// Requests for `/healthz` on the first streams.
fn asked(streams: u32) -> Vec<u8> {
    let one = |index| frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, &head("GET", "/healthz"));
    (0..streams).flat_map(one).collect()
}

/// What the process has in memory, in KiB.
fn resident(wharf: &Wharf) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", wharf.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn expect_unharmed(wharf: &Wharf, before: u64) {
    wharf.anonymous().get("/healthz").await.is(200);
    let grown = resident(wharf).saturating_sub(before);
    assert!(grown < FLAT, "it grew by {grown} KiB");
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_are_opened_end_the_connection() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    let head = head("GET", "/healthz");
    let reset = |number: usize| {
        let stream = |index: usize| u32::try_from(2 * (number * 50 + index) + 1).unwrap();
        let pair = |index| {
            let opened = frame(HEADERS, END_STREAM | END_HEADERS, stream(index), &head);
            [opened, frame(RST_STREAM, 0, stream(index), &8_u32.to_be_bytes())].concat()
        };
        (0..50).flat_map(pair).collect()
    };

    let refused = Abuser::greet(&wharf).await.send_until_refused(400, reset).await;

    assert!(refused.is_some(), "20,000 resets were taken");
    expect_unharmed(&wharf, before).await;
}

#[tokio::test]
async fn a_head_that_never_ends_ends_the_connection() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    let mut abuser = Abuser::greet(&wharf).await;
    assert!(abuser.send(&frame(HEADERS, END_STREAM, 1, &head("GET", "/healthz"))).await);
    let one_more = [&[0, 100][..], &[b'x'; 100], &[100], &[b'y'; 100]].concat();
    let more = |_| frame(CONTINUATION, 0, 1, &one_more.repeat(50));

    let refused = abuser.send_until_refused(4_000, more).await;

    assert!(refused.is_some(), "40 MiB of a head were taken");
    expect_unharmed(&wharf, before).await;
}

#[tokio::test]
async fn a_body_in_frames_of_one_byte_or_none_costs_no_memory() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    for byte in [&b"x"[..], b""] {
        let mut abuser = Abuser::greet(&wharf).await;
        let opened: Vec<u8> = (0..20)
            .flat_map(|index| {
                frame(HEADERS, END_HEADERS, 2 * index + 1, &head("POST", "/v2/acme/app/blobs/uploads/"))
            })
            .collect();
        assert!(abuser.send(&opened).await);
        let tiny = |number: usize| {
            let stream = 2 * u32::try_from(number % 20).unwrap() + 1;
            frame(DATA, 0, stream, byte).repeat(500)
        };
        // Ended or not: what counts is what it costs.
        abuser.send_until_refused(400, tiny).await;
        expect_unharmed(&wharf, before).await;
    }
}

#[tokio::test]
async fn readers_with_no_window_hold_nobody_else_up() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    let mut abusers = Vec::new();
    for _ in 0..10 {
        let mut abuser = Abuser::greet(&wharf).await;
        assert!(abuser.send(&no_window()).await);
        assert!(abuser.send(&asked(100)).await);
        abusers.push(abuser);
    }
    expect_unharmed(&wharf, before).await;
}

#[tokio::test]
async fn readers_that_take_nothing_fill_no_memory_and_lose_their_connection() {
    let wharf = Wharf::start_in_files(&[("WHARF_ANSWER_MEMORY", "16MiB")]).await;
    let large = Image::oci(1).edited(|manifest| {
        let annotations = (0..390).map(|i| (format!("annotation-{i}"), json!("x".repeat(10_000))));
        manifest["annotations"] = annotations.collect();
    });
    wharf.admin().repository("acme/app").push_image(&large, "large").await;
    wharf.set_public("acme/main", true);
    let before = resident(&wharf);
    let mut abuser = Abuser::greet(&wharf).await;
    let wanted = head("GET", "/v2/acme/app/manifests/large");
    let asked = (0..60).flat_map(|index| frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, &wanted));
    let asked: Vec<u8> = [no_window(), asked.collect()].concat();
    abuser.stream.write_all(&asked).await.unwrap();

    let mut said = Vec::new();
    let ended = timeout(Duration::from_secs(20), abuser.stream.read_to_end(&mut said)).await;

    assert!(ended.is_ok(), "a connection that takes nothing lives");
    let grown = resident(&wharf).saturating_sub(before);
    assert!(grown < 100 << 10, "60 manifests of 4 MiB took {grown} KiB");
    let read = wharf.anonymous().get("/v2/acme/app/manifests/large").await.is(200);
    assert_eq!(read.body, large.manifest, "who reads is served");
}

#[tokio::test]
async fn a_hundred_streams_are_open_at_once_and_the_next_is_refused() {
    let wharf = Wharf::start().await;
    let mut abuser = Abuser::greet(&wharf).await;
    abuser.stream.write_all(&[no_window(), asked(101)].concat()).await.unwrap();

    let said = abuser.hear(|frame| frame.kind == RST_STREAM).await;

    let refused: Vec<u32> = resets(&said).collect();
    assert_eq!(refused, [2 * 100 + 1], "only the last is one too many");
    let answered = |stream: u32| move |frame: &Frame<'_>| frame.kind == HEADERS && frame.stream == stream;
    if !frames(&said).iter().any(answered(2 * 99 + 1)) {
        abuser.hear(answered(2 * 99 + 1)).await;
    }
}

/// The streams that the server refused.
fn resets(said: &[u8]) -> impl Iterator<Item = u32> {
    let refused =
        |frame: &Frame<'_>| frame.kind == RST_STREAM && frame.payload == REFUSED_STREAM.to_be_bytes();
    frames(said).into_iter().filter(refused).map(|frame| frame.stream)
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_ended() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    let mut abuser = Abuser::greet(&wharf).await;
    // Nobody idles who still waits for an answer.
    abuser.stream.write_all(&[no_window(), asked(1)].concat()).await.unwrap();

    let mut said = Vec::new();
    let ended = timeout(Duration::from_secs(80), abuser.stream.read_to_end(&mut said)).await;

    assert!(ended.is_ok(), "a connection that answers nothing lives");
    assert!(frames(&said).iter().any(|frame| frame.kind == PING), "it was never asked");
    expect_unharmed(&wharf, before).await;
}

#[tokio::test]
async fn a_head_that_grows_as_it_is_unpacked_is_refused_and_costs_no_memory() {
    let wharf = Wharf::start().await;
    let before = resident(&wharf);
    let value = [b'x'; 3_000];
    // A header that the table remembers (RFC 7541, section 6.2.1: name `x`, a length of 127 and the rest), and then as
    // one byte each the first entry behind the static ones.
    let rest = value.len() - 127;
    let length = [0x7f, u8::try_from(rest % 128).unwrap() | 0x80, u8::try_from(rest / 128).unwrap()];
    let remembered = [&[0x40, 1, b'x'][..], &length, &value].concat();
    let block = [head("GET", "/healthz"), remembered, vec![0x80 | 62; 8_000]].concat();
    let bomb = |number: usize| {
        let stream = 2 * u32::try_from(number).unwrap() + 1;
        frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
    };

    for _ in 0..20 {
        let refused = Abuser::greet(&wharf).await.send_until_refused(20, bomb).await;
        assert!(refused.is_some(), "24 MB of a head were taken, twenty times");
    }

    expect_unharmed(&wharf, before).await;
}
