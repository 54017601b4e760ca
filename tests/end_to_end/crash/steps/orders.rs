//! What the library under the server is told to do, and what it says it did.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::settings;
use crate::harness::{ADMIN_PASSWORD, Random, preload};

/// Longer than a step takes to follow another.
const A_WHILE: Duration = Duration::from_millis(150);

/// How a step goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// The process ends before it.
    Ends = 2,
    /// It is half done when the process ends.
    Tears = 3,
    /// It fails.
    Fails = 4,
    /// It does half of what it should, and says so.
    Shortens = 5,
    /// Every flush takes four seconds.
    Stalls = 6,
    /// Some flushes are left out, and said to be made.
    Skips = 7,
    /// The same, and the process ends when the database's log was flushed after one of them.
    Overtakes = 8,
}

impl Fate {
    pub(super) const ALL: [Self; 4] = [Self::Ends, Self::Tears, Self::Fails, Self::Shortens];

    /// Whether the process goes on.
    pub(super) fn is_survived(self) -> bool {
        matches!(self, Self::Fails | Self::Shortens | Self::Stalls | Self::Skips)
    }
}

/// What was never flushed and lies behind what was, in a file, when the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// It is gone.
    Cut,
    /// The file is there and as long as it was, and its bytes are zero: the file system kept what it knows of the file, and
    /// not what was written to it.
    Zeroed,
}

impl Tail {
    pub(super) const ALL: [Self; 2] = [Self::Cut, Self::Zeroed];

    pub(super) fn any(random: &mut Random) -> Self {
        *random.pick(&Self::ALL).unwrap()
    }
}

/// The library, compiled once for all the servers of a proof.
pub(super) struct Library {
    path: PathBuf,
    _home: TempDir,
}

impl Library {
    pub(super) fn compiled() -> Self {
        let home = TempDir::new().unwrap();
        Self { path: preload("crash/steps/durable_steps.c", home.path()), _home: home }
    }
}

/// The page that is shared with the server: what to do, at which step, how many there were, whether it was done.
pub(super) struct Orders {
    page: std::fs::File,
    home: TempDir,
}

impl Orders {
    /// Orders for a server on data of its own, and the environment that loads the library under it.
    pub(super) fn under(library: &Library) -> (Self, Vec<(&'static str, String)>) {
        let home = TempDir::new().unwrap();
        let path = home.path().join("orders");
        let page = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let orders = Self { page, home };
        orders.write([0; 4]);
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let mut environment = settings();
        environment.extend([
            ("LD_PRELOAD", text(&library.path)),
            ("DURABLE_STEPS", text(&path)),
            ("DURABLE_STEPS_BELOW", text(&orders.data())),
            ("DURABLE_STEPS_LOG", text(&orders.log())),
            ("DURABLE_STEPS_BOOT", text(&orders.boot())),
        ]);
        orders.boot_anew();
        (orders, environment)
    }

    /// The same where the operator's password is known before the first start.
    pub(super) fn under_known(library: &Library) -> (Self, Vec<(&'static str, String)>) {
        let (orders, mut environment) = Self::under(library);
        environment.push(("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()));
        (orders, environment)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// How many objects lie in the data directory.
    pub(super) fn objects(&self) -> usize {
        let folders = std::fs::read_dir(self.data().join("objects")).into_iter().flatten().flatten();
        let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok());
        files.map(Iterator::count).sum()
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn boot(&self) -> PathBuf {
        self.home.path().join("boot")
    }

    /// The machine starts once more.
    pub(super) fn boot_anew(&self) {
        let before = std::fs::read_to_string(self.boot()).ok().and_then(|number| number.parse::<u32>().ok());
        std::fs::write(self.boot(), before.map_or(1, |number| number + 1).to_string()).unwrap();
    }

    /// The server has ended, and so has its machine, which starts once more.
    pub(super) fn end_the_machine(&self, tail: Tail) {
        self.lose_what_was_not_flushed(tail);
        self.boot_anew();
    }

    /// Entries of folders that were not flushed are gone, and so are those bytes by which files grew that were not; or the
    /// bytes alone. No file system is as forgetful, and none promises to be less.
    pub(super) fn lose_what_was_not_flushed(&self, tail: Tail) {
        let told = std::fs::read_to_string(self.log()).unwrap_or_default();
        let (mut unsure, mut lengths) = (BTreeSet::<&Path>::new(), BTreeMap::<&Path, u64>::new());
        for line in told.lines() {
            let (what, rest) = line.split_once(' ').unwrap();
            match what {
                "+" => {
                    lengths.insert(Path::new(rest), 0);
                    unsure.insert(Path::new(rest));
                }
                ">" => {
                    let (old, new) = rest.split_once(' ').unwrap();
                    let length = lengths.remove(Path::new(old)).unwrap_or(u64::MAX);
                    lengths.insert(Path::new(new), length);
                    unsure.remove(Path::new(old));
                    unsure.insert(Path::new(new));
                }
                "=" => unsure.retain(|path| path.parent() != Some(Path::new(rest))),
                _ => {
                    let (length, path) = rest.split_once(' ').unwrap();
                    lengths.insert(Path::new(path), length.parse().unwrap());
                }
            }
        }
        for (path, length) in lengths {
            let Ok(found) = path.metadata() else { continue };
            if found.is_file() && found.len() > length {
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.set_len(length).unwrap();
                if tail == Tail::Zeroed {
                    file.set_len(found.len()).unwrap();
                }
            }
        }
        let unsure = if tail == Tail::Cut { unsure } else { BTreeSet::new() };
        for path in unsure {
            // What was renamed or removed meanwhile is not there under this name.
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
    }

    /// Counts from now on.
    pub(super) fn count(&self) {
        self.write([1, 0, 0, 0]);
    }

    pub(super) fn give(&self, fate: Fate, step: u32) {
        self.write([fate as u32, step, 0, 0]);
    }

    pub(super) fn counted(&self) -> u32 {
        let [_, _, count, _] = self.read();
        count
    }

    /// Waits until no step comes for a while.
    pub(super) async fn rest(&self) {
        let mut before = None;
        while before != Some(self.counted()) {
            before = Some(self.counted());
            tokio::time::sleep(A_WHILE).await;
        }
    }

    pub(super) fn was_done(&self) -> bool {
        let [_, _, _, done] = self.read();
        done == 1
    }

    /// Nothing more is to be done; says whether it was.
    pub(super) fn take_back(&self) -> bool {
        let was_done = self.was_done();
        self.write([0; 4]);
        was_done
    }

    fn write(&self, numbers: [u32; 4]) {
        let bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_ne_bytes).collect();
        self.page.write_all_at(&bytes, 0).unwrap();
    }

    fn read(&self) -> [u32; 4] {
        let mut bytes = [0; 16];
        self.page.read_exact_at(&mut bytes, 0).unwrap();
        let number = |index: usize| u32::from_ne_bytes(bytes[4 * index..4 * index + 4].try_into().unwrap());
        [0, 1, 2, 3].map(number)
    }
}
