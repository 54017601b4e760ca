//! The names of distribution files, which say what is inside (binary distribution format; PEP 625). The words are those
//! that twine's users know from the public index.

use pep440_rs::Version;
use wharf_registry::format::Refusal;

use crate::name::ProjectName;

/// What a distribution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ready to be installed.
    Wheel,
    /// To be built, as a gzipped tar.
    Source,
    /// The same as a zip.
    SourceZip,
}

impl Kind {
    /// The word in the upload form.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Wheel => "bdist_wheel",
            Self::Source | Self::SourceZip => "sdist",
        }
    }

    fn of(text: &str) -> Option<(Self, &str)> {
        let kinds = [(".whl", Self::Wheel), (".tar.gz", Self::Source), (".zip", Self::SourceZip)];
        kinds.into_iter().find_map(|(extension, kind)| Some((kind, text.strip_suffix(extension)?)))
    }
}

/// The name of a distribution file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileName {
    /// As it is written.
    pub(crate) text: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// Of which project.
    pub(crate) project: ProjectName,
    /// In which version.
    pub(crate) version: Version,
    /// For which Python: the tag of a wheel, `source` otherwise.
    pub(crate) python: String,
    /// What stands before the version.
    stem: String,
}

impl FileName {
    /// Whether a name looks like that of a distribution at all.
    pub(crate) fn is_likely(text: &str) -> bool {
        Kind::of(text).is_some()
    }

    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.contains(['/', '\\']) {
            return Err(Refusal::new("Cannot upload a file with '/' or '\\' in its name."));
        }
        if text.contains(|letter: char| letter.is_control()) || text.len() > LONGEST {
            return Err(Refusal::new(
                "Cannot upload a file with control characters or more than 250 bytes in its name.",
            ));
        }
        let kind = Kind::of(text)
            .ok_or_else(|| Refusal::new("Invalid file extension: Use .tar.gz, .whl or .zip extension."))?;
        match kind {
            (Kind::Wheel, stem) => Self::wheel(text, stem),
            (kind, stem) => Self::source(text, kind, stem),
        }
    }

    fn wheel(text: &str, stem: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, python) = match parts.as_slice() {
            [name, version, python, _, _] => (name, version, python),
            [name, version, build, python, _, _] if build.starts_with(|c: char| c.is_ascii_digit()) => {
                (name, version, python)
            }
            _ => {
                return Err(Refusal::new(format!(
                    "Invalid wheel filename (wrong number of parts): {text:?}"
                )));
            }
        };
        let is_tag = |part: &&str| {
            let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+".contains(&byte);
            !part.is_empty() && part.bytes().all(is_legal)
        };
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b".!+_".contains(&byte);
        if !version.bytes().all(is_legal) {
            return Err(Refusal::new(format!("Invalid version in filename: {text:?}")));
        }
        if !parts.iter().skip(2).all(is_tag) {
            return Err(Refusal::new(format!("Invalid wheel filename (invalid tags): {text:?}")));
        }
        Self::of(text, Kind::Wheel, (name, &version.replace('_', "+"), python))
    }

    fn source(text: &str, kind: Kind, stem: &str) -> Result<Self, Refusal> {
        let (name, version) = stem
            .rsplit_once('-')
            .ok_or_else(|| Refusal::new(format!("Invalid source distribution filename: {text:?}")))?;
        Self::of(text, kind, (name, version, "source"))
    }

    fn of(text: &str, kind: Kind, (name, version, python): (&str, &str, &str)) -> Result<Self, Refusal> {
        let invalid = |what: &str| Refusal::new(format!("Invalid {what} in filename: {text:?}"));
        Ok(Self {
            text: text.to_owned(),
            kind,
            project: name.parse().map_err(|_| invalid("project name"))?,
            version: version.parse().map_err(|_| invalid("version"))?,
            python: python.to_owned(),
            stem: name.to_owned(),
        })
    }

    /// Refuses a name that installers would have to guess at.
    pub(crate) fn expect_normal(&self) -> Result<(), Refusal> {
        let (stem, text) = (self.project.in_filenames(), &self.text);
        let version = self.version.to_string();
        // In the name of a wheel, a local version may stand behind either sign.
        let has_version = |version: &str| text.starts_with(&format!("{stem}-{version}-"));
        match self.kind {
            Kind::Wheel if self.stem != stem => {
                Err(Refusal::new(format!("Start filename for {} with {stem:?}.", self.project)))
            }
            Kind::Wheel if !has_version(&version) && !has_version(&version.replace('+', "_")) => {
                Err(Refusal::new(format!("Version in filename {text:?} should be written {version:?}.")))
            }
            Kind::Source | Kind::SourceZip if !text.starts_with(&format!("{stem}-{version}.")) => {
                let extension = if self.kind == Kind::Source { "tar.gz" } else { "zip" };
                let expected = format!("{stem}-{version}.{extension}");
                Err(Refusal::new(format!("Filename {text:?} is invalid, should be {expected:?}.")))
            }
            _ => Ok(()),
        }
    }

    /// The name without its ending: what the folder in a source distribution is called (PEP 625).
    pub(crate) fn folder(&self) -> &str {
        Kind::of(&self.text).map_or("", |(_, stem)| stem)
    }

    /// The folder of a wheel's metadata, without its ending.
    pub(crate) fn belongs_to(&self, folder: &str) -> bool {
        let Some((name, version)) = folder.rsplit_once('-') else { return false };
        let is_name = name.parse::<ProjectName>().is_ok_and(|name| name == self.project);
        is_name && version.replace('_', "+").parse::<Version>().is_ok_and(|version| version == self.version)
    }
}

