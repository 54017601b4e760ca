//! Accounts, their roles and refresh tokens.

use async_trait::async_trait;
use wharf_auth::port::{
    Account, Accounts, Assurance, Login, NewAccount, Person, Refresh, Refused, RegistryChange,
};
use wharf_core::{
    AccountId, OrganisationName, RegistryName, Result, Timestamp, UserName, audit::AuditRecord,
};

use wharf_registry::port::Maker;

use super::{
    journal::audit, members::JOIN, people::keep_person, providers::forget_outsider, registries::SetRegistry,
    tenants::ensure_organisation, warrants::held,
};
use crate::{
    database::{Database, Step},
    memory::{Recall, Remembered},
    session::{Row, Session},
};

fn account(mut row: Row) -> Result<Account> {
    Ok(Account {
        id: AccountId(row.next()?),
        name: row.parse(login)?,
        password_hash: row.next()?,
        operator: row.next()?,
        disabled: row.next()?,
        version: row.next()?,
        is_new: row.next::<Option<i64>>()?.is_none(),
        has_second_factor: row.next::<Option<i64>>()?.is_some(),
    })
}

/// A robot's login has a `+`, which a user's has not.
fn login(name: String) -> Option<Login> {
    match name.contains('+') {
        true => name.parse().ok().map(Login::Robot),
        false => name.parse().ok().map(Login::User),
    }
}

#[async_trait]
impl Accounts for Database {
    async fn by_name(&self, name: &UserName) -> Result<Option<Account>> {
        self.read(ByName(name.clone())).await
    }

    async fn by_id(&self, id: AccountId) -> Result<Option<Account>> {
        self.recall(ById(id)).await
    }

    async fn any(&self) -> Result<bool> {
        self.read(Any).await
    }

    async fn create(&self, account: NewAccount, record: AuditRecord) -> Result<AccountId> {
        let quota = self.organisation_quota();
        self.write_by(record.warrant.clone(), CreateAnew(Create { account, quota, record })).await
    }

    async fn set_password(&self, id: AccountId, hash: String, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), SetPassword { id, hash, record }).await
    }

    async fn set_registry(
        &self,
        organisation: OrganisationName,
        registry: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<()> {
        let quota = self.organisation_quota();
        self.write_by(record.warrant.clone(), SetRegistry { organisation, quota, registry, change, record })
            .await
    }

    async fn add_refresh(
        &self,
        hash: [u8; 32],
        refresh: Refresh,
        record: AuditRecord,
        most: u32,
    ) -> Result<()> {
        self.write_by(record.warrant.clone(), AddRefresh { hash, refresh, record, most }).await
    }

    async fn refresh(&self, hash: [u8; 32]) -> Result<Option<Refresh>> {
        self.read(FindRefresh(hash)).await
    }

    async fn remove_expired_refreshes(&self, now: Timestamp) -> Result<()> {
        self.write(RemoveExpired(now)).await
    }
}

struct ByName(UserName);

#[async_trait]
impl Step for ByName {
    type Output = Option<Account>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Account>> {
        const FIND: &str = "
            SELECT id, name, password_hash, operator, disabled, version, first_login_at, second_factor_at
            FROM account WHERE name = $1 AND removed_at IS NULL";
        session.query_first(FIND, &[self.0.as_str().into()]).await?.map(account).transpose()
    }
}

struct ById(AccountId);

#[async_trait]
impl Step for ById {
    type Output = Option<Account>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Account>> {
        const FIND: &str = "
            SELECT id, name, password_hash, operator, disabled, version, first_login_at, second_factor_at
            FROM account WHERE id = $1";
        session.query_first(FIND, &[self.0.0.into()]).await?.map(account).transpose()
    }
}

impl Recall for ById {
    fn recall(&self, remembered: &mut Remembered) -> Option<Option<Account>> {
        remembered.accounts.get(&self.0).map(Some)
    }

    fn keep(&self, found: &Option<Account>, remembered: &mut Remembered) {
        if let Some(account) = found {
            remembered.accounts.insert(self.0, account.clone());
        }
    }
}

struct Any;

#[async_trait]
impl Step for Any {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        Ok(session.query_first("SELECT id FROM account LIMIT 1", &[]).await?.is_some())
    }
}

/// Makes a user.
pub(super) struct Create {
    pub(super) account: NewAccount,
    /// How much an organisation may store, in bytes, that is made for it to belong to.
    pub(super) quota: Option<u64>,
    pub(super) record: AuditRecord,
}

#[async_trait]
impl Step for Create {
    type Output = AccountId;

    async fn run(&self, session: &mut dyn Session) -> Result<AccountId> {
        const INSERT: &str = "
            INSERT INTO account (name, kind, password_hash, operator, disabled, version, created_at)
            VALUES ($1, 'user', $2, $3, 0, 1, $4)
            ON CONFLICT (name) DO NOTHING
            RETURNING id";
        let NewAccount { name, password_hash, operator, memberships, person } = &self.account;
        let now = self.record.at;
        let values = [
            name.as_str().into(),
            password_hash.as_str().into(),
            (*operator).into(),
            now.microseconds().into(),
        ];
        let taken = || Refused::UserExists(name.clone());
        let id: i64 = session.query_first(INSERT, &values).await?.ok_or_else(taken)?.next()?;
        if *person != Person::default() {
            keep_person(session, id, person).await?;
        }
        for (organisation, role) in memberships {
            let maker = Maker { actor: &self.record.actor, at: now };
            let organisation_id = ensure_organisation(session, organisation, maker, self.quota).await?;
            let values = [organisation_id.into(), id.into(), role.word().into(), now.microseconds().into()];
            session.execute(JOIN, &values).await?;
            let (organisation, target) = (Some(organisation.clone()), Some(format!("{name} {role}")));
            let joined = AuditRecord { action: "member.set", organisation, target, ..self.record.clone() };
            audit(session, &joined).await?;
        }
        audit(session, &self.record).await?;
        Ok(AccountId(id))
    }
}

