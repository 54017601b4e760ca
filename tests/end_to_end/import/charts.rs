//! Charts: from a folder, as ChartMuseum keeps them, and from a chart repository by its index.

use std::fs;
use std::os::unix::fs::symlink;

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Shell;
use super::stage::{Heard, Said, Stage};
use crate::formats::chart::Chart;
use crate::harness::{Image, Wharf, sha256};

/// The text of a provenance file, which says nothing but which chart it is of.
fn provenance(chart: &Chart) -> String {
    let digest = sha256(&chart.packaged());
    format!("-----BEGIN PGP SIGNED MESSAGE-----\n\n...\nfiles:\n  app-1.0.0.tgz: {digest}\n")
}

async fn index(wharf: &Wharf) -> Value {
    wharf.admin().get("/helm/acme/main/index.yaml").await.is(200).json()["entries"].clone()
}

fn registry_of(target: &Wharf) -> String {
    format!("{}/acme/main", target.host())
}

fn hex(bytes: &[u8]) -> String {
    sha256(bytes).replace("sha256:", "")
}

/// An index, as a museum writes it.
fn listed(charts: &[(&str, &str, Option<&str>, &str)]) -> String {
    let mut entries = serde_json::Map::new();
    for (name, version, digest, url) in charts {
        let entry = json!({ "name": name, "version": version, "digest": digest, "urls": [url] });
        entries.entry(*name).or_insert(json!([])).as_array_mut().unwrap().push(entry);
    }
    json!({ "apiVersion": "v1", "entries": entries }).to_string()
}

#[tokio::test]
async fn a_museum_is_brought_with_all_its_tenants_and_again_nothing_is_sent() {
    let (target, folder) = (Wharf::start().await, TempDir::new().unwrap());
    let (app, other) = (Chart::new("app", "1.0.0"), Chart::new("app", "1.1.0+b.1"));
    let tenant = Chart::new("web", "0.1.0");
    fs::create_dir_all(folder.path().join("team/front")).unwrap();
    let files: [(&str, Bytes); 5] = [
        ("app-1.0.0.tgz", app.packaged()),
        ("app-1.0.0.tgz.prov", provenance(&app).into()),
        ("called-otherwise.tgz", other.packaged()),
        ("team/front/web-0.1.0.tgz", tenant.packaged()),
        ("index-cache.yaml", Bytes::from("entries: {}")),
    ];
    for (path, bytes) in &files {
        fs::write(folder.path().join(path), bytes).unwrap();
    }
    let shell = Shell::at(&[&target]).await;
    let to = registry_of(&target);
    let all = ["--from-charts", folder.path().to_str().unwrap(), "--all", &to];
    assert_eq!(shell.import(&[&all[..], &["--dry-run"]].concat()).await.ends_with(0).count("missing"), 3);

    let imported = shell.import(&all).await.ends_with(0);

    assert_eq!((imported.count("imported"), imported.count("failed")), (3, 0));
    let entries = index(&target).await;
    assert_eq!(entries["app"][0]["version"], "1.1.0+b.1");
    assert_eq!(entries["web"][0]["digest"], hex(&tenant.packaged()));
    let get = async |path: &str| target.admin().get(&format!("/helm/acme/main/charts/{path}")).await.is(200);
    get("app/app-1.0.0.tgz").await.has_body(&app.packaged());
    get("app/app-1.0.0.tgz.prov").await.has_body(provenance(&app).as_bytes());
    get("team/front/web/web-0.1.0.tgz").await.has_body(&tenant.packaged());
    let again = shell.import(&all).await.ends_with(0);
    assert_eq!((again.count("imported"), again.count("present"), again.count("bytes_sent")), (0, 3, 0));

    // One tenant, one chart, one version.
    let path = folder.path().to_str().unwrap();
    let one = |source: &str, target: &str| ["--from-charts", path, source, target].map(str::to_owned);
    let bring = async |arguments: [String; 4], code: i32| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        shell.import(&arguments).await.ends_with(code)
    };
    bring(one("app:1.0.0", &format!("{to}/copies/app")), 0).await;
    target.admin().repository("acme/main/copies/app").manifest("1.0.0").await.is(200);
    target.admin().repository("acme/main/copies/app").manifest("1.1.0_b.1").await.is(404);
    let none = bring(one("nothing", &format!("{to}/nothing")), 3).await;
    assert!(none.reason().contains("there is no such chart"), "{}", none.reason());
}

