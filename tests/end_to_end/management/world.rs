//! The server that the table of the management is run against, and how a row becomes a request.

use std::cell::Cell;
use std::collections::BTreeMap;

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::items;
use crate::formats::Chart;
use crate::harness::{Caller, Image, Wharf};

/// A public key that a registry may believe, another one each time.
pub(super) fn pem() -> String {
    let der: PublicKeyX509Der<'_> = Ed25519KeyPair::generate().unwrap().public_key().as_der().unwrap();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64_STANDARD.encode(der.as_ref())
    )
}

/// The closed organisation, and the one that shows something.
pub(super) fn organisation(kind: &str) -> &'static str {
    if kind == "public" { "zoo" } else { "acme" }
}

pub(super) struct World {
    wharf: Wharf,
    pub(super) image: Image,
    /// The robots' and the narrowed tokens, by caller and organisation.
    tokens: BTreeMap<(&'static str, &'static str), String>,
    next: Cell<u64>,
}

impl World {
    /// `acme`, which is closed, and `zoo`, whose main registry is public, each with an image; and `other`.
    pub(super) async fn build() -> Self {
        let (wharf, image) = (Wharf::start().await, Image::oci(1));
        wharf.found(&["other"]).await;
        for organisation in ["acme", "zoo"] {
            wharf.admin().repository(&format!("{organisation}/app")).push_image(&image, "v1").await;
            let repository = wharf.admin().repository(&format!("{organisation}/chart"));
            Chart::new("chart", "1.0.0").push(&repository, "1.0.0").await.is(201);
        }
        wharf.set_public("zoo/main", true);
        wharf.add_user("stranger", &[]);
        wharf.add_user("guest", &["acme:viewer", "zoo:viewer"]);
        for role in ["viewer", "writer", "admin"] {
            wharf.add_user(&format!("the-{role}"), &[&format!("acme:{role}"), &format!("zoo:{role}")]);
        }
        wharf.add_user("foreign", &["other:admin"]);
        let mut world = Self { wharf, image, tokens: BTreeMap::new(), next: Cell::new(1) };
        for organisation in ["acme", "zoo"] {
            world.make_machines(organisation).await;
        }
        world
    }

    async fn make_machines(&mut self, organisation: &'static str) {
        let (owner, robots) = (self.user("the-admin"), format!("/api/v1/orgs/{organisation}/robots"));
        owner.send_json("POST", &robots, &json!({ "name": "ci", "role": "writer" })).await.is(201);
        let robot = self.made(&format!("{robots}/ci/tokens"), json!({ "name": "ci" })).await;
        let one =
            |name: &str| json!({ "repositories": format!("{organisation}/{name}"), "actions": ["pull"] });
        let reach = json!([one("app"), one("chart")]);
        let narrowed = self.made("/api/v1/tokens", json!({ "name": "narrow", "access": reach })).await;
        self.tokens.insert(("robot", organisation), robot["token"].as_str().unwrap().to_owned());
        self.tokens.insert(("narrowed", organisation), narrowed["token"].as_str().unwrap().to_owned());
    }

