//! Forms with a file, as the doors of uploads take them (`multipart/form-data`, RFC 7578).

use crate::{
    Result,
    client::{Body, Connection, Request, Sink},
    payload::Payload,
};

const END: &[u8] = b"\r\n--frontier--\r\n";

/// A form whose last part is a file.
#[derive(Debug)]
pub(crate) struct Form {
    /// Everything before the file's bytes.
    head: Vec<u8>,
    pub(crate) file: Payload,
}

impl Form {
    /// A form of some fields and a file: the name of its part, and its own.
    pub(crate) fn new(fields: &[(&str, &str)], (part, filename): (&str, &str), file: Payload) -> Self {
        let mut head = String::new();
        for (name, value) in fields {
            head +=
                &format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        head += &format!(
            "--frontier\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{filename}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        Self { head: head.into_bytes(), file }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.file.size + (self.head.len() + END.len()) as u64
    }

    /// Its bytes.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.head[..]).chain(self.file.pieces()).chain(std::iter::once(END))
    }

    /// Sends it to a path.
    ///
    /// # Errors
    /// Any answer but a success.
    pub(crate) async fn send(
        &self,
        connection: &mut Connection,
        authorization: &str,
        target: &str,
    ) -> Result<()> {
        let headers = format!("{authorization}content-type: multipart/form-data; boundary=frontier\r\n");
        let request = Request { method: "POST", target, headers: &headers, body: Body::Form(self) };
        connection.call(request, Sink::Nobody).await.map(drop)
    }
}
