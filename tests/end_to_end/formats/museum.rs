//! ChartMuseum's API: what comes through it is what `helm push` would have stored.

use bytes::Bytes;
use serde_json::{Value, json};

use super::chart::{CONFIG, CONTENT, Chart};
use super::repository::{BASE, acme, index, versions};
use crate::harness::{Answer, Caller, Wharf, sha256};

const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
const FORM: &str = "multipart/form-data; boundary=a-boundary";

async fn upload(caller: &Caller, query: &str, packaged: impl Into<Bytes>) -> Answer {
    let request = caller.request("POST", &format!("{BASE}/api/charts{query}"));
    request.body(packaged.into()).send().await
}

async fn upload_form(caller: &Caller, path: &str, parts: &[(&str, &[u8])]) -> Answer {
    let mut form = Vec::new();
    for (name, bytes) in parts {
        let head =
            format!("--a-boundary\r\ncontent-disposition: form-data; name={name}; filename=\"../x\"\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--a-boundary--\r\n");
    caller.request("POST", &format!("{BASE}/api/{path}")).header("content-type", FORM).body(form).send().await
}

fn provenance_of(chart: &Chart, name: &str, version: &str) -> String {
    let digest = sha256(&chart.packaged());
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nname: {name}\nversion: {version}\n\n...\nfiles:\n  \
         {name}-{version}.tgz: {digest}\n-----BEGIN PGP SIGNATURE-----\n"
    )
}

fn error(answer: &Answer) -> String {
    answer.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {answer:?}")).to_owned()
}

#[tokio::test]
async fn an_uploaded_chart_is_the_artifact_that_helm_pushes() {
    let (_wharf, alice) = acme().await;
    let chart = Chart::new("app", "1.0.0+b.1");
    let answer = upload(&alice, "", chart.packaged()).await.is(201);
    assert_eq!(answer.json(), json!({ "saved": true }));
    assert_eq!(versions(&alice, "app").await, ["1.0.0+b.1"]);

    let repository = alice.repository("acme/app");
    let manifest = repository.manifest("1.0.0_b.1").await.is(200).json();
    assert_eq!(manifest["config"]["mediaType"], CONFIG);
    assert_eq!(manifest["layers"][0]["mediaType"], CONTENT);
    assert_eq!(manifest["layers"][0]["digest"], sha256(&chart.packaged()));
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "app");
    let config = repository.blob(manifest["config"]["digest"].as_str().unwrap()).await.is(200);
    assert_eq!((&config.json()["name"], &config.json()["appVersion"]), (&json!("app"), &json!("1.10")));
    let entry = &index(&alice).await["entries"]["app"][0];
    let url = format!("{BASE}/{}", entry["urls"][0].as_str().unwrap());
    alice.get(&url).await.is(200).has_body(&chart.packaged());
}

#[tokio::test]
async fn a_version_that_exists_stays_unless_it_is_forced() {
    let (_wharf, alice) = acme().await;
    let (chart, mut other) = (Chart::new("app", "1.0.0"), Chart::new("app", "1.0.0"));
    other.files[1].1 = b"# another\n".to_vec();
    upload(&alice, "", chart.packaged()).await.is(201);
    for packaged in [chart.packaged(), other.packaged()] {
        let refused = upload(&alice, "", packaged).await.is(409);
        assert_eq!(error(&refused), "file already exists");
    }
    upload(&alice, "?force", other.packaged()).await.is(201);
    let digest = index(&alice).await["entries"]["app"][0]["digest"].clone();
    assert_eq!(digest, sha256(&other.packaged()).trim_start_matches("sha256:"));

    let elsewhere = alice.repository("acme/main/team/web");
    Chart::new("web", "1.0.0").push(&elsewhere, "1.0.0").await.is(201);
    for query in ["", "?force"] {
        let refused = upload(&alice, query, Chart::new("web", "1.0.0").packaged()).await.is(409);
        assert!(error(&refused).contains("acme/main/team/web"), "{refused:?}");
    }
    upload(&alice, "", Chart::new("web", "1.1.0").packaged()).await.is(201);
    assert_eq!(versions(&alice, "web").await, ["1.1.0", "1.0.0"]);
}

