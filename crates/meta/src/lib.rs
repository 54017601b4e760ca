//! Where truth lives: the engines' store ports on SQLite and PostgreSQL.
//!
//! Every statement is written once, in `rows`, and runs on both through the small `Session` trait, which has
//! one driver for each database. SQLite is written by one thread that commits many operations at once, and read
//! by a pool; PostgreSQL gets a transaction and a task for each operation. Nothing else in Wharf knows SQL.

mod database;
mod dump;
mod load;
mod memory;
mod meters;
mod migrate;
mod one_read;
mod postgres;
mod rows;
mod session;
mod sqlite;
mod tables;
mod turns;

pub use database::Database;
pub use dump::RowSink;
pub use meters::{Meters, State};
pub use one_read::as_one_read;
pub use postgres::PostgresSettings;
pub use session::Field;
pub use tables::{Column, ColumnKind, TABLES, Table};

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod audit_tests;
#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod contract_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod hook_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod listing_tests;
#[cfg(test)]
mod meanwhile;
#[cfg(test)]
mod on_both;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod race_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod statement_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests act as jobs")]
mod warrant_tests;
