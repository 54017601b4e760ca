//! A message: an event as CloudEvents 1.0 has it, in structured mode, signed as Standard Webhooks has it.

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::Serialize;
use wharf_core::{Error, Result, Secret, Timestamp};

use crate::port::{DeliveryRow, EventRow, Letter};

/// What a secret begins with as text.
const PREFIX: &str = "whsec_";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: String,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    actor: &'a str,
    /// Counts the events of the repository, so that a receiver can tell their order.
    sequence: i64,
}

impl EventRow {
    /// The id of its message, and its body.
    pub(super) fn message(&self) -> Result<(String, String)> {
        let id = format!("event-{}", self.id);
        let name = match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.path),
            (None, Some(digest)) => format!("{}@{digest}", self.path),
            (None, None) => self.path.clone(),
        };
        let event = CloudEvent {
            specversion: "1.0",
            id: &id,
            source: &format!("/v2/{}", self.path),
            kind: format!("wharf.{}", self.kind),
            subject: &name,
            time: self.at.written()?,
            datacontenttype: "application/json",
            data: Data {
                repository: &self.path,
                tag: self.tag.as_deref(),
                digest: self.digest.as_deref(),
                actor: &self.actor,
                sequence: self.sequence,
            },
        };
        let body = serde_json::to_string(&event).map_err(Error::internal)?;
        Ok((id, body))
    }
}

/// A secret as its owner is shown it.
pub(super) fn shown(secret: &[u8]) -> Secret<String> {
    Secret::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(secret)))
}

/// The message of a delivery, signed at this moment.
pub(super) fn letter(delivery: &DeliveryRow, url: &str, secret: &[u8], now: Timestamp) -> Letter {
    let at = now.seconds();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = format!("{}.{at}.{}", delivery.message, delivery.body);
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    Letter {
        url: url.to_owned(),
        headers: vec![
            ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
            ("webhook-id", delivery.message.clone()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", format!("v1,{signature}")),
        ],
        body: Bytes::from(delivery.body.clone()),
    }
}
