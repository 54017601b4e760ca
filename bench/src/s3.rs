//! A client of an S3 server: blobs in parts, each request signed (AWS Signature Version 4), with its bytes or
//! without: over plain HTTP the usual clients, and Wharf, sign them too.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use wharf_core::Digest;

use crate::{
    Result,
    client::{Answer, Body, Connection, Request, Sink},
    payload::Payload,
};

/// The bucket.
pub(crate) const BUCKET: &str = "bench";
/// Where the server says it stands.
pub(crate) const REGION: &str = "us-east-1";

/// How many bytes a part has, as Wharf sends them.
const PART: usize = 5 << 20;

/// What requests are signed with.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) access: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) signed: Signed,
}

/// What a signature vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Method, address and moment. It costs no hash, at neither end.
    Head,
    /// The bytes too.
    Bytes,
}

/// Stores a blob in parts.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn push(payload: &Payload, connection: &mut Connection, keys: &Keys) -> Result<()> {
    let path = path_of(&payload.digest);
    let begun = call(connection, keys, ("POST", &path, "uploads="), Body::Nothing).await?.1;
    let id = element(&begun, "UploadId").ok_or("no id for the parts")?.to_owned();
    let (mut tags, mut part) = (Vec::new(), Vec::with_capacity(PART));
    let mut pieces = payload.pieces().peekable();
    while let Some(piece) = pieces.next() {
        part.extend_from_slice(piece);
        while part.len() >= PART || (pieces.peek().is_none() && !part.is_empty()) {
            let rest = part.split_off(part.len().min(PART));
            let query = format!("partNumber={}&uploadId={id}", tags.len() + 1);
            let sent = call(connection, keys, ("PUT", &path, &query), Body::Bytes(&part)).await?.0;
            tags.push(sent.header("etag").ok_or("a part without a tag")?.to_owned());
            part = rest;
        }
    }
    let parts = tags
        .iter()
        .enumerate()
        .map(|(index, tag)| format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", index + 1));
    let join = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
    let query = format!("uploadId={id}");
    let joined = call(connection, keys, ("POST", &path, &query), Body::Bytes(join.as_bytes())).await?.1;
    element(&joined, "ETag").map(drop).ok_or_else(|| format!("parts were not joined: {joined}").into())
}

fn path_of(digest: &Digest) -> String {
    format!("/{BUCKET}/{}", digest.to_string().replace(':', "/"))
}

/// The text of the first element of a name.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text)
}

async fn call(
    connection: &mut Connection,
    keys: &Keys,
    (method, path, query): (&'static str, &str, &str),
    body: Body<'_>,
) -> Result<(Answer, String)> {
    let bytes = match (keys.signed, body) {
        (Signed::Head, _) => "UNSIGNED-PAYLOAD".to_owned(),
        (Signed::Bytes, Body::Bytes(bytes)) => sha256(bytes),
        (Signed::Bytes, _) => sha256(&[]),
    };
    let headers = signed(keys, (connection.authority(), &bytes), (method, path, query))?;
    let (target, mut said) = (format!("{path}?{query}"), Vec::new());
    let request = Request { method, target: &target, headers: &headers, body };
    let answer = connection.call(request, Sink::Reader(&mut |piece| said.extend_from_slice(piece))).await?;
    Ok((answer, String::from_utf8(said)?))
}

/// The header lines of a signed request. The query is in order, and has no character that is escaped.
fn signed(
    keys: &Keys,
    (host, bytes): (&str, &str),
    (method, path, query): (&str, &str, &str),
) -> Result<String> {
    let moment = moment(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let day = moment.get(..8).unwrap_or_default();
    let names = "host;x-amz-content-sha256;x-amz-date";
    let request = format!(
        "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{bytes}\nx-amz-date:{moment}\n\n{names}\n{bytes}"
    );
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let hashed = sha256(request.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}");
    let mut key = format!("AWS4{}", keys.secret).into_bytes();
    for word in [day, REGION, "s3", "aws4_request"] {
        key = authenticated(&key, word);
    }
    let (access, signature) = (keys.access, hex(&authenticated(&key, &text)));
    Ok(format!(
        "x-amz-content-sha256: {bytes}\r\nx-amz-date: {moment}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential={access}/{scope},SignedHeaders={names},Signature={signature}\r\n"
    ))
}

fn authenticated(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970 as `20261121T205800Z` (the calendar of the civil algorithms of Howard Hinnant).
fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_signature_wants_them() {
        assert_eq!(moment(0), "19700101T000000Z");
        assert_eq!(moment(951_827_696), "20000229T123456Z");
        assert_eq!(moment(1_798_761_599), "20261231T235959Z");
    }
}
