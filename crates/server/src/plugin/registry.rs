//! A registry of plugins, through the API of memflow's own (memflow-registry 0.1) and what Wharf adds to it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_core::{Digest, Error, Kind, Result};
use wharf_memflow::{LARGEST, descriptor::Descriptor};
use wharf_outbound::{Api, Door, Policy, Progress, Spot};

use super::{
    arguments::{Asked, Connection},
    candidate::Candidate,
    platform::Platform,
};
use crate::login::{DockerFile, trust};

/// How many variants are asked for at once: the most that are shown.
const PAGE: usize = 50;
/// The most variants of one plugin that are read, from a registry that never comes to an end.
const MOST: usize = 10_000;

/// A registry, as the owner of the login that is kept for its server sees it.
pub(super) struct PluginRegistry {
    api: Api,
    /// How it is named, and under what its keys are pinned.
    pub(super) name: String,
}

/// A plugin in the list of all.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) description: String,
}

/// One descriptor of one file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Variant {
    /// The SHA-256 of the file, in hex.
    pub(super) digest: String,
    pub(super) signature: String,
    pub(super) created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) verified: Option<bool>,
    pub(super) descriptor: Descriptor,
}

/// What is known of a file.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) signature: String,
    pub(super) created_at: String,
    /// Those of other keys too, where the registry tells.
    #[serde(default)]
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, Deserialize)]
struct Signed {
    signature: String,
}

/// A key that a registry names.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NamedKey {
    pub(super) name: String,
    pub(super) pem: String,
    revoked_at: Option<String>,
}

#[derive(Deserialize)]
struct Plugins<T> {
    plugins: Vec<T>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<NamedKey>,
}

/// What became of an upload, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Taken {
    Added,
    AlreadyExists,
}

impl Metadata {
    /// Every signature, the one that clients are told of first.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &str> {
        let others = self.signatures.iter().map(|signed| signed.signature.as_str());
        std::iter::once(self.signature.as_str()).chain(others)
    }
}

impl PluginRegistry {
    /// # Errors
    /// `Invalid` where docker's file cannot be used.
    pub(super) fn open(connection: &Connection) -> Result<Self> {
        let Connection { address, trusted, authorities } = connection;
        let named = trusted.iter().map(String::as_str).chain([address.server.host()]);
        let door = Door::open(Policy::named(named), trust(authorities.as_deref())?)?;
        let login = DockerFile::read()?.login(&address.server);
        let api = Api::new(door, &address.server, &address.below(), login.as_ref())?;
        Ok(Self { api, name: address.to_string() })
    }

    /// Every plugin.
    pub(super) async fn plugins(&self) -> Result<Vec<Listed>> {
        let found: Plugins<Listed> = self.api.json(at(&["plugins"])).await?;
        Ok(found.plugins)
    }

    /// The variants of a plugin, the newest first; at most so many, if that is said.
    ///
    /// # Errors
    /// `TooLarge` where there are more than any registry has; those of a request.
    pub(super) async fn variants(
        &self,
        asked: &Asked,
        platform: &Platform,
        most: Option<usize>,
    ) -> Result<Vec<Variant>> {
        let most = most.unwrap_or(usize::MAX);
        let mut found: Vec<Variant> = Vec::new();
        while found.len() < most {
            let limit = PAGE.min(most - found.len());
            let mut query = platform.query();
            query.extend(asked.version.clone().map(|version| ("version", version)));
            query.extend([("skip", found.len().to_string()), ("limit", limit.to_string())]);
            let path = ["plugins", &asked.name];
            let page = self.api.json(Spot { path: &path, query: &query });
            let Plugins { plugins: page } = page.await?;
            let ends = page.len() < limit;
            found.extend(page);
            if found.len() > MOST {
                let words = format!("{} lists more than {MOST} variants of it", self.name);
                return Err(Error::new(Kind::TooLarge, words));
            }
            if ends {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// What is known of a file, if it is there.
    pub(super) async fn metadata(&self, digest: &Digest) -> Result<Option<Metadata>> {
        match self.api.json(at(&["files", &digest.hex(), "metadata"])).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes of a file, unchecked.
    pub(super) async fn file(&self, digest: &Digest, progress: &Progress) -> Result<Bytes> {
        self.api.file(at(&["files", &digest.hex()]), LARGEST as u64, progress).await
    }

    /// The keys that it believes now.
    pub(super) async fn keys(&self) -> Result<Vec<NamedKey>> {
        let Keys { mut keys } = self.api.json(at(&["keys"])).await?;
        keys.retain(|key| key.revoked_at.is_none());
        Ok(keys)
    }

    /// Uploads a plugin with its signature.
    pub(super) async fn upload(
        &self,
        plugin: &Candidate,
        signature: &str,
        progress: &Progress,
    ) -> Result<Taken> {
        // The file cannot hold the digest of itself.
        let boundary = format!("wharf-{}", plugin.digest.hex());
        let part = |name| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        let before = format!("{}{signature}\r\n{}", part("signature"), part("file"));
        let behind = format!("\r\n--{boundary}--\r\n");
        let body = [before.as_bytes(), &plugin.bytes, behind.as_bytes()].concat();
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.api.post(at(&["files"]), &kind, &body.into(), progress).await
    }
}

fn at<'a>(path: &'a [&'a str]) -> Spot<'a> {
    Spot { path, query: &[] }
}
