//! What the kernel knows of this process (Linux; elsewhere there is nothing to show), under the names every
//! Prometheus client gives it.

use std::fmt;

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::page::{Page, bytes, number, seconds};

/// This process.
#[derive(Debug)]
pub(crate) struct Process {
    /// When it was started, in seconds since 1970.
    pub(crate) started: i64,
}

impl Process {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a processor's time fit")]
    pub(super) fn show(&self, page: &mut Page<'_>) -> fmt::Result {
        let help = "When the process was started, in seconds since 1970";
        page.gauge(&seconds("process_start_time", help), self.started)?;
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let spent = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        page.counter(&seconds("process_cpu", "Time spent on processors"), spent)?;
        let Some(status) = status() else { return Ok(()) };
        let kibibytes = |name| field(&status, name).unwrap_or_default() * 1024;
        page.gauge(&bytes("process_resident_memory", "Memory that is resident"), kibibytes("VmRSS:"))?;
        page.gauge(&bytes("process_virtual_memory", "Memory that is mapped"), kibibytes("VmSize:"))?;
        let threads = field(&status, "Threads:").unwrap_or_default();
        page.gauge(&number("process_threads", "Threads"), threads)?;
        page.gauge(&number("process_open_fds", "Open descriptors"), open_descriptors())?;
        let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        page.gauge(&number("process_max_fds", "The most descriptors"), most)
    }
}

#[expect(clippy::disallowed_methods, reason = "the kernel says it in a file")]
fn status() -> Option<String> {
    std::fs::read_to_string("/proc/self/status").ok()
}

/// The number behind a name, of lines like `VmRSS:    1234 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "the kernel lists them in a folder")]
fn open_descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let status = "Name:\twharf\nVmSize:\t  204800 kB\nVmRSS:\t   10240 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmRSS:"), Some(10_240));
        assert_eq!(field(status, "Threads:"), Some(7));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
