//! Moving house: backup while serving, restore into empty stores of either kind, and what comes of cuts in the middle.

mod backup;
mod cuts;
mod export;
mod furniture;
mod load;
mod refusals;
mod stores;

use std::path::Path;
use std::process::Output;

use crate::harness::Wharf;

/// What a command told, which must have gone well.
#[track_caller]
fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All that a command said.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn back_up(wharf: &Wharf, directory: &Path) -> Output {
    wharf.try_command(&["backup", directory.to_str().unwrap()], "")
}

fn restore(wharf: &Wharf, directory: &Path) -> Output {
    wharf.try_command(&["restore", directory.to_str().unwrap()], "")
}

/// A place for another Wharf, which never started, with the settings and the secret key of this one; on files if that is
/// on files.
async fn empty_house(of: &Wharf) -> Wharf {
    let is_its_own = |(name, value): &(&str, &str)| match *name {
        "WHARF_STORAGE" => *value != "file",
        "WHARF_DATABASE" => *value != "sqlite",
        _ => false,
    };
    let settings: Vec<_> = of.environment().filter(|one| !is_its_own(one)).collect();
    let empty = Wharf::not_started(&settings).await;
    std::fs::create_dir(&empty.data).unwrap();
    let key = of.data.join("secret-key");
    if key.exists() {
        std::fs::copy(key, empty.data.join("secret-key")).unwrap();
    }
    empty
}
