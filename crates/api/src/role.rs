//! Roles as the API writes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a member may do in an organisation; each role includes the ones before it.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// List and pull.
    Viewer,
    /// And push and delete.
    Writer,
    /// And members, robots, registries.
    Admin,
}

impl From<Role> for wharf_core::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Writer => Self::Writer,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<wharf_core::Role> for Role {
    fn from(role: wharf_core::Role) -> Self {
        match role {
            wharf_core::Role::Viewer => Self::Viewer,
            wharf_core::Role::Writer => Self::Writer,
            wharf_core::Role::Admin => Self::Admin,
        }
    }
}
