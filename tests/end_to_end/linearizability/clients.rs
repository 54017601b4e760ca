//! Eight clients who fight for three tags, each through one node after the other.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinHandle;

use super::OPERATIONS;
use super::history::{History, Told, Value, Wish};
use crate::harness::media_type::OCI_INDEX;
use crate::harness::{Answer, Caller, Random, Wharf, sha256};

const CLIENTS: u64 = 8;
const TAGS: u64 = 3;
/// How long a client waits that was not answered.
const A_MOMENT: Duration = Duration::from_millis(30);

pub(super) struct Clients(Vec<JoinHandle<()>>);

impl Clients {
    /// In a repository of their own, in this round.
    pub(super) async fn begin(nodes: &[&Wharf], history: &History, seed: u64, round: u64) -> Self {
        let name = format!("acme/round-{round}");
        let scope = format!("repository:{name}:pull,push,delete");
        let mut callers = Vec::new();
        for node in nodes {
            callers.push(node.admin().with_token(&[&scope]).await);
        }
        let mut random = Random::new(seed);
        let mut client = |number| Client {
            callers: callers.clone(),
            history: history.clone(),
            random: Random::new(random.next()),
            path: format!("/v2/{name}/manifests/"),
            number,
            known: None,
        };
        Self((0..CLIENTS).map(|number| tokio::spawn(client(number).run())).collect())
    }

    pub(super) async fn end(self) {
        for client in self.0 {
            client.await.unwrap();
        }
    }
}

struct Client {
    callers: Vec<Caller>,
    history: History,
    random: Random,
    path: String,
    number: u64,
    /// What it saw last, for its conditions.
    known: Option<Value>,
}

impl Client {
    async fn run(mut self) {
        for step in 0..OPERATIONS {
            let tag = format!("tag-{}", self.random.below(TAGS));
            let wish = self.wish(1 + self.number * OPERATIONS + step);
            let call = self.history.call(&tag, wish);
            let told = match self.ask(&tag, wish, step).await {
                Ok(answer) => told(wish, &answer),
                // Nobody was there to hear it: it never happened.
                Err(error) if error.is_connect() => {
                    tokio::time::sleep(A_MOMENT).await;
                    continue;
                }
                Err(_) => Told::Unknown,
            };
            if told == Told::Unknown {
                // What is away comes again.
                tokio::time::sleep(A_MOMENT).await;
            }
            self.known = match (wish, told) {
                (_, Told::Holds(value)) => Some(value),
                (Wish::Write(value) | Wish::WriteNew(value) | Wish::Replace(_, value), Told::Done) => {
                    Some(value)
                }
                _ => self.known,
            };
            self.history.answer(call, told);
        }
    }

    fn wish(&mut self, unique: Value) -> Wish {
        match (self.random.below(10), self.known) {
            (0..2, _) => Wish::Write(unique),
            (2, _) => Wish::Delete,
            (3, _) => Wish::WriteNew(unique),
            (4..6, Some(known)) => Wish::Replace(known, unique),
            (6, Some(known)) => Wish::DeleteIf(known),
            _ => Wish::Read,
        }
    }

    async fn ask(&self, tag: &str, wish: Wish, step: u64) -> Result<Answer, reqwest::Error> {
        let node = usize::try_from((self.number + step) % self.callers.len() as u64).unwrap();
        let (method, body) = match wish {
            Wish::Read => ("GET", None),
            Wish::Delete | Wish::DeleteIf(_) => ("DELETE", None),
            Wish::Write(value) | Wish::WriteNew(value) | Wish::Replace(_, value) => {
                ("PUT", Some(index(value)))
            }
        };
        let request = self.callers[node].request(method, &format!("{}{tag}", self.path));
        let request = match wish {
            Wish::WriteNew(_) => request.header("if-none-match", "*"),
            Wish::Replace(old, _) | Wish::DeleteIf(old) => {
                request.header("if-match", &format!("\"{}\"", sha256(&index(old))))
            }
            _ => request,
        };
        let request = match body {
            Some(body) => request.header("content-type", OCI_INDEX).body(body),
            None => request,
        };
        request.try_send().await
    }
}

/// An index of nothing, told from all others by its number.
fn index(value: Value) -> Bytes {
    let annotations = json!({"value": value.to_string()});
    let index =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": annotations});
    Bytes::from(index.to_string())
}

fn told(wish: Wish, answer: &Answer) -> Told {
    match (wish, answer.status) {
        (Wish::Read, 200) => {
            let index: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            Told::Holds(index["annotations"]["value"].as_str().unwrap().parse().unwrap())
        }
        (Wish::Read | Wish::Delete | Wish::DeleteIf(_), 404) => Told::NothingThere,
        (Wish::Delete | Wish::DeleteIf(_), 202) => Told::Done,
        (Wish::Write(_) | Wish::WriteNew(_) | Wish::Replace(..), 201) => Told::Done,
        (Wish::WriteNew(_) | Wish::Replace(..) | Wish::DeleteIf(_), 412) => Told::Refused,
        (_, 503) => Told::Unknown,
        (wish, status) => panic!("{wish:?} was answered {status}: {answer:?}"),
    }
}
