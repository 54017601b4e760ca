//! The rules that are about a job: all of one organisation, for nobody's rules are to weigh on what another's give.
//!
//! It is the organisation that the job names. Where it names none, it is that of the oldest rule about it: what somebody
//! comes to believe later takes nothing from a job that is let in already.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use tokio::task::spawn_blocking;
use wharf_core::{Actor, Allowance, Error, OrganisationName, Reach, Result, RobotName, Role, Verb, hex};

use super::{PREFIX, hearing::Heard, job::Job};
use crate::{
    Auth,
    port::{Believed, ClaimRule, Whose},
    turns::Turns,
};

/// How many pages of rules are looked through for a job that names no organisation, of each source.
const MOST_PAGES: usize = 50;
/// The rules of how many jobs are looked through at once.
const MOST_AT_ONCE: usize = 8;
/// How many of those jobs may be of one client.
const SHARE: usize = 2;

pub(crate) fn turns() -> Turns {
    Turns::new(MOST_AT_ONCE, SHARE)
}

/// What an organisation lets a job do.
pub(super) struct Met {
    pub(super) organisation: OrganisationName,
    /// The rules, the oldest first; never none.
    pub(super) rules: Vec<ClaimRule>,
}

impl Auth {
    /// The rules about a job that was heard, of the organisation that it names if it does; none where none is.
    ///
    /// # Errors
    /// `Unavailable` where it depends on a source that cannot be heard now; `RateLimited` where too many rules are looked at.
    pub(super) async fn met(
        &self,
        heard: &mut Heard,
        within: Option<&OrganisationName>,
        nobody: &Actor,
    ) -> Result<Option<Met>> {
        let job = Arc::new(Job::of(&heard.claims, self.audience(), nobody));
        let found = match within {
            Some(named) => Some(named.clone()),
            None => self.oldest(heard, &job).await?,
        };
        let Some(organisation) = found else { return Ok(None) };
        let whose = Whose::Organisation(organisation.clone());
        let (mut rules, mut missing) = (Vec::new(), None);
        for source in heard.possible() {
            let believed = self.beliefs().rules_about(source, whose.clone()).await?;
            let believed = self.about(&job, believed).await?;
            if believed.is_empty() {
                continue;
            }
            match heard.is_signed_by(source).await {
                Ok(true) => rules.extend(believed.into_iter().map(|one| one.rule)),
                Ok(false) => {}
                Err(error) => missing = Some(error),
            }
        }
        rules.sort_by_key(|rule| rule.id);
        let rules = reachable(rules);
        match missing {
            Some(error) if rules.is_empty() => Err(error),
            _ => Ok((!rules.is_empty()).then_some(Met { organisation, rules })),
        }
    }

    /// Whose the oldest rule is that is about a job and its source.
    ///
    /// # Errors
    /// `Unavailable` where another organisation has an older one about a source that cannot be heard: which source is quick
    /// decides nothing.
    async fn oldest(&self, heard: &mut Heard, job: &Arc<Job>) -> Result<Option<OrganisationName>> {
        let (mut candidates, mut before) = (Vec::new(), i64::MAX);
        for source in heard.possible() {
            let Some(believed) = self.oldest_at(source, job, before).await? else { continue };
            // Those that signed it come first, and of the others only older rules matter.
            if heard.knows_signed(source) {
                before = believed.rule.id;
            }
            candidates.push((source, believed));
        }
        candidates.sort_by_key(|(_, believed)| believed.rule.id);
        let mut unheard = Vec::new();
        for (source, Believed { organisation, .. }) in candidates {
            match heard.is_signed_by(source).await {
                Ok(true) => {
                    let others = unheard.into_iter().find(|(whose, _)| *whose != organisation);
                    return others.map_or(Ok(Some(organisation)), |(_, error)| Err(error));
                }
                Ok(false) => {}
                Err(error) => unheard.push((organisation, error)),
            }
        }
        unheard.into_iter().next().map_or(Ok(None), |(_, error)| Err(error))
    }

    /// The oldest rule about a job and a source, if that is older than one.
    async fn oldest_at(&self, source: i64, job: &Arc<Job>, before: i64) -> Result<Option<Believed>> {
        let mut behind = 0;
        for _ in 0..MOST_PAGES {
            let mut page = self.beliefs().rules_about(source, Whose::Everybody { behind }).await?;
            let Some(last) = page.last() else { break };
            behind = last.rule.id;
            page.retain(|believed| believed.rule.id < before);
            let found = self.about(job, page).await?.into_iter().next();
            if found.is_some() || behind >= before {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Those of some rules that are about a job. Strangers say how long that takes, so it keeps nobody waiting who is served,
    /// and is done for few jobs at a time.
    async fn about(&self, job: &Arc<Job>, rules: Vec<Believed>) -> Result<Vec<Believed>> {
        if rules.is_empty() {
            return Ok(rules);
        }
        let turn = self.0.turns.of_jobs.take(job.address).await?;
        let job = job.clone();
        let judged = spawn_blocking(move || {
            let _turn = turn;
            rules.into_iter().filter(|believed| job.meets(believed)).collect()
        });
        judged.await.map_err(Error::internal)
    }
}

/// As many of the rules as one token reaches, the oldest first.
fn reachable(mut rules: Vec<ClaimRule>) -> Vec<ClaimRule> {
    let mut left = Reach::MOST;
    rules.retain(|rule| {
        let count = rule.reach.allowances().len();
        let fits = count <= left;
        left -= if fits { count } else { 0 };
        fits
    });
    rules
}

impl Met {
    /// How far the job's token reaches.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub(super) fn reach(&self) -> Result<Reach> {
        Reach::new(self.allowances().cloned().collect()).map_err(Error::internal)
    }

    /// The least role that does what the rules allow.
    pub(super) fn role(&self) -> Role {
        match self.allowances().flat_map(|one| &one.verbs).all(|verb| *verb == Verb::Pull) {
            true => Role::Viewer,
            false => Role::Writer,
        }
    }

    /// Who stands for the rules: called after the one, or after all of them.
    pub(super) fn account(&self) -> Result<RobotName> {
        let name = match self.rules.as_slice() {
            [only] => only.id.to_string(),
            several => {
                let mut context = Context::new(&SHA256);
                several.iter().for_each(|rule| context.update(&rule.id.to_be_bytes()));
                hex::encode(context.finish().as_ref().split_at(16).0)
            }
        };
        RobotName::new(&self.organisation, &format!("{PREFIX}{name}"))
    }

    fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        self.rules.iter().flat_map(|rule| rule.reach.allowances())
    }
}
