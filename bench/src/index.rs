//! Python projects: wheels uploaded as twine uploads them, and the page of one asked for as pip asks for it, at the doors of
//! Wharf and of other indexes.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::task::JoinSet;

use crate::{
    Result,
    case::{Kind, MIB, Scale, Work},
    client::{Body, Connection, Request, Sink},
    form::Form,
    payload,
    wheel::{PROJECT, STEM, filename, wheel},
};

/// How many clients fill an index.
const CLIENTS: usize = 4;
/// How many bytes a wheel's module has where it does not matter.
const SMALL: usize = 19_000;
/// What there is where a case asks for few files.
const FEW: usize = 5;
/// Of which release they are.
const RELEASE: &str = "1.0.";

/// What pip 26 says of itself where it asks for a page.
const PIP: &str = "accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; \
                   q=0.01\r\naccept-encoding: gzip, deflate\r\ncache-control: max-age=0\r\n";

/// Where an index takes uploads and shows the project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doors {
    pub(crate) uploads: &'static str,
    pub(crate) page: &'static str,
}

impl Doors {
    /// Those of a contender.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Pypiserver => Self { uploads: "/", page: "/simple/bench-project/" },
            Kind::Devpi => Self { uploads: "/root/bench/", page: "/root/bench/+simple/bench-project/" },
            _ => Self { uploads: "/pypi/bench/main/legacy/", page: "/pypi/bench/main/simple/bench-project/" },
        }
    }
}

/// How many files a contender's project has before the first turn; none where the work is not about Python.
pub(crate) const fn files(work: Work, kind: Kind, scale: Scale) -> usize {
    match (work, kind) {
        (Work::RevalidatePage, Kind::FewFilesWharf) => FEW,
        (Work::RevalidatePage, _) => scale.most_files,
        (Work::UploadWheels { size, .. }, _) if size >= MIB => FEW,
        (Work::GetPage | Work::UploadWheels { .. }, _) => scale.files,
        _ => 0,
    }
}

/// Uploads so many files to the index at a host and port.
///
/// # Errors
/// Any answer but a success.
pub(crate) async fn fill(authority: &str, doors: Doors, authorization: &str, files: usize) -> Result<()> {
    let (next, mut running) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..CLIENTS {
        let connection = Connection::open(authority).await?;
        let hand = Hand { connection, authorization: authorization.to_owned(), doors };
        running.spawn(hand.fill(next.clone(), files));
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

/// One who uploads.
struct Hand {
    connection: Connection,
    authorization: String,
    doors: Doors,
}

impl Hand {
    /// Uploads what nobody took yet, one after the other.
    async fn fill(mut self, next: Arc<AtomicUsize>, files: usize) -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= files {
                return Ok(());
            }
            let form = form(&format!("{RELEASE}{number}"), SMALL);
            form.send(&mut self.connection, &self.authorization, self.doors.uploads).await?;
        }
    }
}

/// The page must show so many files; yields what it is known by to who has it, if anything.
///
/// # Errors
/// Others than were uploaded.
pub(crate) async fn check(
    connection: &mut Connection,
    (doors, authorization): (Doors, &str),
    files: usize,
) -> Result<Option<String>> {
    let mut body = Vec::new();
    let whole = Request { method: "GET", target: doors.page, headers: authorization, body: Body::Nothing };
    connection.call(whole, Sink::Reader(&mut |piece| body.extend_from_slice(piece))).await?;
    let body = String::from_utf8(body)?;
    let beginning = format!("{STEM}-{RELEASE}");
    let shown = body.split(&beginning).skip(1).filter_map(|rest| rest.split('-').next());
    let shown = shown.collect::<HashSet<&str>>().len();
    if shown != files {
        return Err(format!("{} shows {shown} files and not {files}", doors.page).into());
    }
    let headers = format!("{authorization}{PIP}");
    let asked = Request { method: "GET", target: doors.page, headers: &headers, body: Body::Nothing };
    let answer = connection.call(asked, Sink::Nobody).await?;
    Ok(answer.header("etag").map(str::to_owned))
}

/// Asks for a page; of one that is known, whether it is still the same, which it must be.
///
/// # Errors
/// Any answer but that.
pub(crate) async fn get(
    connection: &mut Connection,
    authorization: &str,
    (target, known): (&str, Option<&str>),
) -> Result<()> {
    let mut headers = format!("{authorization}{PIP}");
    if let Some(tag) = known {
        headers += &format!("if-none-match: {tag}\r\n");
    }
    let request = Request { method: "GET", target, headers: &headers, body: Body::Nothing };
    let answer = connection.call(request, Sink::Nobody).await?;
    let expected = if known.is_some() { 304 } else { 200 };
    if answer.status() == expected {
        return Ok(());
    }
    Err(format!("GET {target} was answered {} and not {expected}", answer.status()).into())
}

/// A wheel nobody has, in the form it is uploaded in.
pub(crate) fn upload(size: u64) -> Form {
    form(&format!("2.0.{}", payload::number()), usize::try_from(size).unwrap_or(usize::MAX))
}

fn form(version: &str, size: usize) -> Form {
    let file = wheel(version, size);
    let digest = file.digest.hex();
    let fields = [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("metadata_version", "2.1"),
        ("name", PROJECT),
        ("version", version),
        ("filetype", "bdist_wheel"),
        ("pyversion", "py3"),
        ("requires_python", ">=3.8"),
        ("sha256_digest", &digest),
    ];
    Form::new(&fields, ("content", &filename(version)), file)
}
