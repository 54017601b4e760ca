//! The server: the one place where the wings meet.
//!
//! It reads the configuration, puts stores, engines and faces together, listens, runs the jobs, and shuts down so
//! that running uploads finish. The command line lives here too: what it does to the data goes through the control
//! socket of a running server, never as a second process on its database.

#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod argument;
mod as_text;
mod command_line;
mod config;
mod control;
mod course;
mod data_dir;
mod endpoints;
#[cfg(test)]
mod engine_tests;
mod export;
mod failure;
mod file_system;
mod first_start;
mod formats;
mod front;
mod import;
mod jobs;
mod layers;
mod lingering;
mod listener;
mod login;
mod logs;
mod management;
mod metrics;
mod moving;
mod operation;
mod output;
mod plugin;
mod process;
mod prompt;
mod serve;
mod storage;
mod table;
mod traces;
mod verify;
mod watched;
mod whole_file;
mod wiring;
mod world;

pub use command_line::main;
