//! Logins at upstreams: sealed for the address they are for, so that whoever changes the address must bring the login too.

use wharf_core::{Error, Kind, Protocol, Result, SealedLogin, Secret, Upstream, UpstreamUrl};

use crate::Auth;

/// The longest user or password, in bytes.
const LONGEST_LOGIN: usize = 4096;
/// The largest list of authorities, in bytes of PEM.
const LARGEST_AUTHORITIES: usize = 48 * 1024;

/// An upstream as somebody names it.
#[derive(Clone, Debug)]
pub struct NewUpstream {
    /// Where it is.
    pub url: UpstreamUrl,
    /// What it speaks.
    pub protocol: Protocol,
    /// Authorities in PEM that are believed over TLS beside those of the system.
    pub authorities: Option<String>,
    /// The user and the password to log in with.
    pub login: Option<(String, Secret<String>)>,
}

impl Auth {
    /// An upstream as it is kept, its password sealed.
    ///
    /// # Errors
    /// `Invalid` for what is too long, for a user that Basic cannot carry, and for authorities that are no PEM; `Denied`
    /// for an address that the operator keeps closed.
    pub fn upstream(&self, new: NewUpstream) -> Result<Upstream> {
        let NewUpstream { url, protocol, authorities, login } = new;
        self.0.upstream_policy.expect_open(&url)?;
        let is_pem = |pem: &String| pem.contains("-----BEGIN CERTIFICATE-----");
        if authorities.as_ref().is_some_and(|pem| pem.len() > LARGEST_AUTHORITIES || !is_pem(pem)) {
            return Err(Error::new(Kind::Invalid, "the authorities of an upstream are certificates in PEM"));
        }
        let login =
            login.map(|(username, password)| self.seal_login(&url, username, &password)).transpose()?;
        Ok(Upstream { url, protocol, authorities, login })
    }

    fn seal_login(
        &self,
        url: &UpstreamUrl,
        username: String,
        password: &Secret<String>,
    ) -> Result<SealedLogin> {
        let is_long = username.len().max(password.expose().len()) > LONGEST_LOGIN;
        if is_long || username.contains(':') || username.contains(char::is_control) {
            return Err(Error::new(Kind::Invalid, "that is no user and password for an upstream"));
        }
        let (sealer, plain) = (self.0.ring.sealer(), password.expose().as_bytes());
        let sealed = sealer.seal(self.0.entropy.as_ref(), &purpose(url, &username), plain)?;
        Ok(SealedLogin { username, sealed })
    }

    /// The user and the password of an upstream, if it has a login.
    ///
    /// # Errors
    /// `Internal` where the login was sealed for another address or under another key.
    pub fn login_at(&self, upstream: &Upstream) -> Result<Option<(String, Secret<String>)>> {
        let Some(SealedLogin { username, sealed }) = &upstream.login else { return Ok(None) };
        let opened = self.0.ring.sealer().open(&purpose(&upstream.url, username), sealed);
        let unopened = || Error::internal("the login of an upstream cannot be unsealed");
        let password = opened.and_then(|plain| String::from_utf8(plain.expose().clone()).ok());
        Ok(Some((username.clone(), Secret::new(password.ok_or_else(unopened)?))))
    }
}

fn purpose(url: &UpstreamUrl, username: &str) -> String {
    format!("upstream login {username} {url}")
}
