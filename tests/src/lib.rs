//! The end-to-end tests; they live in `end_to_end/`.
