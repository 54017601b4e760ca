//! Removing what may hold something: only if it is empty, or with everything in it.
//!
//! All of it is looked at before the first thing goes: a refusal leaves everything as it was.

use serde_json::{Value, json};
use wharf_core::{Detail, Error, Kind, PageAfter, RegistryPlace, Result, action::Delete};
use wharf_registry::{Removal, port::Which};

use crate::{
    call::Call,
    input::{Input, known, parameter},
};

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

/// Empties registries: of what was only begun in them, and of everything if that is wished.
///
/// # Errors
/// `Conflict` where one shows a repository and only empty ones were to be removed, and where a rule keeps a tag; those
/// of the engine.
pub(crate) async fn empty(call: &Call, places: &[RegistryPlace], removal: Removal) -> Result<()> {
    for place in places {
        expect_removable(call, place, removal).await?;
    }
    for place in places {
        take_out(call, place, removal).await?;
    }
    Ok(())
}

async fn expect_removable(call: &Call, place: &RegistryPlace, removal: Removal) -> Result<()> {
    let registry = &call.face.registry;
    let grant = registry.grant_registry(&call.actor, place).await?;
    if removal == Removal::Everything {
        return registry.expect_none_kept(&grant).await.map_err(untouched);
    }
    let shown = registry.repositories(&grant, Which::Shown, PageAfter::first()).await?;
    let Some(first) = shown.entries.first() else { return Ok(()) };
    let message = format!(
        "{} is still there, and perhaps more: remove them first, or use force (--force)",
        first.place
    );
    Err(Error::new(Kind::Conflict, message))
}

/// Says of a refusal that it came before the first removal.
fn untouched(error: Error) -> Error {
    let Some(rule @ Detail::Rule(_)) = error.detail() else { return error };
    Error::new(error.kind(), format!("nothing was removed: {error}")).with(rule.clone())
}

async fn take_out(call: &Call, place: &RegistryPlace, removal: Removal) -> Result<()> {
    let registry = &call.face.registry;
    let grant = registry.grant_registry(&call.actor, place).await?;
    loop {
        let page = registry.repositories(&grant, Which::All, PageAfter::first()).await?;
        for repository in &page.entries {
            let grant = registry.grant::<Delete>(&call.actor, &repository.place).await?;
            registry.delete_repository(&grant, removal).await?;
        }
        if !page.more {
            return Ok(());
        }
    }
}
