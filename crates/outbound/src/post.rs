//! Brings letters by SMTP, to the one server that the operator names.
//!
//! The server is judged like every other host that the operator named: it may be in a private network, but never at an
//! address of the metadata kind, and the connection is made to the very address that was judged. Unless the URL says plain,
//! nothing is said before TLS is spoken.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use reqwest::Url;
use wharf_auth::port::{Letter, Postman};
use wharf_core::{EmailAddress, Error, Kind, Result, Secret};

use crate::policy::Policy;

/// How long each step of the conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How letters are sent.
#[derive(Clone, Debug)]
pub struct PostSettings {
    /// `smtps://` for TLS from the start, `smtp://` for STARTTLS, which the server must speak, `smtp+plain://` for neither;
    /// then perhaps a user, the host, perhaps a port.
    pub url: String,
    /// The address that letters are from.
    pub from: EmailAddress,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// Certificates in PEM that are believed beside those of the system.
    pub authorities: Option<Vec<u8>>,
}

/// The post: one connection for each letter, for there are few.
pub struct Post {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    from: Mailbox,
    policy: Policy,
}

/// How a server is spoken to.
enum Speech {
    /// TLS from the start.
    Wrapped,
    /// TLS before anything is said.
    StartTls,
    /// In the clear.
    Plain,
}

