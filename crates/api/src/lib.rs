//! The Docker token endpoint and the management API
