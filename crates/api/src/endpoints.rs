//! The endpoints of `/api/v1`, one file for each aggregate. A handler asks the gate, has an engine do it, and says what
//! came of it.

pub(crate) mod facts;
pub(crate) mod me;
