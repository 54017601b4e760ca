//! The providers of the platform's users, as its operator manages them.

use wharf_core::{Error, Kind, OperatorGrant, ProviderName, Result, Secret, Subject, audit::AuditRecord};

use crate::{
    Auth,
    issuers::{Issuer, KeysUrl},
    port::{BrowserFlow, Exchange, GroupRole, ProviderRow},
};

/// The longest id, secret or name of a claim, in bytes.
const LONGEST: usize = 255;
/// What a provider is asked to tell.
const USUAL_SCOPE: &str = "openid profile";
/// The most groups that mean something.
const MOST_GROUPS: usize = 1000;
/// The largest list of authorities, in bytes of PEM.
const LARGEST_AUTHORITIES: usize = 48 * 1024;

/// A provider to be believed.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// What it is to be called.
    pub name: ProviderName,
    /// Who it is.
    pub issuer: Issuer,
    /// What it knows this Wharf as.
    pub client_id: String,
    /// The secret it knows this Wharf by, if there is one.
    pub client_secret: Option<Secret<String>>,
    /// How passwords are to be shown to it.
    pub exchange: Exchange,
    /// Where, if not where its own document or its name says.
    pub endpoint: Option<KeysUrl>,
    /// How browsers are to log in at it.
    pub browser: BrowserFlow,
    /// What it is asked to tell, if not the usual.
    pub scope: Option<String>,
    /// The claim that is the login, if not the usual one.
    pub user_claim: Option<String>,
    /// The claim that lists the groups, if not the usual one.
    pub groups_claim: Option<String>,
    /// What those mean.
    pub groups: Vec<GroupRole>,
}

impl Auth {
    /// The providers, in the byte order of their names.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn providers(&self, _: &OperatorGrant) -> Result<Vec<ProviderRow>> {
        self.providers_port().providers().await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn provider(&self, grant: &OperatorGrant, name: &ProviderName) -> Result<ProviderRow> {
        let found = self.providers(grant).await?.into_iter().find(|provider| provider.name == *name);
        found.ok_or_else(|| Error::not_found(Subject::Issuer))
    }

    /// Believes a provider.
    ///
    /// # Errors
    /// `Exists`; `Conflict` where passwords are shown to another one; `Denied` where this Wharf does not go to where it is;
    /// `NotFound` for the organisation of a group; `Invalid`.
    pub async fn add_provider(&self, grant: &OperatorGrant, new: NewProvider) -> Result<ProviderRow> {
        let record = self.provider_record(grant, "provider.create", &new.name);
        let is_cognito = new.exchange == Exchange::Cognito;
        let usual =
            if is_cognito { ("username", "cognito:groups") } else { ("preferred_username", "groups") };
        let secret = new.client_secret.as_ref().map(|secret| self.seal_client(&new, secret)).transpose()?;
        let row = ProviderRow {
            id: 0,
            name: new.name,
            issuer: new.issuer,
            client_id: new.client_id,
            client_secret: secret,
            exchange: new.exchange,
            endpoint: new.endpoint,
            browser: new.browser,
            scope: new.scope.unwrap_or_else(|| USUAL_SCOPE.to_owned()),
            user_claim: new.user_claim.unwrap_or_else(|| usual.0.to_owned()),
            groups_claim: new.groups_claim.unwrap_or_else(|| usual.1.to_owned()),
            groups: new.groups,
            created_at: record.at,
        };
        self.expect_usable(&row)?;
        self.providers_port().add_provider(row.clone(), record).await.map(|()| row)
    }

    /// Says anew what groups mean. Roles follow with each user's next login.
    ///
    /// # Errors
    /// `NotFound` for the provider and for the organisation of a group; `Invalid`.
    pub async fn set_groups(
        &self,
        grant: &OperatorGrant,
        name: ProviderName,
        groups: Vec<GroupRole>,
    ) -> Result<()> {
        expect_groups(&groups)?;
        let record = self.provider_record(grant, "provider.groups", &name);
        let set = self.providers_port().set_groups(name, groups, record).await?;
        if set { Ok(()) } else { Err(Error::not_found(Subject::Issuer)) }
    }

