//! What is dear to make and the same every time lives outside the tree, so that `cargo clean` keeps it.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// `<user's cache>/wharf-tests/<name>`, with the directory above it made.
pub(crate) fn place(name: &str) -> Result<PathBuf, Failure> {
    let path = user_cache()?.join("wharf-tests").join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Failure::file(parent))?;
    }
    Ok(path)
}

fn user_cache() -> Result<PathBuf, Failure> {
    let named = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let usual = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    named.or_else(usual).ok_or_else(|| Failure::Broken("neither XDG_CACHE_HOME nor HOME is set".to_owned()))
}

/// Makes the file at `path` by `make`, unless it is there. `make` writes to the path it is given; a name changes
/// only once it is whole, so a run that was cut off leaves nothing that looks finished.
pub(crate) fn keep(path: &Path, make: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    // In front, because some programs choose what to write by the end of the name.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!("part-{}-{name}", std::process::id()));
    make(&part)?;
    fs::rename(&part, path).map_err(Failure::file(path))
}

/// A key that changes when one of `files` does. Another release of Rust may hash otherwise: then it is made anew.
pub(crate) fn key(files: &[&Path]) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(file).map_err(Failure::file(file))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_appears_only_when_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("thing.tar");
        let cut_off = keep(&path, |part| {
            fs::write(part, "ha").unwrap();
            Err(Failure::Broken("cut off".to_owned()))
        });
        assert!(cut_off.is_err() && !path.exists());

        keep(&path, |part| fs::write(part, "whole").map_err(Failure::file(part))).unwrap();
        keep(&path, |_| Err(Failure::Broken("made twice".to_owned()))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
    }

    #[test]
    fn the_key_follows_every_file() {
        let directory = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
        fs::write(&one, "1").unwrap();
        fs::write(&two, "2").unwrap();
        let before = key(&[&one, &two]).unwrap();
        assert_eq!(key(&[&one, &two]).unwrap(), before);
        fs::write(&two, "3").unwrap();
        assert_ne!(key(&[&one, &two]).unwrap(), before);
    }
}
