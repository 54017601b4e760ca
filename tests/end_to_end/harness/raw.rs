//! HTTP by hand, for what a decent client refuses to send: odd paths, bodies that never come, clients that leave.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::Caller;

/// A connection on which a request has begun.
pub(crate) struct Exchange {
    stream: TcpStream,
}

impl Exchange {
    /// Sends the request line and headers, and nothing after them.
    pub(crate) async fn begin(caller: &Caller, method: &str, path: &str, headers: &[(&str, &str)]) -> Self {
        let host = caller.base.trim_start_matches("http://");
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        if let Some(authorization) = caller.authorization() {
            head.push_str(&format!("authorization: {authorization}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a byte at every pause, until the server says something or all are sent; how many were.
    pub(crate) async fn trickle(&mut self, bytes: &[u8], pause: Duration) -> usize {
        for (sent, byte) in bytes.iter().enumerate() {
            let is_heard = timeout(pause, self.stream.readable()).await.is_ok();
            if is_heard || self.stream.write_all(&[*byte]).await.is_err() {
                return sent;
            }
        }
        bytes.len()
    }

    /// One piece of a body in chunked transfer encoding.
    pub(crate) async fn send_chunk(&mut self, bytes: &[u8]) {
        let size = format!("{:x}\r\n", bytes.len());
        self.send(&[size.as_bytes(), bytes, b"\r\n"].concat()).await;
    }

    /// Closes the connection where it stands.
    pub(crate) async fn leave(mut self) {
        self.stream.flush().await.unwrap();
        drop(self.stream);
    }

    /// Says that nothing more will come, and reads until the server closes: then it is done with what did come.
    pub(crate) async fn break_off(mut self) -> String {
        self.stream.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        let read = timeout(Duration::from_secs(10), self.stream.read_to_end(&mut bytes)).await;
        let _ = read.expect("the server closes after its client");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads an answer's status and all its text, without having ended the request.
    pub(crate) async fn answer(mut self) -> (u16, String) {
        let mut bytes = Vec::new();
        // The server may hold the connection open for the rest of the body: what matters is what it says now.
        let _ = timeout(Duration::from_secs(10), self.read_answer(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no answer: {text:?}")), text)
    }

    async fn read_answer(&mut self, bytes: &mut Vec<u8>) {
        let mut piece = [0_u8; 4096];
        while !is_whole(bytes) {
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
            }
        }
    }
}

/// Whether the bytes hold a head and as much of a body as it announces.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    match length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => head.contains("chunked") && body.ends_with("0\r\n\r\n"),
    }
}

/// A whole request without a body: status and text.
pub(crate) async fn ask(caller: &Caller, method: &str, path: &str) -> (u16, String) {
    Exchange::begin(caller, method, path, &[("content-length", "0")]).await.answer().await
}
