//! An issuer of tokens in this process: real keys, real signatures, and its documents over real HTTP.

mod codes;
mod people;

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub(crate) struct Issuer {
    /// What it calls itself.
    pub(crate) url: String,
    key: Arc<Mutex<Key>>,
    served: Arc<AtomicUsize>,
    /// Where its keys are said to be, if not where they are.
    elsewhere: Arc<Mutex<Option<String>>>,
    number: Arc<AtomicUsize>,
    people: Arc<Mutex<People>>,
    /// What it says of the job that asks it for a token.
    job: Arc<Mutex<Value>>,
    codes: Arc<Mutex<codes::Codes>>,
}

/// What it signs with.
struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        Self { id, pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }
}

/// Who logs in there.
#[derive(Default)]
struct People {
    by_login: BTreeMap<String, Person>,
    asked: usize,
    /// Whose client the tokens are for, if not that which asks.
    client: Option<String>,
    is_broken: bool,
}

#[derive(Clone, Default)]
struct Person {
    password: String,
    groups: Vec<String>,
    /// What it is called in tokens, if not as it logs in.
    name: Option<String>,
    challenge: Option<String>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            key: Arc::new(Mutex::new(Key::new("key-1"))),
            served: Arc::default(),
            elsewhere: Arc::default(),
            number: Arc::default(),
            people: Arc::default(),
            job: Arc::default(),
            codes: Arc::default(),
        };
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        issuer
    }

    /// From now on its keys are answered with a redirect to there.
    pub(crate) fn redirect_keys(&self, to: &str) {
        *self.elsewhere.lock().unwrap() = Some(to.to_owned());
    }

    /// From now on it signs with another key.
    pub(crate) fn rotate(&self) {
        *self.key.lock().unwrap() = Key::new("key-2");
    }

    /// Runs a job of which it says this, and which gets its token there for whatever audience it names.
    pub(crate) fn run_job(&self, claims: Value) -> String {
        *self.job.lock().unwrap() = claims;
        format!("{}/job", self.url)
    }

    /// How many requests it answered.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some((head, body)) = read(&mut stream).await else { return };
        self.served.fetch_add(1, Ordering::Relaxed);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let elsewhere = self.elsewhere.lock().unwrap().clone();
        let (status, more, body) = match (path.as_str(), elsewhere) {
            ("/keys", Some(to)) => ("302 Found", format!("location: {to}\r\n"), Value::Null),
            ("/keys" | "/more-keys", _) => ("200 OK", String::new(), json!({ "keys": [self.public_key()] })),
            ("/token", _) => self.grant(&head, &body),
            ("/userinfo", _) => self.userinfo(&head),
            ("/cognito", _) => self.initiate_auth(&head, &body),
            (job, _) if job.starts_with("/job?") => ("200 OK", String::new(), self.token_of_job(job)),
            ("/.well-known/openid-configuration", _) => ("200 OK", String::new(), self.document()),
            _ => ("404 Not Found", String::new(), Value::Null),
        };
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status}\r\n{more}content-type: application/json\r\nconnection: close\r\n");
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    /// As GitHub answers a job that may have one.
    fn token_of_job(&self, path: &str) -> Value {
        let url = reqwest::Url::parse(&format!("{}{path}", self.url)).unwrap();
        let audience =
            url.query_pairs().find(|(name, _)| name == "audience").expect("it names an audience").1;
        json!({ "value": self.token(&audience, self.job.lock().unwrap().clone()) })
    }

    fn document(&self) -> Value {
        let below = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url, "jwks_uri": below("/keys"), "token_endpoint": below("/token"),
            "authorization_endpoint": below("/authorize?tenant=corp"), "userinfo_endpoint": below("/userinfo"),
            "authorization_response_iss_parameter_supported": true,
        })
    }

    pub(crate) fn public_key(&self) -> Value {
        let key = self.key.lock().unwrap();
        let point = key.pair.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "kid": key.id, "x": text(&point[1..33]), "y": text(&point[33..]) })
    }

    /// What it says of a job, for an audience: in its time, and under an id that no other token has.
    pub(crate) fn claims(&self, audience: &str, claims: Value) -> Value {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut said = json!({
            "iss": self.url, "aud": audience, "iat": now(), "nbf": now(), "exp": now() + 300,
            "jti": format!("job-{number}"),
        });
        said.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        said
    }

    /// A token of such claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let id = self.key.lock().unwrap().id;
        self.sign_under(&json!({ "alg": "ES256", "kid": id, "typ": "JWT" }), claims)
    }

    pub(crate) fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let key = self.key.lock().unwrap();
        let signature = key.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", text(signature.as_ref()))
    }

    /// A token of a job, for an audience.
    pub(crate) fn token(&self, audience: &str, claims: Value) -> String {
        self.sign(&self.claims(audience, claims))
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A token without its signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A request: its head, and its body, which has a length.
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if let Some(body) = bytes.get(end + 4..end + 4 + length.unwrap_or(0)) {
                return Some((head, body.to_vec()));
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
