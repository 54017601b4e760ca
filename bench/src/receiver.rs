//! A receiver of webhooks on loopback: it takes every message, counts it, and has a thread of its own for each connection,
//! so that it does not wait for the clients' thread.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::Result;

/// What every message is answered.
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A receiver, as long as the driver runs.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Host and port.
    pub(crate) authority: String,
    taken: Arc<AtomicU64>,
}

impl Receiver {
    /// Listens on a port that is free.
    ///
    /// # Errors
    /// None, as long as there is one.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (authority, taken) = (listener.local_addr()?.to_string(), Arc::<AtomicU64>::default());
        let count = taken.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                // Whoever ends a connection wanted no more of it.
                thread::spawn(move || take(&stream, &count));
            }
        });
        Ok(Self { authority, taken })
    }

    /// How many messages it took.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Takes what comes on a connection, until it ends.
fn take(stream: &TcpStream, taken: &AtomicU64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    while let Some(length) = length(&mut reader)? {
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        taken.fetch_add(1, Ordering::Relaxed);
        writer.write_all(TAKEN)?;
    }
    Ok(())
}

/// Reads the head of a request: how long its body is; nothing where the connection ended.
fn length(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<u64>> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => return Ok(Some(length)),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or_default();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_taken_and_counted() {
        let receiver = Receiver::start().unwrap();
        let mut stream = TcpStream::connect(&receiver.authority).unwrap();
        let mut answer = vec![0; TAKEN.len()];
        for body in ["", "{}"] {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, TAKEN);
        }
        assert_eq!(receiver.taken(), 2);
    }
}
