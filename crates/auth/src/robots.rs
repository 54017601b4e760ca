//! Robots: accounts of an organisation that have a role and API tokens, and nothing else. Its admins manage both.

use wharf_core::{
    Error, Kind, OrganisationGrant, Result, RobotName, Role, Subject,
    duty::{Administer, Belong},
};

use crate::{
    Auth,
    api_tokens::{CreatedToken, NewToken, Owner, named},
    port::{RobotRow, Span, TokenRow},
    workloads,
};

/// A token of a robot, as it is named.
#[derive(Clone, Copy, Debug)]
pub struct RobotToken<'a> {
    /// The robot's name in its organisation.
    pub robot: &'a str,
    /// The token's id.
    pub id: &'a str,
}

impl Auth {
    /// Robots of an organisation, in the byte order of their names.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn robots(&self, grant: &OrganisationGrant<Belong>, span: Span) -> Result<Vec<RobotRow>> {
        let last = span.last.map(|last| format!("{}+{last}", grant.name()));
        self.machines().robots(grant.organisation(), Span { last, ..span }).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn robot(&self, grant: &OrganisationGrant<Belong>, name: &str) -> Result<RobotRow> {
        let gone = || Error::not_found(Subject::Robot);
        let name = RobotName::new(grant.name(), name)?;
        self.machines().robot(grant.organisation(), &name).await?.ok_or_else(gone)
    }

    /// Makes a robot.
    ///
    /// # Errors
    /// `Exists`; `Invalid` for its name, and for one of those whom rules let in.
    pub async fn create_robot(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: &str,
        role: Role,
    ) -> Result<RobotRow> {
        if name.starts_with(workloads::PREFIX) {
            let words = format!("names that begin with {} are of those whom rules let in", workloads::PREFIX);
            return Err(Error::new(Kind::Invalid, words));
        }
        let name = RobotName::new(grant.name(), name)?;
        let target = Some(format!("{name} {role}"));
        let record = self.organisation_record(grant, "robot.create", (grant.name(), target));
        self.machines().create_robot(grant.organisation(), name, role, record).await
    }

    /// Removes a robot; its tokens end at once.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_robot(&self, grant: &OrganisationGrant<Administer>, name: &str) -> Result<()> {
        let name = RobotName::new(grant.name(), name)?;
        let target = Some(name.to_string());
        let record = self.organisation_record(grant, "robot.delete", (grant.name(), target));
        let removed = self.machines().remove_robot(grant.organisation(), name, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Robot)) }
    }

    /// Makes a token for a robot. One that is made with a token ends with that.
    ///
    /// # Errors
    /// As [`Auth::create_token`]; `NotFound` where there is no such robot.
    pub async fn create_robot_token(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: &str,
        new: NewToken,
    ) -> Result<CreatedToken> {
        let robot = self.robot_of(grant, name).await?;
        let record = self.organisation_record(grant, "token.create", (grant.name(), None));
        let parent = self.parent(grant.actor()).await?;
        let RobotRow { account, version, name, .. } = robot;
        let owner = Owner { account, version, name: name.to_string(), parent };
        self.make_token(owner, new, record).await
    }

    /// The tokens of a robot that have not ended.
    ///
    /// # Errors
    /// `NotFound` where there is no such robot; `Unavailable`.
    pub async fn robot_tokens(
        &self,
        grant: &OrganisationGrant<Administer>,
        name: &str,
    ) -> Result<Vec<TokenRow>> {
        let robot = self.robot_of(grant, name).await?;
        self.machines().tokens(robot.account, self.0.clock.now()).await
    }

    /// Ends a token of a robot, by its id.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_robot_token(
        &self,
        grant: &OrganisationGrant<Administer>,
        RobotToken { robot, id }: RobotToken<'_>,
    ) -> Result<()> {
        let token = named(self.robot_tokens(grant, robot).await?, id)?;
        let target = Some(format!("{}+{robot} {}", grant.name(), token.hash));
        let record = self.organisation_record(grant, "token.delete", (grant.name(), target));
        self.end(token, record).await
    }

    async fn robot_of(&self, grant: &OrganisationGrant<Administer>, name: &str) -> Result<RobotRow> {
        let name = RobotName::new(grant.name(), name)?;
        let found = self.machines().robot(grant.organisation(), &name).await?;
        found.ok_or_else(|| Error::not_found(Subject::Robot))
    }
}
