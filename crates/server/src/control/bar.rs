//! Showing how far a command is: a bar on a terminal, and elsewhere nothing.

use indicatif::{ProgressBar, ProgressStyle};

use super::progress::{Step, Unit};
use crate::output::say;

/// The bar of one command. It draws on standard error, and only where that is a terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    what: String,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self { bar: ProgressBar::no_length(), what: String::new() }
    }

    /// Prints a line where the data goes, standard output, clear of the bar. That it cannot be written shows at the end,
    /// when the outcome is told.
    pub(super) fn tell(&self, line: &str) {
        let _ = self.bar.suspend(|| say(&format!("{line}\n")));
    }

    /// Shows a step.
    pub(super) fn show(&mut self, step: &Step) {
        if self.what != step.what {
            self.bar.set_style(style(step));
            self.bar.set_message(step.what.clone());
            self.bar.reset();
            self.what.clone_from(&step.what);
        }
        match step.total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_position(step.done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(step: &Step) -> ProgressStyle {
    let template = match (step.unit, step.total) {
        (Unit::Bytes, Some(_)) => "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} left",
        (Unit::Bytes, None) => "{msg} {spinner} {bytes} {binary_bytes_per_sec}",
        (Unit::Rows, Some(_)) => "{msg} {wide_bar} {human_pos}/{human_len} rows {eta} left",
        (Unit::Rows, None) => "{msg} {spinner} {human_pos} rows",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
