//! How long the descriptors of a plugin of 10 MB take to be read: `cargo bench -p wharf-bench --bench descriptors`.

use std::time::{Duration, Instant};

use wharf_memflow::{
    descriptor::read,
    samples::{Plugin, large_elf},
};

/// What is to be reached.
const MOST: Duration = Duration::from_millis(20);

fn main() {
    let file = large_elf(&[Plugin::connector("fixture", "0.2.0")], 230_000);
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            assert!(std::hint::black_box(read(&file)).is_ok(), "the file holds a plugin");
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (median, slowest) =
        (times.get(50).copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
    let size_bytes = file.len();
    println!(
        "descriptors of {size_bytes} bytes: median {median:?}, slowest of 100 {slowest:?}, at most {MOST:?}"
    );
    assert!(median < MOST, "it takes too long");
}
