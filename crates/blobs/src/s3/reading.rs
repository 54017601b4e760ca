//! A range of an object on its way to us, taken up again where a connection broke.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use object_store::{GetResult, path::Path};
use wharf_core::{ByteStream, Result};

use super::bucket::Bucket;

/// How often a connection may break without having brought anything.
const FRUITLESS: u32 = 3;

/// A running read. It holds what the network brought last, and no more.
pub(super) struct Reading {
    bucket: Arc<Bucket>,
    path: Path,
    /// What is still to come.
    left: Range<u64>,
    /// Of the object as it was first seen. Nothing is ever put together from two.
    tag: Option<String>,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    fruitless: u32,
}

impl Reading {
    /// Asks for a range that is not empty; says how large the whole object is, in bytes.
    pub(super) async fn begin(bucket: Arc<Bucket>, path: Path, range: Range<u64>) -> Result<(u64, Self)> {
        let GetResult { payload, meta, range, .. } = bucket.get(&path, range, None).await?;
        let stream = payload_stream(payload);
        let reading = Self { bucket, path, left: range, tag: meta.e_tag, stream, fruitless: 0 };
        Ok((meta.size, reading))
    }

    /// The bytes. Where they cannot be had, the stream breaks off: none are made up.
    pub(super) fn into_stream(self) -> ByteStream {
        Box::pin(stream::try_unfold(self, |mut reading| async move {
            Ok(reading.next().await?.map(|bytes| (bytes, reading)))
        }))
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while !self.left.is_empty() {
            match self.stream.next().await {
                Some(Ok(bytes)) => {
                    let wanted = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
                    let bytes = bytes.slice(..bytes.len().min(wanted));
                    self.left.start += bytes.len() as u64;
                    self.fruitless = 0;
                    return Ok(Some(bytes));
                }
                Some(Err(error)) => self.again(error.into()).await?,
                None => self.again(io::ErrorKind::UnexpectedEof.into()).await?,
            }
        }
        Ok(None)
    }

    async fn again(&mut self, why: io::Error) -> io::Result<()> {
        self.fruitless += 1;
        if self.fruitless > FRUITLESS {
            return Err(why);
        }
        tracing::debug!(object = %self.path, from_bytes = self.left.start, error = %why, "read broke off and goes on");
        let got = self.bucket.get(&self.path, self.left.clone(), self.tag.clone()).await;
        self.stream = payload_stream(got.map_err(io::Error::other)?.payload);
        Ok(())
    }
}

fn payload_stream(
    payload: object_store::GetResultPayload,
) -> BoxStream<'static, object_store::Result<Bytes>> {
    let object_store::GetResultPayload::Stream(stream) = payload;
    stream
}
