//! Logging in with a browser at a provider: the authorization code flow of OpenID Connect, with PKCE
//! ([a browser brings back what it took](../../../../docs/adr/0049-a-browser-brings-back-what-it-took.md)).
//!
//! The browser goes to the provider with a state, a nonce and a challenge, and keeps what belongs to them sealed in a
//! cookie. What it comes back with is a code that counts once, for us, from that provider, with that cookie. Who it then
//! is, and which roles the groups give, is found as for a password that was shown to the provider.

mod answer;
mod kept;
mod local_path;

use url::{Url, form_urlencoded::Serializer};
use wharf_core::{
    Access, Actor, Credential, Error, Kind, ProviderName, Result, Secret, Subject, audit::AuditRecord,
};

pub use self::local_path::LocalPath;
use self::{
    answer::Answer,
    kept::{Kept, LIFETIME, not_begun},
};
use super::{
    Question, SecretIn, TokenEndpoint, arrival,
    fault::{busy, is_try, unusable},
    token_endpoint::{Refusal, tokens},
};
use crate::{
    Auth, NewLogin,
    issuers::{Claims, Metadata},
    logins::LoginWay,
    port::{Arrival, Assurance, ProviderRow},
};

/// What logins of one client are counted under that were not finished.
const UNFINISHED: &str = "logins at providers";

/// A browser that goes to a provider.
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
    pub provider: ProviderName,
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
    document: Metadata,
    /// Where the browser was sent back to.
    home: String,
    kept: Kept,
    code: Secret<String>,
}

impl Auth {
    /// The providers that a browser can log in at, in the byte order of their names; none where our own address is not set.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn login_providers(&self) -> Result<Vec<ProviderName>> {
        match &self.0.settings.public_url {
            Some(_) => self.providers_port().browsed().await,
            None => Ok(Vec::new()),
        }
    }

    /// Where a provider sends browsers back: just there, and apart from all others, so that none can answer in another's
    /// place. None where our own address is not set.
    pub fn redirect_url(&self, provider: &ProviderName) -> Option<String> {
        let home = self.0.settings.public_url.as_deref();
        home.map(|home| format!("{home}/-/login/oidc/{provider}/callback"))
    }

    /// Sends a browser to a provider.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` where the provider cannot be asked how.
    pub async fn begin_login(&self, provider: &ProviderName, to: &LocalPath) -> Result<Departure> {
        let (provider, home) = self.place_of_login(provider).await?;
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

    /// Logs in whom a provider sends back.
    ///
    /// Tries are counted before they are heard, and forgotten with one that goes well. One is taken back where the provider
    /// could not answer what we ourselves asked it, for that is nobody's guess; whatever it answers is a try. What the browser
    /// brings says nothing of that, for anybody can write it: a provider's fault that stands there counts.
    ///
    /// # Errors
    /// `Denied` for what is not the end of a login that this browser began, and in words for what the provider refuses;
    /// `Invalid`; `Exists` where the login is somebody else's; `RateLimited`; `Unavailable`.
    pub async fn finish_login(&self, returning: Returning, nobody: &Actor) -> Result<Arrived> {
        let Returning { provider: name, kept, query, user_agent } = returning;
        let now = self.0.clock.now();
        let (provider, home) = self.place_of_login(&name).await?;
        let (answer, kept) = (Answer::read(query.expose())?, kept.ok_or_else(not_begun)?);
        let kept = Kept::open(&provider, self.0.ring.sealer(), &kept)?;
        kept.expect_answered_by(&answer.state, now)?;
        let document = self.document_of(&provider).await?;
        // Not before: else any page could use up the tries of its visitors.
        let counted = self.0.tries.begin(UNFINISHED, nobody.address(), now)?;
        let way = LoginWay { assurance: Assurance::AtProvider, provider: Some(name.clone()), user_agent };
        let arrived = match answer.code(&provider, &document) {
            Ok(code) => {
                let login = Finishing { provider, document, home, kept, code };
                self.let_back(login, way, nobody).await.inspect_err(|error| {
                    if !is_try(error) {
                        self.0.tries.take_back(counted);
                    }
                })
            }
            Err(refusal) => Err(refusal),
        };
        match &arrived {
            Ok(_) => self.0.tries.forget(UNFINISHED, nobody.address()),
            Err(error) => self.note_not_let_back(&name, error, nobody),
        }
        arrived
    }

    /// Notes that somebody was not let back; faults are logged where they are answered.
    fn note_not_let_back(&self, provider: &ProviderName, error: &Error, nobody: &Actor) {
        if error.is_fault() {
            return;
        }
        let name = provider.as_str();
        tracing::info!(
            request_id = nobody.request_id(),
            provider = name,
            ?error,
            "login at a provider refused"
        );
        let record = AuditRecord::new(self.0.clock.now(), nobody, "login.refused");
        self.0.notebook.note(AuditRecord { target: Some(format!("provider={name}")), ..record });
    }

    #[expect(clippy::disallowed_methods, reason = "the provider that was asked says who it is")]
    async fn let_back(&self, login: Finishing, way: LoginWay, nobody: &Actor) -> Result<Arrived> {
        let _turn = self.0.turns.at_provider.take(nobody.address()).await?;
        let claims = self.exchanged_code(&login).await?;
        let arrival = Arrival { spent: Some(login.kept.spent()), ..arrival(&login.provider, &claims)? };
        let account = self.admit_arrival(arrival, nobody).await?;
        if account.password_hash.is_some() {
            return Err(denied("you have a password at this Wharf: log in with that"));
        }
        let known = (account.id, account.version);
        let principal = account.clone().principal();
        let actor = nobody.clone().known(principal, Credential::None, Access::Whole);
        let actor = self.let_in(account, actor).await?;
        Ok(Arrived { login: self.keep_login(known, &actor, way).await?, to: login.kept.to() })
    }

    /// What the provider says for a code, which it takes once.
    async fn exchanged_code(&self, login: &Finishing) -> Result<Claims> {
        let Finishing { provider, document, kept, .. } = login;
        let url = document.token_endpoint.clone();
        let url = url.ok_or_else(|| unusable(provider, "it names no token endpoint"))?;
        let secret_in = if document.takes_secret_in_header { SecretIn::Header } else { SecretIn::Form };
        let endpoint = TokenEndpoint { url, secret: self.client_secret(provider)?, secret_in };
        let reply = self.ask_provider(provider, question(login, endpoint)).await?;
        let given = tokens(&reply).map_err(|refusal| refused(provider, &refusal))?;
        let claims = self.said_by(provider, given).await?;
        if claims.text("nonce") != Some(kept.nonce.as_str()) {
            return Err(denied("the provider's answer belongs to another login: begin it again"));
        }
        Ok(claims)
    }

    /// A provider that browsers log in at, and where it sends them back.
    async fn place_of_login(&self, name: &ProviderName) -> Result<(ProviderRow, String)> {
        let provider = self.providers_port().browsed_at(name).await?;
        let provider = provider.ok_or_else(|| Error::not_found(Subject::Issuer))?;
        let home = self.redirect_url(name).ok_or_else(|| Error::not_found(Subject::Issuer))?;
        Ok((provider, home))
    }
}

