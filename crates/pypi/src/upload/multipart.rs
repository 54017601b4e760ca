//! `multipart/form-data` (RFC 7578), read as it comes: never more of a body in memory than one piece of the connection.
//!
//! Known parsers gather whatever the socket has before they hand out the first byte, which for a large wheel is all
//! of it.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use memchr::memmem::Finder;
use wharf_core::{ByteStream, Error, Kind, Result};

use super::invalid;

/// The longest boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// The most bytes of the headers of one part.
const LONGEST_HEAD: usize = 8 * 1024;
/// The most parts: 2,000 fields and the file.
const MOST_PARTS: usize = 2001;
/// The most bytes of all parts but the file, with their heads and what stands before the first.
const LARGEST: usize = 4 * 1024 * 1024;

/// A form on its way in.
pub(super) struct Multipart {
    body: ByteStream,
    buffer: BytesMut,
    delimiter: Finder<'static>,
    parts: usize,
    /// The bytes of all parts but the file, so far.
    size: usize,
}

/// The beginning of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartHead {
    /// The name of the field.
    pub(super) name: String,
    /// The name of the file, if it is one.
    pub(super) filename: Option<String>,
}

impl Multipart {
    /// A form of this `Content-Type`.
    pub(super) fn new(body: ByteStream, content_type: &str) -> Result<Self> {
        let boundary = boundary(content_type)
            .ok_or_else(|| invalid("an upload is a form of type multipart/form-data with a boundary"))?;
        // A delimiter begins with the end of the line before it; the first one has none.
        let buffer = BytesMut::from("\r\n");
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        Ok(Self { body, buffer, delimiter, parts: 0, size: 0 })
    }

    /// The next part, after whatever is left of the one before; none at the end.
    pub(super) async fn next_part(&mut self) -> Result<Option<PartHead>> {
        self.skip_part().await?;
        let length = self.delimiter.needle().len();
        let end = self.expect(length + 2).await?.split_to(length + 2);
        match end.get(length..) {
            Some(b"--") => Ok(None),
            Some(b"\r\n") => {
                self.parts += 1;
                self.head().await.map(Some)
            }
            _ => Err(invalid("a boundary of the form does not end its line")),
        }
    }

