//! What stores count of their own work: a disk is flushed, a bucket is called.

use tracing::{Instrument as _, info_span};
use wharf_core::{
    Kind, Result,
    meter::{Counter, Durations},
};

/// The file store's meters.
#[derive(Debug, Default)]
pub struct FileMeters {
    /// How long it took to flush the bytes of a finished object.
    pub flushes: Durations,
    /// Flushes that failed, each of which ended its upload.
    pub flushes_failed: Counter,
    /// Uploads that were stopped in their course because the disk was nearly full.
    pub stopped: Counter,
}

/// The bucket's meters: one for each kind of call, under S3's own name for it.
#[derive(Debug)]
pub struct BucketMeters {
    pub(crate) put_object: CallMeter,
    pub(crate) create_parts: CallMeter,
    pub(crate) put_part: CallMeter,
    pub(crate) join_parts: CallMeter,
    pub(crate) abort_parts: CallMeter,
    pub(crate) get_object: CallMeter,
    pub(crate) head_object: CallMeter,
    pub(crate) delete_object: CallMeter,
    pub(crate) list_objects: CallMeter,
    pub(crate) list_parts: CallMeter,
}

/// What is counted of one kind of call.
#[derive(Debug)]
pub struct CallMeter {
    /// S3's name for it.
    pub name: &'static str,
    /// How long they took, with the tries of each; of a read, to the head of its answer.
    pub durations: Durations,
    /// Calls that were refused, failed, or had no answer in time. That nothing lies there is an answer.
    pub failed: Counter,
}

impl CallMeter {
    fn of(name: &'static str) -> Self {
        Self { name, durations: Durations::default(), failed: Counter::default() }
    }

    /// Makes a call, in a span of its own.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let call = call.instrument(info_span!("bucket call", call = self.name));
        self.durations.time(call).await.inspect_err(|error| {
            if !matches!(error.kind(), Kind::NotFound(_)) {
                self.failed.increment();
            }
        })
    }
}

impl Default for BucketMeters {
    fn default() -> Self {
        Self {
            put_object: CallMeter::of("PutObject"),
            create_parts: CallMeter::of("CreateMultipartUpload"),
            put_part: CallMeter::of("UploadPart"),
            join_parts: CallMeter::of("CompleteMultipartUpload"),
            abort_parts: CallMeter::of("AbortMultipartUpload"),
            get_object: CallMeter::of("GetObject"),
            head_object: CallMeter::of("HeadObject"),
            delete_object: CallMeter::of("DeleteObject"),
            list_objects: CallMeter::of("ListObjectsV2"),
            list_parts: CallMeter::of("ListMultipartUploads"),
        }
    }
}

impl BucketMeters {
    /// Every meter.
    pub fn each(&self) -> [&CallMeter; 10] {
        [
            &self.put_object,
            &self.create_parts,
            &self.put_part,
            &self.join_parts,
            &self.abort_parts,
            &self.get_object,
            &self.head_object,
            &self.delete_object,
            &self.list_objects,
            &self.list_parts,
        ]
    }
}
