//! `wharf plugin push`: plugins signed here, and uploaded one after the other.

use wharf_core::Result;
use wharf_signing::{Message, SecretKey};

use super::{
    arguments::Push,
    candidate::{Candidate, PluginFile},
    keys,
    registry::{PluginRegistry, Taken},
    report::{Line, Outcome, Report},
};

/// Pushes everything; says whether all of it is there.
pub(super) async fn run(options: &Push) -> Result<bool> {
    let key = keys::secret(&options.key)?;
    let files = PluginFile::all(&options.paths)?;
    let registry = PluginRegistry::open(&options.connection)?;
    let mut report = Report::new("push", options.output);
    for file in &files {
        let subject = file.path.display().to_string();
        let mut line = Line { subject, plugin: String::new(), digest: None, outcome: Outcome::Added };
        line.outcome = match file.read() {
            Ok(Some(plugin)) => {
                (line.plugin, line.digest) = (plugin.described(), Some(plugin.digest));
                let sent = push(&registry, &plugin, &key, &report).await;
                sent.unwrap_or_else(|error| Outcome::failed(&error))
            }
            Ok(None) => Outcome::Skipped("it is no PE, ELF or Mach-O file".to_owned()),
            Err(error) => Outcome::failed(&error),
        };
        report.note(&line);
        if report.is_lost() {
            break;
        }
    }
    report.end()
}

async fn push(
    registry: &PluginRegistry,
    plugin: &Candidate,
    key: &SecretKey,
    report: &Report,
) -> Result<Outcome> {
    let signature = key.sign(&Message::new(&plugin.bytes))?;
    let progress = report.on_its_way(&plugin.described());
    match registry.upload(plugin, &signature.to_string(), &progress).await? {
        Taken::Added => Ok(Outcome::Added),
        Taken::AlreadyExists => Ok(Outcome::Present),
    }
}