    /// Whoever a column is for, in the organisation of a kind.
    pub(super) fn caller(&self, name: &'static str, kind: &str) -> Caller {
        match name {
            "anonymous" => self.wharf.anonymous(),
            "operator" => self.wharf.admin(),
            "robot" | "narrowed" => self.wharf.anonymous().bearing(&self.tokens[&(name, organisation(kind))]),
            "stranger" | "foreign" => self.user(name),
            role => self.user(&format!("the-{role}")),
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    /// The path with its names filled for a caller; what is called fresh is made here, to be changed or removed.
    pub(super) async fn filled(&self, path: &str, (kind, caller): (&str, &'static str)) -> String {
        if path.starts_with("/tokens/") {
            return path.replace("{fresh-token}", &self.own_token(kind, caller).await);
        }
        // Only what a format knows has documents.
        let path = if path.contains("/documents/") {
            path.replace("{repository}", "chart").replace("{reference}", "1.0.0")
        } else {
            path.to_owned()
        };
        let name = format!("fresh{}", self.number());
        let home = organisation(kind);
        let path = path.replace("{org}", home).replace("{registry}", "main").replace("{repository}", "app");
        let path = path.replace("{tag}", "v1").replace("{reference}", "v1").replace("{document}", "readme");
        let path = path.replace("{user}", "guest").replace("{robot}", "ci").replace("{rule}", "standing");
        let path = path.replace("{login}", "0123456789abcdef");
        let path =
            path.replace("{release}", "v1").replace("{file}", "nothing.whl").replace("{delivery}", "1");
        for thing in [
            "org",
            "registry",
            "repository",
            "tag",
            "rule",
            "key",
            "user",
            "robot",
            "webhook",
            "issuer",
            "invitation",
            "token",
        ] {
            let fresh = format!("{{fresh-{thing}}}");
            if path.contains(&fresh) {
                let made = self.make(thing, home, (&name, &path)).await;
                return path.replace(&fresh, &made);
            }
        }
        path
    }

    /// Makes a thing and says what stands for it in a path.
    async fn make(&self, thing: &str, home: &str, (name, path): (&str, &str)) -> String {
        let admin = self.wharf.admin();
        let base = format!("/api/v1/orgs/{home}");
        let push = async |place: String, tag: &str| {
            admin.repository(&place).push_image(&self.image, tag).await;
        };
        match thing {
            "org" => {
                // Made by the admin of the kind's organisation, for an organisation is judged by its own members.
                drop(admin.send_json("POST", "/api/v1/orgs", &json!({ "name": name })).await.is(201));
                let member = format!("/api/v1/orgs/{name}/members/the-");
                for role in ["viewer", "writer", "admin"] {
                    admin
                        .send_json("PUT", &format!("{member}{role}"), &json!({ "role": role }))
                        .await
                        .is(200);
                }
                self.wharf.set_public(&format!("{name}/main"), home == "zoo");
            }
            "registry" => drop(
                admin
                    .send_json("POST", &format!("{base}/registries"), &json!({ "name": name }))
                    .await
                    .is(201),
            ),
            "repository" => push(format!("{home}/{name}"), "v1").await,
            "tag" => push(format!("{home}/app"), name).await,
            "rule" => {
                let rule = format!("/api/v1{}", path.replace("{fresh-rule}", name));
                let body = json!({ "select": { "repositories": ["nothing"] }, "keep_days": 9 });
                let body =
                    if path.contains("/retention/") { body } else { json!({ "select": body["select"] }) };
                admin.send_json("PUT", &rule, &body).await.is(200);
            }
            "key" => {
                let body = json!({ "name": name, "pem": pem() });
                admin.send_json("POST", &format!("{base}/registries/main/keys"), &body).await.is(201);
            }
            "user" => self.make_user(name, path, &base).await,
            "robot" => {
                let body = json!({ "name": name, "role": "viewer" });
                admin.send_json("POST", &format!("{base}/robots"), &body).await.is(201);
            }
            "issuer" if path.starts_with("/issuers/") => {
                let body = json!({ "name": name, "url": "https://issuer.invalid", "client_id": "wharf" });
                admin.send_json("POST", "/api/v1/issuers", &body).await.is(201);
            }
            "issuer" => self.make_issuer(name, &base).await,
            "invitation" => {
                let made = self.made(&format!("{base}/invitations"), json!({ "role": "viewer" })).await;
                return made["id"].to_string();
            }
            "webhook" => {
                let body = json!({ "url": "https://receiver.invalid/", "events": ["blob.delete"] });
                let made = self.made(&format!("{base}/webhooks"), body).await;
                return made["id"].to_string();
            }
            _ => {
                let made = self.made(&format!("{base}/robots/ci/tokens"), json!({ "name": name })).await;
                return made["id"].as_str().unwrap().to_owned();
            }
        }
        name.to_owned()
    }

    /// The id of a token that the caller has; of none, for who can have none.
    async fn own_token(&self, kind: &str, caller: &'static str) -> String {
        let reach = json!([{ "repositories": format!("{}/app", organisation(kind)), "actions": ["pull"] }]);
        let new = json!({ "name": "own", "access": reach });
        match caller {
            "anonymous" => "0123456789abcdef".to_owned(),
            _ => {
                let made = self.caller(caller, kind).send_json("POST", "/api/v1/tokens", &new).await.is(201);
                made.json()["id"].as_str().unwrap().to_owned()
            }
        }
    }

    async fn make_issuer(&self, name: &str, base: &str) {
        let (admin, issuers) = (self.wharf.admin(), format!("{base}/issuers"));
        // An organisation believes few, each by one name.
        for former in items(&admin.get(&issuers).await.is(200), "name") {
            admin.delete(&format!("{issuers}/{former}")).await.is(204);
        }
        let body = json!({ "name": name, "url": format!("https://{name}.invalid") });
        admin.send_json("POST", &issuers, &body).await.is(201);
    }

    async fn make_user(&self, name: &str, path: &str, base: &str) {
        let admin = self.wharf.admin();
        let body = json!({ "name": name, "password": "a-password" });
        admin.send_json("POST", "/api/v1/users", &body).await.is(201);
        if path.contains("/members/") {
            let member = format!("{base}/members/{name}");
            admin.send_json("PUT", &member, &json!({ "role": "viewer" })).await.is(200);
        }
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        self.user("the-admin").send_json("POST", path, &body).await.is(201).json()
    }

    fn user(&self, name: &str) -> Caller {
        self.wharf.caller(name, &format!("the-password-of-{name}"))
    }
}
