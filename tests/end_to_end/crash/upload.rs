//! What the load publishes through the doors of formats, and what they list of it.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::journal::Register;
use crate::formats::chart::Chart;
use crate::formats::wheel::{Distribution, FORM, FilePlace};
use crate::harness::{ADMIN_PASSWORD, Caller};

const CHART: &str = "charted";
const PROJECT: &str = "wheeled";

/// Something to publish.
pub(super) struct Upload {
    /// Where it is served then.
    pub(super) register: Register,
    pub(super) content: Bytes,
    pub(super) path: &'static str,
    pub(super) media_type: &'static str,
    pub(super) body: Bytes,
    /// The status of success.
    pub(super) expected: u16,
}

impl Upload {
    pub(super) fn chart(version: &str) -> Self {
        let content = Chart::new(CHART, version).packaged();
        Self {
            register: Register::File { repository: "crash/charted", path: chart_path(version) },
            content: content.clone(),
            path: "/helm/crash/main/api/charts",
            media_type: "application/gzip",
            body: content,
            expected: 201,
        }
    }

    pub(super) fn wheel(version: &str) -> Self {
        let wheel = Distribution::wheel(PROJECT, version);
        Self {
            register: Register::File {
                repository: "crash/main/pypi/wheeled",
                path: wheel_path(&wheel.filename),
            },
            content: wheel.bytes.clone(),
            path: "/pypi/crash/main/legacy/",
            media_type: FORM,
            body: wheel.form(FilePlace::Last).into(),
            expected: 200,
        }
    }
}

/// These doors list what a password opens, and not what a bearer token names.
pub(super) fn caller(caller: &Caller) -> Caller {
    caller.logged_in("admin", ADMIN_PASSWORD)
}

/// The paths of all that the doors list.
pub(super) async fn listed(as_operator: &Caller) -> BTreeSet<String> {
    let index = as_operator.get("/helm/crash/main/index.yaml").await.is(200).json();
    let charts = index["entries"][CHART].as_array().cloned().unwrap_or_default();
    let charts = charts.iter().map(|entry| chart_path(entry["version"].as_str().unwrap()));
    let page = format!("/pypi/crash/main/simple/{PROJECT}/?format=application/vnd.pypi.simple.v1%2Bjson");
    let page = as_operator.get(&page).await.any_of(&[200, 404]);
    let files = if page.status == 200 { page.json()["files"].as_array().cloned() } else { None };
    let files = files.unwrap_or_default();
    let wheels = files.iter().map(|file| wheel_path(file["filename"].as_str().unwrap()));
    charts.chain(wheels).collect()
}

fn chart_path(version: &str) -> String {
    format!("/helm/crash/main/charts/{CHART}-{version}.tgz")
}

fn wheel_path(filename: &str) -> String {
    format!("/pypi/crash/main/files/{PROJECT}/{filename}")
}
