//! A browser, as far as logins need one: it keeps the cookies of each host, sends forms, and goes where it is sent.

use std::collections::BTreeMap;

use reqwest::Url;

use super::{Answer, Caller};

pub(crate) struct Browser {
    caller: Caller,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
    /// Where it is.
    pub(crate) at: Url,
}

impl Browser {
    pub(crate) fn new(start: &str) -> Self {
        Self { caller: Caller::anonymous(start), cookies: BTreeMap::new(), at: start.parse().unwrap() }
    }

    /// Goes to an address, perhaps one below where it is, and no further.
    pub(crate) async fn open(&mut self, address: &str) -> Answer {
        self.ask("GET", address, None).await
    }

    /// Sends a form to where it is.
    pub(crate) async fn send(&mut self, fields: &[(&str, &str)]) -> Answer {
        let form = Url::parse_with_params("http://form/", fields).unwrap();
        let here = self.at.to_string();
        self.ask("POST", &here, Some(form.query().unwrap_or_default().to_owned())).await
    }

    /// Goes where an answer sends it, again and again, but not to an address that begins like this; that is told.
    pub(crate) async fn follow_up_to(&mut self, mut answer: Answer, end: &str) -> Result<String, Answer> {
        for _ in 0..20 {
            if answer.status != 303 && answer.status != 302 {
                return Err(answer);
            }
            let next = self.at.join(answer.header("location")).unwrap();
            if next.as_str().starts_with(end) {
                return Ok(next.into());
            }
            answer = self.open(next.as_str()).await;
        }
        panic!("it is sent on without end: {answer:?}")
    }

    /// What it keeps for a host under this name.
    pub(crate) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.get(&(host.to_owned(), name.to_owned())).map(String::as_str)
    }

    async fn ask(&mut self, method: &str, address: &str, form: Option<String>) -> Answer {
        self.at = self.at.join(address).unwrap();
        let ours = self.cookies.iter().filter(|((host, _), _)| *host == self.host());
        let cookies: Vec<String> = ours.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = self.caller.request(method, self.at.as_str()).header("cookie", &cookies.join("; "));
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let answer = request.send().await;
        for line in answer.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            let key = (self.host(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key)
            } else {
                self.cookies.insert(key, value)
            };
        }
        answer
    }

    fn host(&self) -> String {
        format!("{}:{}", self.at.host_str().unwrap(), self.at.port().unwrap_or_default())
    }
}
