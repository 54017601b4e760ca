//! The rules of a registry: which tags never move, what goes by its age, and what would go now.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{
    Page, Pattern, Result, RuleName, Tag,
    duty::{Administer, Belong},
};
use wharf_registry::policy::{self, Expiring, ImmutabilityRule, Named, RetentionRule};

use crate::{
    call::Call,
    input::{Body, PageFor, Wish},
    output::{Done, Listed, Shown},
    route::{Route, delete, get, post, put},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const IMMUTABILITY: &str = "/orgs/{org}/registries/{registry}/immutability";
    const KEEPER: &str = "/orgs/{org}/registries/{registry}/immutability/{rule}";
    const RETENTION: &str = "/orgs/{org}/registries/{registry}/retention";
    const SWEEPER: &str = "/orgs/{org}/registries/{registry}/retention/{rule}";
    const PROPOSED: &str = "/orgs/{org}/registries/{registry}/retention/{rule}/expiring";
    const EXPIRING: &str = "/orgs/{org}/registries/{registry}/expiring";
    vec![
        get(IMMUTABILITY, "List the rules about tags that never move", list_immutability),
        put(KEEPER, "Set a rule about tags that never move", set_immutability),
        delete(KEEPER, "Remove a rule about tags that never move", remove::<ImmutabilityRule>),
        get(RETENTION, "List the rules about what goes by its age", list_retention),
        put(SWEEPER, "Set a rule about what goes by its age", set_retention),
        delete(SWEEPER, "Remove a rule about what goes by its age", remove::<RetentionRule>),
        post(PROPOSED, "Show what would go if a rule were set; nothing is set", expiring_with),
        get(EXPIRING, "Show what the rules would let go now; nothing goes", expiring),
    ]
}

/// Which tags of which repositories: those that one pattern of each list fits, and none of the exceptions. `*` stands
/// for any characters but `/`, `**` for any at all, `?` for one.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    /// Of these repositories, by their names within the registry; all if not said.
    #[serde(default = "everything")]
    repositories: Vec<String>,
    /// These tags; all if not said.
    #[serde(default = "everything")]
    tags: Vec<String>,
    /// But not of these repositories.
    #[serde(default)]
    except_repositories: Vec<String>,
    /// But not these tags.
    #[serde(default)]
    except_tags: Vec<String>,
}

fn everything() -> Vec<String> {
    vec![Pattern::everything().to_string()]
}

impl Default for Selection {
    fn default() -> Self {
        Self::of(&policy::Selection::default())
    }
}

impl Selection {
    fn of(select: &policy::Selection) -> Self {
        let texts = |patterns: &[Pattern]| patterns.iter().map(Pattern::to_string).collect();
        Self {
            repositories: texts(&select.repositories),
            tags: texts(&select.tags),
            except_repositories: texts(&select.except_repositories),
            except_tags: texts(&select.except_tags),
        }
    }

    fn read(&self) -> Result<policy::Selection> {
        let patterns = |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<_>>();
        Ok(policy::Selection {
            repositories: patterns(&self.repositories)?,
            tags: patterns(&self.tags)?,
            except_repositories: patterns(&self.except_repositories)?,
            except_tags: patterns(&self.except_tags)?,
        })
    }
}

/// A rule about tags that never move.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Immutability {
    /// Which tags; all if not said.
    #[serde(default)]
    select: Selection,
}

/// What a rule lets go.
#[derive(Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expirable {
    /// Tags; their manifests stay, without them.
    #[default]
    Tags,
    /// Manifests that have no tag.
    Untagged,
}

/// A rule about what goes by its age: what it selects and no rule keeps.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// Which tags of which repositories; of manifests without a tag, only which repositories.
    #[serde(default)]
    select: Selection,
    /// What goes.
    #[serde(default)]
    of: Expirable,
    /// So many of the latest tags that it selects stay, in each repository.
    keep_newest: Option<u32>,
    /// What is younger than so many days stays.
    keep_days: Option<u32>,
}

impl Retention {
    fn read(self) -> Result<RetentionRule> {
        let Self { select, of, keep_newest, keep_days } = self;
        let of = match of {
            Expirable::Tags => policy::Expirable::Tags,
            Expirable::Untagged => policy::Expirable::Untagged,
        };
        Ok(RetentionRule { select: select.read()?, of, keep_newest, keep_days })
    }
}

/// A rule with its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownImmutability {
    /// What it is called.
    name: String,
    /// Which tags.
    select: Selection,
}

/// A rule with its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownRetention {
    /// What it is called.
    name: String,
    /// Which tags of which repositories.
    select: Selection,
    /// What goes.
    of: Expirable,
    /// So many of the latest tags that it selects stay.
    keep_newest: Option<u32>,
    /// What is younger than so many days stays.
    keep_days: Option<u32>,
}

