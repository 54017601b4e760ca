//! Whether content may go, or a tag that never moves needs it, be it through an index.
//!
//! Any number of tags may need something, and while one transaction looked through them nobody else would write. So they are
//! looked through before, and the transaction that takes it away sees that nothing was pushed since and no rule changed.

use async_trait::async_trait;
use wharf_core::{Digest, Error, Kind, Place, Result, gate::RepositoryId};

use super::immutability::{Rules, keeper, refusal, rules_over};
use crate::{
    Registry,
    port::{Extent, Transaction, Work},
};

/// How many tags are looked at together.
const PAGE: u32 = 10_000;
/// How often they are looked through anew because something was pushed meanwhile.
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
}

impl Unneeded {
    /// The same after the holder of the repository took some of its tags away.
    pub(crate) async fn renewed(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<Self> {
        let event = work.latest_event(repository).await?;
        Ok(Self { event, rules: self.rules.clone() })
    }
}

impl Leaving {
    /// Whether what was found still holds. The repository is held.
    pub(crate) async fn is_still(&self, work: &mut dyn Work, unneeded: &Unneeded) -> Result<bool> {
        let rules = rules_over(work, self.repository, &self.place).await?;
        if rules.is_empty() {
            return Ok(true);
        }
        Ok(rules == unneeded.rules && !work.has_grown_since(self.repository, unneeded.event).await?)
    }
}

impl Registry {
    /// Looks through the tags that need something; counts how often that was asked.
    ///
    /// # Errors
    /// `Conflict` with the rule that keeps it, and where this was asked too often.
    pub(crate) async fn expect_unneeded(&self, leaving: &Leaving, asked: &mut u32) -> Result<Unneeded> {
        *asked += 1;
        if *asked > PATIENCE {
            let message = "somebody pushes to the repository while its tags are looked through: try again";
            return Err(Error::new(Kind::Conflict, message));
        }
        self.store().view(LookThrough(leaving.clone())).await
    }
}

struct LookThrough(Leaving);

#[async_trait]
impl Transaction for LookThrough {
    type Output = Unneeded;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Unneeded> {
        let Leaving { repository, place, digest } = &self.0;
        let rules = rules_over(work, *repository, place).await?;
        let event = work.latest_event(*repository).await?;
        let mut last = None;
        while !rules.is_empty() {
            let tags = work.tags_above(*repository, digest, last.as_ref(), PAGE).await?;
            if let Some((rule, tag)) = tags.iter().find_map(|tag| Some((keeper(&rules, tag)?, tag))) {
                return Err(refusal(rule, tag));
            }
            match tags.into_iter().next_back() {
                Some(tag) => last = Some(tag),
                None => break,
            }
        }
        Ok(Unneeded { rules, event })
    }
}
