//! Bytes that wait until they fill a part: shared with whoever sent them, never copied.

use std::collections::VecDeque;

use bytes::Bytes;

/// Pieces in their order.
#[derive(Default)]
pub(super) struct Buffer {
    pieces: VecDeque<Bytes>,
    length: usize,
}

impl Buffer {
    /// How many bytes wait.
    pub(super) fn length(&self) -> u64 {
        self.length as u64
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        self.pieces.push_back(piece);
    }

    /// The first so many bytes, or what there is. They stay.
    pub(super) fn first(&self, mut wanted: usize) -> Vec<Bytes> {
        let mut first = Vec::new();
        for piece in &self.pieces {
            let length = piece.len().min(wanted);
            first.push(piece.slice(..length));
            wanted -= length;
            if wanted == 0 {
                break;
            }
        }
        first
    }

    /// Lets the first so many bytes go.
    pub(super) fn forget_first(&mut self, mut wanted: usize) {
        while let Some(mut piece) = self.pieces.pop_front() {
            let length = piece.len().min(wanted);
            self.length -= length;
            wanted -= length;
            if length < piece.len() {
                self.pieces.push_front(piece.split_off(length));
                return;
            }
        }
    }

    /// Keeps no more than the first so many bytes.
    pub(super) fn truncate(&mut self, wanted: usize) {
        if wanted < self.length {
            self.pieces = self.first(wanted).into();
            self.length = wanted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer() -> Buffer {
        let mut buffer = Buffer::default();
        for piece in ["ab", "", "cde", "f"] {
            buffer.push(Bytes::from_static(piece.as_bytes()));
        }
        buffer
    }

    #[test]
    fn wherever_it_is_cut_no_byte_is_lost_or_doubled() {
        for cut in 0..=7 {
            let (mut front, mut back) = (buffer(), buffer());
            let first = front.first(cut).concat();
            front.truncate(cut);
            back.forget_first(cut);
            let all = |buffer: &Buffer| buffer.first(usize::MAX).concat();
            assert_eq!(first, all(&front));
            assert_eq!([all(&front), all(&back)].concat(), b"abcdef", "at {cut}");
            assert_eq!(front.length() + back.length(), 6);
        }
    }
}
