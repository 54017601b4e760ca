//! What stands on the command line: a registry, perhaps a repository of it, perhaps one thing in that.

use std::str::FromStr;

use wharf_core::{Error, Kind, Reference, Result};
use wharf_outbound::{RegistryAddress, Repository};

/// `host/repository:tag`, `host/repository@digest` or less of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) registry: RegistryAddress,
    pub(super) inside: Inside,
}

/// The part behind the host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inside {
    pub(super) repository: Option<Repository>,
    pub(super) reference: Option<Reference>,
}

impl FromStr for Named {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").map_or(("", text), |(_, rest)| {
            let (scheme, _) = text.split_at(text.len() - rest.len());
            (scheme, rest)
        });
        let (host, inside) = rest.split_once('/').unwrap_or((rest, ""));
        let registry: RegistryAddress = format!("{scheme}{host}").parse()?;
        let mut inside: Inside = inside.trim_end_matches('/').parse()?;
        // What docker.io calls alpine is its library/alpine.
        if registry.is_docker_hub()
            && let Some(repository) = inside.repository.take()
        {
            let short = !repository.as_str().contains('/');
            inside.repository =
                Some(if short { format!("library/{repository}").parse()? } else { repository });
        }
        Ok(Self { registry, inside })
    }
}

impl FromStr for Inside {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let (name, tag) = name.split_once(':').map_or((name, None), |(name, tag)| (name, Some(tag)));
        let reference = match (tag, digest) {
            // Of both the digest says which one is meant.
            (_, Some(digest)) => Some(Reference::Digest(digest.parse()?)),
            (Some(tag), None) => Some(Reference::Tag(tag.parse()?)),
            (None, None) => None,
        };
        let repository = name.parse().map_err(|error: Error| {
            Error::new(Kind::Invalid, format!("{name:?} is not the name of a repository")).because(error)
        })?;
        Ok(Self { repository: Some(repository), reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String, String) {
        let Named { registry, inside } = text.parse().unwrap();
        let shown = |value: Option<String>| value.unwrap_or_default();
        (
            registry.to_string(),
            shown(inside.repository.map(|name| name.to_string())),
            shown(inside.reference.map(|reference| reference.to_string())),
        )
    }

    fn parts(host: &str, repository: &str, reference: &str) -> (String, String, String) {
        (host.into(), repository.into(), reference.into())
    }

    #[test]
    fn a_name_has_a_host_and_perhaps_more() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(read("quay.io/coreos/etcd:v3"), parts("quay.io", "coreos/etcd", "v3"));
        assert_eq!(read("localhost:5000/a"), parts("localhost:5000", "a", ""));
        assert_eq!(read("http://a.example:80/"), parts("a.example:80", "", ""));
        assert_eq!(read(&format!("a.example/b:v1@{digest}")), parts("a.example", "b", &digest));
        assert_eq!(read("docker.io/alpine:3"), parts("docker.io", "library/alpine", "3"));
        assert_eq!(read("docker.io/grafana/loki"), parts("docker.io", "grafana/loki", ""));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "/a",
            "a.example/B",
            "a.example/b:",
            "a.example/b@sha256:x",
            "a.example/b:c:d",
            "a.example/../b",
        ] {
            assert!(bad.parse::<Named>().is_err(), "{bad:?}");
        }
    }
}
