//! What a virtual registry shows: its members and theirs, in the order in which they are asked, each once.
//!
//! A name belongs to one of them: to the first hosted one that has it or ever had it, so that nobody upstream can take it
//! over; else, unless it is reserved, to the first upstream that has it. Whose a name is does not depend on who asks; whether
//! he gets it does: the gate is asked at the member.

use std::{collections::HashSet, sync::Arc};

use wharf_core::{
    Error, Grant, Guard, Kind, Place, RegistryKind, RegistryPlace, RepositoryName, Result, action::Pull,
    gate::RegistryId,
};

use super::{
    Upstreams, job,
    rows::{FindMembers, HasHad},
};
use crate::{format::Names, port::PageOf};

/// The most registries that are shown together.
const MOST: usize = 256;

/// What a virtual registry shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The registries that hold something, in the order in which they are asked.
    pub shown: Vec<ShownRegistry>,
    /// What it does not let through, with what the virtual registries in it do not.
    pub guard: Guard,
}

/// A registry that a virtual one shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRegistry {
    /// Where it is.
    pub place: RegistryPlace,
    /// Where its content comes from: never from members of its own.
    pub kind: RegistryKind,
}

/// What a format lists in a hosted registry of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local<'v> {
    /// The registry.
    pub registry: &'v RegistryPlace,
    /// The names.
    pub names: Arc<Names>,
}

impl ShownRegistry {
    /// A repository in it.
    pub fn repository(&self, repository: &RepositoryName) -> Place {
        let RegistryPlace { organisation, registry } = self.place.clone();
        Place { organisation, registry, repository: repository.clone() }
    }
}

impl Upstreams {
    /// What the registry of a repository shows, if it is a virtual one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn view(&self, grant: &Grant<Pull>) -> Result<Option<View>> {
        let Place { organisation, registry, .. } = grant.place().clone();
        match grant.registry() {
            Some(rights) if rights.kind == RegistryKind::Virtual => {
                self.view_of(rights.id, RegistryPlace { organisation, registry }).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What a virtual registry shows. Whoever calls asked the gate for the registry.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn view_of(&self, registry: RegistryId, place: RegistryPlace) -> Result<View> {
        let (mut view, mut seen) = (View::default(), HashSet::from([registry]));
        // What is to be looked at next lies on top.
        let mut open = vec![(registry, RegistryKind::Virtual, place)];
        while let Some((registry, kind, place)) = open.pop() {
            if kind != RegistryKind::Virtual {
                view.shown.push(ShownRegistry { place, kind });
                continue;
            }
            let (source, members) = self.0.registry.store().view(FindMembers { registry }).await?;
            view.guard = view.guard.and(source.guard);
            for member in members.into_iter().rev().filter(|member| seen.insert(member.id)) {
                let place = RegistryPlace { registry: member.name, ..place.clone() };
                open.push((member.id, member.kind, place));
            }
            if seen.len() > MOST {
                return Err(Error::new(Kind::Unsupported, "the virtual registry shows too many registries"));
            }
        }
        Ok(view)
    }

    /// The hosted registry whose a repository's name is, for good: the first in which a format lists something there, or
    /// ever did.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn owner<'v>(
        &self,
        view: &'v View,
        format: &'static str,
        repository: &RepositoryName,
    ) -> Result<Option<&'v ShownRegistry>> {
        for shown in view.shown.iter().filter(|shown| shown.kind == RegistryKind::Hosted) {
            if self.has_had(&shown.repository(repository), format).await? {
                return Ok(Some(shown));
            }
        }
        Ok(None)
    }

    /// The names of which a format lists anything in the hosted registries of a view, whoever may see them: for telling
    /// what looks like one of them, never for showing. Whoever tells somebody of one asks the gate for its registry.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn local_names<'v>(&self, view: &'v View, format: &'static str) -> Result<Vec<Local<'v>>> {
        let mut locals = Vec::new();
        for shown in view.shown.iter().filter(|shown| shown.kind == RegistryKind::Hosted) {
            let registry = self.0.registry.grant_registry(&job(), &shown.place).await?;
            let names = self.0.registry.listed_names(&registry, format).await?;
            locals.push(Local { registry: &shown.place, names });
        }
        Ok(locals)
    }

    /// Whether a repository lists or ever listed something of a format. What is removed with its repository leaves the names
    /// that it held behind.
    async fn has_had(&self, place: &Place, format: &'static str) -> Result<bool> {
        let grant = match self.0.registry.grant::<Pull>(&job(), place).await {
            Err(error) if matches!(error.kind(), Kind::NotFound(_)) => None,
            grant => Some(grant?),
        };
        let found = grant.as_ref().and_then(|grant| Some((grant.registry()?.id, grant.repository()?)));
        let of =
            found.map(|(registry, repository)| PageOf { registry, repository: Some(repository), format });
        self.0.registry.store().view(HasHad { place: place.clone(), of }).await
    }
}
