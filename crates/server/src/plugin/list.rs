//! `wharf plugin list`: the plugins of a registry, or the variants of one, as a table or as JSON.

use serde::Serialize;
use wharf_core::{Error, Result};

use super::{
    arguments::{Asked, List},
    registry::{Listed, PluginRegistry, Variant},
};
use crate::{
    output::{OutputFormat, printable, say},
    table::lines,
};

/// Something that has a row in a table.
trait Row: Serialize {
    const TITLES: &'static [&'static str];

    fn cells(&self) -> Vec<String>;
}

/// Lists; there is nothing that could fail in part.
pub(super) async fn run(options: &List) -> Result<bool> {
    let registry = PluginRegistry::open(&options.connection)?;
    match &options.name {
        None => {
            let mut plugins = registry.plugins().await?;
            plugins.truncate(options.limit.unwrap_or(usize::MAX));
            print(&plugins, options.output)?;
        }
        Some(name) => {
            let asked = Asked { name: name.clone(), version: None };
            print(&registry.variants(&asked, &options.platform, options.limit).await?, options.output)?;
        }
    }
    Ok(true)
}

impl Row for Listed {
    const TITLES: &'static [&'static str] = &["NAME", "DESCRIPTION"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.description.clone()]
    }
}

impl Row for Variant {
    const TITLES: &'static [&'static str] =
        &["VERSION", "FILE", "ARCHITECTURE", "ABI", "DIGEST", "VERIFIED", "CREATED"];

    fn cells(&self) -> Vec<String> {
        let descriptor = &self.descriptor;
        let verified = match self.verified {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        vec![
            descriptor.version.clone(),
            descriptor.file_type.word().to_owned(),
            descriptor.architecture.word().unwrap_or("?").to_owned(),
            descriptor.plugin_version.to_string(),
            self.digest.chars().take(7).collect(),
            verified.to_owned(),
            self.created_at.clone(),
        ]
    }
}

fn print<T: Row>(rows: &[T], output: OutputFormat) -> Result<()> {
    if output == OutputFormat::Json {
        let object = |row: &T| serde_json::to_string(row).map(|row| row + "\n").map_err(Error::internal);
        return say(&rows.iter().map(object).collect::<Result<String>>()?);
    }
    let titles = T::TITLES.iter().map(|title| (*title).to_owned()).collect();
    let cells = |row: &T| row.cells().iter().map(|cell| printable(cell)).collect();
    let table: Vec<Vec<String>> = std::iter::once(titles).chain(rows.iter().map(cells)).collect();
    say(&lines(&table).map(|line| line + "\n").collect::<String>())
}