/// Makes a user for an operator, who may know whose name it was. A stranger who signs up learns only that it is taken.
struct CreateAnew(Create);

#[async_trait]
impl Step for CreateAnew {
    type Output = AccountId;

    async fn run(&self, session: &mut dyn Session) -> Result<AccountId> {
        const FIND: &str = "SELECT id FROM account WHERE name = $1 AND removed_at IS NOT NULL";
        let name = &self.0.account.name;
        if session.query_first(FIND, &[name.as_str().into()]).await?.is_some() {
            return Err(Refused::UserRemoved(name.clone()).into());
        }
        self.0.run(session).await
    }
}

/// Sets a password and ends every credential.
pub(super) struct SetPassword {
    pub(super) id: AccountId,
    pub(super) hash: String,
    pub(super) record: AuditRecord,
}

#[async_trait]
impl Step for SetPassword {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const SET: &str = "UPDATE account SET password_hash = $1, version = version + 1 WHERE id = $2";
        let set = session.execute(SET, &[self.hash.as_str().into(), self.id.0.into()]).await? > 0;
        if set {
            end_credentials(session, self.id.0).await?;
            // Who has a password here is known by that alone.
            forget_outsider(session, self.id.0).await?;
            audit(session, &self.record).await?;
        }
        Ok(set)
    }
}

/// Removes every token, link and login of an account, and what was made with them, for robots too. Those of the account that are out there
/// have ended with its version.
pub(super) async fn end_credentials(session: &mut dyn Session, account: i64) -> Result<()> {
    macro_rules! gone {
        ($delete:literal) => {
            concat!(
                $delete,
                " IN (WITH RECURSIVE gone (id, hash) AS (
                    SELECT t.id, t.hash FROM api_token t WHERE t.account_id = $1
                    UNION SELECT t.id, t.hash FROM api_token t JOIN gone g ON t.parent = g.hash)
                SELECT id FROM gone)"
            )
        };
    }
    const REFRESHES: &str = "DELETE FROM refresh_token WHERE account_id = $1";
    const LINKS: &str = "DELETE FROM link WHERE account_id = $1";
    const LOGINS: &str = "DELETE FROM login WHERE account_id = $1";
    const PROMISES: &str = "DELETE FROM promise WHERE account_id = $1";
    const USES: &str = gone!("DELETE FROM api_token_use WHERE token_id");
    const TOKENS: &str = gone!("DELETE FROM api_token WHERE id");
    for statement in [REFRESHES, LINKS, LOGINS, PROMISES, USES, TOKENS] {
        session.execute(statement, &[account.into()]).await?;
    }
    Ok(())
}

/// Whether what was shown still opens an account of this version; it stays so until the transaction ends. A second factor may
/// have come to stand while the password was checked.
pub(super) async fn opens(
    session: &mut dyn Session,
    (account, version): (AccountId, i64),
    assurance: Assurance,
) -> Result<bool> {
    let found = held!(
        session,
        "SELECT second_factor_at FROM account WHERE id = $1 AND version = $2 AND disabled = 0",
        &[account.0.into(), version.into()]
    );
    let Some(mut row) = found else { return Ok(false) };
    Ok(assurance != Assurance::Password || row.next::<Option<i64>>()?.is_none())
}

struct AddRefresh {
    hash: [u8; 32],
    refresh: Refresh,
    record: AuditRecord,
    most: u32,
}

#[async_trait]
impl Step for AddRefresh {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO refresh_token (hash, account_id, account_version, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5)";
        const FORGET: &str = "
            DELETE FROM refresh_token WHERE account_id = $1 AND id <=
                (SELECT r.id FROM refresh_token r WHERE r.account_id = $1 ORDER BY r.id DESC LIMIT 1 OFFSET $2)";
        if !opens(session, (self.refresh.account, self.refresh.account_version), Assurance::Password).await? {
            return Err(Refused::PasswordEnded.into());
        }
        let values = [
            self.hash.as_slice().into(),
            self.refresh.account.0.into(),
            self.refresh.account_version.into(),
            self.record.at.microseconds().into(),
            self.refresh.expires_at.microseconds().into(),
        ];
        session.execute(INSERT, &values).await?;
        session.execute(FORGET, &[self.refresh.account.0.into(), i64::from(self.most).into()]).await?;
        audit(session, &self.record).await
    }
}

struct FindRefresh([u8; 32]);

#[async_trait]
impl Step for FindRefresh {
    type Output = Option<Refresh>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<Refresh>> {
        const FIND: &str =
            "SELECT id, account_id, account_version, expires_at FROM refresh_token WHERE hash = $1";
        let Some(mut row) = session.query_first(FIND, &[self.0.as_slice().into()]).await? else {
            return Ok(None);
        };
        Ok(Some(Refresh {
            id: row.next()?,
            account: AccountId(row.next()?),
            account_version: row.next()?,
            expires_at: Timestamp::from_microseconds(row.next()?),
        }))
    }
}

struct RemoveExpired(Timestamp);

#[async_trait]
impl Step for RemoveExpired {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let remove = "DELETE FROM refresh_token WHERE expires_at <= $1";
        session.execute(remove, &[self.0.microseconds().into()]).await.map(drop)
    }
}
