//! The rules that are about a job: all of one organisation, for nobody's rules are to weigh on what another's give.
//!
//! It is the organisation that the job names. Where it names none, it is that of the oldest rule about it: what somebody
//! comes to believe later takes nothing from a job that is let in already.

use aws_lc_rs::digest::{Context, SHA256};
use wharf_core::{Allowance, Error, OrganisationName, Reach, Result, RobotName, Role, Verb, hex};

use super::{PREFIX, hearing::Heard};
use crate::{
    Auth,
    port::{Believed, ClaimRule, Whose},
};

/// How many pages of rules are looked through for a job that names no organisation, of each source.
const MOST_PAGES: usize = 50;

/// What an organisation lets a job do.
pub(super) struct Met {
    pub(super) organisation: OrganisationName,
    /// The rules, the oldest first; never none.
    pub(super) rules: Vec<ClaimRule>,
}

impl Auth {
    /// The rules about a job that was heard, of the organisation that it names if it does; none where none is.
    pub(super) async fn met(&self, heard: &Heard, within: Option<&OrganisationName>) -> Result<Option<Met>> {
        let found = match within {
            Some(named) => Some(named.clone()),
            None => self.oldest(heard).await?,
        };
        let Some(organisation) = found else { return Ok(None) };
        let (whose, mut rules) = (Whose::Organisation(organisation.clone()), Vec::new());
        for source in &heard.sources {
            let believed = self.beliefs().rules_about(source.id, whose.clone()).await?;
            rules.extend(believed.into_iter().filter(|one| self.is_about(one, heard)).map(|one| one.rule));
        }
        rules.sort_by_key(|rule| rule.id);
        let rules = reachable(rules);
        Ok((!rules.is_empty()).then_some(Met { organisation, rules }))
    }

    /// Whose the oldest rule is.
    async fn oldest(&self, heard: &Heard) -> Result<Option<OrganisationName>> {
        let mut oldest: Option<Believed> = None;
        for source in &heard.sources {
            let found = self.oldest_at(source.id, heard).await?;
            oldest = oldest.into_iter().chain(found).min_by_key(|believed| believed.rule.id);
        }
        Ok(oldest.map(|believed| believed.organisation))
    }

    async fn oldest_at(&self, source: i64, heard: &Heard) -> Result<Option<Believed>> {
        let mut behind = 0;
        for _ in 0..MOST_PAGES {
            let page = self.beliefs().rules_about(source, Whose::Everybody { behind }).await?;
            let Some(last) = page.last() else { break };
            behind = last.rule.id;
            let found = page.into_iter().find(|believed| self.is_about(believed, heard));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether the token is for this Wharf, or for the audience that the organisation chose, and all is said that must be.
    fn is_about(&self, believed: &Believed, heard: &Heard) -> bool {
        let audiences = heard.claims.audiences();
        let ours = [self.audience(), believed.audience.as_deref()];
        let is_ours = ours.into_iter().flatten().any(|ours| audiences.iter().any(|one| one == ours));
        is_ours && believed.rule.claims.are_met_by(&heard.claims)
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
