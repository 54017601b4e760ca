//! `multipart/form-data` (RFC 7578), read as it comes: never more of a body in memory than one piece of the connection,
//! and the bytes of a file are handed on as they lie there, not copied.
//!
//! Known parsers gather whatever the socket has before they hand out the first byte, which for a large wheel is all
//! of it.

use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use memchr::memmem::Finder;
use wharf_core::{ByteStream, Error, Kind, Result, cut_short};

/// The longest boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// The most bytes of the headers of one part.
const LONGEST_HEAD: usize = 8 * 1024;
/// So many bytes are put together at a time where a head is read: what stands behind it is a file's, most of the time.
const STEP: usize = 512;

/// How much a form may hold.
#[derive(Clone, Copy, Debug)]
pub struct FormBounds {
    /// The most parts.
    pub parts: usize,
    /// The most bytes of all parts but the files, with their heads and what stands before the first.
    pub beside: usize,
}

/// What stands between the parts of a form, and how long the form says it is.
#[derive(Debug)]
pub struct Boundary {
    text: String,
    /// In bytes; nothing where it does not say.
    announced: usize,
}

impl Boundary {
    /// That of a request whose `Content-Type` says that its body is a form.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let (kind, parameters) = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.split_once(';')?;
        let boundary = parameter(parameters, "boundary")?;
        let is_legal = (1..=LONGEST_BOUNDARY).contains(&boundary.len()) && boundary.is_ascii();
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let announced = length.unwrap_or_default();
        let is_form = kind.trim().eq_ignore_ascii_case("multipart/form-data") && is_legal;
        is_form.then_some(Self { text: boundary, announced })
    }
}

/// A form on its way in. Whoever reads it asks for a part, takes that part in the way its name calls for, and asks again.
pub struct Multipart {
    body: ByteStream,
    /// What had to be put together of several pieces, or looked at as a whole.
    gathered: BytesMut,
    /// What came behind it.
    piece: Bytes,
    delimiter: Finder<'static>,
    bounds: FormBounds,
    announced: usize,
    parts: usize,
    /// The bytes of all parts but the files, so far.
    beside: usize,
}

/// The beginning of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the field; nothing where it has none.
    pub name: String,
    /// The name of the file, if it is one.
    pub filename: Option<String>,
}

impl Multipart {
    /// The form that a body is.
    pub fn new(boundary: Boundary, body: ByteStream, bounds: FormBounds) -> Self {
        let Boundary { text: boundary, announced } = boundary;
        // A delimiter begins with the end of the line before it; the first one has none.
        let gathered = BytesMut::from("\r\n");
        let delimiter = Finder::new(format!("\r\n--{boundary}").as_bytes()).into_owned();
        Self { body, gathered, piece: Bytes::new(), delimiter, bounds, announced, parts: 0, beside: 0 }
    }