/// Something that would go.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownExpiring {
    /// The repository, as it is pulled from.
    repository: String,
    /// The tag; null where it is a manifest without one.
    tag: Option<String>,
    /// The manifest.
    digest: String,
    /// Since when the tag points to it; since when it is there.
    since: String,
    /// The rule by which it goes.
    rule: String,
}

/// A hundred at most, which is one page.
async fn list_immutability(call: Call, (): ()) -> Result<Listed<ShownImmutability>> {
    let items = rules::<ImmutabilityRule>(&call).await?.iter().map(shown_immutability).collect();
    Ok(Listed { items, next: None })
}

async fn set_immutability(call: Call, Body(rule): Body<Immutability>) -> Result<Shown<ShownImmutability>> {
    let named = set(&call, ImmutabilityRule { select: rule.select.read()? }).await?;
    Ok(Shown(shown_immutability(&named)))
}

/// As [`list_immutability`].
async fn list_retention(call: Call, (): ()) -> Result<Listed<ShownRetention>> {
    let items = rules::<RetentionRule>(&call).await?.iter().map(shown_retention).collect();
    Ok(Listed { items, next: None })
}

async fn set_retention(call: Call, Body(rule): Body<Retention>) -> Result<Shown<ShownRetention>> {
    let named = set(&call, rule.read()?).await?;
    Ok(Shown(shown_retention(&named)))
}

async fn expiring(call: Call, wish: Wish) -> Result<Listed<ShownExpiring>> {
    let (place, after) = (call.registry()?, wish.last.as_deref().map(str::parse).transpose()?);
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &place.organisation).await?;
    let page = call.face.registry.expiring(&grant, &place.registry, after, wish.limit).await?;
    listed(&call, &wish, page)
}

/// The `Link` is asked with the same body.
async fn expiring_with(
    call: Call,
    PageFor { body: rule, wish }: PageFor<Retention>,
) -> Result<Listed<ShownExpiring>> {
    let (place, name) = (call.registry()?, call.parameter::<RuleName>("rule")?);
    let after = wish.last.as_deref().map(str::parse).transpose()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    let proposed = Named { name, rule: rule.read()? };
    let (registry, page) = (&call.face.registry, (after, wish.limit));
    let page = registry.expiring_with(&grant, &place.registry, proposed, page).await?;
    listed(&call, &wish, page)
}

fn listed(call: &Call, wish: &Wish, page: Page<Expiring>) -> Result<Listed<ShownExpiring>> {
    let Listed { items, next } = Listed::page(page, wish, &call.path, |row| row.cursor().to_string());
    Ok(Listed { items: items.iter().map(shown_expiring).collect::<Result<_>>()?, next })
}

async fn rules<R: policy::Rule>(call: &Call) -> Result<Vec<Named<R>>> {
    let place = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &place.organisation).await?;
    call.face.registry.rules(&grant, &place.registry).await
}

async fn set<R: policy::Rule>(call: &Call, rule: R) -> Result<Named<R>> {
    let (place, name) = (call.registry()?, call.parameter::<RuleName>("rule")?);
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    let named = Named { name, rule };
    call.face.registry.set_rule(&grant, &place.registry, &named).await?;
    Ok(named)
}

async fn remove<R: policy::Rule>(call: Call, (): ()) -> Result<Done> {
    let (place, name) = (call.registry()?, call.parameter::<RuleName>("rule")?);
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    call.face.registry.remove_rule::<R>(&grant, &place.registry, &name).await.map(|()| Done)
}

fn shown_immutability(named: &Named<ImmutabilityRule>) -> ShownImmutability {
    ShownImmutability { name: named.name.to_string(), select: Selection::of(&named.rule.select) }
}

fn shown_retention(named: &Named<RetentionRule>) -> ShownRetention {
    let RetentionRule { select, of, keep_newest, keep_days } = &named.rule;
    ShownRetention {
        name: named.name.to_string(),
        select: Selection::of(select),
        of: match of {
            policy::Expirable::Tags => Expirable::Tags,
            policy::Expirable::Untagged => Expirable::Untagged,
        },
        keep_newest: *keep_newest,
        keep_days: *keep_days,
    }
}

fn shown_expiring(row: &Expiring) -> Result<ShownExpiring> {
    Ok(ShownExpiring {
        repository: row.place.to_string(),
        tag: row.tag.as_ref().map(Tag::to_string),
        digest: row.digest.to_string(),
        since: written(row.since)?,
        rule: row.rule.to_string(),
    })
}
