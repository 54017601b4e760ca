//! Amazon Cognito as moto plays it: a pool with a client that has a secret, users and groups, asked as the real one is.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::path_from_environment;
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Image, Wharf, component, free_port};

const PATIENCE: Duration = Duration::from_secs(60);
/// moto looks at nothing of it but the service and the region.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/cognito-idp/aws4_request, \
                      SignedHeaders=host, Signature=none";
const PASSWORD: &str = "Right-and-long-1";

/// A server of moto, stopped when it is dropped.
struct Moto {
    process: Child,
    caller: Caller,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(path_from_environment("WHARF_TEST_PYTHON").join("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moto = Self { process, caller: Caller::anonymous(&format!("http://127.0.0.1:{port}")) };
        let started = Instant::now();
        while moto.caller.request("GET", "/moto-api/").try_send().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "moto does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        moto
    }

    async fn ask(&self, action: &str, body: Value) -> Answer {
        let target = format!("AWSCognitoIdentityProviderService.{action}");
        let request = self.caller.request("POST", "/").header("x-amz-target", &target);
        let request =
            request.header("content-type", "application/x-amz-json-1.1").header("authorization", SIGNED);
        request.body(body.to_string()).send().await.is(200)
    }

    /// A pool, and a client of it with a secret.
    async fn pool(&self) -> (String, Value) {
        let pool = self.ask("CreateUserPool", json!({ "PoolName": "corp" })).await.json();
        let pool = pool["UserPool"]["Id"].as_str().unwrap().to_owned();
        let client = json!({
            "UserPoolId": pool, "ClientName": "wharf", "GenerateSecret": true,
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        });
        let client = self.ask("CreateUserPoolClient", client).await.json();
        (pool, client["UserPoolClient"].clone())
    }

    async fn enrol(&self, pool: &str, user: &str, group: Option<&str>) {
        let made = json!({ "UserPoolId": pool, "Username": user, "TemporaryPassword": PASSWORD });
        self.ask("AdminCreateUser", made).await;
        let Some(group) = group else { return };
        let password =
            json!({ "UserPoolId": pool, "Username": user, "Password": PASSWORD, "Permanent": true });
        self.ask("AdminSetUserPassword", password).await;
        self.ask("CreateGroup", json!({ "UserPoolId": pool, "GroupName": group })).await;
        let member = json!({ "UserPoolId": pool, "Username": user, "GroupName": group });
        self.ask("AdminAddUserToGroup", member).await;
    }
}

#[tokio::test]
async fn users_of_cognito_log_in_with_their_password_and_push_where_their_group_may() {
    if !component("python") {
        return;
    }
    let moto = Moto::start().await;
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_ISSUER_HOSTS", "127.0.0.1:*")];
    let wharf = Wharf::start_with(&settings).await;
    wharf.found(&["acme"]).await;
    let (pool, client) = moto.pool().await;
    moto.enrol(&pool, "alice", Some("devs")).await;
    moto.enrol(&pool, "fresh", None).await;
    let provider = json!({
        "name": "pool", "url": format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"), "password": "cognito",
        "client_id": client["ClientId"], "client_secret": client["ClientSecret"],
        "endpoint": format!("{}/", moto.caller.base),
        "keys_url": format!("{}/{pool}/.well-known/jwks.json", moto.caller.base),
        "groups": [{ "group": "devs", "organisation": "acme", "role": "writer" }],
    });
    wharf.admin().send_json("POST", "/api/v1/issuers", &provider).await.is(201);

    let alice = wharf.caller("alice", PASSWORD);
    let docker = alice.with_token(&["repository:acme/app:pull,push"]).await;
    docker.repository("acme/app").push_image(&Image::oci(1), "v1").await;

    alice.get("/v2/acme/app/tags/list").await.is(200);
    wharf.caller("alice", "wrong").get("/api/v1/me").await.is(401);
    wharf.caller("nobody", PASSWORD).get("/api/v1/me").await.is(401);
    let challenged = wharf.caller("fresh", PASSWORD).get("/token?service=wharf").await.is(401);
    assert!(String::from_utf8_lossy(&challenged.body).contains("NEW_PASSWORD_REQUIRED"));
}
