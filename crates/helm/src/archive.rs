//! The packaged chart: a gzipped tar with one folder, read within bounds and never written anywhere.
//!
//! The bounds are Helm's own where it has them (100 MiB inflated). An archive that two readers could read differently
//! is refused: a file that matters twice, sizes that disagree (CVE-2025-62518).

mod templates;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use wharf_registry::format::Refusal;

pub(crate) use self::templates::Templates;
use self::walk::{broken, walk};
use crate::images::of_line;

/// The largest packaged chart that is read, in bytes.
pub(crate) const LARGEST_PACKAGED: u64 = 32 * 1024 * 1024;
/// The largest file that is kept, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// The files that are read, by their path below the chart's folder.
const FILES: [&str; 5] =
    ["Chart.yaml", "requirements.yaml", "README.md", "values.yaml", "values.schema.json"];

/// The most images that are remembered of all templates.
const MOST_IMAGES: usize = 100;
/// No reference to an image is longer, in bytes.
const LONGEST_IMAGE: usize = 512;

/// The files of a chart that matter.
#[derive(Debug)]
pub(crate) struct Archive {
    files: BTreeMap<&'static str, Vec<u8>>,
    images: BTreeSet<String>,
}

impl Archive {
    /// Reads a packaged chart of so many bytes.
    pub(crate) fn read(packaged: impl Read, size: u64) -> Result<Self, Refusal> {
        if size > LARGEST_PACKAGED {
            return Err(Refusal::new("the packaged chart is larger than 32 MiB"));
        }
        let (mut found, mut images) = (BTreeMap::new(), BTreeSet::new());
        walk(packaged, |name, entry| {
            if is_template(name) && entry.size() <= LARGEST_FILE {
                images.extend(written_images(entry)?);
                // Not more than are shown: every template of a chart may write out some.
                while images.len() > MOST_IMAGES {
                    images.pop_last();
                }
            } else if let Some((file, bytes)) = read_wanted(name, entry)?
                && found.insert(file, bytes).is_some()
            {
                return Err(Refusal::new(format!("the packaged chart holds {file} twice")));
            }
            Ok(())
        })?;
        Ok(Self { files: found, images })
    }

    /// The images that templates write out, in byte order.
    pub(crate) fn images(&self) -> impl Iterator<Item = &String> {
        self.images.iter()
    }

    /// A file by its path below the chart's folder.
    pub(crate) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }
}

/// A file that matters, with its bytes. A text beside the chart that is too large is passed over.
fn read_wanted<R: Read>(
    name: &[u8],
    entry: &mut tar::Entry<'_, R>,
) -> Result<Option<(&'static str, Vec<u8>)>, Refusal> {
    let Some(file) = wanted(name)? else { return Ok(None) };
    if entry.size() > LARGEST_FILE {
        let is_needed = matches!(file, "Chart.yaml" | "requirements.yaml");
        let refusal = || Refusal::new(format!("{file} in the packaged chart is larger than 1 MiB"));
        return if is_needed { Err(refusal()) } else { Ok(None) };
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(broken)?;
    Ok(Some((file, bytes)))
}

/// Which of the files that matter a name means. Helm cleans names before it looks at them, so one that is not clean is
/// refused.
fn wanted(name: &[u8]) -> Result<Option<&'static str>, Refusal> {
    let unclean = |part: &str| part.is_empty() || part == "." || part == "..";
    let clean =
        str::from_utf8(name).ok().filter(|name| !name.contains('\\') && !name.split('/').any(unclean));
    let Some(name) = clean else {
        let shown = String::from_utf8_lossy(name);
        return Err(Refusal::new(format!(
            "the packaged chart holds a file called {shown:?}, which could mean two"
        )));
    };
    let Some((_folder, rest)) = name.split_once('/') else { return Ok(None) };
    Ok(FILES.into_iter().find(|file| *file == rest))
}

/// Whether this is a template of the chart itself. What its name could mean besides is looked at where names matter.
fn is_template(name: &[u8]) -> bool {
    let below = str::from_utf8(name).ok().and_then(|name| name.split_once('/')).map(|(_folder, rest)| rest);
    let is_yaml = |path: &str| path.ends_with(".yaml") || path.ends_with(".yml");
    below.is_some_and(|path| path.starts_with("templates/") && is_yaml(path)) && wanted(name).is_ok()
}