#[tokio::test]
async fn of_two_charts_that_race_for_a_version_one_comes_second() {
    let (_wharf, alice) = acme().await;
    let charts: Vec<_> = (0..4)
        .map(|number| {
            let mut chart = Chart::new("app", "1.0.0");
            chart.files[1].1 = format!("# number {number}\n").into_bytes();
            chart.packaged()
        })
        .collect();
    let [a, b, c, d] = charts.as_slice() else { panic!("four") };
    let (a1, b1, c1, d1) = tokio::join!(
        upload(&alice, "", a.clone()),
        upload(&alice, "", b.clone()),
        upload(&alice, "", c.clone()),
        upload(&alice, "", d.clone())
    );
    let answers = [a1, b1, c1, d1];
    let won: Vec<_> = answers.iter().zip(&charts).filter(|(answer, _)| answer.status == 201).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
    let digest = index(&alice).await["entries"]["app"][0]["digest"].clone();
    assert_eq!(digest, sha256(won[0].1).trim_start_matches("sha256:"));
}

#[tokio::test]
async fn a_provenance_file_comes_with_its_chart_or_after_it() {
    let (_wharf, alice) = acme().await;
    let (first, second) = (Chart::new("app", "1.0.0"), Chart::new("app", "2.0.0"));
    let (one, two) = (provenance_of(&first, "app", "1.0.0"), provenance_of(&second, "app", "2.0.0"));
    let parts = [("prov", one.as_bytes()), ("chart", &first.packaged()[..]), ("note", b"passed over")];
    upload_form(&alice, "charts", &parts).await.is(201);
    alice.get(&format!("{BASE}/charts/app/app-1.0.0.tgz.prov")).await.is(200).has_body(one.as_bytes());

    upload_form(&alice, "prov", &[("prov", two.as_bytes())]).await.is(404);
    upload(&alice, "", second.packaged()).await.is(201);
    let wrong = provenance_of(&first, "app", "2.0.0");
    upload_form(&alice, "prov", &[("prov", wrong.as_bytes())]).await.is(400);
    upload_form(&alice, "prov", &[("prov", two.as_bytes())]).await.is(201);
    let again = alice.request("POST", &format!("{BASE}/api/prov")).body(two.clone()).send().await.is(409);
    assert_eq!(error(&again), "file already exists");
    alice.request("POST", &format!("{BASE}/api/prov?force")).body(two.clone()).send().await.is(201);
    let manifest = alice.repository("acme/app").manifest("2.0.0").await.is(200).json();
    let kinds: Vec<_> =
        manifest["layers"].as_array().unwrap().iter().map(|layer| &layer["mediaType"]).collect();
    assert!(kinds.len() == 2 && kinds.contains(&&json!(PROVENANCE)), "{manifest}");
    alice.get(&format!("{BASE}/charts/app/app-2.0.0.tgz.prov")).await.is(200).has_body(two.as_bytes());
    let lies = [("chart", &first.packaged()[..]), ("prov", two.as_bytes())];
    upload_form(&alice, "charts", &lies).await.is(400);
}

