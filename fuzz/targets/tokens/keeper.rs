//! An authenticator on ports that hold one account and the keys it makes, in memory. A token asks for no more.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wharf_auth::issuers::{Documents, Wanted};
use wharf_auth::port::{
    Account, Accounts, KeyRow, Keys, Login, NewAccount, Refresh, RegistryChange, UpstreamPolicy,
};
use wharf_auth::{
    Auth, Parts, PersonalOrganisations, ProviderDoor, Question, Reply, Sealer, SealingKey, Settings, SignUp,
};
use wharf_core::audit::AuditRecord;
use wharf_core::gate::Founders;
use wharf_core::{
    Access, AccountId, Actor, Clock, Credential, Entropy, OrganisationName, RegistryName, Result, Timestamp,
    UpstreamUrl, UserName,
};
use wharf_meta::Database;

const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

/// The user of every token.
pub(super) fn actor() -> Actor {
    Actor::nobody(None, "").known(account().principal(), Credential::Password, Access::Whole)
}

pub(super) async fn open() -> Auth {
    let entropy: Arc<dyn Entropy> = Arc::new(Counting(Mutex::new(0)));
    let (key, _) = SealingKey::generate(entropy.as_ref());
    let store = Arc::new(Keeper::default());
    // A bearer token asks for an account and a key; what else there is, an empty database stands for.
    let folder = tempfile::tempdir().unwrap();
    let (file, ballast) = (folder.path().join("wharf.sqlite"), folder.path().join("ballast"));
    let rest = Arc::new(Database::sqlite(&file, &ballast).unwrap());
    let parts = Parts {
        accounts: store.clone(),
        users: rest.clone(),
        people: rest.clone(),
        invitations: rest.clone(),
        links: rest.clone(),
        letters: rest.clone(),
        postman: None,
        logins: rest.clone(),
        factors: rest.clone(),
        tenancy: rest.clone(),
        machines: rest.clone(),
        repeats: rest.clone(),
        beliefs: rest.clone(),
        providers: rest,
        provider_door: Arc::new(Nowhere),
        documents: Arc::new(Nowhere),
        upstream_policy: Arc::new(Nowhere),
        audience: None,
        keys: store,
        sealer: Sealer::new(&key).unwrap(),
        clock: Arc::new(Still),
        entropy,
        limits: wharf_auth::Limits::default(),
        founders: Founders::default(),
        settings: Settings {
            personal_organisations: PersonalOrganisations::Off,
            sign_up: SignUp::Off,
            login_idle: 1,
            login_lifetime: 1,
            public_url: None,
        },
        notebook: Arc::default(),
    };
    Auth::open(parts).await.unwrap()
}

fn account() -> Account {
    Account {
        id: AccountId(7),
        name: Login::User("alice".parse().unwrap()),
        password_hash: None,
        operator: false,
        disabled: false,
        version: 3,
        is_new: false,
        has_second_factor: false,
    }
}

/// No issuer is asked here.
struct Nowhere;

#[async_trait]
impl Documents for Nowhere {
    async fn fetch(&self, _: Wanted, _: usize) -> Result<Vec<u8>> {
        unreachable!("nobody is asked")
    }

    fn expect_open(&self, _: &Wanted) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl ProviderDoor for Nowhere {
    async fn ask(&self, _: Question) -> Result<Reply> {
        unreachable!("nobody is asked")
    }
}

impl UpstreamPolicy for Nowhere {
    fn expect_open(&self, _: &UpstreamUrl) -> Result<()> {
        Ok(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Chance that can be had again.
struct Counting(Mutex<u8>);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let mut next = self.0.lock().unwrap();
        for byte in buffer {
            *byte = *next;
            *next = next.wrapping_mul(5).wrapping_add(17);
        }
    }
}

#[derive(Default)]
struct Keeper {
    keys: Mutex<Vec<KeyRow>>,
}

#[async_trait]
impl Keys for Keeper {
    async fn keys(&self) -> Result<Vec<KeyRow>> {
        Ok(self.keys.lock().unwrap().clone())
    }

    async fn add(&self, key: KeyRow) -> Result<()> {
        self.keys.lock().unwrap().push(key);
        Ok(())
    }

    async fn remove_before(&self, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn keep(&self, _: &'static str, value: Vec<u8>) -> Result<Vec<u8>> {
        Ok(value)
    }
}

#[async_trait]
impl Accounts for Keeper {
    async fn by_name(&self, _: &UserName) -> Result<Option<Account>> {
        Ok(None)
    }

    async fn by_id(&self, id: AccountId) -> Result<Option<Account>> {
        Ok(Some(account()).filter(|account| account.id == id))
    }

    async fn any(&self) -> Result<bool> {
        Ok(true)
    }

    async fn create(&self, _: NewAccount, _: AuditRecord) -> Result<AccountId> {
        unreachable!("a token makes no account")
    }

    async fn set_password(&self, _: AccountId, _: String, _: AuditRecord) -> Result<bool> {
        unreachable!("a token changes no password")
    }

    async fn set_registry(
        &self,
        _: OrganisationName,
        _: RegistryName,
        _: RegistryChange,
        _: AuditRecord,
    ) -> Result<()> {
        unreachable!("a token changes no registry")
    }

    async fn add_refresh(&self, _: [u8; 32], _: Refresh, _: AuditRecord, _: u32) -> Result<()> {
        unreachable!("a bearer token is no refresh token")
    }

    async fn refresh(&self, _: [u8; 32]) -> Result<Option<Refresh>> {
        Ok(None)
    }

    async fn remove_expired_refreshes(&self, _: Timestamp) -> Result<()> {
        Ok(())
    }
}
