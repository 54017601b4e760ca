//! How far a transfer is: one bar on a terminal, and elsewhere nothing.

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::say;

/// Bytes of the contents that were found to be missing, and of those that are over. Drawn on standard error. Clones are
/// the same bar.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(0).with_style(style);
        Self(bar)
    }

    /// Names what is being brought.
    pub(crate) fn about(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// There is more to bring.
    pub(crate) fn more(&self, bytes: u64) {
        self.0.inc_length(bytes);
    }

    /// So much is over.
    pub(crate) fn over(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    /// Prints a line on standard output, clear of the bar. That it cannot be written shows at the end, when the summary is
    /// told.
    pub(crate) fn tell(&self, line: &str) {
        let _ = self.0.suspend(|| say(&format!("{line}\n")));
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
