//! `wharf import --from-memflow`: the storage folder of memflow's own registry (memflow-registry 0.1) moves in.
//!
//! There each file lies as `{digest}.plugin` beside `{digest}.meta`, and a file that was deleted has left its metadata.
//! They come in the order in which they once came there, so that the newest stays the newest. What the registry has is not
//! sent again: the same command, run again, goes on.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use wharf_core::{Digest, Error, Kind, Result};

use super::{
    arguments::MoveIn,
    candidate::{By, Candidate, PluginFile},
    registry::{PluginRegistry, Taken},
    report::{Line, Outcome, Report},
};
use crate::import::Effect;

/// The largest metadata that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// A file of the storage, by what stands in its metadata.
#[derive(Debug, Deserialize)]
struct Stored {
    digest: String,
    signature: String,
    created_at: String,
    descriptors: Vec<serde_json::Value>,
}

/// Moves everything in; says whether all of it is there.
pub(super) async fn run(options: &MoveIn) -> Result<bool> {
    let found = gathered(&options.root)?;
    let registry = PluginRegistry::open(&options.connection)?;
    let mut report = Report::new("import", options.output);
    for (path, stored) in &found {
        let subject = path.display().to_string();
        let mut line = Line { subject, plugin: String::new(), digest: None, outcome: Outcome::Present };
        let outcome = match stored {
            Ok(stored) => {
                let target = Target { registry: &registry, effect: options.effect, report: &report };
                target.bring(path, stored, &mut line).await
            }
            Err(error) => Ok(Outcome::failed(error)),
        };
        line.outcome = outcome.unwrap_or_else(|error| Outcome::failed(&error));
        report.note(&line);
        if report.is_lost() {
            break;
        }
    }
    report.end()
}

/// Where they are brought, and how.
struct Target<'a> {
    registry: &'a PluginRegistry,
    effect: Effect,
    report: &'a Report,
}

impl Target<'_> {
    /// Brings a file by the path of its metadata, and tells the line of it what it is.
    async fn bring(&self, path: &Path, stored: &Stored, line: &mut Line) -> Result<Outcome> {
        let Stored { digest, signature, descriptors, .. } = stored;
        let digest: Digest = format!("sha256:{digest}").parse()?;
        line.digest = Some(digest);
        if !path.with_extension("plugin").is_file() {
            return Ok(Outcome::Skipped("it was deleted, and only its metadata is left".to_owned()));
        }
        if descriptors.is_empty() {
            return Ok(Outcome::Skipped("it holds no plugin, and was never listed".to_owned()));
        }
        if let Some(known) = self.registry.metadata(&digest).await?
            && known.signatures().any(|known| known.eq_ignore_ascii_case(signature))
        {
            return Ok(Outcome::Present);
        }
        let plugin = read(path)?;
        line.plugin = plugin.described();
        if plugin.digest != digest {
            return Err(Error::new(Kind::Invalid, "its bytes have another digest than its metadata says"));
        }
        if self.effect == Effect::Rehearse {
            return Ok(Outcome::Missing);
        }
        let progress = self.report.on_its_way(&line.plugin);
        match self.registry.upload(&plugin, signature, &progress).await? {
            Taken::Added => Ok(Outcome::Added),
            Taken::AlreadyExists => Ok(Outcome::Present),
        }
    }
}

fn read(metadata: &Path) -> Result<Candidate> {
    let found = PluginFile { path: metadata.with_extension("plugin"), by: By::Name };
    found.read()?.ok_or_else(|| Error::new(Kind::Invalid, "it is no plugin"))
}

/// All there is, the oldest first, by the paths of their metadata. What cannot be read comes last.
#[expect(clippy::disallowed_methods, reason = "the user names this folder")]
fn gathered(root: &Path) -> Result<Vec<(PathBuf, Result<Stored>)>> {
    let unreadable =
        |error| Error::new(Kind::Invalid, format!("{} cannot be read", root.display())).because(error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|kind| kind == "meta" || kind == "plugin") {
            paths.push(path.with_extension("meta"));
        }
    }
    if paths.is_empty() {
        let words = format!("there is no plugin in {}: name the MEMFLOW_STORAGE_ROOT", root.display());
        return Err(Error::new(Kind::Invalid, words));
    }
    paths.sort();
    paths.dedup();
    let mut found: Vec<_> =
        paths.into_iter().map(|path| (stored(&path), path)).map(|(it, path)| (path, it)).collect();
    found.sort_by_key(|(_, stored)| match stored {
        Ok(stored) => (false, stored.created_at.clone()),
        Err(_) => (true, String::new()),
    });
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "the user names this folder")]
fn stored(path: &Path) -> Result<Stored> {
    let unreadable = |error| Error::new(Kind::Invalid, "its metadata cannot be read").because(error);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    let stored: Stored = serde_json::from_str(&text)
        .map_err(|error| Error::new(Kind::Invalid, "its metadata is not what was expected").because(error))?;
    if path.file_stem().is_some_and(|name| name == stored.digest.as_str()) {
        return Ok(stored);
    }
    Err(Error::new(Kind::Invalid, "its metadata is of another file"))
}
