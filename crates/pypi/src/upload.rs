//! Uploads as twine, uv and their kin send them (the public index's legacy upload API).
//!
//! Fields may come in any order. The bytes of a file stream into an upload of the engine as they come, small ones at its end,
//! with MD5 and BLAKE2b taken in the same pass; the name of the file says where they belong. Nothing is listed before everything was
//! looked at, and then all of it in one transaction.

mod form;
mod intake;

use std::{collections::BTreeMap, io::Cursor};

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{
    future::{try_join_all, try_join3},
    stream,
};
use serde_json::{Map, Value};
use wharf_core::{
    Algorithm, Condition, Credential, Error, Grant, Kind, Reference, RegistryPlace, Result, action::Push,
    manifest::Descriptor,
};
use wharf_http::{Boundary, FormBounds, Multipart, body_stream};
use wharf_registry::{ManifestPush, ReleaseTag, Taps, format::Pair, port::ListedRow};

pub(crate) use self::intake::Received;
use self::{form::Form, intake::receive};
use crate::{
    Call,
    archive::{self, Inside},
    attestation::{Attestation, kept},
    filename::FileName,
    format::{FILENAME, File, NAME},
    name::FOLDER,
    shape::{self, Part},
};

/// What an upload may hold: 2,000 fields and the file, and 2 MiB beside the file.
const BOUNDS: FormBounds = FormBounds { parts: 2001, beside: 2 * 1024 * 1024 };

/// `POST /pypi/{organisation}/{registry}/legacy/`
pub(crate) async fn upload(call: &Call<'_>, registry: &RegistryPlace, body: Body) -> Result<Response> {
    if *call.actor.credential() == Credential::None {
        return Err(Error::new(Kind::Unauthenticated, "an upload needs a login"));
    }
    // Who may publish no project has nothing read; whether he may publish this one is asked when the form has named it.
    call.registry.expect_pusher_below(call.actor, registry, Some(FOLDER)).await?;
    // What a form holds beside a large file lies in memory, a small file too.
    let _turn = call.serving.forms.next(&registry.organisation).await?;
    let boundary = Boundary::of(call.headers)
        .ok_or_else(|| invalid("an upload is a form of type multipart/form-data with a boundary"))?;
    let mut parts = Multipart::new(boundary, body_stream(body), BOUNDS);
    let (mut form, mut received) = (Form::default(), None);
    while let Some(part) = parts.next_part().await? {
        match part.name.as_str() {
            "content" if received.is_some() => return Err(invalid("the form holds two files")),
            "content" => {
                // Most send the file last: then nothing of it need come to say no.
                if form.get("version").is_some() {
                    form.check()?;
                }
                let filename = part.filename.unwrap_or_default();
                received = Some(receive(call, registry, (&form, &filename), &mut parts).await?);
            }
            "gpg_signature" => parts.skip_part().await?,
            "" => return Err(invalid("a field of the form has no name")),
            _ => form.take(part, &mut parts).await?,
        }
    }
    form.check()?;
    let received = received.ok_or_else(|| invalid("Upload payload does not have a file."))?;
    form.expect(&received)?;
    let attestations = form.attestations(&received)?;
    expect_attested(call, &received.grant, &attestations).await?;
    publish(call, &received, &attestations).await?;
    Ok(StatusCode::OK.into_response())
}

/// Refuses attestations that are not of whoever uploads. Nothing is dropped in silence: where they cannot be verified, an
/// upload that brings some is refused.
async fn expect_attested(call: &Call<'_>, grant: &Grant<Push>, attestations: &[Attestation]) -> Result<()> {
    if attestations.is_empty() {
        return Ok(());
    }
    let words =
        "Attestations cannot be verified by this index (it has no attestation_roots): upload without them.";
    let notary = call.serving.face.distributions.notary.clone().ok_or_else(|| invalid(words))?;
    let workload = notary.expect_workload(call.actor).await?;
    let attestations = attestations.to_vec();
    let verify = move || notary.publisher(&workload, &attestations);
    call.registry.in_turn(grant, verify).await.map(drop)
}

