//! Logging in with a browser at an issuer: the authorization code flow of OpenID Connect, with PKCE
//! ([a browser brings back what it took](../../../../docs/adr/0049-a-browser-brings-back-what-it-took.md)).
//!
//! The browser goes to the issuer with a state, a nonce and a challenge, and keeps what belongs to them sealed in a
//! cookie. What it comes back with is a code that counts once, for us, from that issuer, with that cookie. Who it then
//! is, and which roles the groups give, is found as for a password that was shown to the issuer.

mod answer;
mod kept;
mod local_path;

use serde::Deserialize;
use url::{Url, form_urlencoded::Serializer};
use wharf_core::{Actor, Credential, Error, IssuerName, Kind, Result, Secret, Subject, audit::AuditRecord};

pub use self::local_path::LocalPath;
use self::{
    answer::Answer,
    kept::{Kept, LIFETIME, not_begun},
};
use super::{Counter, Question, Reply, Shown, TokenKind, Tokens, arrival, client, unusable};
use crate::{
    Auth, NewLogin,
    issuers::{Claims, Metadata},
    logins::LoginWay,
    port::{self, Arrival, ProviderRow},
};

/// What logins of one client are counted under that were not finished.
const UNFINISHED: &str = "logins at issuers";

/// A browser that goes to an issuer.
#[derive(Debug)]
pub struct Departure {
    /// Where the browser goes.
    pub url: String,
    /// What it keeps until it comes back.
    pub kept: Secret<String>,
    /// For how long, in seconds.
    pub lifetime: i64,
}

/// A browser that comes back.
#[derive(Debug)]
pub struct Returning {
    /// From where, as the path says.
    pub issuer: IssuerName,
    /// What it kept.
    pub kept: Option<Secret<String>>,
    /// The pairs of the query, decoded. They hold the code, so nothing prints them.
    pub query: Secret<Vec<(String, String)>>,
    /// What the browser calls itself.
    pub user_agent: Option<String>,
}

/// Somebody who is logged in now.
#[derive(Debug)]
pub struct Arrived {
    /// The login.
    pub login: NewLogin,
    /// Where the browser wanted to go.
    pub to: LocalPath,
}

/// A login that the browser which began it wants to finish.
struct Finishing {
    provider: ProviderRow,
    /// Where the browser was sent back to.
    home: String,
    kept: Kept,
    answer: Answer,
}

#[derive(Deserialize)]
struct Given {
    id_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Auth {
    /// The issuers that a browser can log in at, in the byte order of their names; none where our own address is not set.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn login_issuers(&self) -> Result<Vec<IssuerName>> {
        match &self.0.settings.public_url {
            Some(_) => self.providers_port().browsed().await,
            None => Ok(Vec::new()),
        }
    }

    /// Where an issuer sends browsers back: just there, and apart from all others, so that none can answer in another's
    /// place. None where our own address is not set.
    pub fn redirect_url(&self, issuer: &IssuerName) -> Option<String> {
        let home = self.0.settings.public_url.as_deref();
        home.map(|home| format!("{home}/-/login/oidc/{issuer}/callback"))
    }

    /// Sends a browser to an issuer.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` where the issuer cannot be asked how.
    pub async fn begin_login(&self, issuer: &IssuerName, to: &LocalPath) -> Result<Departure> {
        let (provider, home) = self.place_of_login(issuer).await?;
        let document = self.document_of(&provider).await?;
        let none = || unusable(&provider, "it names no place where browsers log in");
        let url = document.authorization_endpoint.as_deref().ok_or_else(none)?;
        let url = Url::parse(url).ok().filter(|url| goes_as_safely(url, &provider));
        let mut url =
            url.ok_or_else(|| unusable(&provider, "the place where browsers log in is no https://…"))?;
        let entropy = self.0.entropy.as_ref();
        let kept = Kept::new(&provider, to, entropy, self.0.clock.now());
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", &home)
            .append_pair("scope", &provider.scope)
            .append_pair("state", &kept.state)
            .append_pair("nonce", &kept.nonce)
            .append_pair("code_challenge", &kept.challenge())
            .append_pair("code_challenge_method", "S256");
        let sealed = kept.seal(&provider, self.0.ring.sealer(), entropy)?;
        Ok(Departure { url: url.into(), kept: sealed, lifetime: LIFETIME })
    }