    /// The next part, after whatever is left of the one before; none at the end.
    ///
    /// # Errors
    /// `Invalid` for what is no form or breaks off; `TooLarge` beyond the bounds.
    pub async fn next_part(&mut self) -> Result<Option<PartHead>> {
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

    /// The next bytes of a file; none at its end. How many it may have is for the caller to say.
    ///
    /// # Errors
    /// `Invalid` where the body breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let front: &[u8] = if self.gathered.is_empty() { &self.piece } else { &self.gathered };
            let sure = match self.delimiter.find(front) {
                Some(0) => return Ok(None),
                Some(end) => end,
                None => front.len() - self.begun(front),
            };
            match (sure, self.piece.is_empty()) {
                (0, true) => self.receive().await?,
                (0, false) => self.gather(self.delimiter.needle().len()),
                _ if self.gathered.is_empty() => return Ok(Some(self.piece.split_to(sure))),
                _ => return Ok(Some(self.gathered.split_to(sure).freeze())),
            }
        }
    }

    /// How many bytes at the end of some could be the beginning of a delimiter.
    fn begun(&self, bytes: &[u8]) -> usize {
        let delimiter = self.delimiter.needle();
        let begins = |length: &usize| delimiter.get(..*length).is_some_and(|begun| bytes.ends_with(begun));
        (1..delimiter.len()).rev().find(begins).unwrap_or_default()
    }

    /// Throws the rest of the part away.
    ///
    /// # Errors
    /// As for [`Multipart::next_part`].
    pub async fn skip_part(&mut self) -> Result<()> {
        while let Some(chunk) = self.chunk().await? {
            self.count(chunk.len())?;
        }
        Ok(())
    }

    /// Counts bytes that are no file's, whether anybody wants them or not.
    fn count(&mut self, length: usize) -> Result<()> {
        self.beside += length;
        let FormBounds { parts, beside } = self.bounds;
        if self.parts > parts || self.beside > beside {
            let words = format!(
                "the form has more than {parts} fields, or more than {beside} bytes beside its files"
            );
            return Err(Error::new(Kind::TooLarge, words));
        }
        Ok(())
    }

    /// A whole file of at most so many bytes.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` where the body breaks off.
    pub async fn file(&mut self, most: usize) -> Result<Bytes> {
        // Room that is never filled is never touched; room that grows is copied again and again.
        let mut file = BytesMut::with_capacity(self.announced.min(most));
        while let Some(chunk) = self.chunk().await? {
            if file.len() + chunk.len() > most {
                return Err(Error::new(
                    Kind::TooLarge,
                    format!("a file of the form has more than {most} bytes"),
                ));
            }
            file.extend_from_slice(&chunk);
        }
        Ok(file.freeze())
    }

    /// The part as text of at most so many bytes.
    ///
    /// # Errors
    /// `Invalid` where it is no UTF-8; else as for [`Multipart::next_part`].
    pub async fn text(&mut self, most: usize) -> Result<String> {
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
            if let Some(end) = memchr::memmem::find(&self.gathered, b"\r\n\r\n") {
                break end;
            }
            if self.gathered.len() > LONGEST_HEAD {
                return Err(invalid("the headers of a field are too long"));
            }
            self.expect(self.gathered.len() + 1).await?;
        };
        self.count(end + 4)?;
        let head = self.gathered.split_to(end + 4);
        let head = std::str::from_utf8(&head).map_err(|_| invalid("the headers of a field must be UTF-8"))?;
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let parameter = |name: &str| disposition.and_then(|disposition| parameter(disposition, name));
        Ok(PartHead { name: parameter("name").unwrap_or_default(), filename: parameter("filename") })
    }

    /// At least so many bytes, put together.
    async fn expect(&mut self, length: usize) -> Result<&mut BytesMut> {
        while self.gathered.len() < length {
            if self.piece.is_empty() {
                self.receive().await?;
            }
            self.gather(length.next_multiple_of(STEP));
        }
        Ok(&mut self.gathered)
    }

    /// Puts what is there together, up to so many bytes.
    fn gather(&mut self, most: usize) {
        let missing = most.saturating_sub(self.gathered.len()).min(self.piece.len());
        self.gathered.extend_from_slice(&self.piece.split_to(missing));
    }

    /// Takes the next piece of the body in place of one that is used up.
    async fn receive(&mut self) -> Result<()> {
        self.piece = match self.body.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Err(cut_short(error)),
            None => return Err(invalid("the form ends before its last boundary")),
        };
        Ok(())
    }
}

