//! The look at a bucket before anything is trusted to it: it must store, refuse to replace, read, list and remove.

use futures_util::TryStreamExt;
use object_store::path::Path;
use std::sync::Arc;
use wharf_core::{Error, Kind, Result, Timestamp};

use super::{
    bucket::{Bucket, Put},
    payload::Payload,
    reading::Reading,
};

const WORDS: &[u8] = b"Wharf was here.";

/// What is read of it.
const END: &[u8] = b"here.";

/// Tries everything that objects need, with one small object.
pub(super) async fn expect_store(bucket: &Arc<Bucket>, name: &str) -> Result<()> {
    let path = bucket.path(&format!("probes/{name}"));
    let tried = try_out(bucket, &path).await;
    let removed = bucket.delete(&path).await.map_err(|error| in_words("remove an object", error));
    tried.and(removed)
}

async fn try_out(bucket: &Arc<Bucket>, path: &Path) -> Result<()> {
    let put = || async { bucket.put_new(path, Payload::hash(vec![WORDS.into()]).await?).await };
    // One that was left by a start that ended half-way is as good.
    put().await.map_err(|error| in_words("store an object", error))?;
    if put().await.map_err(|error| in_words("store an object", error))? != Put::Taken {
        let message = "the storage replaces an object where it was asked not to (If-None-Match): \
            two nodes could overwrite each other's blobs there";
        return Err(Error::new(Kind::Invalid, message));
    }
    let read = read(bucket, path).await.map_err(|error| in_words("read an object", error))?;
    if read != END {
        return Err(Error::new(Kind::Invalid, "the storage gives back other bytes than it was given"));
    }
    let listed = bucket.parts_begun(Timestamp::default()).await;
    listed.map_err(|error| in_words("list unfinished uploads", error)).map(drop)?;
    bucket.check().await.map_err(|error| in_words("list objects", error))
}

async fn read(bucket: &Arc<Bucket>, path: &Path) -> Result<Vec<u8>> {
    let length = WORDS.len() as u64;
    let range = length - END.len() as u64..length;
    let (_, reading) = Reading::begin(bucket.clone(), path.clone(), range).await?;
    let pieces: Vec<_> = reading.into_stream().try_collect().await.map_err(Error::unavailable)?;
    Ok(pieces.concat())
}

/// What S3 said, for whoever has to mend it.
fn in_words(attempt: &str, error: Error) -> Error {
    let said = error.in_full();
    let known = REASONS.iter().find(|(sign, _)| said.contains(sign));
    let reason = match known {
        Some((_, reason)) => reason,
        None if said.contains("<Code>") => "it refuses, see the cause",
        None => "what answers is no S3, or has trouble of its own, see the cause",
    };
    Error::new(Kind::Unavailable, format!("the storage does not let us {attempt}: {reason}")).because(error)
}

/// A sign in what S3 or the way to it said, and what it means.
const REASONS: &[(&str, &str)] = &[
    ("NoSuchBucket", "there is no such bucket"),
    ("InvalidAccessKeyId", "it does not know the access key (AWS_ACCESS_KEY_ID)"),
    ("SignatureDoesNotMatch", "the secret key is wrong (AWS_SECRET_ACCESS_KEY)"),
    ("ExpiredToken", "the credentials have expired"),
    ("RequestTimeTooSkewed", "the clock of this machine is wrong"),
    ("AuthorizationHeaderMalformed", "the bucket lies in another region (region=…)"),
    (
        "PermanentRedirect",
        "the bucket lies in another region, or behind another endpoint (region=…, endpoint=…)",
    ),
    ("incorrectly configured region", "the bucket lies in another region (region=…)"),
    ("AccessDenied", "the key may not do that; docs/operation.md lists the rights it needs"),
    ("NotImplemented", "this server has no such call, or not all of it"),
    ("InvalidContentType", "its endpoint does not speak TLS (endpoint=http://…)"),
    ("HTTP request to an HTTPS server", "its endpoint speaks TLS (endpoint=https://…)"),
    ("plain HTTP request was sent to HTTPS port", "its endpoint speaks TLS (endpoint=https://…)"),
    ("invalid HTTP version", "its endpoint does not speak plain HTTP (endpoint=https://…)"),
    ("169.254.169.254", "there are no credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"),
    ("error trying to connect", "nothing answers at its endpoint"),
    ("client error (Connect)", "nothing answers at its endpoint"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let of = |said: &str| in_words("read an object", Error::unavailable(said.to_owned())).to_string();
        assert!(of("404: <Code>NoSuchBucket</Code>").ends_with("there is no such bucket"));
        assert!(of("<Code>Odd</Code>").contains("refuses"));
        assert!(of("<html>hello</html>").contains("no S3"));
        let plain = "client error (Connect): received corrupt message of type InvalidContentType";
        assert!(of(plain).ends_with("does not speak TLS (endpoint=http://…)"));
    }
}