#[tokio::test]
async fn charts_are_listed_described_and_deleted() {
    let (_wharf, alice) = acme().await;
    for (name, version) in [("app", "1.0.0"), ("app", "2.0.0-rc.1"), ("web", "1.0.0"), ("zip", "1.0.0")] {
        upload(&alice, "", Chart::new(name, version).packaged()).await.is(201);
    }
    let list = async |query: &str| alice.get(&format!("{BASE}/api/charts{query}")).await.is(200).json();
    let names = |list: &Value| list.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(list("").await, index(&alice).await["entries"]);
    assert_eq!(names(&list("?offset=1&limit=1").await), ["web"]);
    assert_eq!(names(&list("?offset=9").await), [""; 0]);
    let of = async |path: &str| alice.get(&format!("{BASE}/api/charts/{path}")).await;
    assert_eq!(of("app").await.is(200).json().as_array().unwrap().len(), 2);
    assert_eq!(of("app/1.0.0").await.is(200).json()["version"], "1.0.0");
    assert_eq!(of("app/latest").await.is(200).json()["version"], "1.0.0", "a pre-release is not the latest");
    of("app/1.0.0/values").await.is(200).has_body(b"a: 1\n");
    assert_eq!(of("app/1.0.0/templates").await.is(200).json(), json!([]));
    let mut written = Chart::new("app", "0.9.0");
    for file in ["app/templates/NOTES.txt", "app/charts/other/templates/b.yaml"] {
        written.files.push((file.to_owned(), b"text".to_vec()));
    }
    upload(&alice, "", written.packaged()).await.is(201);
    let templates = of("app/0.9.0/templates").await.is(200).has_header("content-type", "application/json");
    assert_eq!(templates.json(), json!([{ "name": "templates/NOTES.txt", "data": "dGV4dA==" }]));
    of("app/9.0.0/templates").await.is(404);
    alice.delete(&format!("{BASE}/api/charts/app/0.9.0")).await.is(200);
    assert_eq!(error(&of("app/3.0.0").await.is(404)), "not found");
    of("none").await.is(404);
    alice.head(&format!("{BASE}/api/charts/app/1.0.0")).await.is(200);
    alice.head(&format!("{BASE}/api/charts/app/3.0.0")).await.is(404);
    assert_eq!(alice.get("/helm/api/acme/main/charts").await.is(200).json(), list("").await);

    let path = format!("{BASE}/api/charts/app/1.0.0");
    let digest = alice.repository("acme/app").manifest("1.0.0").await.is(200);
    let digest = digest.header("docker-content-digest").to_owned();
    assert_eq!(alice.delete(&path).await.is(200).json(), json!({ "deleted": true }));
    alice.delete(&path).await.is(404);
    alice.repository("acme/app").manifest(&digest).await.is(404);
    assert_eq!(versions(&alice, "app").await, ["2.0.0-rc.1"]);
    upload(&alice, "", Chart::new("app", "1.0.0").packaged()).await.is(201);
    Chart::new("web", "1.0.0").push(&alice.repository("acme/web"), "1.0.0").await.is(201);
    Chart::new("web", "1.0.0").push(&alice.repository("acme/web"), "kept").await.is(201);
    alice.delete(&format!("{BASE}/api/charts/web/1.0.0")).await.is(200);
    alice.repository("acme/web").manifest("kept").await.is(200);
}

#[tokio::test]
async fn what_is_no_chart_is_refused_in_words_and_nothing_of_it_is_listed() {
    let (wharf, alice) = acme().await;
    let honest = Chart::new("app", "1.0.0");
    let with = |path: &str, bytes: &[u8]| {
        let mut chart = honest.clone();
        chart.files.push((path.to_owned(), bytes.to_vec()));
        chart.packaged()
    };
    let called = |name: &str, version: &str| {
        let mut chart = honest.clone();
        chart.files[0].1 = format!("apiVersion: v2\nname: {name}\nversion: {version}\n").into_bytes();
        chart.packaged()
    };
    for (packaged, words) in [
        (Bytes::from_static(b"no gzip"), "the packaged chart cannot be read"),
        (Bytes::new(), "the packaged chart cannot be read"),
        (honest.packaged().slice(..90), "the packaged chart cannot be read"),
        (with("app/zeros", &vec![0; 101 << 20]), "it inflates to more than 100 MiB"),
        (with("app/Chart.yaml", b"name: b"), "holds Chart.yaml twice"),
        (with("app\\values.yaml", b"a: 2"), "which could mean two"),
        (called("../evil", "1.0.0"), "repository name must be"),
        (called("App", "1.0.0"), "repository name must be"),
        (called("app", "not-a-version"), "is no semantic version"),
        (called("app", "\"1.0.0/../../x\""), "cannot be a tag"),
        (called("''", "1.0.0"), "must give its name and version"),
    ] {
        let refused = upload(&alice, "", packaged).await.is(400);
        assert!(error(&refused).contains(words), "{words}: {refused:?}");
    }
    let announced = alice.request("POST", &format!("{BASE}/api/charts")).body(vec![0; (32 << 20) + 1]);
    announced.send().await.is(413);
    upload_form(&alice, "charts", &[("other", b"x")]).await.is(400);
    upload_form(&alice, "charts", &[("chart", &honest.packaged()), ("chart", &honest.packaged())])
        .await
        .is(400);
    assert_eq!(index(&alice).await["entries"], json!({}));
    who_may_not_upload_is_told_why(&wharf, &honest).await;
    upload(&alice, "", honest.packaged()).await.is(201);
}