impl Post {
    /// The post of these settings. Nobody is spoken to yet.
    ///
    /// # Errors
    /// `Invalid` for a URL that is none of those, a user without a password, and certificates that cannot be read.
    pub fn open(settings: PostSettings) -> Result<Self> {
        let url = Url::parse(&settings.url).map_err(|_| wrong_url())?;
        let (speech, default_port) = match url.scheme() {
            "smtps" => (Speech::Wrapped, 465),
            "smtp" => (Speech::StartTls, 587),
            "smtp+plain" => (Speech::Plain, 25),
            _ => return Err(wrong_url()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong_url)?.to_owned();
        let has_more = url.password().is_some() || url.query().is_some() || !matches!(url.path(), "" | "/");
        if has_more {
            return Err(wrong_url());
        }
        let tls = tls(speech, &host, settings.authorities.as_deref())?;
        let user =
            percent_encoding::percent_decode_str(url.username()).decode_utf8().map_err(|_| wrong_url())?;
        let from: Address = settings.from.as_str().parse().map_err(Error::internal)?;
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            tls,
            credentials: credentials(&user, settings.password)?,
            from: Mailbox::new(Some("Wharf".to_owned()), from),
            policy: Policy::named([host.clone()]),
            host,
        })
    }

    /// The addresses of the server that may be spoken to.
    async fn addresses(&self) -> Result<Vec<IpAddr>> {
        let bare = self.host.trim_matches(['[', ']']);
        let unknown =
            |error| Error::new(Kind::Unavailable, format!("{} has no address", self.host)).because(error);
        let found: Vec<_> = tokio::net::lookup_host((bare, self.port)).await.map_err(unknown)?.collect();
        let judged = found.iter().map(|found| self.policy.judge(&self.host, found.ip()).map(|()| found.ip()));
        judged.collect::<Result<_, _>>().map_err(Error::from)
    }

    async fn send_to(&self, address: IpAddr, message: Message) -> Result<(), lettre::transport::smtp::Error> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string());
        let server = server.port(self.port).tls(self.tls.clone()).timeout(Some(PATIENCE));
        let server = match &self.credentials {
            Some(credentials) => server.credentials(credentials.clone()),
            None => server,
        };
        server.build().send(message).await.map(drop)
    }

    fn written(&self, letter: &Letter) -> Result<Message> {
        let to: Address = letter.to.as_str().parse().map_err(Error::internal)?;
        let message = Message::builder().from(self.from.clone()).to(Mailbox::new(None, to));
        let message = message.subject(letter.subject.clone()).header(ContentType::TEXT_PLAIN);
        let mut message = message.body(letter.text.expose().clone()).map_err(Error::internal)?;
        // So that nobody's absence answers it (RFC 3834).
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

#[async_trait]
impl Postman for Post {
    async fn bring(&self, letter: &Letter) -> Result<()> {
        let message = self.written(letter)?;
        let mut failure = Error::new(Kind::Unavailable, format!("{} has no address", self.host));
        for address in self.addresses().await? {
            match self.send_to(address, message.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => failure = failed(&self.host, error),
            }
            if failure.kind() == Kind::Invalid {
                break;
            }
        }
        Err(failure)
    }
}

/// What became of a letter. Only a refusal of the letter itself, or of whom it is for, is for good: a wrong password of ours
/// will be mended.
fn failed(host: &str, error: lettre::transport::smtp::Error) -> Error {
    let is_about_the_letter =
        error.status().map(u16::from).is_some_and(|code| matches!(code, 550 | 551 | 553 | 554 | 556));
    let kind = match is_about_the_letter {
        true => Kind::Invalid,
        false if error.is_timeout() => Kind::Timeout,
        false => Kind::Unavailable,
    };
    // What the server answers may hold the address, which is no business of a log.
    match error.status() {
        Some(code) => Error::new(kind, format!("{host} did not take a letter: {code}")),
        None => Error::new(kind, format!("{host} did not take a letter")).because(error),
    }
}

fn tls(speech: Speech, host: &str, authorities: Option<&[u8]>) -> Result<Tls> {
    let unusable = || Error::new(Kind::Invalid, "smtp_authorities holds no certificate in PEM");
    let mut parameters = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
    if let Some(pem) = authorities {
        let certificate = Certificate::from_pem(pem).map_err(|error| unusable().because(error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = || parameters.build_rustls().map_err(Error::internal);
    match speech {
        Speech::Plain => Ok(Tls::None),
        Speech::StartTls => parameters().map(Tls::Required),
        Speech::Wrapped => parameters().map(Tls::Wrapper),
    }
}

fn credentials(user: &str, password: Option<Secret<String>>) -> Result<Option<Credentials>> {
    match (user.is_empty(), password) {
        (true, None) => Ok(None),
        (false, Some(password)) => Ok(Some(Credentials::new(user.to_owned(), password.expose().clone()))),
        _ => Err(Error::new(Kind::Invalid, "smtp_url has a user exactly if smtp_password_file is given")),
    }
}

fn wrong_url() -> Error {
    Error::new(Kind::Invalid, "smtp_url must be smtps://, smtp:// or smtp+plain://, then [user@]host[:port]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str, password: Option<&str>) -> Result<Post> {
        Post::open(PostSettings {
            url: url.to_owned(),
            from: "wharf@mail.example".parse().unwrap(),
            password: password.map(|password| Secret::new(password.to_owned())),
            authorities: None,
        })
    }

    #[test]
    fn a_server_is_read_from_its_url() {
        let post = open("smtps://post%40mail.example@mail.example", Some("secret")).unwrap();
        assert_eq!((post.host.as_str(), post.port), ("mail.example", 465));
        assert!(matches!(post.tls, Tls::Wrapper(_)) && post.credentials.is_some());
        assert!(matches!(open("smtp://mail.example", None).unwrap().tls, Tls::Required(_)));
        assert!(matches!(open("smtp+plain://[::1]:2525", None).unwrap().tls, Tls::None));
        for (bad, password) in [
            ("mail.example", None),
            ("http://mail.example", None),
            ("smtp://", None),
            ("smtp://user@mail.example", None),
            ("smtp://mail.example", Some("secret")),
            ("smtp://user:secret@mail.example", Some("secret")),
            ("smtp://mail.example/path", None),
        ] {
            assert_eq!(open(bad, password).err().map(|error| error.kind()), Some(Kind::Invalid), "{bad}");
        }
    }
}
