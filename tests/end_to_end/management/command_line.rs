//! `wharf whoami`, `org`, `registry`, `repository`, `tag`, `user`, `token`, `robot`, `audit search`: the API from the command
//! line of another machine.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::harness::{Image, Shell, Wharf, media_type};

/// Somebody's commands against one server.
struct Desk<'a> {
    shell: Shell,
    wharf: &'a Wharf,
}

impl<'a> Desk<'a> {
    async fn of_the_operator(wharf: &'a Wharf) -> Self {
        Self { shell: Shell::at(&[wharf]).await, wharf }
    }

    /// What a command that goes well says on standard output.
    async fn say(&self, words: &str, input: &str) -> String {
        let host = self.wharf.host();
        let arguments: Vec<&str> = words.split(' ').chain(["--server", &host]).collect();
        let output = self.shell.run(&arguments, input).await;
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The objects that a command tells.
    async fn told(&self, words: &str) -> Vec<Value> {
        let said = self.say(&format!("{words} --json"), "").await;
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Why a command is refused.
    async fn refused(&self, words: &str) -> String {
        self.ends(words, 1).await
    }

    /// What a command that ends with a code says on standard error.
    async fn ends(&self, words: &str, code: i32) -> String {
        let host = self.wharf.host();
        let arguments: Vec<&str> = words.split(' ').chain(["--server", &host]).collect();
        let output = self.shell.run(&arguments, "").await;
        assert_eq!(output.status.code(), Some(code), "{words}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

#[tokio::test]
async fn organisations_and_their_members_are_managed() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;

    assert!(desk.say("whoami", "").await.contains("admin  user  yes       password"));
    desk.say("org create acme", "").await;
    desk.say("user create alice --password-stdin", "a-good-password\n").await;
    desk.say("org set-member acme alice writer", "").await;
    let members = desk.told("org members acme").await;
    assert_eq!(
        (members.len(), &members[1]["user"], &members[1]["role"]),
        (2, &"alice".into(), &"writer".into())
    );
    let alice = wharf.caller("alice", "a-good-password");
    alice.repository("acme/app").push_image(&Image::oci(1), "v1").await;

    assert!(desk.told("org usage acme").await[0]["used_bytes"].as_u64().unwrap() > 0);
    desk.say("user disable alice", "").await;
    alice.get("/v2/").await.is(401);
    desk.say("user enable alice", "").await;
    alice.get("/v2/").await.is(200);
    desk.say("org remove-member acme alice", "").await;
    assert_eq!(desk.told("org members acme").await.len(), 1);
    let kept = desk.refused("org remove acme").await;
    assert!(kept.contains("acme/app is still there"), "{kept}");
    desk.say("org remove acme --force", "").await;
    assert!(desk.refused("org show acme").await.contains("404"));
}

#[tokio::test]
async fn registries_are_made_opened_and_removed_from_elsewhere() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    desk.say("org create acme", "").await;

    let made = desk.told("registry create acme/team --public true --missing-content accept").await;
    assert_eq!((&made[0]["public"], &made[0]["missing_content"]), (&true.into(), &"accept".into()));
    wharf.admin().repository("acme/team/app").push_image(&Image::oci(1), "v1").await;
    wharf.anonymous().get("/v2/acme/team/app/manifests/v1").await.is(200);
    let listed = desk.say("registry list acme", "").await;
    let (titles, main) = ("NAME  KIND    PUBLIC  CREATED AT\n", "main  hosted  no      ");
    assert!(
        listed.starts_with(&format!("{titles}{main}")) && listed.contains("\nteam  hosted  yes"),
        "{listed}"
    );
    // Every time has as many digits.
    assert!(
        listed
            .lines()
            .skip(1)
            .all(|line| line.ends_with('Z') && line.len() == listed.lines().nth(1).unwrap().len())
    );
    desk.say("registry change acme/team --public false", "").await;
    wharf.anonymous().get("/v2/acme/team/app/manifests/v1").await.is(401);
    let shown = &desk.told("registry show acme/team").await[0];
    assert_eq!((&shown["public"], &shown["missing_content"]), (&false.into(), &"accept".into()));
    assert!(desk.refused("registry remove acme/team").await.contains("acme/team/app is still there"));
    desk.say("registry delete acme/team --force", "").await;
    assert!(desk.refused("registry show acme/team").await.contains("404"));

    let upstream = "registry create acme/mirror --kind proxy --upstream https://index.example/simple --upstream-user bob --password-stdin";
    desk.say(upstream, "hush\n").await;
    let shown = &desk.told("registry show acme/mirror").await[0];
    assert_eq!(
        (&shown["upstream"]["protocol"], &shown["upstream"]["username"]),
        (&"python".into(), &"bob".into())
    );
    assert!(desk.say("registry show acme/mirror", "").await.contains("  https://index.example/simple/  "));
    desk.say("registry create acme/all --kind virtual --members mirror,main", "").await;
    assert!(desk.say("registry show acme/all", "").await.contains("  mirror,main  "));
}

#[tokio::test]
async fn what_a_repository_holds_is_looked_at_and_set_back() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    let (first, second) = (Image::oci(1), Image::oci(2));
    let repository = wharf.admin().repository("acme/main/team/app");
    repository.push_image(&first, "older").await;
    for image in [&first, &second] {
        repository.push_image(image, "latest").await;
    }

    assert_eq!(desk.told("repository list acme/main").await[0]["name"], "team/app");
    assert_eq!(desk.told("tag list acme/main/team/app").await[0]["digest"], second.digest());
    let moves = desk.told("tag history acme/main/team/app latest").await;
    assert_eq!((moves.len(), &moves[0]["from"]), (2, &first.digest().into()));
    desk.say(&format!("tag rollback acme/main/team/app latest {}", first.digest()), "").await;
    repository.manifest("latest").await.is(200).has_body(&first.manifest);

    let path = "/api/v1/orgs/acme/registries/main/retention/one";
    let refused = wharf.admin().send_json("PUT", path, &json!({ "keep_newest": 0 })).await.is(400);
    assert!(refused.json()["detail"].as_str().unwrap().starts_with("keep_newest: "));
    wharf.admin().send_json("PUT", path, &json!({ "keep_newest": 1 })).await.is(200);
    let going = desk.told("registry expiring acme/main").await;
    assert_eq!((&going[0]["tag"], &going[0]["rule"]), (&"older".into(), &"one".into()));
    for tag in ["latest", "older"] {
        desk.say(&format!("tag remove acme/main/team/app {tag}"), "").await;
    }
    assert_eq!(desk.told("tag list acme/main/team/app").await.len(), 0);
    desk.say("repository remove acme/main/team/app", "").await;
    assert_eq!(desk.told("repository list acme/main").await.len(), 0);

    desk.say("org set-quota acme 1GiB", "").await;
    assert_eq!(desk.told("org usage acme").await[0]["quota_bytes"], 1_u64 << 30);
    desk.say("org set-quota acme unlimited", "").await;
    assert_eq!(desk.told("org usage acme").await[0]["quota_bytes"], Value::Null);
}

#[tokio::test]
async fn a_token_made_here_reaches_as_far_as_was_said_and_ends_when_it_is_removed() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    wharf.admin().repository("acme/other").push_image(&Image::oci(2), "v1").await;

    let made = desk.told("token create ci --access acme/app:pull --expires 2100-01-01T00:00:00Z").await;
    let caller = wharf.caller("ci", made[0]["token"].as_str().unwrap());
    caller.get("/v2/acme/app/manifests/v1").await.is(200);
    caller.get("/v2/acme/other/manifests/v1").await.is(404);
    let kept = desk.say("token list", "").await;
    assert!(
        kept.contains("acme/app:pull")
            && kept.contains("2100-01-01T00:00:00")
            && !kept.contains(made[0]["token"].as_str().unwrap()),
        "{kept}"
    );
    desk.say(&format!("token remove {}", made[0]["id"].as_str().unwrap()), "").await;
    caller.get("/v2/acme/app/manifests/v1").await.is(401);

    desk.say("robot create acme builder writer", "").await;
    let made = desk.told("robot create-token acme builder nightly").await;
    let robot = wharf.caller("acme+builder", made[0]["token"].as_str().unwrap());
    robot.repository("acme/app").push_image(&Image::oci(3), "v3").await;
    assert_eq!(desk.told("robot tokens acme builder").await.len(), 1);
    desk.say("robot remove acme builder", "").await;
    robot.get("/v2/").await.is(401);
    let done = desk.told("org audit acme --action robot.delete").await;
    assert_eq!((done.len(), &done[0]["actor"]), (1, &"admin".into()));
    assert!(desk.told("audit search --limit 3").await.len() == 3);
}

#[tokio::test]
async fn a_long_list_is_told_to_its_end() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    let admin = wharf.admin();
    let make = async |number: u32| {
        let new = json!({ "name": format!("o{number}") });
        admin.send_json("POST", "/api/v1/orgs", &new).await.is(201);
    };
    stream::iter(0..1002).for_each_concurrent(32, make).await;