fn invalid(words: &'static str) -> Error {
    Error::new(Kind::Invalid, words)
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
    use axum::http::HeaderValue;
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b\r\n\
        content-disposition: form-data; name=\"content\"; filename=\"f\\x.whl\"\r\nContent-Type: a/b\r\n\r\n\r\n--xb\r\n--\
        \r\n--b\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--b--\r\nafter";

    const BOUNDS: FormBounds = FormBounds { parts: 2001, beside: 4 << 20 };

    fn form_of(kind: &'static str, body: ByteStream) -> Option<Multipart> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        Some(Multipart::new(Boundary::of(&headers)?, body, BOUNDS))
    }

    async fn read(body: &[u8], piece: usize) -> Result<Vec<(PartHead, Vec<u8>)>> {
        let pieces: Vec<_> =
            body.chunks(piece.max(1)).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Box::pin(stream::iter(pieces));
        let mut form = form_of("multipart/form-data; boundary=\"b\"", body).expect("a boundary");
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
            assert!(form_of(wrong, Box::pin(stream::empty())).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_part_and_byte_is_counted_but_those_of_the_file() {
        let skip = |body: String| {
            let pieces = [Ok(Bytes::from(body))];
            block(async {
                let body = Box::pin(stream::iter(pieces));
                let mut form = form_of("multipart/form-data; boundary=b", body).expect("a boundary");
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
        assert_eq!(fits(part("gpg_signature", BOUNDS.beside / 2)), Ok(()));
        assert_eq!(fits(part("content", BOUNDS.beside * 2)), Ok(()));
        assert_eq!(fits(part("gpg_signature", BOUNDS.beside)), Err(Kind::TooLarge));
        assert_eq!(fits(part("gpg_signature", BOUNDS.beside / 8).repeat(8)), Err(Kind::TooLarge));
        assert_eq!(
            fits("x".repeat(BOUNDS.beside + 1) + "\r\n"),
            Err(Kind::TooLarge),
            "before the first part"
        );
        assert_eq!(fits(part("empty", 0).repeat(BOUNDS.parts)), Ok(()));
        assert_eq!(fits(part("empty", 0).repeat(BOUNDS.parts + 1)), Err(Kind::TooLarge));
        assert_eq!(fits(part(&"x".repeat(LONGEST_HEAD / 2), 0).repeat(1200)), Err(Kind::TooLarge));
        assert_eq!(fits(part(&"x".repeat(LONGEST_HEAD + STEP), 0)), Err(Kind::Invalid));
    }

    #[test]
    fn the_bytes_of_a_file_are_handed_on_where_they_lie() {
        let head = "--b\r\nContent-Disposition: form-data; name=content\r\n\r\n";
        let pieces = [Bytes::from(head), Bytes::from(vec![b'x'; 1 << 20]), Bytes::from("\r\n--b--")];
        let expected = pieces[1].as_ptr();
        let body = Box::pin(stream::iter(pieces.map(Ok)));
        let chunk = block(async {
            let mut form = form_of("multipart/form-data; boundary=b", body).expect("a boundary");
            form.next_part().await?;
            form.chunk().await
        });
        let chunk = chunk.unwrap().unwrap();
        assert_eq!((chunk.as_ptr(), chunk.len()), (expected, 1 << 20));
    }

    #[test]
    fn what_only_begins_like_a_delimiter_is_part_of_a_file() {
        let file = "\r\r\n\r\n-\r\n--\r\n--a\r\n-";
        let body = format!("--bb\r\nContent-Disposition: form-data; name=content\r\n\r\n{file}\r\n--bb--");
        for piece in 1..body.len() {
            let pieces: Vec<_> =
                body.as_bytes().chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let form = form_of("multipart/form-data; boundary=bb", Box::pin(stream::iter(pieces)));
            let read = block(async {
                let mut form = form.expect("a boundary");
                form.next_part().await?;
                form.file(100).await
            });
            assert_eq!(read.unwrap(), file, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_file_has_as_many_bytes_as_its_reader_says_and_no_more() {
        let file = |most| {
            let body = Box::pin(stream::iter([Ok(Bytes::from_static(BODY.as_bytes()))]));
            block(async {
                let mut form = form_of("multipart/form-data; boundary=b", body).expect("a boundary");
                form.next_part().await?;
                form.file(most).await
            })
        };
        assert_eq!(file(3).unwrap(), "one");
        assert_eq!(file(2).map_err(|error| error.kind()), Err(Kind::TooLarge));
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
