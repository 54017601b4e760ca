//! Letters to users, brought to a real mail server.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ADMIN_PASSWORD, Certificate, Wharf, component, free_port};

/// A mail server that takes letters only after STARTTLS and a login.
struct MailServer {
    home: TempDir,
    certificate: Certificate,
    port: u16,
    process: Child,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl MailServer {
    fn start() -> Self {
        let (home, certificate, port) = (TempDir::new().unwrap(), Certificate::new(), free_port());
        std::fs::write(home.path().join("password"), "of-the-post\n").unwrap();
        let process = Self::spawn(home.path().join("letters"), &certificate, port);
        Self { home, certificate, port, process }
    }

    fn spawn(folder: PathBuf, certificate: &Certificate, port: u16) -> Child {
        let programs = std::env::var("WHARF_TEST_PYTHON").expect("WHARF_TEST_PYTHON names the programs");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/mail_server.py");
        let mut command = Command::new(PathBuf::from(programs).join("python3"));
        command.arg(script).arg(port.to_string()).arg(folder).arg(certificate.path()).arg(certificate.key());
        command.args(["post", "of-the-post"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        process
    }

    fn restart(&mut self) {
        self.stop();
        self.process = Self::spawn(self.home.path().join("letters"), &self.certificate, self.port);
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
            ("WHARF_PUBLIC_URL", "https://wharf.example".to_owned()),
            ("WHARF_SIGN_UP", "open".to_owned()),
            ("WHARF_SMTP_URL", format!("smtp://post@127.0.0.1:{}", self.port)),
            ("WHARF_SMTP_FROM", "wharf@mail.example".to_owned()),
            ("WHARF_SMTP_PASSWORD_FILE", text(self.home.path().join("password"))),
            ("WHARF_SMTP_AUTHORITIES", text(self.certificate.path())),
        ]
    }

    async fn wharf(&self) -> Wharf {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Wharf::start_with(&settings).await
    }

    /// The next letter, which is waited for and taken out of the folder: whole, with its soft line breaks joined.
    async fn letter(&self) -> String {
        let began = Instant::now();
        loop {
            let mut files = std::fs::read_dir(self.home.path().join("letters/new")).into_iter().flatten();
            if let Some(file) = files.next() {
                let path = file.unwrap().path();
                let letter = std::fs::read_to_string(&path).unwrap();
                std::fs::remove_file(path).unwrap();
                return letter.replace("=\r\n", "").replace("=\n", "");
            }
            assert!(began.elapsed() < Duration::from_secs(20), "no letter came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(self.home.path().join("letters/new")).is_ok_and(|mut files| files.next().is_none())
    }
}

/// The text of the link in a letter.
fn token(letter: &str, page: &str) -> String {
    let beginning = format!("https://wharf.example/-/{page}/");
    let rest = letter.split_once(&beginning).unwrap_or_else(|| panic!("no link to {page} in {letter}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

fn applicant(name: &str, email: &str) -> Value {
    json!({
        "name": name, "password": "the-password-of-mine", "email": email, "given_name": "Given",
        "family_name": "Family",
    })
}

#[tokio::test]
async fn who_signs_up_is_a_user_from_when_the_letter_is_answered() {
    if !component("python") {
        return;
    }
    let post = MailServer::start();
    let wharf = post.wharf().await;
    let nobody = wharf.anonymous();
    assert_eq!(
        nobody.get("/api/v1/sign-up").await.is(200).json(),
        json!({ "sign_up": "open", "letters": true })
    );

    nobody.send_json("POST", "/api/v1/sign-up", &applicant("alice", "alice@mail.example")).await.is(204);
    let letter = post.letter().await;
    for line in
        ["To: alice@mail.example", "From: Wharf <wharf@mail.example>", "Auto-Submitted: auto-generated"]
    {
        assert!(letter.contains(line), "{line} is not in {letter}");
    }
    wharf.caller("alice", "the-password-of-mine").get("/api/v1/me").await.is(401);
    let answer = json!({ "token": token(&letter, "verifications") });
    nobody.send_json("POST", "/api/v1/verifications", &answer).await.is(204);
    nobody.send_json("POST", "/api/v1/verifications", &answer).await.is(403);
    let me = wharf.caller("alice", "the-password-of-mine").get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("alice@mail.example"), &json!(true)));

    nobody.send_json("POST", "/api/v1/sign-up", &applicant("bob", "ALICE@mail.example")).await.is(204);
    let told = post.letter().await;
    assert!(told.contains("Subject: You have a login already") && !told.contains("/-/"), "{told}");
    nobody.send_json("POST", "/api/v1/sign-up", &applicant("alice", "other@mail.example")).await.is(409);
    assert!(post.is_empty());
}

#[tokio::test]
async fn a_lost_password_is_set_anew_by_who_has_the_mailbox_and_nobody_learns_who_has_one() {
    if !component("python") {
        return;
    }
    let mut post = MailServer::start();
    let wharf = post.wharf().await;
    let (alice, nobody) = (wharf.add_user("alice", &[]), wharf.anonymous());
    let person = json!({ "email": "alice@mail.example", "password": "the-password-of-alice" });
    alice.send_json("PUT", "/api/v1/me/person", &person).await.is(200);
    let proof = token(&post.letter().await, "verifications");
    let request = async |email: &str| {
        nobody.send_json("POST", "/api/v1/resets/request", &json!({ "email": email })).await.is(204);
    };
    request("alice@mail.example").await;
    nobody.send_json("POST", "/api/v1/verifications", &json!({ "token": proof })).await.is(204);
    assert_eq!(alice.get("/api/v1/me").await.is(200).json()["email_verified"], true);
    assert!(post.is_empty(), "an address that is not proven gets no link");

    post.stop();
    request("nobody@mail.example").await;
    request("Alice@Mail.example").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    post.restart();
    wharf
        .admin()
        .send_json("PUT", "/api/v1/users/admin/person", &json!({ "email": "refused@mail.example" }))
        .await
        .is(200);
    request("refused@mail.example").await;
    let link = token(&post.letter().await, "resets");
    let reset = json!({ "token": link, "password": "another-password" });
    nobody.send_json("POST", "/api/v1/resets", &reset).await.is(204);
    nobody.send_json("POST", "/api/v1/resets", &reset).await.is(403);
    alice.get("/api/v1/me").await.is(401);
    wharf.caller("alice", "another-password").get("/api/v1/me").await.is(200);
    assert!(post.is_empty());
    let log = wharf.log();
    assert!(!log.contains("@mail.example") && !log.contains("wharf_link_"), "{log}");
}

#[tokio::test]
async fn an_invitation_must_hold_when_it_is_asked_and_when_the_letter_is_answered() {
    if !component("python") {
        return;
    }
    let post = MailServer::start();
    let mut settings = post.settings();
    settings.retain(|(name, _)| *name != "WHARF_SIGN_UP");
    settings.push(("WHARF_SIGN_UP", "invite".to_owned()));
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let wharf = Wharf::start_with(&settings).await;
    wharf.found(&["acme"]).await;
    let (admin, nobody) = (wharf.admin(), wharf.anonymous());
    let path = "/api/v1/orgs/acme/invitations";
    let invite = async || admin.send_json("POST", path, &json!({ "role": "viewer" })).await.is(201).json();
    let sign_up = async |name: &str, invitation: &Value| {
        let mut new = applicant(name, &format!("{name}@mail.example"));
        new["invitation"] = invitation.clone();
        nobody.send_json("POST", "/api/v1/sign-up", &new).await
    };

    sign_up("mallory", &json!("wharf_invitation_guess")).await.is(403);
    let taken_back = invite().await;
    sign_up("alice", &taken_back["token"]).await.is(204);
    let letter = post.letter().await;
    admin.delete(&format!("{path}/{}", taken_back["id"])).await.is(204);
    sign_up("bob", &taken_back["token"]).await.is(403);
    let answer = json!({ "token": token(&letter, "verifications") });
    nobody.send_json("POST", "/api/v1/verifications", &answer).await.is(403);
    wharf.admin().get("/api/v1/users/alice").await.is(404);
    assert!(post.is_empty(), "who was not invited is written no letter");
}

#[tokio::test]
async fn whoever_asks_for_letters_ends_no_link_of_the_operators_and_fills_no_mailbox() {
    if !component("python") {
        return;
    }
    let post = MailServer::start();
    let wharf = post.wharf().await;
    let (admin, nobody) = (wharf.admin(), wharf.anonymous());
    wharf.add_user("alice", &[]);
    let person = json!({ "email": "alice@mail.example" });
    admin.send_json("PUT", "/api/v1/users/alice/person", &person).await.is(200);
    let handed = admin.post("/api/v1/users/alice/reset").await.is(200).json();
    for _ in 0..7 {
        nobody.send_json("POST", "/api/v1/resets/request", &person).await.is(204);
    }
    for _ in 0..5 {
        token(&post.letter().await, "resets");
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(post.is_empty(), "a sixth within the hour is not sent");
    let reset = json!({ "token": handed["token"], "password": "another-password" });
    nobody.send_json("POST", "/api/v1/resets", &reset).await.is(204);
}

#[tokio::test]
async fn letters_need_a_sender_and_an_address_of_their_own() {
    let url = ("WHARF_SMTP_URL", "smtp://127.0.0.1:25");
    for settings in [vec![url], vec![url, ("WHARF_SMTP_FROM", "wharf@mail.example")]] {
        let mut wharf = Wharf::not_started(&settings).await;
        wharf.spawn();
        assert!(wharf.ends_or_is_ready().await);
        assert!(
            wharf.log().contains("smtp_url is given, and needs smtp_from and public_url"),
            "{}",
            wharf.log()
        );
    }
}
