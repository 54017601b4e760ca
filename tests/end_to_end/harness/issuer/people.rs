//! The people of an issuer, and the two ways in which it is shown their passwords: the password grant of OAuth 2, and
//! `InitiateAuth` of Amazon Cognito with the hash of the client's secret.

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{Issuer, Person};

const CLIENT: &str = "wharf";
const SECRET: &str = "the-clients-secret";

/// What an answer is made of: a status, more headers, and a body.
type Said = (&'static str, String, Value);

impl Issuer {
    /// Somebody with a password and groups, from now on.
    pub(crate) fn enrol(&self, login: &str, password: &str, groups: &[&str]) {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let person = Person { password: password.to_owned(), groups, ..Person::default() };
        self.people.lock().unwrap().by_login.insert(login.to_owned(), person);
    }

    /// Somebody is called otherwise in tokens.
    pub(crate) fn rename(&self, login: &str, name: &str) {
        self.people.lock().unwrap().by_login.get_mut(login).unwrap().name = Some(name.to_owned());
    }

    /// Somebody is asked for more than the password.
    pub(crate) fn challenge(&self, login: &str, challenge: &str) {
        self.people.lock().unwrap().by_login.get_mut(login).unwrap().challenge = Some(challenge.to_owned());
    }

    /// Tokens are for another client.
    pub(crate) fn answer_for(&self, client: &str) {
        self.people.lock().unwrap().client = Some(client.to_owned());
    }

    /// Passwords and codes are answered with faults.
    pub(crate) fn break_down(&self) {
        self.people.lock().unwrap().is_broken = true;
    }

    /// They are answered again.
    pub(crate) fn mend(&self) {
        self.people.lock().unwrap().is_broken = false;
    }

    /// How many passwords it was shown.
    pub(crate) fn asked(&self) -> usize {
        self.people.lock().unwrap().asked
    }

    pub(super) fn grant(&self, head: &str, body: &[u8]) -> Said {
        let pair = BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"));
        assert!(head.contains(&format!("Basic {pair}")), "the client shows its secret: {head}");
        let url = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8_lossy(body))).unwrap();
        let field = |name: &str| url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
        if field("grant_type") == "authorization_code" {
            return self.exchange(&field);
        }
        assert_eq!(field("grant_type"), "password");
        assert!(field("scope").split(' ').any(|scope| scope == "openid"));
        let (login, password) = (field("username"), field("password"));
        match self.known(&login, &password) {
            None => ("400 Bad Request", String::new(), json!({ "error": "invalid_grant" })),
            Some(_) if self.is_broken() => ("500 Internal Server Error", String::new(), Value::Null),
            Some(person) => {
                let name = person.name.unwrap_or_else(|| login.clone());
                let said = json!({ "sub": format!("id-of-{login}"), "preferred_username": name, "groups": person.groups });
                let token = self.token(&self.client(), said);
                (
                    "200 OK",
                    String::new(),
                    json!({ "id_token": token, "access_token": "opaque", "token_type": "Bearer" }),
                )
            }
        }
    }

    pub(super) fn initiate_auth(&self, head: &str, body: &[u8]) -> Said {
        assert!(head.contains("AWSCognitoIdentityProviderService.InitiateAuth"), "{head}");
        let asked: Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&asked["AuthFlow"], &asked["ClientId"]), (&json!("USER_PASSWORD_AUTH"), &json!(CLIENT)));
        let parameters = &asked["AuthParameters"];
        let (login, password) =
            (parameters["USERNAME"].as_str().unwrap(), parameters["PASSWORD"].as_str().unwrap());
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let hash = BASE64_STANDARD.encode(hmac::sign(&key, format!("{login}{CLIENT}").as_bytes()));
        assert_eq!(parameters["SECRET_HASH"], hash);
        match self.known(login, password) {
            None => (
                "400 Bad Request",
                String::new(),
                json!({ "__type": "NotAuthorizedException", "message": "no" }),
            ),
            Some(Person { challenge: Some(challenge), .. }) => (
                "200 OK",
                String::new(),
                json!({ "ChallengeName": challenge, "Session": "s", "ChallengeParameters": {} }),
            ),
            Some(person) => {
                let said = json!({
                    "sub": format!("id-of-{login}"), "username": login, "cognito:groups": person.groups,
                    "client_id": self.client(), "token_use": "access",
                });
                let mut claims = self.claims("", said);
                claims.as_object_mut().unwrap().remove("aud");
                let result =
                    json!({ "AccessToken": self.sign(&claims), "TokenType": "Bearer", "ExpiresIn": 3600 });
                (
                    "200 OK",
                    String::new(),
                    json!({ "ChallengeParameters": {}, "AuthenticationResult": result }),
                )
            }
        }
    }

    fn known(&self, login: &str, password: &str) -> Option<Person> {
        let mut people = self.people.lock().unwrap();
        people.asked += 1;
        people.by_login.get(login).filter(|person| person.password == password).cloned()
    }

    fn client(&self) -> String {
        self.people.lock().unwrap().client.clone().unwrap_or_else(|| CLIENT.to_owned())
    }

    pub(super) fn is_broken(&self) -> bool {
        self.people.lock().unwrap().is_broken
    }
}