    /// Believes a provider no longer. Whom it let in keeps the account, and loses the roles of its groups and every
    /// credential.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn remove_provider(&self, grant: &OperatorGrant, name: ProviderName) -> Result<()> {
        let record = self.provider_record(grant, "provider.delete", &name);
        let removed = self.providers_port().remove_provider(name, record).await?;
        if removed { Ok(()) } else { Err(Error::not_found(Subject::Issuer)) }
    }

    fn expect_usable(&self, row: &ProviderRow) -> Result<()> {
        let is_text = |text: &String| (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control);
        if ![&row.client_id, &row.user_claim, &row.groups_claim].into_iter().all(is_text) {
            return Err(Error::new(Kind::Invalid, "a client id and the name of a claim have 1 to 255 bytes"));
        }
        expect_scope(&row.scope)?;
        if row.browser == BrowserFlow::Code && self.0.settings.public_url.is_none() {
            let words = "a browser comes back from its login to public_url, which is not set";
            return Err(Error::new(Kind::Invalid, words));
        }
        let is_pem =
            |pem: &String| pem.len() <= LARGEST_AUTHORITIES && pem.contains("-----BEGIN CERTIFICATE-----");
        if !row.issuer.authorities.iter().all(is_pem) {
            return Err(Error::new(Kind::Invalid, "the authorities of a provider are certificates in PEM"));
        }
        expect_groups(&row.groups)?;
        self.0.issuers.expect_open(&row.issuer)?;
        let at_endpoint = Issuer { keys_url: row.endpoint.clone(), ..row.issuer.clone() };
        self.0.issuers.expect_open(&at_endpoint)
    }

    /// The secret of a client is sealed for where it is shown, so that whoever changes that must bring it again.
    fn seal_client(&self, new: &NewProvider, secret: &Secret<String>) -> Result<Vec<u8>> {
        if secret.expose().is_empty() || secret.expose().len() > LONGEST {
            return Err(Error::new(Kind::Invalid, "the secret of a client has 1 to 255 bytes"));
        }
        let purpose = purpose(&new.issuer, new.endpoint.as_ref(), &new.client_id);
        self.0.ring.sealer().seal(self.0.entropy.as_ref(), &purpose, secret.expose().as_bytes())
    }

    pub(super) fn client_secret(&self, row: &ProviderRow) -> Result<Option<Secret<String>>> {
        let Some(sealed) = &row.client_secret else { return Ok(None) };
        let purpose = purpose(&row.issuer, row.endpoint.as_ref(), &row.client_id);
        let opened = self.0.ring.sealer().open(&purpose, sealed);
        let plain = opened.and_then(|plain| String::from_utf8(plain.expose().clone()).ok());
        let unopened = || Error::internal("the secret of a provider's client cannot be unsealed");
        plain.map(|plain| Some(Secret::new(plain))).ok_or_else(unopened)
    }

    fn provider_record(
        &self,
        grant: &OperatorGrant,
        action: &'static str,
        name: &ProviderName,
    ) -> AuditRecord {
        let record = AuditRecord::by(self.0.clock.now(), grant, action);
        AuditRecord { target: Some(name.to_string()), ..record }
    }
}

fn purpose(issuer: &Issuer, endpoint: Option<&KeysUrl>, client_id: &str) -> String {
    let endpoint = endpoint.map_or("", |endpoint| endpoint.as_str());
    format!("provider client {client_id} {} {endpoint}", issuer.url)
}

/// Words of visible characters (RFC 6749, section 3.3), among which is the one that has a provider say who it is.
fn expect_scope(scope: &str) -> Result<()> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    };
    let mut words = scope.split(' ');
    if scope.len() <= LONGEST && words.clone().all(is_word) && words.any(|word| word == "openid") {
        return Ok(());
    }
    Err(Error::new(
        Kind::Invalid,
        "a scope is words with one blank between, up to 255 bytes, and openid among them",
    ))
}

fn expect_groups(groups: &[GroupRole]) -> Result<()> {
    let is_group = |one: &GroupRole| !one.group.is_empty() && one.group.len() <= LONGEST;
    if groups.len() > MOST_GROUPS || !groups.iter().all(is_group) {
        let words = format!("up to {MOST_GROUPS} groups mean something, each of 1 to {LONGEST} bytes");
        return Err(Error::new(Kind::Invalid, words));
    }
    let repeats = |(position, one): (usize, &GroupRole)| {
        let same = |other: &GroupRole| (&other.group, &other.organisation) == (&one.group, &one.organisation);
        groups.iter().take(position).any(same)
    };
    if groups.iter().enumerate().any(repeats) {
        return Err(Error::new(Kind::Invalid, "a group means one role in an organisation, not two"));
    }
    Ok(())
}
