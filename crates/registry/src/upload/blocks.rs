//! Blocks: the memory into which the bytes of a body are copied as they come, used again once nobody holds them.
//!
//! What the network hands over keeps the whole buffer that it was read into, however little of it that is, and buffers
//! that come and go leave holes between those that stay. The few blocks that an upload fills at its fullest moment serve
//! it to its end, and the network has its own back at once.

use bytes::{Bytes, BytesMut};

/// The largest block, in bytes: so much is handed on at a time.
pub(super) const BLOCK: usize = 512 << 10;

/// The room that a new one begins with, in bytes: most bodies are small. The allocator tidies up whenever 64 KiB or more
/// are given back.
const SMALL: usize = 16 << 10;

/// The blocks of one body.
#[derive(Default)]
pub(super) struct Blocks {
    /// Those that were handed on. Whose bytes nobody else holds any more is free.
    lent: Vec<Bytes>,
}

impl Blocks {
    /// An empty block: a free one, where there is one.
    pub(super) fn empty(&mut self) -> BytesMut {
        let free = self.lent.iter().position(Bytes::is_unique);
        let free = free.and_then(|at| self.lent.swap_remove(at).try_into_mut().ok());
        let mut block = free.unwrap_or_default();
        block.clear();
        block
    }

    /// Hands a block on. It is free again when nobody holds the bytes.
    pub(super) fn lend(&mut self, block: BytesMut) -> Bytes {
        let bytes = block.freeze();
        self.lent.push(bytes.clone());
        bytes
    }
}

/// Copies as much of a piece as a block still takes, and leaves the rest.
pub(super) fn fill(block: &mut BytesMut, piece: &mut Bytes) {
    let length = piece.len().min(BLOCK.saturating_sub(block.len()));
    let filled = block.len() + length;
    if filled > block.capacity() {
        let room = filled.next_power_of_two().clamp(SMALL, BLOCK);
        block.reserve(room - block.len());
    }
    block.extend_from_slice(&piece.split_to(length));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(blocks: &mut Blocks) -> Bytes {
        let mut block = blocks.empty();
        fill(&mut block, &mut Bytes::from(vec![7; BLOCK]));
        blocks.lend(block)
    }

    #[test]
    fn a_block_is_used_again_when_nobody_holds_its_bytes_and_not_before() {
        let mut blocks = Blocks::default();
        let (first, second) = (full(&mut blocks), full(&mut blocks));
        let (place, part) = (first.as_ptr(), first.slice(5..6));
        drop(first);
        assert_ne!(full(&mut blocks).as_ptr(), place, "somebody holds a part of it");
        assert_eq!(*part, [7]);
        drop(part);
        // That, and the one that was dropped at once.
        let (third, fourth) = (full(&mut blocks), full(&mut blocks));
        assert!([third.as_ptr(), fourth.as_ptr()].contains(&place));
        assert_eq!(blocks.lent.len(), 3, "{second:?} and the two that were free");
    }

    #[test]
    fn a_block_takes_what_fits_and_no_more_room_than_it_needs() {
        let mut block = Blocks::default().empty();
        let mut piece = Bytes::from(vec![1; 10]);
        fill(&mut block, &mut piece);
        assert!(piece.is_empty() && block.len() == 10 && block.capacity() == SMALL);
        let mut piece = Bytes::from(vec![2; BLOCK]);
        fill(&mut block, &mut piece);
        assert_eq!((block.len(), block.capacity(), piece.len()), (BLOCK, BLOCK, 10));
        fill(&mut block, &mut piece);
        assert_eq!((block.len(), piece.len()), (BLOCK, 10), "a full block takes nothing");
        assert_eq!((block[9], block[10]), (1, 2));
    }
}
