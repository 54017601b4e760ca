//! PostgreSQL under Wharf, and faults between the two.

mod commits;
mod failover;
mod outages;
