//! The keys that the user once chose for a registry: `wharf/plugin-keys.json` in `$XDG_CONFIG_HOME` or `~/.config`.

use std::{collections::BTreeMap, fs::File, io, io::Read as _, path::PathBuf};

use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result};

use crate::{login::replace, world};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The file as it was read, with the changes made since.
pub(super) struct Pins {
    path: PathBuf,
    content: Content,
}

/// Each registry as it is named, with its keys in PEM.
#[derive(Default, Deserialize, Serialize)]
struct Content {
    registries: BTreeMap<String, Vec<String>>,
}

impl Pins {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// `Invalid` where it cannot be read or is not what was written.
    #[expect(clippy::disallowed_methods, reason = "the file lies in the user's home")]
    pub(super) fn read() -> Result<Self> {
        let folder = world::variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(world::variable("HOME")?).join(".config"));
        let nowhere =
            || Error::new(Kind::Invalid, "neither XDG_CONFIG_HOME nor HOME says where keys are pinned");
        let path = folder.or_else(home).ok_or_else(nowhere)?.join("wharf/plugin-keys.json");
        let unusable = |what: &str| Error::new(Kind::Invalid, format!("{} {what}", path.display()));
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, content: Content::default() });
            }
            Err(error) => return Err(unusable("cannot be read").because(error)),
        }
        let content =
            serde_json::from_str(&text).map_err(|error| unusable("is no list of keys").because(error))?;
        Ok(Self { path, content })
    }

    /// The keys of a registry, in PEM.
    pub(super) fn of(&self, registry: &str) -> &[String] {
        self.content.registries.get(registry).map(Vec::as_slice).unwrap_or_default()
    }

    /// Keeps these keys for a registry, in the place of those before.
    ///
    /// # Errors
    /// `Invalid` where the file cannot be written.
    pub(super) fn pin(&mut self, registry: &str, keys: Vec<String>) -> Result<()> {
        self.content.registries.insert(registry.to_owned(), keys);
        let bytes = serde_json::to_vec_pretty(&self.content).map_err(Error::internal)?;
        replace(&self.path, &bytes).map_err(|error| {
            Error::new(Kind::Invalid, format!("{} cannot be written", self.path.display())).because(error)
        })
    }
}
