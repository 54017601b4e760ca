//! What the driver asks of Wharf's management API, as its operator.

use serde_json::Value;

use crate::{
    Result,
    client::{Body, Connection, Request, Sink},
    peer::wharf::BASIC,
};

/// The first lines of a request with a body.
pub(crate) const JSON: &str = "content-type: application/json\r\n";

/// Asks for something below `/api/v1`; the answer, null where it has no body.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn ask(
    connection: &mut Connection,
    (method, path): (&'static str, &str),
    body: Option<&Value>,
) -> Result<Value> {
    ask_as(connection, BASIC, (method, path), body).await
}

/// The same as somebody else, by this header line.
///
/// # Errors
/// As [`ask`].
pub(crate) async fn ask_as(
    connection: &mut Connection,
    authorization: &str,
    (method, path): (&'static str, &str),
    body: Option<&Value>,
) -> Result<Value> {
    let (target, headers) = (format!("/api/v1{path}"), format!("{authorization}{JSON}"));
    let bytes = body.map(Value::to_string).unwrap_or_default();
    let request = Request { method, target: &target, headers: &headers, body: Body::Bytes(bytes.as_bytes()) };
    let mut answer = Vec::new();
    connection.call(request, Sink::Reader(&mut |piece| answer.extend_from_slice(piece))).await?;
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&answer)?)
}

/// A field of an answer, which must be text.
///
/// # Errors
/// An answer without it.
pub(crate) fn text(answer: &Value, field: &str) -> Result<String> {
    let found = answer.get(field).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("an answer without {field}"))?.to_owned())
}
