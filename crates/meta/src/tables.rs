//! The tables that a backup holds, column by column, parents before children.
//!
//! A backup is made from this list and restored by it, on either database. What is left out is of no use elsewhere:
//! unfinished uploads, rendered pages, and what the collector has in mind. The test compares both lists with the schema, so that no
//! table and no column is forgotten.

mod accounts;
mod content;
mod formats;
mod journal;
mod tenants;

use std::{collections::HashMap, sync::LazyLock};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A whole number of 64 bits.
    Integer,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
}

impl ColumnKind {
    /// Its word in a backup.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds; whether it may be NULL the schema says.
    pub kind: ColumnKind,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, those of the primary key first.
    pub columns: &'static [Column],
    /// How many columns the primary key has.
    pub(crate) key: usize,
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: ColumnKind::Bytes }
}

const fn table(name: &'static str, key: usize, columns: &'static [Column]) -> Table {
    Table { name, columns, key }
}

/// What moves, subject after subject. A row refers only to rows of tables before its own.
pub const TABLES: &[Table] = &joined();

const SUBJECTS: &[&[Table]] =
    &[tenants::TABLES, accounts::TABLES, content::TABLES, formats::TABLES, journal::TABLES];

const fn count() -> usize {
    let (mut count, mut rest) = (0, SUBJECTS);
    while let [subject, others @ ..] = rest {
        count += subject.len();
        rest = others;
    }
    count
}

#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it, and `count` has counted the same")]
const fn joined() -> [Table; count()] {
    let mut tables = [table("", 0, &[]); count()];
    let (mut at, mut rest) = (0, SUBJECTS);
    while let [subject, others @ ..] = rest {
        let mut subject = *subject;
        while let [table, others @ ..] = subject {
            tables[at] = *table;
            at += 1;
            subject = others;
        }
        rest = others;
    }
    tables
}

/// What stays behind: of no use to another pair of stores.
#[cfg(test)]
const LEFT: &[&str] = &[
    "migration",
    "upload",
    "review",
    "condemned_object",
    "collection_clock",
    "collection_hold",
    "lease",
    "scrub",
    "repeat",
    "page_body",
];

/// The statements of one table.
pub(crate) struct Statements {
    /// The first rows; takes how many.
    pub(crate) first: &'static str,
    /// The rows after a key; takes the key and how many.
    pub(crate) next: &'static str,
    /// One more row; takes all columns.
    pub(crate) insert: &'static str,
    /// Whether there is any row.
    pub(crate) any: &'static str,
    /// Away with some thousand rows.
    pub(crate) clear: &'static str,
    /// Lets PostgreSQL's next id come after all that are there.
    pub(crate) move_on: &'static str,
}

/// Made once from the list above, and from nothing else.
static STATEMENTS: LazyLock<HashMap<&'static str, Statements>> =
    LazyLock::new(|| TABLES.iter().map(|table| (table.name, Statements::of(table))).collect());

impl Table {
    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// Whether its rows have ids that the database counts.
    pub(crate) fn is_counted(&self) -> bool {
        self.key == 1 && self.columns.first() == Some(&integer("id"))
    }

    /// How many rows are read at once: few, where one may be of some mebibytes.
    pub(crate) fn page(&self) -> i64 {
        if self.columns.contains(&bytes("payload")) { 16 } else { 1000 }
    }

    pub(crate) fn statements(&self) -> Option<&'static Statements> {
        STATEMENTS.get(self.name)
    }
}

impl Statements {
    fn of(table: &Table) -> Self {
        let name = table.name;
        let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        let places = |count: usize| (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
        let (all, key) =
            (names.join(", "), names.iter().take(table.key).copied().collect::<Vec<_>>().join(", "));
        let after = places(table.key);
        let most = table.key + 1;
        let kept = |text: String| -> &'static str { text.leak() };
        Self {
            first: kept(format!("SELECT {all} FROM {name} ORDER BY {key} LIMIT $1")),
            next: kept(format!(
                "SELECT {all} FROM {name} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT ${most}"
            )),
            insert: kept(format!("INSERT INTO {name} ({all}) VALUES ({})", places(names.len()))),
            any: kept(format!("SELECT CAST(1 AS BIGINT) FROM {name} LIMIT 1")),
            clear: kept(format!(
                "DELETE FROM {name} WHERE ({key}) IN (SELECT {key} FROM {name} ORDER BY {key} LIMIT 5000)"
            )),
            move_on: kept(format!(
                "SELECT setval(pg_get_serial_sequence('{name}', 'id'), \
                 (SELECT coalesce(max(id), 0) + 1 FROM {name}), false)"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rusqlite::Connection;

    use super::*;

    /// Every table of the schema with its columns: name, kind, whether it belongs to the primary key.
    fn schema() -> BTreeMap<String, BTreeSet<(String, String, bool)>> {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::sqlite(&mut connection).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
            )
            .unwrap();
        let column = |row: &rusqlite::Row<'_>| {
            let (table, name, kind, key): (String, String, String, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((table, (name, kind, key > 0)))
        };
        let mut tables = BTreeMap::<_, BTreeSet<_>>::new();
        for (table, column) in statement.query_map([], column).unwrap().map(Result::unwrap) {
            tables.entry(table).or_default().insert(column);
        }
        tables
    }

    #[test]
    fn every_table_moves_with_every_column_or_is_left_on_purpose() {
        let mut tables = schema();
        for left in LEFT {
            assert!(tables.remove(*left).is_some(), "{left} is no table any more");
        }
        let listed = |table: &Table| {
            let columns = table.columns.iter().enumerate().map(|(position, column)| {
                let kind = match column.kind {
                    ColumnKind::Integer => "INTEGER",
                    ColumnKind::Text => "TEXT",
                    ColumnKind::Bytes => "BLOB",
                };
                (column.name.to_owned(), kind.to_owned(), position < table.key)
            });
            (table.name.to_owned(), columns.collect())
        };
        assert_eq!(TABLES.iter().map(listed).collect::<BTreeMap<_, _>>(), tables);
    }
}