/// Whether a browser is sent there over TLS, or to where the operator let even us go without.
fn goes_as_safely(url: &Url, provider: &ProviderRow) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && provider.issuer.url.as_str().starts_with("http://"))
}

/// A code for tokens (RFC 6749, section 4.1.3, and RFC 7636, section 4.5).
fn question(login: &Finishing, endpoint: TokenEndpoint) -> Question {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code").append_pair("code", login.code.expose());
    form.append_pair("redirect_uri", &login.home).append_pair("code_verifier", &login.kept.verifier);
    endpoint.question(&login.provider, form)
}

/// A code for which a provider gives no tokens. What it says in the words of the protocol may be about the code, which the
/// browser brought; but not that it does not know us as its client, or has too much to do.
fn refused(provider: &ProviderRow, refusal: &Refusal) -> Error {
    match (refusal.status, refusal.error.as_str()) {
        (429, _) => busy(provider),
        (_, "" | "invalid_client" | "unauthorized_client") => unusable(provider, refusal.to_string()),
        (400..500, _) => {
            denied("the provider does not take this login: begin it again").because(refusal.to_string())
        }
        _ => unusable(provider, refusal.to_string()),
    }
}

fn denied(words: &'static str) -> Error {
    Error::new(Kind::Denied, words)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) use super::kept::tests::provider;

    #[test]
    fn whatever_is_answered_to_a_code_is_a_try() {
        for (status, error) in [
            (200, "no id_token"),
            (302, ""),
            (400, "unauthorized_client"),
            (400, "invalid_grant"),
            (400, "bad_verification_code"),
            (401, "invalid_client"),
            (404, ""),
            (429, "slow_down"),
        ] {
            let refusal = Refusal { status, error: error.to_owned() };
            assert!(is_try(&refused(&provider(1, "corp"), &refusal)), "{status} {error}");
        }
    }
}
