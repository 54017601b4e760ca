//! The robots of an organisation and their API tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{RobotToken, port::RobotRow};
use wharf_core::{
    Result,
    duty::{Administer, Belong},
};

use super::tokens::{CreatedToken, NewToken, Token, listed, made};
use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed, Shown},
    role::Role,
    route::{Route, delete, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const TOKENS: &str = "/orgs/{org}/robots/{robot}/tokens";
    const TOKEN: &str = "/orgs/{org}/robots/{robot}/tokens/{token}";
    vec![
        get("/orgs/{org}/robots", "List the robots of an organisation", list),
        post("/orgs/{org}/robots", "Make a robot, which has a role and is known by API tokens only", create),
        get("/orgs/{org}/robots/{robot}", "Show a robot", show),
        delete("/orgs/{org}/robots/{robot}", "Remove a robot and end its tokens", remove),
        get(TOKENS, "List the API tokens of a robot, a thousand at most", tokens),
        post(TOKENS, "Make an API token for a robot; its text is shown this once", create_token),
        delete(TOKEN, "End an API token of a robot", remove_token),
    ]
}

/// A robot.
#[derive(Serialize, ToSchema)]
pub(crate) struct Robot {
    /// Its name within its organisation.
    name: String,
    /// The user to log in as, with one of its tokens as the password.
    login: String,
    /// Its role in its organisation.
    role: Role,
    /// When it was made.
    created_at: String,
}

/// A robot to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRobot {
    /// Its name within its organisation: lower-case letters and digits, joined by single `.`, `_` or `-`.
    name: String,
    /// Its role in its organisation.
    role: Role,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Robot>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &organisation).await?;
    let rows = call.face.auth.robots(&grant, wish.span()).await?;
    let items = rows.into_iter().map(of).collect::<Result<_>>()?;
    let path = format!("/api/v1/orgs/{organisation}/robots");
    Ok(Listed::of(items, &wish, &path, |robot| robot.name.clone()))
}

async fn create(call: Call, Body(new): Body<NewRobot>) -> Result<Created<Robot>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let thing = of(call.face.auth.create_robot(&grant, &new.name, new.role.into()).await?)?;
    Ok(Created { location: format!("/api/v1/orgs/{organisation}/robots/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Robot>> {
    let grant = call.face.auth.grant_organisation::<Belong>(&call.actor, &call.organisation()?).await?;
    of(call.face.auth.robot(&grant, call.text("robot")?).await?).map(Shown)
}

async fn remove(call: Call, (): ()) -> Result<Done> {
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &call.organisation()?).await?;
    call.face.auth.remove_robot(&grant, call.text("robot")?).await.map(|()| Done)
}

async fn tokens(call: Call, (): ()) -> Result<Listed<Token>> {
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &call.organisation()?).await?;
    listed(call.face.auth.robot_tokens(&grant, call.text("robot")?).await?)
}

async fn create_token(call: Call, Body(new): Body<NewToken>) -> Result<Created<CreatedToken>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let robot = call.text("robot")?;
    let token = call.face.auth.create_robot_token(&grant, robot, new.read()?).await?;
    made(&format!("/api/v1/orgs/{organisation}/robots/{robot}/tokens"), token)
}

async fn remove_token(call: Call, (): ()) -> Result<Done> {
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &call.organisation()?).await?;
    let token = RobotToken { robot: call.text("robot")?, id: call.text("token")? };
    call.face.auth.remove_robot_token(&grant, token).await.map(|()| Done)
}

fn of(row: RobotRow) -> Result<Robot> {
    Ok(Robot {
        name: row.name.short().to_owned(),
        login: row.name.to_string(),
        role: row.role.into(),
        created_at: written(row.created_at)?,
    })
}
