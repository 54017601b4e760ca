//! A body in chunks (RFC 9112, section 7.1), as it comes from servers that do not know its length beforehand.

use super::Sink;
use crate::Result;

/// Where in the body one is.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// A line that has not ended yet.
    line: Vec<u8>,
    /// How many bytes of a chunk are still to come.
    left: u64,
    /// Whether the last chunk was announced.
    is_last: bool,
}

impl Chunks {
    /// Takes the next bytes; whether they end the body.
    pub(super) fn take(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) -> Result<bool> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let most = usize::try_from(self.left)?.min(bytes.len());
                let (data, behind) = bytes.split_at_checked(most).unwrap_or((bytes, &[]));
                sink.take(data);
                self.left -= data.len() as u64;
                bytes = behind;
                continue;
            }
            bytes = rest;
            if *first != b'\n' {
                self.line.push(*first);
            } else if self.end_line()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a line: the size of a chunk, the end of one, or a trailer; whether it ends the body.
    fn end_line(&mut self) -> Result<bool> {
        let line = String::from_utf8(std::mem::take(&mut self.line))?;
        let line = line.trim_end();
        match (line.is_empty(), self.is_last) {
            (true, is_last) => return Ok(is_last),
            (false, true) => {}
            (false, false) => {
                let size = line.split(';').next().unwrap_or_default();
                self.left = u64::from_str_radix(size.trim(), 16)?;
                self.is_last = self.left == 0;
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_however_they_come() {
        let body = b"5;name=value\r\nhello\r\n1\r\n,\r\nA\r\n wide\r\nwor\r\n0\r\ntrailer: 1\r\n\r\n";
        for size in 1..=body.len() {
            let (mut chunks, mut found, mut ends) = (Chunks::default(), Vec::new(), Vec::new());
            for piece in body.chunks(size) {
                ends.push(
                    chunks.take(piece, &mut Sink::Reader(&mut |data| found.extend_from_slice(data))).unwrap(),
                );
            }
            assert_eq!(found, b"hello, wide\r\nwor", "in pieces of {size}");
            assert_eq!(ends.pop(), Some(true));
            assert!(!ends.contains(&true));
        }
    }
}
