//! The keys that say what a client may cost.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use super::{RawValues, values};
use crate::failure::Failure;

/// The limits an operator may set; `docs/operation.md` has them all, with those that stand fixed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// As many as there are descriptors for, if none is given.
    pub(crate) connections: Option<usize>,
    pub(crate) connections_per_address: usize,
    pub(crate) requests_per_second: Option<NonZeroU32>,
    pub(crate) tls_handshake_timeout: Duration,
    pub(crate) header_timeout: Duration,
    /// In bytes.
    pub(crate) head_size: usize,
    /// In bytes.
    pub(crate) answer_memory: usize,
    pub(crate) stall_timeout: Duration,
    /// In bytes a second.
    pub(crate) minimum_rate: Option<NonZeroU64>,
    pub(crate) uploads: usize,
    pub(crate) uploads_per_organisation: usize,
    pub(crate) open_uploads_per_organisation: u32,
    pub(crate) failed_logins: u32,
    pub(crate) failed_logins_window: Duration,
    pub(crate) password_queue: usize,
}

impl Limits {
    /// Reads the group.
    pub(super) fn read(raw: &RawValues) -> Result<Self, Failure> {
        Ok(Self {
            connections: raw.read("connections", values::automatic)?,
            connections_per_address: raw.read("connections_per_address", values::count)?,
            requests_per_second: raw.read("requests_per_second", values::rate)?,
            tls_handshake_timeout: raw.read("tls_handshake_timeout", values::patience)?,
            header_timeout: raw.read("header_timeout", values::patience)?,
            head_size: raw.read("head_size", values::head_size)?,
            answer_memory: raw.read("answer_memory", values::answer_memory)?,
            stall_timeout: raw.read("stall_timeout", values::patience)?,
            minimum_rate: raw.read("minimum_rate", values::byte_rate)?,
            uploads: raw.read("uploads", values::count)?,
            uploads_per_organisation: raw.read("uploads_per_organisation", values::count)?,
            open_uploads_per_organisation: raw.read("open_uploads_per_organisation", |text| {
                values::count(text).and_then(|number| u32::try_from(number).ok())
            })?,
            failed_logins: raw
                .read("failed_logins", |text| text.parse().ok().filter(|number| *number > 0))?,
            failed_logins_window: raw.read("failed_logins_window", values::patience)?,
            password_queue: raw.read("password_queue", values::count)?,
        })
    }
}