/// The longest name, in bytes: file systems take no longer one.
pub(crate) const LONGEST: usize = 250;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_as_installers_read_them() {
        for (text, kind, project, version, python) in [
            ("foo-1.0-py3-none-any.whl", Kind::Wheel, "foo", "1.0", "py3"),
            ("foo_bar-1.0-1-cp311-cp311-linux_x86_64.whl", Kind::Wheel, "foo-bar", "1.0", "cp311"),
            (
                "torch-2.0+cu118-cp311-cp311-manylinux_2_17_x86_64.whl",
                Kind::Wheel,
                "torch",
                "2.0+cu118",
                "cp311",
            ),
            ("foo-1!2.0.tar.gz", Kind::Source, "foo", "1!2.0", "source"),
            ("foo-1!2.0-py3-none-any.whl", Kind::Wheel, "foo", "1!2.0", "py3"),
            ("foo_bar-1.0.zip", Kind::SourceZip, "foo-bar", "1.0", "source"),
            ("foo-bar-1.0.tar.gz", Kind::Source, "foo-bar", "1.0", "source"),
        ] {
            let name = FileName::parse(text).unwrap();
            assert_eq!(
                (name.kind, name.project.as_str(), name.python.as_str()),
                (kind, project, python),
                "{text}"
            );
            assert_eq!(name.version, version.parse().unwrap(), "{text}");
        }
        for bad in [
            "foo.whl",
            "foo-1.0.whl",
            "foo-1.0-x-py3-none-any.whl",
            "foo-1.0-py3-none-.whl",
            "foo-bad!-py3-none-any.whl",
            "foo-1.0.tar.bz2",
            "foo-1.0.egg",
            "../foo-1.0.tar.gz",
            "foo.tar.gz",
            "-1.0.tar.gz",
            "foo-1.0\n.tar.gz",
            "foo- 1.0-py3-none-any.whl",
            "foo-1.0\u{a0}-py3-none-any.whl",
            "foo-\u{3000}\u{ff11}.0-py3-none-any.whl",
            "foo-1.0#x-py3-none-any.whl",
        ] {
            assert!(FileName::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn only_the_normal_spelling_is_taken() {
        for normal in [
            "foo_bar-1.0-py3-none-any.whl",
            "foo-1!2.0.0rc1.post2.dev3+cu118.a-1-cp311-cp311-linux_x86_64.whl",
            "foo-2.0_cu118-py3-none-any.whl",
            "foo_bar-1.0.tar.gz",
            "foo_bar-1.0.zip",
        ] {
            FileName::parse(normal).unwrap().expect_normal().unwrap();
        }
        for other in [
            "Foo_Bar-1.0-py3-none-any.whl",
            "foo.bar-1.0-py3-none-any.whl",
            "foo-bar-1.0.tar.gz",
            "foo_bar-v1.0.tar.gz",
            "foo-v1.0-py3-none-any.whl",
            "foo-01.0-py3-none-any.whl",
            "foo-1.0.post-py3-none-any.whl",
            "foo-1.0RC1-py3-none-any.whl",
            "foo-1.0+A-py3-none-any.whl",
        ] {
            assert!(FileName::parse(other).unwrap().expect_normal().is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_name_panics_the_parser(text in "\\PC{0,40}(\\.whl|\\.tar\\.gz|\\.zip)?") {
            let _ = FileName::parse(&text).map(|name| name.expect_normal());
        }
    }
}