async fn who_may_not_upload_is_told_why(wharf: &Wharf, chart: &Chart) {
    let (viewer, stranger) = (wharf.add_user("viewer", &["acme:viewer"]), wharf.add_user("stranger", &[]));
    let challenged = upload(&wharf.anonymous(), "", chart.packaged()).await.is(401);
    assert!(challenged.header("www-authenticate").starts_with("Basic"), "{challenged:?}");
    assert!(
        error(&upload(&viewer, "", chart.packaged()).await.is(403)).contains("push needs the role writer")
    );
    upload(&stranger, "", chart.packaged()).await.is(404);
}

#[tokio::test]
async fn rules_and_quotas_hold_behind_this_door_too() {
    let (wharf, alice) = acme().await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    upload(&alice, "", Chart::new("app", "1.0.0").packaged()).await.is(201);
    let rule = "/api/v1/orgs/acme/registries/main/immutability/versions";
    owner.send_json("PUT", rule, &json!({ "select": { "tags": ["1.*"] } })).await.is(200);
    let mut other = Chart::new("app", "1.0.0");
    other.files[1].1 = b"# another\n".to_vec();
    let refused = upload(&alice, "?force", other.packaged()).await.is(409);
    assert!(error(&refused).contains("immutable by the rule versions"), "{refused:?}");
    alice.delete(&format!("{BASE}/api/charts/app/1.0.0")).await.is(409);
    let signed = provenance_of(&Chart::new("app", "1.0.0"), "app", "1.0.0");
    upload_form(&alice, "prov", &[("prov", signed.as_bytes())]).await.is(409);
    assert_eq!(versions(&alice, "app").await, ["1.0.0"]);

    let limit = async |bytes: Value| {
        let limit = json!({ "quota_bytes": bytes });
        wharf.admin().send_json("PUT", "/api/v1/orgs/acme/quota", &limit).await.is(204);
    };
    let used = async || {
        let usage = owner.get("/api/v1/orgs/acme/usage").await.is(200).json();
        usage["used_bytes"].as_u64().unwrap()
    };
    let more = Chart::new("app", "2.0.0").packaged();
    // Room for nothing, and for the packaged chart alone.
    for room in [0, more.len() as u64 + 1] {
        limit(json!(used().await + room)).await;
        let refused = error(&upload(&alice, "", more.clone()).await.is(403));
        assert!(refused.contains("are used"), "{room}: {refused}");
        assert_eq!(versions(&alice, "app").await, ["1.0.0"]);
    }
    alice.get(&format!("{BASE}/charts/app/app-1.0.0.tgz")).await.is(200);
    limit(Value::Null).await;
    upload(&alice, "", more).await.is(201);
}

#[tokio::test]
async fn a_chart_that_would_swell_the_index_is_refused_by_both_doors() {
    let (_wharf, alice) = acme().await;
    let mut chart = Chart::new("app", "1.0.0");
    let swollen = "x".repeat(300 * 1024);
    let described = format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndescription: {swollen}\n");
    chart.files[0].1 = described.into_bytes();
    assert!(chart.packaged().len() < 10_000, "little is stored");

    let refused = upload(&alice, "", chart.packaged()).await.is(400);
    assert!(error(&refused).contains("says more than 256 KiB"), "{refused:?}");
    let pushed = chart.push(&alice.repository("acme/app"), "1.0.0").await.is(400).json();
    assert!(pushed.to_string().contains("says more than 256 KiB"), "{pushed}");
    assert_eq!(versions(&alice, "app").await, [""; 0]);
}
