//! `wharf plugin pull`: the variants for this machine, by name.

use wharf_core::Result;

use super::{
    arguments::{Asked, Pull},
    candidate::described,
    fetch::Fetcher,
    folder::Folder,
    keys::Keys,
    platform::Platform,
    registry::PluginRegistry,
    report::{Line, Outcome, Report},
};

/// Pulls everything that was asked for; says whether all of it is there.
pub(super) async fn run(options: &Pull) -> Result<bool> {
    let registry = PluginRegistry::open(&options.connection)?;
    let keys = Keys::of_registry(&options.belief, &registry).await?;
    let fetcher = Fetcher { registry, keys, folder: Folder::open(&options.into)? };
    let mut report = Report::new("pull", options.output);
    for asked in &options.names {
        let line = pull(&fetcher, asked, &options.platform, &report).await;
        report.note(&line);
        if report.is_lost() {
            break;
        }
    }
    report.end()
}

async fn pull(fetcher: &Fetcher, asked: &Asked, platform: &Platform, report: &Report) -> Line {
    let Asked { name, version } = asked;
    let subject = version.as_ref().map_or_else(|| name.clone(), |version| format!("{name}:{version}"));
    let mut line = Line { subject, plugin: String::new(), digest: None, outcome: Outcome::Present };
    let outcome = match fetcher.newest(asked, platform).await {
        Ok(Some(chosen)) => {
            (line.plugin, line.digest) = (described(&chosen.descriptor), Some(chosen.digest));
            fetcher.install(&chosen, report).await
        }
        Ok(None) => Ok(Outcome::Failed("the registry has none for this machine".to_owned())),
        Err(error) => Err(error),
    };
    line.outcome = outcome.unwrap_or_else(|error| Outcome::failed(&error));
    line
}
