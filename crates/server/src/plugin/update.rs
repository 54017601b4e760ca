//! `wharf plugin update`: the newest of every plugin that lies in a folder.
//!
//! What is there stays there, as with memflow's own clients. A version that is lower than one that is here is not taken:
//! that is what a registry would offer that wants an old fault back.

use std::collections::BTreeMap;

use semver::Version;
use wharf_core::{Digest, Result};

use super::{
    arguments::{Asked, Update},
    candidate::{Candidate, described},
    fetch::{Chosen, Fetcher},
    folder::Folder,
    keys::Keys,
    platform::Platform,
    registry::PluginRegistry,
    report::{Line, Outcome, Report},
};

/// What of a plugin is in the folder, for one kind of machine.
#[derive(Default)]
struct Here {
    platform: Platform,
    digests: Vec<Digest>,
    versions: Vec<String>,
}

/// Brings everything up to date; says whether that went.
pub(super) async fn run(options: &Update) -> Result<bool> {
    let registry = PluginRegistry::open(&options.connection)?;
    let keys = Keys::of_registry(&options.belief, &registry).await?;
    let fetcher = Fetcher { registry, keys, folder: Folder::open(&options.folder)? };
    let mut report = Report::new("update", options.output);
    for (name, here) in gathered(fetcher.folder.plugins()?) {
        let line = update(&fetcher, name, &here, &report).await;
        report.note(&line);
        if report.is_lost() {
            break;
        }
    }
    report.end()
}

async fn update(fetcher: &Fetcher, name: String, here: &Here, report: &Report) -> Line {
    let asked = Asked { name: name.clone(), version: None };
    let mut line = Line { subject: name, plugin: String::new(), digest: None, outcome: Outcome::Present };
    let outcome = match fetcher.newest(&asked, &here.platform).await {
        Ok(Some(chosen)) => {
            (line.plugin, line.digest) = (described(&chosen.descriptor), Some(chosen.digest));
            match here.reason_to_stay(&chosen) {
                Some(outcome) => Ok(outcome),
                None => fetcher.install(&chosen, report).await,
            }
        }
        Ok(None) => Ok(Outcome::Skipped("the registry has none".to_owned())),
        Err(error) => Err(error),
    };
    line.outcome = outcome.unwrap_or_else(|error| Outcome::failed(&error));
    line
}

/// The plugins by their names, once for each kind of machine.
fn gathered(plugins: impl Iterator<Item = Candidate>) -> Vec<(String, Here)> {
    let mut gathered = BTreeMap::<_, Here>::new();
    for plugin in plugins {
        for descriptor in &plugin.descriptors {
            let Some(platform) = Platform::of(descriptor) else { continue };
            let key = (descriptor.name.clone(), platform.query());
            let here = gathered.entry(key).or_default();
            here.platform = platform;
            here.digests.push(plugin.digest);
            here.versions.push(descriptor.version.clone());
        }
    }
    gathered.into_iter().map(|((name, _), here)| (name, here)).collect()
}

impl Here {
    fn reason_to_stay(&self, chosen: &Chosen) -> Option<Outcome> {
        if self.digests.contains(&chosen.digest) {
            return Some(Outcome::Present);
        }
        let offered = &chosen.descriptor.version;
        let newer = self.versions.iter().find(|here| is_lower(offered, here))?;
        Some(Outcome::Skipped(format!("the registry's newest is older than {newer}, which is here")))
    }
}

/// Whether one version is lower than another, where both are semantic ones.
fn is_lower(one: &str, other: &str) -> bool {
    let (one, other) = (Version::parse(one), Version::parse(other));
    matches!((one, other), (Ok(one), Ok(other)) if one.cmp_precedence(&other).is_lt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_lower_is() {
        assert!(is_lower("0.2.0", "0.10.0"));
        assert!(is_lower("0.2.0-rc.1", "0.2.0"));
        for (one, other) in
            [("0.2.0", "0.2.0"), ("0.2.0", "0.2.0+build"), ("0.3.0", "0.2.0"), ("main", "0.2.0")]
        {
            assert!(!is_lower(one, other), "{one} {other}");
        }
    }
}
