//! Where the content of registries comes from, as their admins set it.

use wharf_core::{Guard, Lookalikes, RegistryKind, RegistryName, Result, Upstream, UpstreamUrl};

/// Where the content of a registry comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// What kind of registry it is.
    pub kind: RegistryKind,
    /// What a proxy fetches from.
    pub upstream: Option<Upstream>,
    /// The registries that a virtual one shows, in the order in which they are asked.
    pub members: Vec<RegistryName>,
    /// What is not let through.
    pub guard: Guard,
}

/// Where the operator lets proxies fetch from.
pub trait UpstreamPolicy: Send + Sync {
    /// Refuses an address that nothing will be fetched from, as far as that can be seen in it. A name may mean another
    /// place tomorrow, so it is judged when it is looked up.
    ///
    /// # Errors
    /// `Denied` in words that name the setting.
    fn expect_open(&self, url: &UpstreamUrl) -> Result<()>;
}

/// What is to change of that; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceChange {
    /// What kind of registry it is to be. It changes only while the registry holds nothing.
    pub kind: Option<RegistryKind>,
    /// What a proxy fetches from, with its login: all of it anew.
    pub upstream: Option<Upstream>,
    /// The registries of the same organisation that a virtual one shows, in order.
    pub members: Option<Vec<RegistryName>>,
    /// The names that no upstream is asked for.
    pub reserved: Option<Vec<String>>,
    /// Files younger than so many days are hidden.
    pub cooldown_days: Option<u16>,
    /// What becomes of names that look like another.
    pub lookalikes: Option<Lookalikes>,
    /// The names that others are made to look like.
    pub popular: Option<Vec<String>>,
}

impl SourceChange {
    /// The source as it is after the change. What does not go with another kind goes.
    #[must_use]
    pub fn applied_to(&self, source: Source) -> Source {
        let is_other = self.kind.is_some_and(|kind| kind != source.kind);
        let Source { kind, upstream, members, guard } = if is_other { Source::default() } else { source };
        Source {
            kind: self.kind.unwrap_or(kind),
            upstream: self.upstream.clone().or(upstream),
            members: self.members.clone().unwrap_or(members),
            guard: Guard {
                reserved: self.reserved.clone().unwrap_or(guard.reserved),
                cooldown_days: self.cooldown_days.unwrap_or(guard.cooldown_days),
                lookalikes: self.lookalikes.unwrap_or(guard.lookalikes),
                popular: self.popular.clone().unwrap_or(guard.popular),
            },
        }
    }

    /// The change in records, without any password: `kind=proxy upstream=https://… members=main,mirror`.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let list = |name: &str, names: &Option<Vec<String>>| {
            names.as_ref().map(|names| format!("{name}={}", names.join(",")))
        };
        let members = self.members.as_ref().map(|names| names.iter().map(ToString::to_string).collect());
        [
            self.kind.map(|kind| format!("kind={kind}")),
            self.upstream.as_ref().map(|upstream| format!("upstream={}", upstream.url)),
            list("members", &members),
            list("reserved", &self.reserved),
            self.cooldown_days.map(|days| format!("cooldown_days={days}")),
            self.lookalikes.map(|word| format!("lookalikes={}", word.word())),
            self.popular.as_ref().map(|names| format!("popular={}", names.len())),
        ]
        .into_iter()
        .flatten()
    }
}
