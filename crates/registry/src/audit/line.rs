//! A record as the line that is sealed and exported.
//!
//! The bytes are for ever: a record that was sealed must read the same in every later version. So a field is never renamed,
//! moved or left out; one that comes anew stands at the end, and only where it holds something.

use serde::Serialize;
use wharf_core::{Error, Result};

use super::Hash;
use crate::port::RecordRow;

#[derive(Serialize)]
struct Line<'a> {
    /// Microseconds since 1970.
    at_us: i64,
    actor_kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_id: Option<i64>,
    actor: &'a str,
    credential: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    request_id: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "is_one")]
    times: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_one(times: &i64) -> bool {
    *times == 1
}

impl RecordRow {
    /// The record as a line of JSON, without its end.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn line(&self) -> Result<String> {
        let line = Line {
            at_us: self.at.microseconds(),
            actor_kind: &self.actor_kind,
            actor_id: self.actor_id,
            actor: &self.actor,
            credential: &self.credential,
            address: self.address.as_deref(),
            request_id: &self.request_id,
            action: &self.action,
            organisation: self.organisation.as_deref(),
            repository: self.repository.as_deref(),
            target: self.target.as_deref(),
            digest: self.digest.as_deref(),
            times: self.times,
        };
        serde_json::to_string(&line).map_err(Error::internal)
    }

    /// The leaf of the record.
    ///
    /// # Errors
    /// As [`RecordRow::line`].
    pub fn leaf(&self) -> Result<Hash> {
        self.line().map(|line| super::tree::leaf(line.as_bytes()))
    }

    /// The line of an export: the record, and where it stands in the log. A verifier hashes the bytes after
    /// `"record":` up to the last brace, as they stand.
    ///
    /// # Errors
    /// As [`RecordRow::line`].
    pub fn exported(&self) -> Result<String> {
        let record = self.line()?;
        Ok(match &self.seal {
            Some(seal) => {
                format!(r#"{{"month":"{}","number":{},"record":{record}}}"#, seal.month, seal.number)
            }
            None => format!(r#"{{"record":{record}}}"#),
        })
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::Timestamp;

    use super::*;

    #[test]
    fn a_line_stays_what_it_was_in_every_version() {
        let full = RecordRow {
            id: 9,
            at: Timestamp::from_microseconds(1_700_000_000_000_001),
            actor_kind: "user".to_owned(),
            actor_id: Some(3),
            actor: "alice".to_owned(),
            credential: "password".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            request_id: "r".to_owned(),
            action: "manifest.push".to_owned(),
            organisation: Some("acme".to_owned()),
            repository: Some("acme/app".to_owned()),
            target: Some("v1 \"ü\"".to_owned()),
            digest: Some("sha256:00".to_owned()),
            times: 2,
            seal: None,
        };
        assert_eq!(
            full.line().unwrap(),
            r#"{"at_us":1700000000000001,"actor_kind":"user","actor_id":3,"actor":"alice","credential":"password","address":"192.0.2.1","request_id":"r","action":"manifest.push","organisation":"acme","repository":"acme/app","target":"v1 \"ü\"","digest":"sha256:00","times":2}"#
        );
        let (actor_id, address, organisation, repository, target, digest) = Default::default();
        let bare =
            RecordRow { actor_id, address, organisation, repository, target, digest, times: 1, ..full };
        assert_eq!(
            bare.line().unwrap(),
            r#"{"at_us":1700000000000001,"actor_kind":"user","actor":"alice","credential":"password","request_id":"r","action":"manifest.push"}"#
        );
    }
}
