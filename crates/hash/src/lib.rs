//! Digest algorithms whose state can be saved