    /// Logs in whom an issuer sends back. Tries that lead to the issuer are counted before they are heard, and forgotten with
    /// one that goes well.
    ///
    /// # Errors
    /// `Denied` for what is not the end of a login that this browser began, and in words for what the issuer refuses;
    /// `Invalid`; `Exists` where the login is somebody else's; `RateLimited`; `Unavailable`.
    pub async fn finish_login(&self, returning: Returning, nobody: &Actor) -> Result<Arrived> {
        let Returning { issuer, kept, query, user_agent } = returning;
        let now = self.0.clock.now();
        let (provider, home) = self.place_of_login(&issuer).await?;
        let (answer, kept) = (Answer::read(query.expose())?, kept.ok_or_else(not_begun)?);
        let kept = Kept::open(&provider, self.0.ring.sealer(), &kept)?;
        kept.expect_answered_by(&answer.state, now)?;
        // Not before: else any page could use up the tries of its visitors.
        self.0.tries.expect_room(UNFINISHED, nobody.address, now)?;
        self.0.tries.count(UNFINISHED, nobody.address, now);
        let way = LoginWay { shown: port::Shown::AtIssuer, issuer: Some(issuer.clone()), user_agent };
        let arrived = self.let_back(Finishing { provider, home, kept, answer }, way, nobody).await;
        match &arrived {
            Ok(_) => self.0.tries.forget(UNFINISHED, nobody.address),
            Err(error) if error.is_fault() => {}
            Err(_) => {
                let record = AuditRecord::new(now, nobody, "login.refused");
                self.0.notebook.note(AuditRecord { target: Some(format!("issuer={issuer}")), ..record });
            }
        }
        arrived
    }

    async fn let_back(&self, login: Finishing, way: LoginWay, nobody: &Actor) -> Result<Arrived> {
        let Finishing { provider, kept, answer, .. } = &login;
        let document = self.document_of(provider).await?;
        answer.expect_of(&provider.issuer.url, &document)?;
        let code = answer.code(provider)?;
        let _turn = self.0.turns_at_provider.take(nobody.address).await?;
        let claims = self.exchanged_code(&login, &document, &code).await?;
        let arrival = Arrival { once: Some(kept.fingerprint()), ..arrival(provider, &claims)? };
        let account = self.admit_arrival(arrival, nobody).await?;
        if account.password_hash.is_some() {
            return Err(Error::new(Kind::Denied, "you have a password at this Wharf: log in with that"));
        }
        let known = (account.id, account.version);
        let principal = account.clone().principal();
        let actor = Actor { principal, credential: Credential::None, ..nobody.clone() };
        let actor = self.let_in(account, actor).await?;
        Ok(Arrived { login: self.keep_login(known, &actor, way).await?, to: kept.to() })
    }

    /// What the issuer says for a code, which it takes once.
    async fn exchanged_code(
        &self,
        login: &Finishing,
        document: &Metadata,
        code: &Secret<String>,
    ) -> Result<Claims> {
        let provider = &login.provider;
        let url = document.token_endpoint.clone();
        let url = url.ok_or_else(|| unusable(provider, "it names no token endpoint"))?;
        let shown = if document.takes_secret_in_header { Shown::InHeader } else { Shown::InForm };
        let counter = Counter { url, shown, secret: self.client_secret(provider)? };
        let reply = self.0.provider_door.ask(question(login, counter, code)).await?;
        let claims = self.said_by(provider, tokens(provider, &reply)?).await?;
        if claims.text("nonce") != Some(login.kept.nonce.as_str()) {
            let words = "the issuer's answer belongs to another login: begin it again";
            return Err(Error::new(Kind::Denied, words));
        }
        Ok(claims)
    }

    /// A provider that browsers log in at, and where it sends them back.
    async fn place_of_login(&self, issuer: &IssuerName) -> Result<(ProviderRow, String)> {
        let provider = self.providers_port().browsed_at(issuer).await?;
        let provider = provider.ok_or_else(|| Error::not_found(Subject::Issuer))?;
        let home = self.redirect_url(issuer).ok_or_else(|| Error::not_found(Subject::Issuer))?;
        Ok((provider, home))
    }
}

/// Whether a browser is sent there over TLS, or to where the operator let even us go without.
fn goes_as_safely(url: &Url, provider: &ProviderRow) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && provider.issuer.url.as_str().starts_with("http://"))
}

/// A code for tokens (RFC 6749, section 4.1.3, and RFC 7636, section 4.5).
fn question(login: &Finishing, counter: Counter, code: &Secret<String>) -> Question {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code").append_pair("code", code.expose());
    form.append_pair("redirect_uri", &login.home).append_pair("code_verifier", &login.kept.verifier);
    client::question(&login.provider, counter, form)
}

/// The tokens of a token endpoint's answer.
fn tokens(provider: &ProviderRow, reply: &Reply) -> Result<Tokens> {
    if reply.status != 200 {
        let error =
            serde_json::from_slice(&reply.body).map_or_else(|_| String::new(), |Refusal { error }| error);
        if error == "invalid_grant" {
            let words = "the issuer does not know this login any more: begin it again";
            return Err(Error::new(Kind::Denied, words));
        }
        let error: String = error.chars().filter(char::is_ascii_graphic).take(100).collect();
        return Err(unusable(provider, &format!("a code was answered {} {error}", reply.status)));
    }
    let given: Option<Given> = serde_json::from_slice(&reply.body).ok();
    let (identity, access) = given.map(|given| (given.id_token, given.access_token)).unwrap_or_default();
    let judged = identity.ok_or_else(|| unusable(provider, "it gives no id_token for a code"))?;
    Ok(Tokens { judged: Secret::new(judged), kind: TokenKind::Identity, access: access.map(Secret::new) })
}
