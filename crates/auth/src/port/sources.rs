//! Where the content of registries comes from, as their admins set it.

use std::collections::BTreeSet;

use wharf_core::{Error, Guard, Kind, Lookalikes, RegistryKind, RegistryName, Result, Upstream, UpstreamUrl};

/// The most members of a virtual registry.
const MOST_MEMBERS: usize = 32;

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

impl Source {
    /// How deep virtual registries may lie in one another.
    pub const DEEPEST: usize = 4;

    /// Refuses a kind, an upstream, members and a guard that do not go together, and members that are too many or stand
    /// twice.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn expect_sound(&self) -> Result<()> {
        self.guard.expect_sound()?;
        match self.kind {
            RegistryKind::Proxy if self.upstream.is_none() => Err(invalid("a proxy needs an upstream")),
            RegistryKind::Hosted | RegistryKind::Virtual if self.upstream.is_some() => {
                Err(invalid("only a proxy has an upstream"))
            }
            RegistryKind::Hosted | RegistryKind::Proxy if !self.members.is_empty() => {
                Err(invalid("only a virtual registry has members"))
            }
            RegistryKind::Hosted if self.guard != Guard::default() => {
                let words =
                    "a hosted registry holds back nothing: that is for proxies and virtual registries";
                Err(invalid(words))
            }
            _ => self.expect_members(),
        }
    }

    fn expect_members(&self) -> Result<()> {
        if self.members.len() > MOST_MEMBERS {
            return Err(invalid(&format!("a virtual registry has at most {MOST_MEMBERS} members")));
        }
        let mut known = BTreeSet::new();
        match self.members.iter().find(|name| !known.insert(name.as_str())) {
            Some(name) => Err(invalid(&format!("{name} stands twice among the members"))),
            None => Ok(()),
        }
    }

    /// Refuses virtual registries of which so many would lie in one another.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn expect_depth(depth: usize) -> Result<()> {
        if depth <= Self::DEEPEST {
            return Ok(());
        }
        Err(invalid(&format!("virtual registries lie in one another at most {} deep", Self::DEEPEST)))
    }
}

fn invalid(words: &str) -> Error {
    Error::new(Kind::Invalid, words)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(kind: RegistryKind, members: &[&str]) -> Source {
        let members = members.iter().map(|name| name.parse().unwrap()).collect();
        Source { kind, members, ..Source::default() }
    }

    #[test]
    fn a_kind_goes_with_what_belongs_to_it() {
        let guard = Guard { cooldown_days: 1, ..Guard::default() };
        for (sound, source) in [
            (true, Source::default()),
            (true, source(RegistryKind::Virtual, &["main", "other"])),
            (false, source(RegistryKind::Virtual, &["main", "main"])),
            (false, source(RegistryKind::Hosted, &["main"])),
            (false, source(RegistryKind::Proxy, &[])),
            (true, Source { guard: guard.clone(), ..source(RegistryKind::Virtual, &[]) }),
            (false, Source { guard, ..Source::default() }),
        ] {
            assert_eq!(source.expect_sound().is_ok(), sound, "{source:?}");
        }
    }

    #[test]
    fn members_are_so_many_and_lie_so_deep() {
        let names: Vec<String> = (0..=MOST_MEMBERS).map(|number| format!("r{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(source(RegistryKind::Virtual, &names).expect_sound().is_err());
        assert!(source(RegistryKind::Virtual, names.get(1..).unwrap()).expect_sound().is_ok());
        assert!(Source::expect_depth(Source::DEEPEST).is_ok());
        assert!(Source::expect_depth(Source::DEEPEST + 1).is_err());
    }
}
