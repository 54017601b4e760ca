//! Brings plugins into a folder: found, downloaded, checked, and only then given a name.

use bytes::Bytes;
use wharf_core::{Digest, Error, Kind, Result};
use wharf_memflow::descriptor::Descriptor;

use super::{
    arguments::Asked,
    candidate::{Candidate, described},
    folder::{Beside, Folder},
    keys::Keys,
    platform::Platform,
    registry::{Metadata, PluginRegistry, Variant},
    report::{Outcome, Report},
};

/// Where plugins come from, whose they must be, and where they go.
pub(super) struct Fetcher {
    pub(super) registry: PluginRegistry,
    pub(super) keys: Keys,
    pub(super) folder: Folder,
}

/// A variant whose digest is one, and which is what was asked for.
pub(super) struct Chosen {
    pub(super) digest: Digest,
    pub(super) descriptor: Descriptor,
}

impl Fetcher {
    /// The newest variant of what is asked for, if there is one.
    ///
    /// # Errors
    /// `Invalid` where the registry answers with something else than was asked for.
    pub(super) async fn newest(&self, asked: &Asked, platform: &Platform) -> Result<Option<Chosen>> {
        let Some(variant) = self.registry.variants(asked, platform, Some(1)).await?.pop() else {
            return Ok(None);
        };
        let Variant { digest, descriptor, .. } = variant;
        let is_asked = asked.version.as_ref().is_none_or(|version| {
            *version == descriptor.version || digest.starts_with(&version.to_ascii_lowercase())
        });
        if descriptor.name != asked.name || !platform.takes(&descriptor) || !is_asked {
            let words =
                format!("{} answered with another plugin: {}", self.registry.name, described(&descriptor));
            return Err(Error::new(Kind::Invalid, words));
        }
        Ok(Some(Chosen { digest: format!("sha256:{digest}").parse()?, descriptor }))
    }

    /// Installs a variant. One that is there is checked like one that comes.
    ///
    /// # Errors
    /// `Invalid` where it is not what it is said to be; nothing was installed then.
    pub(super) async fn install(&self, chosen: &Chosen, report: &Report) -> Result<Outcome> {
        let Chosen { digest, descriptor } = chosen;
        let gone = || Error::new(Kind::Unavailable, "the registry lists it and does not have it");
        let metadata = self.registry.metadata(digest).await?.ok_or_else(gone)?;
        if let Some(plugin) = self.folder.find(descriptor, digest) {
            return self.check(chosen, &metadata, plugin.bytes).map(|_| Outcome::Present);
        }
        let progress = report.on_its_way(&described(descriptor));
        let bytes = self.registry.file(digest, &progress).await?;
        let (plugin, signature) = self.check(chosen, &metadata, bytes)?;
        let beside = Beside { signature: &signature, created_at: &metadata.created_at };
        self.folder.install(descriptor, &plugin, &beside)?;
        Ok(Outcome::Installed)
    }

    /// Whether bytes are the file, the file is the plugin, and somebody who is believed signed it.
    fn check(
        &self,
        Chosen { digest, descriptor }: &Chosen,
        metadata: &Metadata,
        bytes: Bytes,
    ) -> Result<(Candidate, wharf_signing::Signature)> {
        let plugin = Candidate::of(bytes)?;
        if plugin.digest != *digest {
            return Err(Error::new(Kind::Invalid, "the registry sent a file of another digest"));
        }
        if !plugin.descriptors.iter().any(|found| is_same(found, descriptor)) {
            return Err(Error::new(Kind::Invalid, "the file is not the plugin that the registry says it is"));
        }
        let signature = self.keys.verify(&plugin.bytes, metadata.signatures())?;
        Ok((plugin, signature))
    }
}

/// Whether a file holds what a registry says. Symbols do not count: other registries read more and less of them.
fn is_same(found: &Descriptor, said: &Descriptor) -> bool {
    let told = |it: &Descriptor| (it.plugin_kind, it.file_type, it.architecture, it.plugin_version);
    told(found) == told(said) && found.name == said.name && found.version == said.version
}
