//! A disk whose power can be cut: a file system in a sparse file, mounted by a loop device.
//!
//! The cut is the file system's own shutdown (`FS_IOC_SHUTDOWN` without a flush of its log, sent by `xfs_io`, which
//! speaks to ext4 as well): what was not on the disk at that moment never gets there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[derive(Clone, Copy, Debug)]
pub(super) enum FileSystem {
    Ext4,
    Xfs,
}

pub(super) struct Disk {
    home: TempDir,
    options: &'static str,
}

impl Disk {
    /// A fresh file system, mounted.
    pub(super) fn make(kind: FileSystem) -> Self {
        Self::make_with(kind, &[])
    }

    /// The same, made with more options.
    pub(super) fn make_with(kind: FileSystem, made_with: &[&str]) -> Self {
        // Nothing is written but what was asked for: no timed commit, no flush when a file replaces another.
        let (program, options) = match kind {
            FileSystem::Ext4 => ("mkfs.ext4", "loop,commit=600,noauto_da_alloc,errors=remount-ro"),
            FileSystem::Xfs => ("mkfs.xfs", "loop"),
        };
        let disk = Self { home: TempDir::new().unwrap(), options };
        std::fs::create_dir(disk.mount_point()).unwrap();
        let image = std::fs::File::create(disk.image()).unwrap();
        image.set_len(2 << 30).unwrap();
        run(Command::new(program).arg("-q").args(made_with).arg(disk.image()));
        disk.mount();
        disk
    }

    /// Where the server's data goes.
    pub(super) fn data(&self) -> PathBuf {
        self.mount_point().join("data")
    }

    /// The file system of ext4 finds itself in error, and can only be read from here on.
    pub(super) fn fail(&self) {
        let asked = Command::new("findmnt").args(["-no", "SOURCE"]).arg(self.mount_point()).output().unwrap();
        let device = String::from_utf8(asked.stdout).unwrap();
        let name = device.trim().rsplit('/').next().unwrap();
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").unwrap();
    }

    /// Mends what [`Disk::fail`] broke.
    pub(super) async fn repair(&self) {
        while !self.unmount() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // It ends with 1 where it mended something.
        Command::new("e2fsck").args(["-f", "-y"]).arg(self.image()).output().unwrap();
        self.mount();
    }

    /// From here on nothing reaches the disk.
    pub(super) fn cut(&self) {
        run(Command::new("xfs_io").args(["-x", "-c", "shutdown"]).arg(self.mount_point()));
    }

    /// Takes the disk out and puts it in again, as a machine does that starts after the cut.
    pub(super) async fn replug(&self) {
        for _ in 0..50 {
            if self.unmount() {
                self.mount();
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} cannot be unmounted", self.mount_point().display());
    }

    fn mount(&self) {
        run(Command::new("mount").args(["-o", self.options]).arg(self.image()).arg(self.mount_point()));
    }

    fn unmount(&self) -> bool {
        Command::new("umount").arg(self.mount_point()).output().is_ok_and(|output| output.status.success())
    }

    fn image(&self) -> PathBuf {
        self.home.path().join("image")
    }

    fn mount_point(&self) -> PathBuf {
        self.home.path().join("mounted")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.unmount() {
            // Something still holds it, a panic has other worries: gone from sight now, for good when it is let go.
            let _ = Command::new("umount").arg("--lazy").arg(self.mount_point()).output();
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// SIGSTOP, and every thread at rest: none is inside a write any more.
pub(super) async fn stop_process(process_id: u32) {
    run(Command::new("kill").args(["-s", "STOP", &process_id.to_string()]));
    let asked = Instant::now();
    while !is_stopped(process_id) {
        assert!(asked.elapsed() < Duration::from_secs(10), "process {process_id} does not come to rest");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_stopped(process_id: u32) -> bool {
    let tasks = Path::new("/proc").join(process_id.to_string()).join("task");
    let tasks = std::fs::read_dir(tasks).unwrap().map(|task| task.unwrap().path().join("stat"));
    // `1234 (name) T …`, and the name may hold anything. A thread that has ended is at rest.
    tasks
        .map(|stat| std::fs::read_to_string(stat).unwrap_or_else(|_| ") T".to_owned()))
        .all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't'])))
}
