//! The first login of a user: with it appears an organisation of his own, called as he is, so that he has where to push.
//!
//! Its name is free to nobody else: a user is not given the name of an organisation by chance. Where another organisation
//! has or had it, none is made, then or later. An operator gets none, for the whole platform is his.

use wharf_core::{Actor, OrganisationName, Result, audit::AuditRecord};

use crate::{
    Auth, PersonalOrganisations,
    port::{Account, Login, Newcomer},
};

impl Auth {
    /// Welcomes who logs in for the first time. Whatever comes of it, the login stands: one that could not be written down,
    /// as on a full disk, is a first one again the next time.
    pub(crate) async fn welcome(&self, account: &Account, actor: &Actor) {
        if !account.is_new {
            return;
        }
        if let Err(error) = self.note_newcomer(account, actor).await {
            tracing::warn!(
                request_id = actor.request_id(),
                ?error,
                "a first login could not be written down"
            );
        }
    }

    async fn note_newcomer(&self, account: &Account, actor: &Actor) -> Result<()> {
        let organisation = self.personal_organisation(account);
        let record = AuditRecord::new(self.0.clock.now(), actor, "organisation.create");
        let target = organisation.as_ref().map(ToString::to_string);
        let record = AuditRecord { organisation: organisation.clone(), target, ..record };
        self.0.people.welcome(Newcomer { account: account.id, organisation }, record).await
    }

    fn personal_organisation(&self, account: &Account) -> Option<OrganisationName> {
        let is_wanted = self.0.settings.personal_organisations == PersonalOrganisations::On;
        match &account.name {
            Login::User(name) if is_wanted && !account.operator => name.as_str().parse().ok(),
            Login::User(_) | Login::Robot(_) => None,
        }
    }
}
