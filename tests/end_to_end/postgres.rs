//! PostgreSQL under Wharf: faults between the two, and several nodes on one database.

mod commits;
mod nodes;
mod outages;
