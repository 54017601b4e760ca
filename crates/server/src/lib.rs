//! The wharf binary: configuration, wiring, jobs, command line