    // With `library`.
    assert_eq!(desk.told("org list").await.len(), 1003);
    assert_eq!(desk.told("org list --limit 1001").await.len(), 1001);
    assert_eq!(desk.told("org list --limit 7").await.len(), 7);
}

#[tokio::test]
async fn what_would_go_is_told_to_its_end() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    let repository = wharf.admin().repository("acme/app");
    let index = Image::index(media_type::OCI_INDEX, &[]);
    let push = async |number: u32| {
        repository.put_manifest(&format!("v{number}"), media_type::OCI_INDEX, &index).await.is(201);
    };
    stream::iter(0..1003).for_each_concurrent(32, push).await;
    let zoo = wharf.admin().repository("acme/zoo");
    for tag in ["last", "newest"] {
        zoo.push_empty_index(&[tag]).await;
    }
    let path = "/api/v1/orgs/acme/registries/main/retention/one";
    wharf.admin().send_json("PUT", path, &json!({ "keep_newest": 1 })).await.is(200);

    let going = desk.told("registry expiring acme/main").await;
    let mut tags: Vec<_> = going.iter().map(|row| row["tag"].as_str().unwrap()).collect();
    assert_eq!(tags.last(), Some(&"last"), "repositories come one after another");
    tags.sort_unstable();
    tags.dedup();
    assert_eq!((going.len(), tags.len()), (1003, 1003), "each of them once");
    assert_eq!(desk.told("registry expiring acme/main --limit 1001").await.len(), 1001);
    let nowhere = "/api/v1/orgs/acme/registries/main/expiring?last=7:acme/team/app:v1:0";
    wharf.admin().get(nowhere).await.is(400);
}

