//! `wharf plugin verify`: local files, held against signatures by keys of the user's choice. The signatures are those that
//! a registry has, else those that lie beside the files.

use wharf_core::{Error, Kind, Result};

use super::{
    arguments::Verify,
    candidate::{Candidate, PluginFile},
    folder::Folder,
    keys::Keys,
    registry::PluginRegistry,
    report::{Line, Outcome, Report},
};

/// Verifies everything; says whether all of it is good.
pub(super) async fn run(options: &Verify) -> Result<bool> {
    let registry = options.connection.as_ref().map(PluginRegistry::open).transpose()?;
    let keys = match &registry {
        Some(registry) => Keys::of_registry(&options.belief, registry).await?,
        None => Keys::alone(&options.belief)?,
    };
    let mut report = Report::new("verify", options.output);
    for file in &PluginFile::all(&options.paths)? {
        let subject = file.path.display().to_string();
        let mut line = Line { subject, plugin: String::new(), digest: None, outcome: Outcome::Good };
        let outcome = match file.read() {
            Ok(Some(plugin)) => {
                (line.plugin, line.digest) = (plugin.described(), Some(plugin.digest));
                verify(registry.as_ref(), &keys, file, &plugin).await
            }
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        line.outcome = outcome.map_or_else(|error| Outcome::failed(&error), |()| Outcome::Good);
        report.note(&line);
        if report.is_lost() {
            break;
        }
    }
    report.end()
}

async fn verify(
    registry: Option<&PluginRegistry>,
    keys: &Keys,
    file: &PluginFile,
    plugin: &Candidate,
) -> Result<()> {
    let unsigned = |words: &str| Error::new(Kind::Invalid, words.to_owned());
    let signatures: Vec<String> = match registry {
        Some(registry) => {
            let known = registry.metadata(&plugin.digest).await?;
            let known = known.ok_or_else(|| unsigned("the registry does not have it"))?;
            known.signatures().map(str::to_owned).collect()
        }
        None => Folder::signature_beside(&file.path).into_iter().collect(),
    };
    if signatures.is_empty() {
        return Err(unsigned("no signature lies beside it"));
    }
    keys.verify(&plugin.bytes, signatures.iter().map(String::as_str)).map(drop)
}
