//! Whether content may go, or a tag that never moves needs it, be it through an index.
//!
//! Any number of tags may need something, and while one transaction looked through them nobody else would write. So they are
//! looked through before, and the transaction that takes it away sees that nothing was pushed since and no rule changed. Where
//! somebody pushes again and again, that transaction looks itself, if it has few to look at.

use async_trait::async_trait;
use wharf_core::{Digest, Error, Kind, Place, Result, gate::RepositoryId};

use super::immutability::{Rules, expect_unkept, rules_over};
use crate::{
    Registry,
    port::{Extent, Transaction, Work},
};

/// How many tags are looked at together.
const PAGE: u32 = 10_000;
/// After how many looks, each of which a push overtook, the transaction looks itself.
const OVERTAKEN: u32 = 3;
/// How many tags, and manifests between, it looks at itself: about as long as it takes tags away.
const FEW: u32 = 2000;
/// How often they are looked through where they are more.
const PATIENCE: u32 = 10;

/// What is to go.
#[derive(Clone, Debug)]
pub(crate) struct Leaving {
    pub(crate) repository: RepositoryId,
    pub(crate) place: Place,
    pub(crate) digest: Digest,
}

/// What no tag needed by these rules, after this event of its repository.
#[derive(Clone, Debug)]
pub(crate) struct Unneeded {
    rules: Rules,
    event: i64,
    /// How many looks it took so far.
    looks: u32,
}

impl Unneeded {
    /// The same after the holder of the repository took some of its tags away.
    pub(crate) async fn renewed(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<Self> {
        let event = work.latest_event(repository).await?;
        Ok(Self { event, rules: self.rules.clone(), looks: 0 })
    }
}

impl Leaving {
    /// Whether what was found still holds, or is found now. The repository is held.
    ///
    /// # Errors
    /// `Conflict` with the rule that keeps it.
    pub(crate) async fn is_still(&self, work: &mut dyn Work, unneeded: &Unneeded) -> Result<bool> {
        let rules = rules_over(work, self.repository, &self.place).await?;
        if rules.is_empty() {
            return Ok(true);
        }
        if rules == unneeded.rules && !work.has_grown_since(self.repository, unneeded.event).await? {
            return Ok(true);
        }
        if unneeded.looks < OVERTAKEN {
            return Ok(false);
        }
        let found = work.few_tags_above(self.repository, &self.digest, FEW).await?;
        let Some(tags) = found else { return Ok(false) };
        expect_unkept(&rules, &tags).map(|()| true)
    }
}

impl Registry {
    /// Looks through the tags that need something, after a look that was overtaken.
    ///
    /// # Errors
    /// `Conflict` with the rule that keeps it, and where too many looks were overtaken.
    pub(crate) async fn expect_unneeded(
        &self,
        leaving: &Leaving,
        before: Option<&Unneeded>,
    ) -> Result<Unneeded> {
        let looks = before.map_or(0, |before| before.looks) + 1;
        if looks > PATIENCE {
            let message = format!(
                "somebody pushes to the repository while more than {FEW} of its tags are looked through: try again"
            );
            return Err(Error::new(Kind::Conflict, message));
        }
        self.store().view(LookThrough { leaving: leaving.clone(), looks }).await
    }
}

struct LookThrough {
    leaving: Leaving,
    looks: u32,
}

#[async_trait]
impl Transaction for LookThrough {
    type Output = Unneeded;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Unneeded> {
        let Leaving { repository, place, digest } = &self.leaving;
        let rules = rules_over(work, *repository, place).await?;
        let event = work.latest_event(*repository).await?;
        let mut last = None;
        while !rules.is_empty() {
            let tags = work.tags_above(*repository, digest, last.as_ref(), PAGE).await?;
            expect_unkept(&rules, &tags)?;
            match tags.into_iter().next_back() {
                Some(tag) => last = Some(tag),
                None => break,
            }
        }
        Ok(Unneeded { rules, event, looks: self.looks })
    }
}
