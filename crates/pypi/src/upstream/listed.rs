//! A file as an upstream lists it, within the bounds of what is kept of a stranger's words.

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

/// A file as the upstream lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Listed {
    /// Its name.
    pub(crate) filename: String,
    /// Where the upstream has it.
    pub(crate) url: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
    /// How many they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// Which versions of Python it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requires_python: Option<String>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uploaded: Option<String>,
    /// Why it was yanked, if it was; empty where the upstream gives no reason.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "json::yanked")]
    pub(crate) yanked: Option<String>,
    /// The SHA-256 of the metadata that lies beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
}

impl Listed {
    /// What is kept of it: nothing of a file without a name, an address and a SHA-256 of their grammar, and of the rest what
    /// is within bounds. A reason is cut.
    pub(super) fn bounded(mut self) -> Option<Self> {
        self.sha256.make_ascii_lowercase();
        if self.filename.len() > LONGEST_NAME || self.url.len() > LONGEST_URL || !is_sha256(&self.sha256) {
            return None;
        }
        self.requires_python = self.requires_python.filter(|text| is_line(text));
        self.uploaded = self
            .uploaded
            .filter(|moment| moment.len() <= LONGEST_MOMENT && moment.parse::<jiff::Timestamp>().is_ok());
        self.metadata =
            self.metadata.map(|sha256| sha256.to_ascii_lowercase()).filter(|text| is_sha256(text));
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
    /// `Invalid` where the upstream does not say.
    pub(super) fn digest(&self) -> Result<Digest> {
        format!("sha256:{}", self.sha256).parse()
    }

    /// How many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        let Self { filename, url, sha256, requires_python, uploaded, yanked, metadata, .. } = self;
        let told = [requires_python, uploaded, yanked, metadata].into_iter().flatten();
        let texts = [filename, url, sha256].into_iter().chain(told);
        size_of::<Self>() + texts.map(String::capacity).sum::<usize>()
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_line(text: &str) -> bool {
    text.chars().count() <= LONGEST_LINE && !text.contains(char::is_control)
}
