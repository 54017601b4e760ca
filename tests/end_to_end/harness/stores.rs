//! Which stores the servers under test use that do not choose their own: `WHARF_TEST_STORES`, a database and a
//! storage with a plus between them.
//!
//! `sqlite+file` is what a server has by itself, `postgres+s3` the pair that many nodes share; the other two are for
//! finding out which half a failure comes from. Parameters of the storage may follow: `postgres+s3&redirect=on`.
//! Each server gets a database and a place in the bucket of its own.

use super::postgres::Database;
use super::storage;

/// For servers whose database and bytes are looked at, or broken, as files.
pub(crate) const IN_FILES: [(&str, &str); 2] = [("WHARF_DATABASE", "sqlite"), ("WHARF_STORAGE", "file")];

/// The database of a server whose test says nothing about it, unless that is a file.
pub(super) async fn database() -> Option<Database> {
    match split().0.as_str() {
        "sqlite" => None,
        "postgres" => {
            Some(Database::fresh().await.expect("WHARF_TEST_STORES is for machines with PostgreSQL"))
        }
        other => panic!("WHARF_TEST_STORES names no such database: {other}"),
    }
}

/// The storage of a server whose test says nothing about it, unless that is a folder.
pub(super) fn storage() -> Option<String> {
    let storage = split().1;
    if storage == "file" {
        return None;
    }
    let parameters = storage.strip_prefix("s3");
    let parameters =
        parameters.unwrap_or_else(|| panic!("WHARF_TEST_STORES names no such storage: {storage}"));
    Some(storage::own_place(&storage::endpoint(), parameters))
}

fn split() -> (String, String) {
    let stores = std::env::var("WHARF_TEST_STORES").unwrap_or_else(|_| "sqlite+file".to_owned());
    let (database, storage) = stores.split_once('+').expect("WHARF_TEST_STORES is <database>+<storage>");
    (database.to_owned(), storage.to_owned())
}
