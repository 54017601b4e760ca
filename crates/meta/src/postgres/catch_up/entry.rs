//! A row of the table `change`: what one transaction changed of what nodes remember.

use serde::{Deserialize, Serialize};

use crate::memory::Changes;

/// What a transaction has to tell.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::postgres) enum Entry {
    /// It changed this.
    Changed(Changes),
    /// It removed the rows of transactions before this one. Whoever has not read them cannot catch up.
    Pruned(u64),
}

impl Entry {
    /// Adds one; takes it as text. The id of the transaction is its default.
    pub(in crate::postgres) const INSERT: &str = "INSERT INTO change (what) VALUES ($1)";

    /// As it stands in its row.
    pub(in crate::postgres) fn to_row(&self) -> String {
        // Names and numbers always are JSON; an empty text would be read as "everything".
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As it was written: by this version, or by another one that says what this one cannot know.
    pub(super) fn from_row(what: &str) -> Self {
        serde_json::from_str(what).unwrap_or_else(|_| Self::Changed(Changes::everything()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_means_everything() {
        for entry in [Entry::Changed(Changes::default()), Entry::Pruned(7)] {
            assert_eq!(Entry::from_row(&entry.to_row()), entry);
        }
        for newer in ["", "{}", r#"{"moved":1}"#, r#"{"changed":{"rights":true,"quotas":true}}"#] {
            assert_eq!(Entry::from_row(newer), Entry::Changed(Changes::everything()), "{newer}");
        }
    }
}
