//! The head of a month: how many records were sealed in it, and the root over them, signed.
//!
//! A head names the head of the month before, so none can be taken out of the row. What is signed is a few lines of text,
//! which stay what they are in every version.

use wharf_core::{Result, Timestamp, audit::HeadSigner, hex};

use super::{Hash, Month, tree};
use crate::port::HeadRow;

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Of which month.
    pub month: Month,
    /// How many records were sealed in it.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The hash of the last head of the month before; of none: zeros.
    pub previous: Hash,
    /// When it was signed.
    pub at: Timestamp,
}

impl Head {
    /// What is signed.
    pub fn text(&self) -> String {
        let Self { month, size, root, previous, at } = self;
        format!(
            "wharf audit head\nmonth {month}\nsize {size}\nroot {}\nprevious {}\nat {}\n",
            hex::encode(root),
            hex::encode(previous),
            at.microseconds()
        )
    }

    /// What the head of the next month names.
    pub fn hash(&self) -> Hash {
        tree::hash(&[self.text().as_bytes()])
    }

    /// What is signed when the whole month was exported.
    pub fn export(&self, at: Timestamp) -> String {
        format!("wharf audit export\nhead {}\nat {}\n", hex::encode(&self.hash()), at.microseconds())
    }

    /// What is signed when the records of the month are removed.
    pub fn removal(&self, at: Timestamp) -> String {
        format!("wharf audit removal\nhead {}\nat {}\n", hex::encode(&self.hash()), at.microseconds())
    }
}

impl HeadRow {
    /// Whether the head is what was signed.
    pub fn is_signed(&self, signer: &dyn HeadSigner) -> bool {
        signer.verifies(self.head.text().as_bytes(), &self.signature)
    }

    /// Whether it was Wharf that noted its export; `None` where it is not said to be exported.
    pub fn is_export_signed(&self, signer: &dyn HeadSigner) -> Option<bool> {
        let (at, signature) = self.exported.as_ref()?;
        Some(signer.verifies(self.head.export(*at).as_bytes(), signature))
    }

    /// Whether its records were removed by Wharf; `None` where they are not said to be.
    pub fn is_removal_signed(&self, signer: &dyn HeadSigner) -> Option<bool> {
        let (at, signature) = self.removed.as_ref()?;
        Some(signer.verifies(self.head.removal(*at).as_bytes(), signature))
    }

    /// The head as a line of JSON, with the key that it can be verified by.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn line(&self, signer: &dyn HeadSigner) -> Result<String> {
        let Head { month, size, root, previous, at } = &self.head;
        Ok(format!(
            r#"{{"head":{{"month":"{month}","size":{size},"root":"{}","previous":"{}","at_us":{},"signature":"{}","key":"{}"}}}}"#,
            hex::encode(root),
            hex::encode(previous),
            at.microseconds(),
            hex::encode(&self.signature),
            hex::encode(&signer.public_key()),
        ))
    }
}
