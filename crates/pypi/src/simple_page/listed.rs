//! A file as its page lists it, within the bounds of what is kept of a stranger's words.

use serde::{Deserialize, Serialize};
use url::Url;
use wharf_core::{Digest, Result};

use super::json;
use crate::{filename::LONGEST as LONGEST_NAME, metadata::LONGEST_LINE};

/// The longest address, in bytes.
const LONGEST_URL: usize = 4096;
/// The longest moment, in bytes.
const LONGEST_MOMENT: usize = 64;
/// The most characters that are kept of why a file was yanked.
const LONGEST_REASON: usize = 512;

/// A file as its page lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// Its name.
    pub filename: String,
    /// Where it lies.
    pub url: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Which versions of Python it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<String>,
    /// Why it was yanked, if it was; empty where the page gives no reason.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "json::yanked")]
    pub yanked: Option<String>,
    /// The SHA-256 of the metadata that lies beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

impl Listed {
    /// What is kept of it: nothing of a file without a name, or whose name or address is beyond its bounds, and of the rest what is within them. A
    /// reason is cut.
    pub(super) fn bounded(mut self) -> Option<Self> {
        if self.filename.is_empty() || self.filename.len() > LONGEST_NAME || self.url.len() > LONGEST_URL {
            return None;
        }
        self.requires_python = self.requires_python.filter(|text| is_line(text));
        self.uploaded = self
            .uploaded
            .filter(|moment| moment.len() <= LONGEST_MOMENT && moment.parse::<jiff::Timestamp>().is_ok());
        self.metadata = self.metadata.and_then(sha256);
        self.yanked = self.yanked.map(|reason| {
            let letters = reason.chars().filter(|letter| !letter.is_control());
            letters.take(LONGEST_REASON).collect()
        });
        // What was read into more room than it needs would hold that room as long as the page lies in memory.
        [&mut self.filename, &mut self.url].into_iter().for_each(String::shrink_to_fit);
        Some(self)
    }

    /// The file with its whole address, if it has one from which something can be fetched.
    pub(super) fn at(mut self, base: &Url) -> Option<Self> {
        let mut url = base.join(&self.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        url.set_fragment(None);
        self.url = url.into();
        (self.url.len() <= LONGEST_URL).then_some(self)
    }

    /// What its bytes must be.
    ///
    /// # Errors
    /// `Invalid` where the page does not say.
    pub fn digest(&self) -> Result<Digest> {
        format!("sha256:{}", self.sha256).parse()
    }

    /// How many bytes it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let Self { filename, url, sha256, requires_python, uploaded, yanked, metadata, .. } = self;
        let told = [requires_python, uploaded, yanked, metadata].into_iter().flatten();
        let texts = [filename, url, sha256].into_iter().chain(told);
        size_of::<Self>() + texts.map(String::capacity).sum::<usize>()
    }
}

/// A SHA-256 in hexadecimal digits, if that is what a text is.
pub(super) fn sha256(mut text: String) -> Option<String> {
    text.make_ascii_lowercase();
    Some(text).filter(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_line(text: &str) -> bool {
    text.chars().count() <= LONGEST_LINE && !text.contains(char::is_control)
}
