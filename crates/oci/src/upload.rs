//! Uploading blobs: whole, in chunks, streamed, or mounted from another repository.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Algorithm, Detail, Digest, Error, Grant, Kind, Place, Result, UploadId,
    action::{Pull, Push},
};
use wharf_http::body_stream;
use wharf_registry::{Closing, Mounted, Offset, Taps, Upload};

use crate::{Call, endpoint::Begin, header_value};

/// `POST /v2/{name}/blobs/uploads/`
pub(crate) async fn begin(call: &Call<'_>, place: &Place, begin: &Begin, body: Body) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    match begin {
        Begin::Empty(algorithm) => begin_empty(call, &grant, *algorithm).await,
        Begin::Whole(digest) => {
            let pushed = call.registry.push_blob(&grant, *digest, body_stream(body), Taps::none()).await?;
            created(place, &pushed.digest)
        }
        Begin::Mount(digest, from) => mount(call, &grant, digest, from.as_ref()).await,
    }
}

async fn begin_empty(call: &Call<'_>, grant: &Grant<Push>, algorithm: Algorithm) -> Result<Response> {
    let upload = call.registry.begin_upload(grant, algorithm).await?;
    let mut response = accepted(StatusCode::ACCEPTED, grant.place(), &upload)?;
    // A request, not a condition: who sends less is served too.
    if let Some(bytes) = call.registry.best_chunk() {
        response.headers_mut().insert("oci-chunk-min-length", HeaderValue::from(bytes));
    }
    Ok(response)
}

/// A source the caller may not pull from is no source, and what cannot be mounted is to be uploaded: 202. Only where
/// his token alone is too narrow he is told to fetch another.
async fn mount(
    call: &Call<'_>,
    grant: &Grant<Push>,
    digest: &Digest,
    from: Option<&Place>,
) -> Result<Response> {
    let mounted = match from {
        None => call.registry.mount(grant, digest, None).await?,
        Some(from) => match call.registry.grant::<Pull>(call.actor, from).await {
            Ok(source) => call.registry.mount(grant, digest, Some(&source)).await?,
            Err(error) if matches!(error.detail(), Some(Detail::InsufficientScope(_))) => return Err(error),
            Err(error) if error.is_fault() => return Err(error),
            Err(_) => Mounted::No,
        },
    };
    match mounted {
        Mounted::Yes => created(grant.place(), digest),
        Mounted::No => begin_empty(call, grant, digest.algorithm()).await,
    }
}

/// `GET` of an upload: how far it is.
pub(crate) async fn status(call: &Call<'_>, place: &Place, id: UploadId) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    let upload = call.registry.upload(&grant, id).await?;
    accepted(StatusCode::NO_CONTENT, place, &upload)
}

/// `PATCH`: the next bytes, at a stated start or wherever it stands.
pub(crate) async fn append(call: &Call<'_>, place: &Place, id: UploadId, body: Body) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    let start = start_of(call.headers)?;
    let upload = call.registry.append(&grant, id, start, body_stream(body)).await?;
    accepted(StatusCode::ACCEPTED, place, &upload)
}

/// `PUT`: the last bytes, if any, and the digest of all.
pub(crate) async fn finish(
    call: &Call<'_>,
    place: &Place,
    id: UploadId,
    digest: Digest,
    body: Body,
) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    let closing = Closing { digest, start: start_of(call.headers)?, body: body_stream(body) };
    let finished = call.registry.finish_upload(&grant, id, closing).await?;
    created(place, &finished.digest)
}

/// `DELETE` of an upload.
pub(crate) async fn cancel(call: &Call<'_>, place: &Place, id: UploadId) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    call.registry.cancel_upload(&grant, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `Content-Range: <start>-<end>`: only the start counts, for clients exist that send a wrong end.
fn start_of(headers: &HeaderMap) -> Result<Offset> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else { return Ok(Offset::Here) };
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let ends = range.to_str().ok().and_then(|text| text.split_once('-'));
    let start =
        ends.filter(|(start, end)| digits(start) && digits(end)).and_then(|(start, _)| start.parse().ok());
    start.map(Offset::At).ok_or_else(|| Error::new(Kind::Invalid, "Content-Range must be <start>-<end>"))
}

fn accepted(status: StatusCode, place: &Place, upload: &Upload) -> Result<Response> {
    let Upload { id, offset } = upload;
    let headers = [
        (header::LOCATION, header_value(format!("/v2/{place}/blobs/uploads/{id}"))?),
        (header::RANGE, header_value(format!("0-{}", offset.saturating_sub(1)))?),
    ];
    let mut response = (status, headers).into_response();
    response.headers_mut().insert("docker-upload-uuid", header_value(id.to_string())?);
    // 204 has no body and no length; 202 has an empty one, and says so.
    if status == StatusCode::ACCEPTED {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(0));
    }
    Ok(response)
}

fn created(place: &Place, digest: &Digest) -> Result<Response> {
    let location = header_value(format!("/v2/{place}/blobs/{digest}"))?;
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    response.headers_mut().insert("docker-content-digest", header_value(digest.to_string())?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_start_of_a_content_range_counts() {
        let of =
            |text: &str| start_of(&HeaderMap::from_iter([(header::CONTENT_RANGE, text.parse().unwrap())]));
        assert_eq!(start_of(&HeaderMap::new()).unwrap(), Offset::Here);
        assert_eq!(of("0-9").unwrap(), Offset::At(0));
        assert_eq!(of("32-31").unwrap(), Offset::At(32));
        for bad in ["", "-", "1-", "-1", "bytes 0-1/2", "0x1-2", "+1-2", "99999999999999999999-1"] {
            assert!(of(bad).is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        /// Nothing is read into it: what is taken is the number that stands there, and what is no range is refused.
        #[test]
        fn a_content_range_is_two_numbers_or_refused(
            text in "[0-9]{1,22}-[0-9]{1,22}|(bytes )?[0-9]{0,3}[ +-]{0,2}[0-9]{0,3}(/[0-9]{1,3})?",
        ) {
            let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let ends = text.split_once('-').filter(|(first, last)| is_number(first) && is_number(last));
            let expected = ends.and_then(|(first, _)| first.parse::<u128>().ok()?.try_into().ok());
            let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, HeaderValue::from_str(&text).unwrap())]);
            match start_of(&headers) {
                Ok(start) => prop_assert_eq!(Some(start), expected.map(Offset::At)),
                Err(_) => prop_assert_eq!(expected, None::<u64>),
            }
        }
    }
}
