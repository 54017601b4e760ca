//! Files below one directory, and nothing else: no path leads out of it, and no symbolic link anywhere.

use std::{fs::File, io, io::Read as _, path::Path};

use rustix::{
    fs::{CWD, Dir, FileType, Mode, OFlags, openat},
    io::Errno,
};
use wharf_core::{Error, Kind, Result};

/// A directory that is read below.
pub(super) struct Tree {
    root: File,
}

impl Tree {
    /// The directory at a path the user named, which may lead through links.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: File::from(openat(CWD, path, flags, Mode::empty())?) })
    }

    /// A file or directory below; `None` where there is none. No name may hold a `/` or be `..`.
    pub(super) fn entry(&self, path: &[&str]) -> Result<Option<File>> {
        // Without waiting for the other end of a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = self.root.try_clone().map_err(|error| unreadable(path, error))?;
        for name in path {
            if name.contains('/') || matches!(*name, "" | "." | "..") {
                return Err(Error::new(Kind::Invalid, format!("{name:?} is not the name of a file")));
            }
            file = match openat(&file, *name, flags, Mode::empty()) {
                Ok(next) => File::from(next),
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::LOOP | Errno::MLINK) => {
                    let words = format!("{} is a symbolic link, and those are not followed", path.join("/"));
                    return Err(Error::new(Kind::Denied, words));
                }
                Err(error) => return Err(unreadable(path, error.into())),
            };
        }
        Ok(Some(file))
    }

    /// A regular file below, with its size in bytes.
    pub(super) fn file(&self, path: &[&str]) -> Result<Option<(File, u64)>> {
        let Some(file) = self.entry(path)? else { return Ok(None) };
        let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
        if !metadata.is_file() {
            return Err(Error::new(Kind::Invalid, format!("{} is no file", path.join("/"))));
        }
        Ok(Some((file, metadata.len())))
    }

    /// A whole file of at most so many bytes.
    pub(super) fn read(&self, path: &[&str], most: usize) -> Result<Option<Vec<u8>>> {
        let Some((file, _)) = self.file(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
        if bytes.len() > most {
            let words = format!("{} has more than {most} bytes", path.join("/"));
            return Err(Error::new(Kind::TooLarge, words));
        }
        Ok(Some(bytes))
    }

    /// The names of the directories in a directory, without what is no text, in order; none where there is none.
    pub(super) fn directories(&self, path: &[&str]) -> Result<Vec<String>> {
        self.names(path, FileType::Directory)
    }

    /// The names of the regular files in a directory, likewise.
    pub(super) fn files(&self, path: &[&str]) -> Result<Vec<String>> {
        self.names(path, FileType::RegularFile)
    }

    fn names(&self, path: &[&str], wanted: FileType) -> Result<Vec<String>> {
        let Some(file) = self.entry(path)? else { return Ok(Vec::new()) };
        let failed = |error: Errno| unreadable(path, error.into());
        let mut names = Vec::new();
        // Opened anew: whoever shares a directory shares how far it was read.
        for entry in Dir::read_from(file).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let may_be = entry.file_type() == wanted || entry.file_type() == FileType::Unknown;
            if let (true, Ok(name)) = (may_be, entry.file_name().to_str())
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

fn unreadable(path: &[&str], error: io::Error) -> Error {
    Error::new(Kind::Invalid, format!("{} cannot be read", path.join("/"))).because(error)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test lays out files")]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn no_link_is_followed_and_no_path_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let (root, secret) = (folder.path().join("root"), folder.path().join("secret"));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(&secret, "hunter2").unwrap();
        fs::write(root.join("a/file"), "cargo").unwrap();
        symlink(&secret, root.join("a/link")).unwrap();
        symlink(folder.path(), root.join("out")).unwrap();
        let tree = Tree::open(&root).unwrap();

        assert_eq!(tree.read(&["a", "file"], 5).unwrap().unwrap(), b"cargo");
        assert_eq!(tree.read(&["a", "file"], 4).unwrap_err().kind(), Kind::TooLarge);
        assert!(tree.read(&["a", "none"], 5).unwrap().is_none());
        for bad in [&["a", "link"][..], &["out", "secret"], &["..", "secret"], &["a/../../secret"], &["a"]] {
            assert!(tree.read(bad, 100).is_err(), "{bad:?}");
        }
        assert_eq!(tree.directories(&[]).unwrap(), ["a"]);
        assert_eq!(tree.files(&["a"]).unwrap(), ["file"]);
        assert_eq!(tree.directories(&[]).unwrap(), ["a"], "again");
    }
}