#[tokio::test]
async fn a_word_that_is_none_is_no_use_of_the_command() {
    let wharf = Wharf::start().await;
    let desk = Desk::of_the_operator(&wharf).await;
    for (words, place, allowed) in [
        ("org create Acme", "'Acme' for '<ORGANISATION>'", "lower-case letters"),
        ("org set-member acme alice owner", "'owner' for '<ROLE>'", "viewer, writer, admin"),
        ("org set-quota acme much", "'much' for '<SIZE>'", "like 100GiB, or unlimited"),
        ("org export Acme folder", "'Acme' for '<ORGANISATION>'", "lower-case letters"),
        ("org audit acme --from yesterday", "'yesterday' for '--from <MOMENT>'", "2027-01-31T12:00:00Z"),
        ("token create ci --access acme/app", "'acme/app' for '--access", "acme/app:pull,push"),
        ("registry show acme", "'acme' for '<ORGANISATION/REGISTRY>'", "organisation/registry"),
        ("tag rollback acme/app v1 v2", "'v2' for '<DIGEST>'", "digest"),
    ] {
        let said = desk.ends(words, 2).await;
        assert!(said.contains(place) && said.contains(allowed), "{words}: {said}");
    }
    let unnamed = desk.shell.run(&["whoami"], "").await;
    assert_eq!(unnamed.status.code(), Some(2), "{unnamed:?}");
    let said = String::from_utf8(unnamed.stderr).unwrap();
    assert!(said.contains("WHARF_SERVER") && said.contains(" whoami [OPTIONS]"), "{said}");
}

#[tokio::test]
async fn the_command_line_describes_itself() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        let output = shell.run(&["completions", name], "").await;
        assert!(String::from_utf8(output.stdout).unwrap().contains("set-member"), "{name}");
    }
    let page = String::from_utf8(shell.run(&["man"], "").await.stdout).unwrap();
    assert!(page.contains(".TH wharf 1"), "{page}");
    let page = String::from_utf8(shell.run(&["man", "org", "set-member"], "").await.stdout).unwrap();
    assert!(page.contains(".TH wharf-org-set-member 1") && page.contains("Give a user a role"), "{page}");
    let nothing = shell.run(&["man", "org", "nothing"], "").await;
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("wharf org has no command 'nothing'"));
    shell.run(&["man", "--directory", "pages"], "").await;
    assert!(shell.path().join("pages/wharf-org-set-member.1").exists());
    // The help of a command shows which data it is about, where it is about this machine's.
    for (words, shown) in
        [("gc", true), ("audit heads", true), ("registry set", true), ("registry list", false)]
    {
        let words: Vec<&str> = words.split(' ').chain(["--help"]).collect();
        let help = String::from_utf8(shell.run(&words, "").await.stdout).unwrap();
        assert_eq!(help.contains("--data-dir"), shown, "{help}");
    }
    // An example is what one needs whose own file is wrong.
    std::fs::write(shell.path().join("wharf.toml"), "listen = \n").unwrap();
    let example = shell.run(&["config", "--example"], "").await;
    assert!(example.status.success() && String::from_utf8(example.stdout).unwrap().contains("data_dir = "));
}
