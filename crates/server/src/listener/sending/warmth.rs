//! Keeps `sendfile` from waiting for the disk: it would hold up the thread, and all connections that share it.
//!
//! Before a stretch of a file is sent, a byte of each of its pieces is asked for without waiting. Where one is not in
//! memory, a thread that may block reads the stretch, and the connection waits for that.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use rustix::io::{Errno, ReadWriteFlags};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Part;

/// How far ahead a file is looked at, in bytes.
const STRETCH: u64 = 2 << 20;
/// How much is read at a time, in bytes.
const PIECE: usize = 1 << 17;

/// What is known of the part that is being sent.
#[derive(Default)]
pub(super) struct Warmth {
    /// The part, by its address, and up to where it was looked at.
    known: (usize, u64),
    reading: Option<JoinHandle<io::Result<()>>>,
}

impl Warmth {
    /// Ready when the next bytes of a part can be sent.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, part: &Arc<Part>) -> Poll<io::Result<()>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(Pin::new(reading).poll(context));
            self.reading = None;
            return Poll::Ready(read.map_err(io::Error::other)?);
        }
        let (sent, id) = (part.sent.load(Ordering::Acquire), Arc::as_ptr(part).addr());
        // Another part may have come to the same address, but it begins anew.
        if self.known.0 == id && 0 < sent && sent < self.known.1 {
            return Poll::Ready(Ok(()));
        }
        let until = part.length.min(sent + STRETCH);
        self.known = (id, until);
        let (from, to) = (part.offset + sent, part.offset + until);
        if is_in_memory(&part.file, from, to) {
            return Poll::Ready(Ok(()));
        }
        let file = part.file.clone();
        self.reading = Some(spawn_blocking(move || read(&file, from, to)));
        self.poll(context, part)
    }
}

/// Whether a stretch can be read without waiting, as far as its pieces and the file system tell.
fn is_in_memory(file: &File, from: u64, to: u64) -> bool {
    (from..to).step_by(PIECE).chain(to.checked_sub(1)).all(|offset| is_byte_in_memory(file, offset))
}

pub(super) fn is_byte_in_memory(file: &File, offset: u64) -> bool {
    let mut byte = [0];
    let looked = rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT);
    !matches!(looked, Err(Errno::AGAIN))
}

fn read(file: &File, mut from: u64, to: u64) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    while from < to {
        match file.read_at(&mut piece, from)? {
            0 => break,
            read => from += read as u64,
        }
    }
    Ok(())
}
