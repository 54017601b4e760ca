//! Where truth lives: the engines' store ports on SQLite and PostgreSQL.
//!
//! Every statement is written once, in `rows`, and runs on both through the small `Session` trait, which has
//! one driver for each database. SQLite is written by one thread that commits many operations at once, and read
//! by a pool; PostgreSQL gets a transaction and a task for each operation. Nothing else in Wharf knows SQL.

mod database;
mod memory;
mod meters;
mod migrate;
mod postgres;
mod rows;
mod session;
mod sqlite;

pub use database::Database;
pub use meters::{Meters, State};
pub use postgres::PostgresSettings;

#[cfg(test)]
mod contract_tests;
