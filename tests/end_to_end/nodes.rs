//! Nodes on one database and one bucket are one registry, whichever of them a client meets, and whichever dies.

mod changes;
mod clocks;
mod deaths;
mod uploads;
mod versions;