#[tokio::test]
async fn a_folder_is_read_for_what_is_in_it_and_what_is_no_chart_is_named() {
    let (target, folder) = (Wharf::start().await, TempDir::new().unwrap());
    let good = Chart::new("app", "1.0.0");
    let (mut twin, mut upper) = (good.clone(), Chart::new("App", "1.0.0"));
    twin.files[1].1 = b"# another\n".to_vec();
    upper.files.truncate(1);
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("a.tgz", &good.packaged());
    put("b.tgz", &twin.packaged());
    put("same.tgz", &good.packaged());
    put("upper.tgz", &upper.packaged());
    put("none.tgz", b"no chart");
    put("signed.tgz", &Chart::new("signed", "1.0.0").packaged());
    put("signed.tgz.prov", provenance(&good).as_bytes());
    symlink("/etc/passwd", folder.path().join("link.tgz")).unwrap();
    symlink("/", folder.path().join("everything")).unwrap();
    let shell = Shell::at(&[&target]).await;
    let to = registry_of(&target);

    let imported = shell.import(&["--from-charts", folder.path().to_str().unwrap(), "--all", &to]).await;
    let imported = imported.ends_with(3);

    assert_eq!((imported.count("imported"), imported.count("failed")), (1, 4));
    let reasons: Vec<_> = imported.lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    for words in
        ["a.tgz is of the same version", "cannot be called App", "cannot be read", "does not name this"]
    {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{words}: {reasons:?}");
    }
    assert_eq!(index(&target).await["app"][0]["digest"], hex(&good.packaged()));
    let empty = TempDir::new().unwrap();
    for nowhere in ["/nowhere", empty.path().to_str().unwrap()] {
        shell.import(&["--from-charts", nowhere, "--all", &to]).await.ends_with(1);
    }
}

