//! `/token`: bearer tokens against a password or a refresh token (distribution, token and OAuth2 specifications).
//!
//! `GET` with Basic, or with nothing for what is public; `POST` with a form. What is granted is what was asked and
//! may be done; less than asked is no error, and asking for nothing is a login.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, header, request},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use wharf_auth::Auth;
use wharf_core::{Actor, Authenticator, Credential, Error, Kind, Presented, Result, Scope, Secret};
use wharf_http::{
    address_of, collect, identify, log_fault, named, refusal_headers, request_id_of, status_of,
};

use crate::{Api, time::written};

/// The most scopes one token is asked for.
const MOST_SCOPES: usize = 100;
/// The largest form, in bytes.
const LARGEST_FORM: usize = 64 * 1024;

/// What the endpoint is called in logs and metrics.
pub(crate) const NAME: &str = "token";

/// Answers `/token`.
pub(crate) async fn serve(State(face): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let response = match answer(&face, &parts, body).await {
        Ok(response) => response,
        Err(error) => refuse(&error, request_id_of(&parts.extensions)),
    };
    named(NAME, response)
}

async fn answer(face: &Api, parts: &request::Parts, body: Body) -> Result<Response> {
    let (asked, actor) = if parts.method == Method::POST {
        let form = collect(&parts.headers, body, LARGEST_FORM).await?;
        let asked = Asked::parse(&form);
        let actor = asked.identify(&face.auth, parts).await?;
        (asked, actor)
    } else {
        let asked = Asked::parse(parts.uri.query().unwrap_or_default().as_bytes());
        (asked, identify(&face.auth, &parts.headers, &parts.extensions).await?)
    };
    if matches!(actor.credential(), Credential::Bearer { .. }) {
        let message = "a token is had for a password or a refresh token, not for another token";
        return Err(Error::new(Kind::Unauthenticated, message));
    }
    let access = face.registry.narrow(&actor, asked.scopes()?).await?;
    face.issue(&actor, access, asked.renewal()).await
}

impl Api {
    async fn issue(&self, actor: &Actor, access: Vec<Scope>, renewal: Renewal) -> Result<Response> {
        let scope: Vec<String> = access.iter().map(Scope::to_string).collect();
        let issued = self.auth.issue(actor, access)?;
        let refresh_token = match renewal {
            Renewal::Refreshable => self.auth.issue_refresh(actor).await?,
            Renewal::None => None,
        };
        if *actor.credential() == Credential::Password && refresh_token.is_none() {
            self.auth.note_login(actor);
        }
        let body = TokenBody {
            token: issued.token.expose(),
            access_token: issued.token.expose(),
            token_type: "Bearer",
            expires_in: issued.expires_in,
            issued_at: written(issued.issued_at)?,
            scope: scope.join(" "),
            refresh_token: refresh_token.as_ref().map(|token| token.expose().as_str()),
        };
        Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response())
    }
}

/// The answer. Docker reads `token`, OAuth2 clients `access_token`: both stand for the same.
#[derive(Serialize)]
struct TokenBody<'a> {
    token: &'a str,
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    issued_at: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// Whether a token is to be renewed without the password.
#[derive(Clone, Copy, Debug)]
enum Renewal {
    /// By a refresh token that comes with it.
    Refreshable,
    None,
}

/// What a caller asks for, from a query or a form.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `scope` may stand several times, and hold several scopes with blanks between.
    fn scopes(&self) -> Result<Vec<Scope>> {
        let fields = self.0.iter().filter(|(name, _)| name == "scope").map(|(_, value)| value);
        let scopes: Vec<&str> = fields.flat_map(|value| value.split_whitespace()).collect();
        if scopes.len() > MOST_SCOPES {
            return Err(Error::new(
                Kind::Invalid,
                format!("at most {MOST_SCOPES} scopes can be asked for at once"),
            ));
        }
        scopes.into_iter().map(str::parse).collect()
    }

    fn renewal(&self) -> Renewal {
        let is_offline =
            self.first("offline_token") == Some("true") || self.first("access_type") == Some("offline");
        if is_offline { Renewal::Refreshable } else { Renewal::None }
    }

    /// Who a form speaks for: its own password or refresh token.
    async fn identify(&self, auth: &Auth, parts: &request::Parts) -> Result<Actor> {
        let (address, id) = (address_of(&parts.extensions), request_id_of(&parts.extensions));
        let field = |name: &'static str| {
            self.first(name)
                .ok_or_else(|| Error::new(Kind::Invalid, format!("the form needs the field {name}")))
        };
        match field("grant_type")? {
            "password" => {
                let user = field("username")?.to_owned();
                let password = Secret::new(field("password")?.to_owned());
                auth.authenticate(Presented::Basic { user, password }, address, id).await
            }
            "refresh_token" => {
                let nobody = auth.authenticate(Presented::Nothing, address, id).await?;
                auth.redeem_refresh(&Secret::new(field("refresh_token")?.to_owned()), &nobody).await
            }
            other => Err(Error::new(
                Kind::Invalid,
                format!("grant_type {other} is not served: password, refresh_token"),
            )),
        }
    }
}

/// A refusal in the shape docker reads, which prints its words; and for a 401 the challenge by which curl and
/// browsers ask for a password.
fn refuse(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let code = match error.kind() {
        Kind::Unauthenticated => "UNAUTHORIZED",
        Kind::RateLimited => "TOOMANYREQUESTS",
        Kind::Unsupported => "UNSUPPORTED",
        _ => "UNKNOWN",
    };
    let body = json!({ "errors": [{ "code": code, "message": error.message() }] });
    let mut response = (status_of(error.kind()), Json(body)).into_response();
    response.headers_mut().extend(refusal_headers(error));
    response
}
