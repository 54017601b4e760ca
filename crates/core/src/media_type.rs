//! Media types, stored as they were pushed.

use std::{fmt, str::FromStr};

use crate::{Detail, Error, Kind};

/// A media type without parameters, at most 255 characters (RFC 6838).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType(String);

impl MediaType {
    /// `application/vnd.oci.image.manifest.v1+json`
    pub const OCI_MANIFEST: &'static str = "application/vnd.oci.image.manifest.v1+json";
    /// `application/vnd.oci.image.index.v1+json`
    pub const OCI_INDEX: &'static str = "application/vnd.oci.image.index.v1+json";
    /// Docker's image manifest, version 2, schema 2.
    pub const DOCKER_MANIFEST: &'static str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &'static str = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// The media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaType {
    type Err = Error;

    /// Reads a `Content-Type` or `mediaType`; parameters are dropped.
    fn from_str(text: &str) -> Result<Self, Error> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c))
        };
        match essence.split_once('/') {
            Some((kind, name)) if essence.len() <= 255 && token(kind) && token(name) => {
                Ok(Self(essence.to_owned()))
            }
            _ => Err(Error::new(Kind::Invalid, "media type must be type/subtype").with(Detail::Manifest)),
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_dropped_and_nonsense_is_refused() {
        let parsed: MediaType = "application/json; charset=utf-8".parse().unwrap();
        assert_eq!(parsed.as_str(), "application/json");
        for bad in ["", "json", "a/", "/b", "a/b\r\nX: y", "a b/c", &format!("a/{}", "b".repeat(300))] {
            assert!(bad.parse::<MediaType>().is_err(), "{bad:?} was accepted");
        }
    }
}
