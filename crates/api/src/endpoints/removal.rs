//! Removing what may hold something: only if it is empty, or with everything in it.

use serde_json::{Value, json};
use wharf_core::{Detail, Error, Kind, Limit, RegistryPlace, Result, action::Delete};
use wharf_registry::port::Which;

use crate::{
    call::Call,
    input::{Input, known, parameter},
};

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Only something that holds nothing.
    Empty,
    /// It and everything in it: `?force=true`.
    Everything,
}

impl Input for Removal {
    fn read(call: &Call) -> Result<Self> {
        known(call, &["force"])?;
        match call.query.first().map(|(_, value)| value.as_str()) {
            None | Some("false") => Ok(Self::Empty),
            Some("true") => Ok(Self::Everything),
            Some(_) => Err(Error::new(Kind::Invalid, "force must be true or false").with(Detail::Page)),
        }
    }

    fn parameters() -> Vec<Value> {
        vec![parameter("force", "Whether what it holds goes with it", &json!({ "type": "boolean" }))]
    }
}

/// Empties a registry: of what was only begun in it, and of everything if that is wished.
///
/// # Errors
/// `Conflict` where it shows a repository and only an empty one was to be removed; those of the engine.
pub(crate) async fn empty(call: &Call, place: &RegistryPlace, removal: Removal) -> Result<()> {
    let registry = &call.face.registry;
    let grant = registry.grant_registry(&call.actor, place).await?;
    if removal == Removal::Empty {
        let shown = registry.repositories(&grant, Which::Shown, (None, Limit::MOST)).await?;
        if let Some(first) = shown.entries.first() {
            let message =
                format!("{} is still there, and perhaps more: remove them first, or use force", first.place);
            return Err(Error::new(Kind::Conflict, message));
        }
    }
    loop {
        let page = registry.repositories(&grant, Which::All, (None, Limit::MOST)).await?;
        for repository in &page.entries {
            let grant = registry.grant::<Delete>(&call.actor, &repository.place).await?;
            registry.delete_repository(&grant).await?;
        }
        if !page.more {
            return Ok(());
        }
    }
}
