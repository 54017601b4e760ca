//! The OCI distribution API