/// Lists a file whose bytes have come. The same bytes under the same name are listed already, and that is fine.
pub(crate) async fn publish(
    call: &Call<'_>,
    received: &Received,
    attestations: &[Attestation],
) -> Result<()> {
    let Received { grant, file, content, .. } = received;
    if let Some(row) = find_same(call, grant, (file, content)).await? {
        return attest(call, grant, Part { digest: row.digest, size: row.size }, attestations).await;
    }
    let inside = look_into(call, received).await?;
    let config = config(received, inside.metadata.to_json());
    let config = push(call, grant, config.into());
    let metadata = push(call, grant, inside.bytes.clone().into());
    let (config, metadata, ()) = try_join3(config, metadata, store(call, received)).await?;
    // The repository may have come into being with these bytes.
    let grant = &call.registry.regrant(grant).await?;
    let bytes = Bytes::from(shape::manifest(file, *content, (config, metadata)));
    let digest = wharf_hash::digest(Algorithm::Sha256, &bytes);
    call.serving.face.distributions.readings.put(content.digest, file, inside);
    // Before the file, so that nobody finds it without them.
    attest(call, grant, Part { digest, size: bytes.len() as u64 }, attestations).await?;
    push_manifest(call, grant, (bytes, ReleaseTag::Derived)).await
}

/// Reads what a file says of itself, wherever it lies.
async fn look_into(call: &Call<'_>, received: &Received) -> Result<Inside> {
    let Received { grant, file, content, held, .. } = received;
    let name = file.clone();
    if let Some(held) = held {
        let (bytes, size) = (held.bytes().clone(), content.size);
        let inside = move || archive::inside(Cursor::new(bytes), size, &name);
        return call.registry.in_turn(grant, inside).await;
    }
    let layer = Descriptor {
        media_type: shape::media_type(file.kind).to_owned(),
        digest: content.digest.to_string(),
        size: content.size,
        annotations: BTreeMap::new(),
    };
    call.registry.examine(grant, &layer, move |reader| archive::read(reader, &name)).await
}

/// Stores the bytes of a file that are not stored yet.
async fn store(call: &Call<'_>, received: &Received) -> Result<()> {
    match &received.held {
        Some(held) => call.registry.push_hashed(&received.grant, held).await.map(drop),
        None => Ok(()),
    }
}

/// Attaches what is attested of a file to its manifest.
async fn attest(
    call: &Call<'_>,
    grant: &Grant<Push>,
    subject: Part,
    attestations: &[Attestation],
) -> Result<()> {
    if attestations.is_empty() {
        return Ok(());
    }
    let config = push(call, grant, Bytes::from_static(shape::EMPTY)).await?;
    let layers = attestations.iter().map(|attestation| push(call, grant, attestation.bytes().into()));
    let layers = try_join_all(layers).await?;
    let bytes = kept::manifest(subject, config, &layers);
    push_manifest(call, grant, (bytes.into(), ReleaseTag::Kept)).await
}

async fn push_manifest(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (bytes, release): (Bytes, ReleaseTag),
) -> Result<()> {
    let push = ManifestPush {
        reference: Reference::Digest(wharf_hash::digest(Algorithm::Sha256, &bytes)),
        tags: Vec::new(),
        content_type: None,
        condition: Condition::default(),
        bytes,
        release,
    };
    call.registry.push_manifest(grant, push).await.map(drop)
}

/// Exactly this file, if it is listed.
///
/// # Errors
/// `Exists` where another one is.
async fn find_same(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (file, content): (&FileName, &Part),
) -> Result<Option<ListedRow>> {
    let pair = Pair { format: NAME, name: FILENAME, value: &file.text };
    let Some(row) = call.registry.find_listed(grant, pair).await? else { return Ok(None) };
    let listed = File::of(&row)?;
    if listed.digest == content.digest.to_string() {
        return Ok(Some(row));
    }
    let message =
        format!("{:?}, with sha256 hash {:?}", file.text, File::sha256(&listed.digest).unwrap_or_default());
    Err(Error::new(Kind::Exists, message))
}

async fn push(call: &Call<'_>, grant: &Grant<Push>, bytes: Bytes) -> Result<Part> {
    let body = Box::pin(stream::iter([Ok(bytes)]));
    let finished = call.registry.push_blob(grant, None, body, Taps::none()).await?;
    Ok(Part { digest: finished.digest, size: finished.size })
}

/// The config of the manifest: the file's own metadata, and what else is known of the file. Always the same for the same
/// file, so that two uploads of it are one manifest.
fn config(received: &Received, mut fields: Map<String, Value>) -> String {
    let Received { file, md5, blake2, .. } = received;
    let own = [
        ("filename", &file.text),
        ("filetype", &file.kind.word().to_owned()),
        ("pyversion", &file.python),
        ("md5_digest", md5),
        ("blake2_256_digest", blake2),
    ];
    fields.extend(own.map(|(name, value)| (name.to_owned(), value.as_str().into())));
    Value::Object(fields).to_string()
}

fn invalid(words: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, words)
}