    /// The next bytes of the part; none at its end. Only those of the file are free, others are counted.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.delimiter.find(&self.buffer) {
                return Ok((end > 0).then(|| self.buffer.split_to(end).freeze()));
            }
            // What is left could be the beginning of a delimiter.
            let sure = self.buffer.len().saturating_sub(self.delimiter.needle().len());
            if sure > 0 {
                return Ok(Some(self.buffer.split_to(sure).freeze()));
            }
            self.more().await?;
        }
    }

    /// Throws the rest of the part away.
    pub(super) async fn skip_part(&mut self) -> Result<()> {
        while let Some(chunk) = self.chunk().await? {
            self.count(chunk.len())?;
        }
        Ok(())
    }

    /// Counts bytes that are not the file's, whether anybody wants them or not.
    fn count(&mut self, length: usize) -> Result<()> {
        self.size += length;
        if self.parts > MOST_PARTS || self.size > LARGEST {
            return Err(Error::new(
                Kind::TooLarge,
                "the form has more than 2,000 fields, or more than 4 MiB",
            ));
        }
        Ok(())
    }

    /// The part as text of at most so many bytes.
    pub(super) async fn text(&mut self, most: usize) -> Result<String> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            self.count(chunk.len())?;
            if text.len() + chunk.len() > most {
                return Err(Error::new(
                    Kind::TooLarge,
                    format!("a field of the form has more than {most} bytes"),
                ));
            }
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).map_err(|_| invalid("the fields of the form must be UTF-8"))
    }

    async fn head(&mut self) -> Result<PartHead> {
        let end = loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(invalid("the headers of a field are too long"));
            }
            self.more().await?;
        };
        self.count(end + 4)?;
        let head = self.buffer.split_to(end + 4);
        let head = std::str::from_utf8(&head).map_err(|_| invalid("the headers of a field must be UTF-8"))?;
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let parameter = |name: &str| disposition.and_then(|disposition| parameter(disposition, name));
        let name = parameter("name").ok_or_else(|| invalid("a field of the form has no name"))?;
        Ok(PartHead { name, filename: parameter("filename") })
    }

    /// At least so many bytes.
    async fn expect(&mut self, length: usize) -> Result<&mut BytesMut> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(&mut self.buffer)
    }

    async fn more(&mut self) -> Result<()> {
        match self.body.next().await {
            Some(Ok(piece)) => {
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            Some(Err(error)) => Err(invalid("the body broke off").because(error)),
            None => Err(invalid("the form ends before its last boundary")),
        }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    let boundary = parameter(parameters, "boundary")?;
    let is_legal = (1..=LONGEST_BOUNDARY).contains(&boundary.len()) && boundary.is_ascii();
    (kind.trim().eq_ignore_ascii_case("multipart/form-data") && is_legal).then_some(boundary)
}

/// A parameter of a header's value. Nothing is escaped in quotes, as browsers and publishers write them.
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_at_checked(rest.find(['=', ';']).unwrap_or(rest.len()))?;
        let (value, after) = match (after.strip_prefix("=\""), after.strip_prefix('=')) {
            (Some(quoted), _) => quoted.split_once('"')?,
            (None, Some(bare)) => bare.split_at_checked(bare.find(';').unwrap_or(bare.len()))?,
            (None, None) => ("", after),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b\r\n\
        content-disposition: form-data; name=\"content\"; filename=\"f\\x.whl\"\r\nContent-Type: a/b\r\n\r\n\r\n--xb\r\n--\
        \r\n--b\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--b--\r\nafter";

    async fn read(body: &[u8], piece: usize) -> Result<Vec<(PartHead, Vec<u8>)>> {
        let pieces: Vec<_> =
            body.chunks(piece.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut form = Multipart::new(Box::pin(stream::iter(pieces)), "multipart/form-data; boundary=\"b\"")?;
        let mut parts = Vec::new();
        while let Some(head) = form.next_part().await? {
            let mut bytes = Vec::new();
            while let Some(chunk) = form.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            parts.push((head, bytes));
        }
        Ok(parts)
    }

    fn block<T>(future: impl Future<Output = T>) -> T {
        futures_util::FutureExt::now_or_never(future).expect("nothing to wait for")
    }

    #[test]
    fn parts_come_whole_however_the_body_is_cut() {
        for piece in 1..BODY.len() {
            let parts = block(read(BODY.as_bytes(), piece)).unwrap();
            let names: Vec<_> =
                parts.iter().map(|(head, bytes)| (head.name.as_str(), bytes.as_slice())).collect();
            let expected: [(&str, &[u8]); 3] = [("a", b"one"), ("content", b"\r\n--xb\r\n--"), ("e", b"")];
            assert_eq!(names, expected, "in pieces of {piece}");
            assert_eq!(parts[1].0.filename.as_deref(), Some("f\\x.whl"));
        }
    }

    #[test]
    fn a_form_that_is_torn_is_refused() {
        for end in 0..BODY.len() - "--\r\nafter".len() {
            assert!(block(read(&BODY.as_bytes()[..end], 7)).is_err(), "cut at {end}");
        }
        for wrong in ["text/plain; boundary=b", "multipart/form-data", "multipart/form-data; boundary=", ""] {
            assert!(Multipart::new(Box::pin(stream::empty()), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_part_and_byte_is_counted_but_those_of_the_file() {
        let skip = |body: String| {
            let pieces = [Ok(Bytes::from(body))];
            block(async {
                let body = Box::pin(stream::iter(pieces));
                let mut form = Multipart::new(body, "multipart/form-data; boundary=b")?;
                while let Some(head) = form.next_part().await? {
                    while head.name == "content" && form.chunk().await?.is_some() {}
                }
                Ok::<_, Error>(())
            })
        };
        let part = |name: &str, size: usize| {
            let bytes = "x".repeat(size);
            format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n{bytes}\r\n")
        };
        let fits = |body: String| skip(body + "--b--").map_err(|error| error.kind());
        assert_eq!(fits(part("gpg_signature", LARGEST / 2)), Ok(()));
        assert_eq!(fits(part("content", LARGEST * 2)), Ok(()));
        assert_eq!(fits(part("gpg_signature", LARGEST)), Err(Kind::TooLarge));
        assert_eq!(fits(part("gpg_signature", LARGEST / 8).repeat(8)), Err(Kind::TooLarge));
        assert_eq!(fits("x".repeat(LARGEST + 1) + "\r\n"), Err(Kind::TooLarge), "before the first part");
        assert_eq!(fits(part("empty", 0).repeat(MOST_PARTS)), Ok(()));
        assert_eq!(fits(part("empty", 0).repeat(MOST_PARTS + 1)), Err(Kind::TooLarge));
        assert_eq!(fits(part(&"x".repeat(LONGEST_HEAD), 0).repeat(600)), Err(Kind::TooLarge));
    }

    proptest! {
        #[test]
        fn no_body_panics_the_parser(body in prop::collection::vec(any::<u8>(), 0..200), text in "(\r\n|--b|name=|\"|;|a| |:|Content-Disposition: form-data){0,30}", piece in 1_usize..20) {
            for body in [&body[..], text.as_bytes()] {
                let _ = block(read(body, piece));
            }
            let _ = parameter(&text, "name");
        }
    }
}