/// A site that serves files below `/charts/` to whom has the login, and says what else it is told.
async fn site(
    files: Vec<(&'static str, Bytes)>,
    script: impl Fn(&Heard, usize) -> Option<Said> + Send + Sync + 'static,
) -> Stage {
    Stage::start(&Image::oci(1), move |heard, before| {
        if let Some(said) = script(heard, before) {
            return Some(said);
        }
        if heard.header("authorization") != Some("Basic YWxpY2U6czpjcmV0") {
            return Some(Said::new(401, ""));
        }
        let found = files.iter().find(|(path, _)| heard.target == *path);
        Some(found.map_or(Said::new(404, ""), |(_, bytes)| Said::new(200, bytes.clone())))
    })
    .await
}

#[tokio::test]
async fn a_chart_repository_that_breaks_off_is_gone_on_with_and_again_no_chart_is_fetched() {
    let target = Wharf::start().await;
    let (app, newer) = (Chart::new("app", "1.0.0"), Chart::new("app", "1.1.0"));
    let index_text = listed(&[
        ("app", "1.0.0", Some(&hex(&app.packaged())), "app-1.0.0.tgz"),
        ("app", "1.1.0", Some(&sha256(&newer.packaged())), "deeper/app-1.1.0.tgz"),
    ]);
    let files = vec![
        ("/charts/index.yaml", Bytes::from(index_text)),
        ("/charts/app-1.0.0.tgz", app.packaged()),
        ("/charts/app-1.0.0.tgz.prov", provenance(&app).into()),
        ("/charts/deeper/app-1.1.0.tgz", newer.packaged()),
        ("/charts/deeper/app-1.1.0.tgz.prov", Bytes::from("<html>there is no such page</html>")),
    ];
    let broken = app.packaged();
    let stage = site(files, move |heard, before| match (heard.target.as_str(), before) {
        ("/charts/index.yaml", 0) => Some(Said::new(503, "")),
        ("/charts/app-1.0.0.tgz", 0) => Some(Said { cut: Some(50), ..Said::new(200, broken.clone()) }),
        _ => None,
    })
    .await;
    let shell = Shell::at(&[&target]).await;
    let (from, to) =
        (format!("http://alice:s%3Acret@{}/charts/index.yaml", stage.host), registry_of(&target));
    let all = ["--from-chart-repository", &from, "--all", &to];

    let imported = shell.import(&all).await.ends_with(0);

    assert_eq!((imported.count("imported"), imported.count("failed")), (2, 0));
    assert!(imported.lines.iter().all(|line| !line.to_string().contains("cret")));
    let get = async |path: &str| target.admin().get(&format!("/helm/acme/main/charts/app/{path}")).await;
    get("app-1.0.0.tgz").await.is(200).has_body(&app.packaged());
    get("app-1.0.0.tgz.prov").await.is(200).has_body(provenance(&app).as_bytes());
    get("app-1.1.0.tgz").await.is(200).has_body(&newer.packaged());
    get("app-1.1.0.tgz.prov").await.is(404);
    let fetched = |stage: &Stage| stage.heard().iter().filter(|heard| heard.target.ends_with(".tgz")).count();
    let before = fetched(&stage);
    let again = shell.import(&all).await.ends_with(0);
    assert_eq!((again.count("present"), fetched(&stage)), (2, before), "its digest was enough");
}

#[tokio::test]
async fn an_index_that_lies_or_leads_astray_brings_nothing_and_tells_no_login() {
    let target = Wharf::start().await;
    let app = Chart::new("app", "1.0.0");
    // Another host of the same machine, which nobody named.
    let elsewhere = Stage::start(&Image::oci(1), |_, _| Some(Said::new(200, "secret"))).await;
    let abroad = format!("http://localhost:{}/app.tgz", elsewhere.host.rsplit(':').next().unwrap());
    let inside = abroad.clone();
    let index_text = listed(&[
        ("app", "1.0.0", None, "app-1.0.0.tgz"),
        ("app", "2.0.0", None, "app-1.0.0.tgz"),
        ("app", "3.0.0", Some(&"0".repeat(64)), "app-1.0.0.tgz"),
        ("app", "4.0.0", Some("md5"), "app-1.0.0.tgz"),
        ("other", "1.0.0", None, "app-1.0.0.tgz"),
        ("../../app", "1.0.0", None, "app-1.0.0.tgz"),
        ("a/app", "1.0.0", None, "app-1.0.0.tgz"),
        ("oci", "1.0.0", None, "oci://registry.example/app"),
        ("file", "1.0.0", None, "file:///etc/passwd"),
        ("abroad", "1.0.0", None, &abroad),
        ("metadata", "1.0.0", None, "http://169.254.169.254/latest"),
        ("sent", "1.0.0", None, "sent.tgz"),
        ("gone", "1.0.0", None, "gone.tgz"),
        ("forbidden", "1.0.0\u{1b}[31m", None, "app-1.0.0.tgz"),
    ]);
    let files =
        vec![("/charts/index.yaml", Bytes::from(index_text)), ("/charts/app-1.0.0.tgz", app.packaged())];
    let stage = site(files, move |heard, _| {
        (heard.target == "/charts/sent.tgz").then(|| Said::new(302, "").with("location", inside.clone()))
    })
    .await;
    let shell = Shell::at(&[&target]).await;
    let (from, to) = (format!("http://alice:s%3Acret@{}/charts", stage.host), registry_of(&target));

    let imported = shell.import(&["--from-chart-repository", &from, "--all", &to]).await.ends_with(3);

    let failed: Vec<String> = imported.lines.iter().map(ToString::to_string).collect();
    assert_eq!((imported.count("imported"), imported.count("failed")), (1, 13), "{failed:#?}");
    for words in [
        "it is app 1.0.0 by its Chart.yaml",
        "another digest",
        "a digest that is none",
        "cannot be called",
        "no address of http or https",
        "metadata",
        "there is nothing at gone.tgz",
    ] {
        assert!(failed.iter().any(|line| line.contains(words)), "{words}: {failed:#?}");
    }
    assert_eq!(index(&target).await.as_object().unwrap().keys().collect::<Vec<_>>(), ["app"]);
    let told = elsewhere.heard();
    assert!(told.iter().all(|heard| heard.header("authorization").is_none()), "{told:?}");

    // For people, nothing of it moves the terminal.
    let output = shell.run(&["import", "--from-chart-repository", &from, "--all", &to], "").await;
    assert!(!output.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stdout));
}