fn written_images<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<String>, Refusal> {
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(broken)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text
        .lines()
        .filter_map(of_line)
        .filter(|image| image.len() <= LONGEST_IMAGE)
        .take(MOST_IMAGES)
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    use super::{walk::LONGEST_HEADER, *};

    fn packaged(build: impl FnOnce(&mut Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        build(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn add(builder: &mut Builder<GzEncoder<Vec<u8>>>, path: &str, bytes: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes).unwrap();
    }

    fn refusal(bytes: &[u8]) -> String {
        Archive::read(bytes, 0).unwrap_err().to_string()
    }

    #[test]
    fn the_files_of_the_chart_are_found_and_those_of_its_dependencies_are_not() {
        let bytes = packaged(|builder| {
            add(builder, "app/charts/other/Chart.yaml", b"wrong");
            add(builder, &format!("app/templates/{}", "x".repeat(200)), b"long");
            add(builder, "app/Chart.yaml", b"right");
        });
        let archive = Archive::read(&bytes[..], 0).unwrap();
        assert_eq!((archive.file("Chart.yaml"), archive.file("README.md")), (Some(&b"right"[..]), None));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let twice = packaged(|builder| {
            add(builder, "app/Chart.yaml", b"one");
            add(builder, "app/Chart.yaml", b"two");
        });
        assert_eq!(refusal(&twice), "the packaged chart holds Chart.yaml twice");
        let sizes = packaged(|builder| {
            builder.append_pax_extensions([("size", &b"3"[..])]).unwrap();
            add(builder, "app/Chart.yaml", b"one");
        });
        assert_eq!(refusal(&sizes), "the packaged chart gives the size of a file twice");
    }

    #[test]
    fn names_and_kinds_that_two_readers_could_take_for_two_things_are_refused() {
        for name in ["app/./Chart.yaml", "app/x/../Chart.yaml", "app\\Chart.yaml", "app//Chart.yaml"] {
            let unclean = packaged(|builder| {
                builder.append_pax_extensions([("path", name.as_bytes())]).unwrap();
                add(builder, "app/harmless", b"lie");
            });
            assert!(refusal(&unclean).contains("could mean two"), "{name}");
        }
        for key in ["GNU.sparse.name", "path"] {
            let value: &[u8] = if key == "path" { b"" } else { b"app/Chart.yaml" };
            let renamed = packaged(|builder| {
                builder.append_pax_extensions([(key, value)]).unwrap();
                add(builder, "app/harmless", b"lie");
            });
            assert!(Archive::read(&renamed[..], 0).is_err(), "{key}");
        }
        let named_twice = packaged(|builder| {
            builder.append_pax_extensions([("path", &b"app/one"[..])]).unwrap();
            builder.append_pax_extensions([("mtime", &b"1"[..])]).unwrap();
            add(builder, "app/harmless", b"lie");
        });
        assert_eq!(refusal(&named_twice), "the packaged chart names a file twice");
        for kind in [b'Z', b'S', b'7', b'1', b'2'] {
            let odd = packaged(|builder| {
                let mut header = Header::new_gnu();
                header.set_path("app/Chart.yaml").unwrap();
                header.set_entry_type(EntryType::new(kind));
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, io::empty()).unwrap();
            });
            assert!(refusal(&odd).contains("no file and no folder"), "{}", char::from(kind));
        }
        assert!(Archive::read(io::empty(), LARGEST_PACKAGED + 1).is_err());
    }

    #[test]
    fn a_renamed_entry_is_known_by_its_new_name() {
        let bytes = packaged(|builder| {
            builder.append_pax_extensions([("path", &b"app/Chart.yaml"[..])]).unwrap();
            add(builder, "app/harmless", b"renamed");
        });
        assert_eq!(Archive::read(&bytes[..], 0).unwrap().file("Chart.yaml"), Some(&b"renamed"[..]));
    }

    #[test]
    fn a_bomb_a_torn_file_and_a_long_header_are_refused() {
        let bomb = packaged(|builder| add(builder, "app/zeros", &vec![0; 101 << 20]));
        assert!(bomb.len() < 1 << 20 && refusal(&bomb).contains("more than 100 MiB"));
        let whole = packaged(|builder| add(builder, "app/Chart.yaml", &[7; 5000]));
        assert!(refusal(&whole[..whole.len() / 2]).contains("cannot be read"));
        let long = packaged(|builder| {
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::GNULongName);
            header.set_size(LONGEST_HEADER + 1);
            header.set_cksum();
            builder.append(&header, io::repeat(b'a').take(LONGEST_HEADER + 1)).unwrap();
        });
        assert_eq!(refusal(&long), "the packaged chart holds a name that is too long");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
            let _ = Archive::read(&bytes[..], 0);
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&bytes).unwrap();
            let _ = Archive::read(&gzip.finish().unwrap()[..], 0);
        }

        /// A real chart with bytes changed, inside and outside of the compression: read, or refused in words.
        #[test]
        fn a_chart_with_bytes_changed_is_read_or_refused(changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
            let whole = real_chart();
            let mut inside = Vec::new();
            MultiGzDecoder::new(&whole[..]).read_to_end(&mut inside).unwrap();
            let (mut outside, length) = (whole.clone(), inside.len());
            for (at, byte) in &changes {
                // Most changes near the front, where the headers are.
                inside[at % 2048.min(length)] = *byte;
                let length = outside.len();
                outside[at % length] = *byte;
            }
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&inside).unwrap();
            for bytes in [gzip.finish().unwrap(), outside] {
                match Archive::read(&bytes[..], 0).and_then(|archive| archive.chart()) {
                    Ok(chart) => drop(chart.fact()),
                    Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
                }
            }
        }
    }

    fn real_chart() -> Vec<u8> {
        packaged(|builder| {
            let described = b"apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: '4'\nkeywords: [a, b]\n";
            add(builder, "app/Chart.yaml", described);
            add(builder, &format!("app/templates/{}.yaml", "x".repeat(120)), b"kind: Pod");
            builder.append_pax_extensions([("path", &b"app/README.md"[..])]).unwrap();
            add(builder, "app/renamed", b"# App");
            add(builder, "app/values.yaml", b"a: 1");
        })
    }
}
