//! Where bytes live: files and memory
