//! The tables that a backup holds, column by column, parents before children.
//!
//! A backup is made from this list and restored by it, on either database. What is left out is of no use elsewhere:
//! unfinished uploads, rendered pages, and what the collector has in mind. The test compares both lists with the schema, so that no
//! table and no column is forgotten.

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
#[derive(Debug, PartialEq, Eq)]
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

/// What moves. A row refers only to rows of tables before its own.
pub const TABLES: &[Table] = &[
    table("setting", 1, &[text("name"), bytes("value")]),
    table(
        "organisation",
        1,
        &[
            integer("id"),
            text("name"),
            text("settings"),
            integer("quota_bytes"),
            integer("created_at"),
            integer("removed_at"),
        ],
    ),
    table(
        "registry",
        1,
        &[
            integer("id"),
            integer("organisation_id"),
            text("name"),
            text("kind"),
            integer("public"),
            text("settings"),
            integer("created_at"),
        ],
    ),
    table("source", 1, &[integer("registry_id"), text("upstream"), bytes("login"), text("guard")]),
    table("registry_member", 2, &[integer("registry_id"), integer("position"), integer("member_id")]),
    table(
        "fetched",
        2,
        &[
            integer("registry_id"),
            text("name"),
            text("etag"),
            integer("checked_at"),
            integer("version"),
            bytes("payload"),
        ],
    ),
    table("fetched_size", 1, &[integer("registry_id"), integer("bytes")]),
    table(
        "rule",
        3,
        &[integer("registry_id"), text("kind"), text("name"), text("body"), integer("updated_at")],
    ),
    table(
        "repository",
        1,
        &[
            integer("id"),
            integer("registry_id"),
            text("name"),
            text("path"),
            integer("shown"),
            integer("sequence"),
            integer("grown"),
            integer("created_at"),
            integer("looked_at"),
        ],
    ),
    table(
        "account",
        1,
        &[
            integer("id"),
            text("name"),
            text("kind"),
            text("password_hash"),
            integer("operator"),
            integer("disabled"),
            integer("version"),
            integer("home_registry_id"),
            integer("created_at"),
            integer("organisation_id"),
            integer("removed_at"),
            integer("first_login_at"),
            integer("second_factor_at"),
        ],
    ),
    table(
        "person",
        1,
        &[
            integer("account_id"),
            text("email"),
            text("email_key"),
            integer("verified_at"),
            text("given_name"),
            text("family_name"),
        ],
    ),
    table(
        "membership",
        2,
        &[integer("organisation_id"), integer("account_id"), text("role"), integer("created_at")],
    ),
    table(
        "signing_key",
        1,
        &[text("id"), text("algorithm"), bytes("public_key"), bytes("sealed_key"), integer("created_at")],
    ),
    table(
        "refresh_token",
        1,
        &[
            integer("id"),
            bytes("hash"),
            integer("account_id"),
            integer("account_version"),
            integer("created_at"),
            integer("expires_at"),
        ],
    ),
    table(
        "api_token",
        1,
        &[
            integer("id"),
            bytes("hash"),
            integer("account_id"),
            integer("account_version"),
            text("name"),
            text("access"),
            bytes("parent"),
            integer("created_at"),
            integer("expires_at"),
            text("workload"),
        ],
    ),
    table(
        "login",
        1,
        &[
            integer("id"),
            bytes("hash"),
            integer("account_id"),
            integer("account_version"),
            integer("created_at"),
            integer("used_at"),
            integer("expires_at"),
            text("address"),
            text("user_agent"),
        ],
    ),
    table(
        "second_factor",
        1,
        &[integer("account_id"), bytes("seed"), integer("step"), integer("created_at")],
    ),
    table("recovery_code", 2, &[integer("account_id"), bytes("hash")]),
    table(
        "link",
        2,
        &[
            integer("account_id"),
            text("way"),
            integer("account_version"),
            bytes("hash"),
            integer("created_at"),
            integer("expires_at"),
        ],
    ),
    table(
        "letter",
        1,
        &[
            integer("id"),
            integer("rank"),
            bytes("recipient"),
            bytes("sealed"),
            integer("created_at"),
            integer("due_at"),
            integer("attempts"),
        ],
    ),
    table("promise", 1, &[bytes("hash"), integer("account_id"), bytes("sealed"), integer("expires_at")]),
    table(
        "invitation",
        1,
        &[
            integer("id"),
            bytes("hash"),
            integer("organisation_id"),
            text("role"),
            text("note"),
            text("invited_by"),
            integer("created_at"),
            integer("expires_at"),
        ],
    ),
    table("api_token_use", 1, &[integer("token_id"), integer("used_at")]),
    table(
        "issuer_source",
        1,
        &[integer("id"), bytes("fingerprint"), text("url"), text("keys_url"), text("authorities")],
    ),
    table(
        "issuer",
        1,
        &[
            integer("id"),
            integer("organisation_id"),
            integer("source_id"),
            text("name"),
            text("audience"),
            integer("created_at"),
        ],
    ),
    table(
        "claim_rule",
        1,
        &[
            integer("id"),
            integer("issuer_id"),
            integer("source_id"),
            text("name"),
            text("claims"),
            text("access"),
            integer("created_at"),
        ],
    ),
    table("workload", 2, &[integer("rule_id"), integer("account_id")]),
    table(
        "provider",
        1,
        &[
            integer("id"),
            text("name"),
            text("url"),
            text("keys_url"),
            text("authorities"),
            text("client_id"),
            bytes("client_secret"),
            text("exchange"),
            integer("is_asked"),
            text("endpoint"),
            text("browser"),
            text("scope"),
            text("user_claim"),
            text("groups_claim"),
            integer("created_at"),
        ],
    ),
    table(
        "group_role",
        3,
        &[integer("provider_id"), text("group_name"), integer("organisation_id"), text("role")],
    ),
    table("outsider", 1, &[integer("account_id"), integer("provider_id"), text("url"), text("subject")]),
    table("given_role", 2, &[integer("account_id"), integer("organisation_id"), text("beneath")]),
    table("spent_token", 1, &[bytes("fingerprint"), integer("expires_at")]),
    table(
        "blob",
        1,
        &[
            integer("id"),
            bytes("digest"),
            integer("size"),
            bytes("object_key"),
            integer("epoch"),
            integer("created_at"),
        ],
    ),
    table(
        "repository_blob",
        2,
        &[
            integer("repository_id"),
            integer("blob_id"),
            integer("organisation_id"),
            integer("epoch"),
            integer("created_at"),
        ],
    ),
    table(
        "organisation_usage",
        2,
        &[integer("organisation_id"), integer("shard"), integer("blob_bytes"), integer("manifest_bytes")],
    ),
    table(
        "manifest",
        1,
        &[
            integer("id"),
            integer("repository_id"),
            bytes("digest"),
            text("media_type"),
            text("artifact_type"),
            bytes("subject"),
            integer("size"),
            text("annotations"),
            bytes("payload"),
            integer("created_at"),
        ],
    ),
    table(
        "manifest_edge",
        2,
        &[
            integer("manifest_id"),
            integer("position"),
            integer("repository_id"),
            text("role"),
            bytes("digest"),
            integer("size"),
        ],
    ),
    table(
        "tag",
        2,
        &[
            integer("repository_id"),
            text("name"),
            integer("manifest_id"),
            integer("previous_id"),
            integer("version"),
            integer("updated_at"),
        ],
    ),
    table(
        "tag_history",
        1,
        &[
            integer("id"),
            integer("repository_id"),
            text("tag"),
            bytes("from_digest"),
            bytes("digest"),
            integer("at"),
            text("actor"),
        ],
    ),
    table("claim", 3, &[text("path"), text("kind"), text("name"), bytes("digest"), integer("manifest_id")]),
    table(
        "believed_key",
        2,
        &[
            integer("registry_id"),
            text("name"),
            text("pem"),
            integer("is_primary"),
            integer("created_at"),
            integer("expires_at"),
            integer("revoked_at"),
        ],
    ),
    table(
        "fact",
        1,
        &[
            integer("id"),
            integer("registry_id"),
            integer("manifest_id"),
            text("format"),
            text("subject"),
            bytes("sort_key"),
            text("attributes"),
            integer("repository_id"),
            text("release"),
            integer("listed"),
            text("shown_as"),
        ],
    ),
    table(
        "fact_pair",
        7,
        &[
            integer("registry_id"),
            text("format"),
            text("name"),
            text("value"),
            text("subject"),
            bytes("sort_key"),
            integer("fact_id"),
        ],
    ),
    table("fact_document", 2, &[integer("fact_id"), text("name"), text("media_type"), bytes("payload")]),
    table(
        "notice",
        5,
        &[
            integer("registry_id"),
            text("repository"),
            text("format"),
            text("about"),
            text("name"),
            text("says"),
            text("reason"),
            integer("at"),
            text("actor"),
        ],
    ),
    table(
        "page",
        3,
        &[
            integer("registry_id"),
            integer("repository_id"),
            text("format"),
            text("subject"),
            integer("listed"),
            integer("revision"),
        ],
    ),
    table(
        "audit",
        1,
        &[
            integer("id"),
            integer("at"),
            text("actor_kind"),
            integer("actor_id"),
            text("actor_name"),
            text("credential"),
            text("address"),
            text("request_id"),
            text("action"),
            text("organisation"),
            text("place"),
            text("target"),
            bytes("digest"),
            integer("times"),
            integer("month"),
            integer("number"),
            bytes("leaf"),
        ],
    ),
    table(
        "audit_head",
        1,
        &[
            integer("month"),
            integer("size"),
            bytes("root"),
            bytes("previous"),
            integer("at"),
            bytes("signature"),
            bytes("peaks"),
            integer("exported_at"),
            bytes("export"),
            integer("removed_at"),
            bytes("removal"),
        ],
    ),
    table(
        "event",
        1,
        &[
            integer("id"),
            integer("repository_id"),
            integer("sequence"),
            integer("at"),
            text("kind"),
            text("tag"),
            bytes("digest"),
            text("actor"),
            text("path"),
            integer("organisation_id"),
            integer("waits"),
        ],
    ),
    table(
        "webhook",
        1,
        &[
            integer("id"),
            integer("organisation_id"),
            text("url"),
            bytes("secret"),
            text("events"),
            integer("created_at"),
            integer("failing_since"),
            integer("failures"),
            integer("paused_until"),
            integer("disabled_at"),
            text("disabled_why"),
            integer("waiting"),
            integer("spared"),
            integer("due_at"),
            integer("removed_at"),
        ],
    ),
    table(
        "delivery",
        1,
        &[
            integer("id"),
            integer("webhook_id"),
            integer("repository_id"),
            text("message"),
            text("kind"),
            text("body"),
            integer("created_at"),
            text("state"),
            integer("attempts"),
            integer("due_at"),
            integer("last_at"),
            integer("last_status"),
            text("last_error"),
        ],
    ),
];

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
