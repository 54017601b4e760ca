//! Organisations, their registries and members, as their admins manage them.

use wharf_core::{
    Actor, Duty, Error, Kind, OrganisationGrant, OrganisationName, RegistryName, Result, Role, Subject,
    Timestamp, UserName,
    audit::AuditRecord,
    duty::{Administer, Belong, Visit},
    gate::{self, FoundingGrant, Granted},
};

use crate::{
    Auth,
    port::{
        Claim, MemberRow, NewOrganisation, OrganisationRow, RegistryChange, RegistryRow, Seer, Span, Tenancy,
    },
};

impl Auth {
    /// Asks the gate for the right to do `D` to an organisation.
    ///
    /// # Errors
    /// Those of the gate; `Unavailable`.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant_organisation<D: Duty>(
        &self,
        actor: &Actor,
        name: &OrganisationName,
    ) -> Result<OrganisationGrant<D>> {
        let rights = self.tenancy().organisation_rights(actor, name).await?;
        let decided = gate::decide_organisation(actor, name, &rights);
        decided.inspect_err(|error| self.note_refusal(actor, Some(name), error))
    }

    /// Asks the gate for the right to make an organisation.
    ///
    /// # Errors
    /// Those of the gate; `Unavailable`.
    #[expect(clippy::disallowed_methods, reason = "the engine is where the gate is asked")]
    pub async fn grant_founding(&self, actor: &Actor) -> Result<FoundingGrant> {
        let decided = gate::decide_founding(actor, self.is_operator(actor).await?, self.0.founders);
        decided.inspect_err(|error| self.note_refusal(actor, None, error))
    }

    /// Organisations that an actor may know, in the byte order of their names.
    ///
    /// # Errors
    /// `Unauthenticated` to nobody; `Denied` to a narrowed credential; `Unavailable`.
    pub async fn organisations(&self, actor: &Actor, span: Span) -> Result<Vec<OrganisationRow>> {
        let grant = self.grant_self(actor)?.whole()?;
        let seer = match self.is_operator(actor).await? {
            true => Seer::Everything(grant.account()),
            false => Seer::Account(Some(grant.account())),
        };
        self.tenancy().organisations(seer, span).await
    }

    /// When an organisation was made.
    ///
    /// # Errors
    /// `NotFound` where it went since; `Unavailable`.
    pub async fn organisation(&self, grant: &OrganisationGrant<Visit>) -> Result<Timestamp> {
        let made = self.tenancy().organisation(grant.organisation()).await?;
        made.ok_or_else(|| Error::not_found(Subject::Name))
    }

    /// Makes an organisation with its registry `main`. Whoever makes it is its first admin.
    ///
    /// # Errors
    /// `Exists` where the name may not be taken: another organisation has or had it, or a user has it.
    pub async fn create_organisation(
        &self,
        grant: &FoundingGrant,
        name: OrganisationName,
    ) -> Result<OrganisationRow> {
        let record = self.organisation_record(grant, "organisation.create", (&name, None));
        let claim = if grant.is_operator() { Claim::Any } else { Claim::Free };
        let new = NewOrganisation { name, admin: grant.actor().principal().account(), claim };
        let role = new.admin.map(|_| Role::Admin);
        let made = OrganisationRow { name: new.name.clone(), role, created_at: record.at };
        self.tenancy().create_organisation(new, record).await.map(|()| made)
    }

    /// Removes an organisation whose registries hold nothing, with its members and robots. Nobody else gets its name.
    ///
    /// # Errors
    /// `Conflict` where a registry of it holds a repository; `Unavailable`.
    pub async fn remove_organisation(&self, grant: &OrganisationGrant<Administer>) -> Result<()> {
        let record = self.organisation_record(grant, "organisation.delete", (grant.name(), None));
        self.tenancy().remove_organisation(grant.organisation(), record).await
    }

    /// Registries of an organisation that the caller may read, in the byte order of their names.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn registries(&self, grant: &OrganisationGrant<Visit>, span: Span) -> Result<Vec<RegistryRow>> {
        self.tenancy().registries(grant.organisation(), grant.sight(), span).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn registry(
        &self,
        grant: &OrganisationGrant<Visit>,
        name: &RegistryName,
    ) -> Result<RegistryRow> {
        let found = self.tenancy().registry(grant.organisation(), grant.sight(), name).await?;
        found.ok_or_else(|| Error::not_found(Subject::Name))
    }

    /// Makes a registry: hosted, and private unless the change says otherwise.
    ///
    /// # Errors
    /// `Exists`; `Unavailable`.
    pub async fn create_registry(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: RegistryName,
        change: RegistryChange,
    ) -> Result<RegistryRow> {
        let target = format!("{}/{name} {change}", grant.name());
        let record = self.organisation_record(
            grant,
            "registry.create",
            (grant.name(), Some(target.trim_end().to_owned())),
        );
        self.tenancy().create_registry(grant.organisation(), name, change, record).await
    }

    /// Changes a registry.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn change_registry(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: RegistryName,
        change: RegistryChange,
    ) -> Result<()> {
        let target = format!("{}/{name} {change}", grant.name());
        let record = self.organisation_record(grant, "registry.set", (grant.name(), Some(target)));
        let changed = self.tenancy().change_registry(grant.organisation(), name, change, record).await?;
        if changed { Ok(()) } else { Err(Error::not_found(Subject::Name)) }
    }

    /// Refuses to remove `main`, before anything in it is removed.
    ///
    /// # Errors
    /// `Conflict`.
    pub fn expect_removable(&self, name: &RegistryName) -> Result<()> {
        if *name == RegistryName::main() {
            return Err(Error::new(Kind::Conflict, "the registry main stays as long as its organisation"));
        }
        Ok(())
    }

    /// Removes a registry that holds nothing.
    ///
    /// # Errors
    /// `Conflict` where it holds a repository, and for `main`, which every organisation has; `NotFound`.
    pub async fn remove_registry(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: RegistryName,
    ) -> Result<()> {
        self.expect_removable(&name)?;
        let target = format!("{}/{name}", grant.name());
        let record = self.organisation_record(grant, "registry.delete", (grant.name(), Some(target)));
        let removed = self.tenancy().remove_registry(grant.organisation(), name, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Name)) }
    }

    /// Members in the byte order of their logins.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn members(&self, grant: &OrganisationGrant<Belong>, span: Span) -> Result<Vec<MemberRow>> {
        self.tenancy().members(grant.organisation(), span).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn member(&self, grant: &OrganisationGrant<Belong>, user: &UserName) -> Result<MemberRow> {
        let found = self.tenancy().member(grant.organisation(), user).await?;
        found.ok_or_else(|| Error::not_found(Subject::Member))
    }

    /// Gives a user a role; the member as he then is.
    ///
    /// # Errors
    /// `NotFound` where there is no such user; `Conflict` where the organisation would lose its last admin.
    pub async fn set_member(
        &self,
        grant: &OrganisationGrant<Administer>,
        user: UserName,
        role: Role,
    ) -> Result<MemberRow> {
        let target = Some(format!("{user} {role}"));
        let record = self.organisation_record(grant, "member.set", (grant.name(), target));
        let gone = || Error::not_found(Subject::User);
        if !self.tenancy().set_member(grant.organisation(), user.clone(), role, record).await? {
            return Err(gone());
        }
        self.tenancy().member(grant.organisation(), &user).await?.ok_or_else(gone)
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// As [`Auth::set_member`].
    pub async fn remove_member(&self, grant: &OrganisationGrant<Administer>, user: UserName) -> Result<()> {
        let target = Some(user.to_string());
        let record = self.organisation_record(grant, "member.delete", (grant.name(), target));
        let removed = self.tenancy().remove_member(grant.organisation(), user, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Member)) }
    }

    /// Notes that somebody who is known was refused. Who is nobody is only asked who he is.
    pub(crate) fn note_refusal(&self, actor: &Actor, organisation: Option<&OrganisationName>, error: &Error) {
        if actor.is_anonymous() || !matches!(error.kind(), Kind::Denied | Kind::NotFound(_)) {
            return;
        }
        let record = AuditRecord::new(self.0.clock.now(), actor, "access.refused");
        self.0.notebook.note(AuditRecord { organisation: organisation.cloned(), ..record });
    }

    pub(crate) fn tenancy(&self) -> &dyn Tenancy {
        self.0.tenancy.as_ref()
    }

    pub(crate) fn organisation_record(
        &self,
        grant: &impl Granted,
        action: &'static str,
        (organisation, target): (&OrganisationName, Option<String>),
    ) -> AuditRecord {
        let target = Some(target.unwrap_or_else(|| organisation.to_string()));
        let record = AuditRecord::by(self.0.clock.now(), grant, action);
        AuditRecord { organisation: Some(organisation.clone()), target, ..record }
    }
}
