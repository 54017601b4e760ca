//! Pages of simple indexes elsewhere (PEP 503, 691, 700), in whatever form they come: the projects of an index, and the files of
//! one of them. Proxies and imports read them here.
//!
//! Whoever wrote a page may have written anything, so what is read of one has bounds, and all texts are held to their grammar.
//! The types of pages are those that installers take: JSON under another type is no page of an index.

mod html;
mod json;
mod listed;

use url::Url;
use wharf_core::{Error, Kind, Result};
use wharf_registry::upstream::Arrived;

pub use self::listed::Listed;

/// The forms of a page that are read, as they stand in `Accept`.
pub const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// The largest page of a project, in bytes.
pub const LARGEST: usize = 16 * 1024 * 1024;
/// The largest list of projects, in bytes: that of the largest public index has some tens of MiB.
pub const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// The most files that are read of a page.
const MOST_FILES: usize = 100_000;
/// The most bytes that they take in memory. A page may be short and swell all the same, by addresses below a long one.
const MOST_BYTES: usize = 32 << 20;
/// The most projects that are read of a list.
const MOST_PROJECTS: usize = 1_000_000;
/// The longest name of a project, in bytes.
const LONGEST_PROJECT: usize = 250;

/// The page of a project.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ProjectPage {
    /// Its files, in their order.
    pub files: Vec<Listed>,
    /// The names of files without a SHA-256: nobody could vouch for their bytes.
    pub unvouched: Vec<String>,
    /// Whether there is more on it than is read of a page.
    pub goes_on: bool,
}

/// What a page says of one file.
enum Entry {
    /// A file, its address as it is written.
    Vouched(Listed),
    /// The name of one without a SHA-256.
    Unvouched(String),
}

/// The first of what stands on a page.
struct Beginning<T> {
    entries: Vec<T>,
    /// Whether there is more.
    goes_on: bool,
}

/// A page as text.
enum Form<'a> {
    Json(&'a str),
    Html(&'a str),
}

/// Reads the page of a project. What is beyond the bounds of a page is left out, and so are files that nothing can be fetched of.
///
/// # Errors
/// `Invalid` for what is no page.
pub fn project(arrived: &Arrived) -> Result<ProjectPage> {
    let base = Url::parse(&arrived.url).map_err(|error| no_page().because(error))?;
    let Beginning { entries, goes_on } = match Form::of(arrived)? {
        Form::Json(text) => json::files(text).map_err(|error| no_page().because(error))?,
        Form::Html(text) => html::files(text),
    };
    let (mut page, mut left) = (ProjectPage { goes_on, ..ProjectPage::default() }, MOST_BYTES);
    for entry in entries {
        let Some(entry) = entry.at(&base) else { continue };
        let Some(rest) = left.checked_sub(entry.weight()) else {
            page.goes_on = true;
            break;
        };
        left = rest;
        match entry {
            Entry::Vouched(file) => page.files.push(file),
            Entry::Unvouched(name) => page.unvouched.push(name),
        }
    }
    Ok(page)
}

/// Reads the names in a list of projects, as they are written.
///
/// # Errors
/// `Invalid` for what is no list, `TooLarge` for one that goes on beyond a million.
pub fn projects(arrived: &Arrived) -> Result<Vec<String>> {
    let Beginning { entries, goes_on } = match Form::of(arrived)? {
        Form::Json(text) => json::projects(text).map_err(|error| no_page().because(error))?,
        Form::Html(text) => html::projects(text),
    };
    if goes_on {
        return Err(Error::new(
            Kind::TooLarge,
            format!("the index lists more than {MOST_PROJECTS} projects"),
        ));
    }
    Ok(entries)
}

impl<'a> Form<'a> {
    fn of(arrived: &'a Arrived) -> Result<Self> {
        let text = std::str::from_utf8(&arrived.bytes).map_err(|error| no_page().because(error))?;
        let media_type = arrived.media_type.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/vnd.pypi.simple.v1+json" => Ok(Self::Json(text)),
            "application/vnd.pypi.simple.v1+html" | "text/html" => Ok(Self::Html(text)),
            _ => Err(no_page()),
        }
    }
}

impl Entry {
    /// What is kept of a file whose SHA-256 the page tells, or not, if anything is.
    fn of(listed: Listed, sha256: Option<String>) -> Option<Self> {
        let listed = listed.bounded()?;
        Some(match sha256.and_then(listed::sha256) {
            Some(sha256) => Self::Vouched(Listed { sha256, ..listed }),
            None => Self::Unvouched(listed.filename),
        })
    }

    /// The same with a whole address, if something can be fetched from there.
    fn at(self, base: &Url) -> Option<Self> {
        match self {
            Self::Vouched(file) => file.at(base).map(Self::Vouched),
            unvouched @ Self::Unvouched(_) => Some(unvouched),
        }
    }

    /// How many bytes it takes in memory.
    fn weight(&self) -> usize {
        match self {
            Self::Vouched(file) => file.weight(),
            Self::Unvouched(name) => size_of::<Self>() + name.capacity(),
        }
    }
}

impl<T> Beginning<T> {
    /// The first of some entries, at most so many, without those of which nothing is kept.
    fn of(mut entries: impl Iterator<Item = Option<T>>, most: usize) -> Self {
        let first = entries.by_ref().take(most).flatten().collect();
        Self { entries: first, goes_on: entries.next().is_some() }
    }
}

/// A name of a project within its bounds.
fn name(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty() && text.len() <= LONGEST_PROJECT)
}

fn no_page() -> Error {
    Error::new(Kind::Invalid, "what was answered is no page of an index of packages")
}

#[cfg(test)]
mod tests;
