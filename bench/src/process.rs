//! A server's processes: started, watched through `/proc`, and ended with all their children.

use std::{
    collections::HashMap,
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::Result;

/// The kernel counts a process's time in these (`getconf CLK_TCK`, the same on all of Linux's common machines).
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program without a voice; nothing if it is not installed.
    ///
    /// # Errors
    /// Whatever else keeps it from starting.
    pub(crate) fn start(command: &mut Command) -> Result<Option<Self>> {
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Ok(Some(Self(child))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{command:?}: {error}").into()),
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    /// Asks first: a master that is killed leaves its workers behind.
    fn drop(&mut self) {
        if !self.has_ended() {
            let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        }
        let asked = Instant::now();
        while !self.has_ended() && asked.elapsed() < PATIENCE {
            sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process and all its children have used of the processors so far.
pub(crate) fn cpu(root: u32) -> Result<Duration> {
    let ticks: u32 = tree(root)?.iter().map(|entry| entry.ticks).sum();
    Ok(TICK * ticks)
}

/// How much memory a process and all its children have resident, in bytes.
pub(crate) fn resident(root: u32) -> Result<u64> {
    tree(root)?.iter().map(|entry| status(entry.id, "VmRSS:")).sum()
}

/// The same at its worst moment since [`forget_peak`].
pub(crate) fn peak(root: u32) -> Result<u64> {
    tree(root)?.iter().map(|entry| status(entry.id, "VmHWM:")).sum()
}

/// Lets the peak begin anew (proc(5), `clear_refs`).
pub(crate) fn forget_peak(root: u32) -> Result<()> {
    tree(root)?.iter().try_for_each(|entry| Ok(fs::write(format!("/proc/{}/clear_refs", entry.id), "5")?))
}

/// The machine's load over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// Waits until the machine's processors have next to nothing to do for a second, or for so long.
pub(crate) fn await_rest(most: Duration) {
    let asked = Instant::now();
    while asked.elapsed() < most {
        let (before, began) = (busy(), Instant::now());
        sleep(Duration::from_secs(1));
        if busy().saturating_sub(before) < began.elapsed() / 20 {
            return;
        }
    }
}

/// What all processors together have done so far, in user and kernel.
fn busy() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers = text.split_ascii_whitespace().skip(1).take(3);
    TICK * numbers.filter_map(|number| number.parse::<u32>().ok()).sum()
}

/// A line of `/proc/<id>/stat`.
struct Entry {
    id: u32,
    parent: u32,
    /// Its own time and that of its children that have ended.
    ticks: u32,
}

fn tree(root: u32) -> Result<Vec<Entry>> {
    let mut children: HashMap<u32, Vec<Entry>> = HashMap::new();
    for found in fs::read_dir("/proc")? {
        let name = found?.file_name();
        // One that ends meanwhile is not looked at.
        let Some(entry) = name.to_str().and_then(|name| name.parse().ok()).and_then(entry) else { continue };
        children.entry(entry.parent).or_default().push(entry);
    }
    let mut tree = vec![entry(root).ok_or("the server has ended")?];
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            next.push(child.id);
            tree.push(child);
        }
    }
    Ok(tree)
}

fn entry(id: u32) -> Option<Entry> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before the last bracket may hold anything; after it come the state and then the parent.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Entry { id, parent: number(1)?, ticks })
}

fn status(id: u32, field: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.ok_or_else(|| format!("no {field} of process {id}"))? << 10)
}
