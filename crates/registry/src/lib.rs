//! The use cases of the registry and the ports they need
