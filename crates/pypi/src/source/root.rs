//! The root of the index: the names of all projects. Of a virtual registry those in all of its members that the reader may
//! list; an upstream's are those of which something was fetched.
//!
//! What readers of the same members get is rendered once, until a name comes to one of them or goes.

use std::sync::Arc;

use axum::response::Response;
use tokio::task::spawn_blocking;
use wharf_core::{Error, RegistryKind, RegistryPlace, Result, gate::RegistryId};
use wharf_registry::{
    Cache, Weigh,
    format::{Names, Rendered},
};

use super::may_read;
use crate::{Call, accept::form, format::NAME, page, simple};

/// How many bytes all roots may take.
pub(crate) const ROOTS_BYTES: usize = 64 << 20;

/// The roots of virtual registries, each by the registries whose names it shows.
pub(crate) type Roots = Cache<Vec<RegistryId>, Root>;

/// A root as it was rendered.
pub(crate) struct Root {
    /// The revisions of the lists of names that it shows, in the order of the registries.
    revisions: Vec<i64>,
    rendered: Rendered,
}

impl Weigh for Root {
    fn weight(&self) -> usize {
        self.rendered.weight() + self.revisions.len() * size_of::<(RegistryId, i64)>()
    }
}

/// `GET /pypi/{organisation}/{registry}/simple/`
pub(crate) async fn root(
    call: &Call<'_>,
    registry: &RegistryPlace,
    wanted: Option<&str>,
) -> Result<Response> {
    let grant = call.registry.grant_registry(call.actor, registry).await?;
    if grant.kind() != RegistryKind::Virtual {
        return simple::root(call, &grant, wanted).await;
    }
    let view = call.serving.face.upstreams.view_of(grant.registry(), registry.clone()).await?;
    let mut members = Members::default();
    for shown in &view.shown {
        if let Some(grant) = may_read(call.registry.grant_registry(call.actor, &shown.place).await)? {
            members.registries.push(grant.registry());
            members.names.push(call.registry.listed_names(&grant, NAME).await?);
        }
    }
    let root = rendered(call, registry, members).await?;
    simple::say(call.headers, &root.rendered, form(call.headers, wanted))
}

/// The members of a virtual registry that a reader may list.
#[derive(Default)]
struct Members {
    registries: Vec<RegistryId>,
    names: Vec<Arc<Names>>,
}

impl Members {
    fn revisions(&self) -> Vec<i64> {
        self.names.iter().map(|names| names.revision).collect()
    }

    /// Renders their root. It is work for a thread that may block.
    fn render(&self) -> Result<Root> {
        let mut names: Vec<&str> =
            self.names.iter().flat_map(|names| &names.names).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        Ok(Root { revisions: self.revisions(), rendered: Rendered::of(0, page::root(&names)?)? })
    }
}

/// The root of some members: from memory, as long as no name came to one of them or went, else rendered, by one for all who
/// wait.
async fn rendered(call: &Call<'_>, registry: &RegistryPlace, members: Members) -> Result<Arc<Root>> {
    let (key, revisions) = (members.registries.clone(), members.revisions());
    let find = || call.serving.roots.find(&key).filter(|root| root.revisions == revisions);
    if let Some(root) = find() {
        return Ok(root);
    }
    let turn = call.serving.pages.next(&registry.organisation).await?;
    // Who had the turn before may have rendered it.
    if let Some(root) = find() {
        return Ok(root);
    }
    let render = move || {
        // The reader may go away; the work goes on, and the turn with it.
        let _turn = turn;
        members.render()
    };
    let root = Arc::new(spawn_blocking(render).await.map_err(Error::internal)??);
    call.serving.roots.put(key, root.clone());
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_shows_each_name_of_its_members_once_and_in_order() {
        let list = |revision, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Arc::new(Names { revision, names })
        };
        let names = vec![list(7, &["bar", "foo"]), list(9, &["ant", "foo"])];
        let root = Members { registries: vec![RegistryId(1), RegistryId(2)], names }.render().unwrap();
        assert_eq!(root.revisions, [7, 9]);
        let html = root.rendered.page("html").unwrap().bodies[0].bytes.clone();
        let html = String::from_utf8(html.to_vec()).unwrap();
        let at = |name: &str| html.find(&format!("{name}/\"")).unwrap();
        assert!(at("ant") < at("bar") && at("bar") < at("foo"), "{html}");
        assert_eq!(html.matches("foo/\"").count(), 1, "{html}");
    }
}
