//! Running it: health, the first start, the locked data directory, limits, TLS, proxies, the stop.

mod audit;
mod clock;
mod closed_output;
mod collection;
mod connections;
mod crowds;
mod damage;
mod deletion_switch;
mod described_metrics;
mod files;
mod http2_abuse;
mod limits;
mod metrics;
mod mistakes;
mod pace;
mod pairs;
mod password_load;
mod problems;
mod proxies;
mod refusals;
mod request_line;
mod scrub;
mod sendfile;
mod slow;
mod stopping;
mod tls;
mod traces;
mod turns;
mod verify;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

pub(crate) use self::{
    problems::is_problem,
    scrub::{metric, vanishes},
};
use crate::harness::{ADMIN_PASSWORD, Wharf};

#[tokio::test]
async fn health_tells_status_time_and_version() {
    let wharf = Wharf::start().await;

    let health = wharf.anonymous().get("/healthz").await.is(200).json();

    assert_eq!(health["status"], "ok");
    assert!(health["timestamp"].is_string() || health["timestamp"].is_number(), "{health}");
    assert!(health["version"].is_string(), "{health}");
    let ready = wharf.anonymous().get("/readyz").await.is(200).json();
    let durability = ready["durability"].as_str().unwrap();
    let sqlite = durability.starts_with("sqlite 3.") && durability.ends_with(", wal, synchronous=full");
    assert!(sqlite || durability.starts_with("postgresql "), "{ready}");
    assert!(ready["file_system"].as_str().is_some_and(|name| !name.is_empty()), "{ready}");
    assert_eq!(ready["uploads"], "taken");
}

#[tokio::test]
async fn the_first_start_without_a_password_makes_one_and_keeps_it_until_it_is_changed() {
    let wharf = Wharf::start_with(&[]).await;
    let file = wharf.data.join("admin-password");

    let made = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(made.len() >= 16, "a password of {} characters", made.len());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(wharf.log().contains(&made), "it is printed once, so that one sees it");
    wharf.caller("admin", &made).get("/v2/").await.is(200);

    wharf.change_password("admin", "chosen-by-the-operator");
    assert!(!file.exists(), "the file outlives the password");
    wharf.caller("admin", &made).get("/v2/").await.is(401);
}

#[tokio::test]
async fn the_first_password_leaves_the_disk_when_it_is_changed_over_http_too() {
    let wharf = Wharf::start_with(&[("WHARF_HOUSEKEEPING_INTERVAL", "1s")]).await;
    let file = wharf.data.join("admin-password");
    let made = fs::read_to_string(&file).unwrap().trim().to_owned();
    let change = json!({ "current": made, "new": "chosen-by-the-operator" });

    wharf.caller("admin", &made).send_json("PUT", "/api/v1/me/password", &change).await.is(204);

    let begun = Instant::now();
    while file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the file outlives the password");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn there_is_no_default_password() {
    let wharf = Wharf::start_with(&[]).await;

    for password in ["", "admin", "wharf", "password", "changeme", ADMIN_PASSWORD] {
        wharf.caller("admin", password).get("/v2/").await.is(401);
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let wharf = Wharf::start().await;
    let holder = wharf.process_id().to_string();

    let second = wharf.try_command(&["serve", "--listen", "127.0.0.1:0"], "");

    assert!(!second.status.success());
    let said =
        String::from_utf8_lossy(&second.stderr).into_owned() + &String::from_utf8_lossy(&second.stdout);
    assert!(said.contains(&holder), "it does not say that process {holder} holds the data: {said}");
    wharf.anonymous().get("/readyz").await.is(200);
}

#[tokio::test]
async fn what_was_pushed_is_there_after_an_orderly_restart() {
    let mut wharf = Wharf::start().await;
    let image = crate::harness::Image::oci(1);
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&image, "v1").await;

    let ended = wharf.stop().await;
    wharf.restart().await;

    assert!(ended.success(), "an asked-for stop is no failure: {ended}");
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn secrets_stay_out_of_the_log() {
    let wharf = Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_LOG", "trace")]).await;
    let token = wharf.admin().token(&["repository:acme/app:pull,push"]).await;
    wharf.anonymous().bearing(&token).repository("acme/app").push_empty_index(&["v1"]).await;
    wharf.caller("admin", "a-wrong-password").get("/v2/").await.is(401);

    let log = wharf.log();

    let basic = wharf.admin().authorization().unwrap().to_owned();
    for secret in [ADMIN_PASSWORD, "a-wrong-password", token.as_str(), basic.as_str()] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn pushing_creates_nothing_where_that_is_switched_off() {
    let wharf =
        Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_CREATE_ON_PUSH", "off")]).await;

    wharf.admin().repository("acme/app").open_upload().await.is(404).error("NAME_UNKNOWN");
    wharf.admin().repository("hello").push_empty_index(&["v1"]).await;
}
