//! Medians and ninth deciles of what ships: figures to aim by, never a reason to fail.

use std::path::Path;

use crate::layers::measure::{Measured, Part};

/// One line for files and one for functions, of the crates' production code.
pub(crate) fn report(files: &[Measured]) -> String {
    let shipped: Vec<&Measured> = files.iter().filter(|file| ships(&file.path)).collect();
    let file_lines = shipped.iter().map(|file| file.production_lines).collect();
    let functions = shipped.iter().flat_map(|file| &file.functions);
    let function_lines = functions
        .filter(|function| function.part == Part::Production)
        .map(|function| function.lines)
        .collect();
    format!(
        "{}\n{}",
        line("files", file_lines, "120 and 350"),
        line("functions", function_lines, "10 and 30")
    )
}

/// Crates ship; their test folders and the files that hold only a test module do not.
fn ships(path: &Path) -> bool {
    let for_tests = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
    path.starts_with("crates") && !path.iter().any(for_tests)
}

fn line(what: &str, mut sizes: Vec<usize>, aim: &str) -> String {
    sizes.sort_unstable();
    let [median, decile, most] = [50, 90, 100].map(|percent| percentile(&sizes, percent));
    format!(
        "{} {what}: median {median} lines, 90 % within {decile} (aim: {aim}), longest {most}",
        sizes.len()
    )
}

/// The smallest size that `percent` of all do not exceed; 0 of none.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_sizes_that_occur() {
        assert_eq!(
            [50, 90, 100].map(|percent| percentile(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 90], percent)),
            [5, 9, 90]
        );
        assert_eq!(percentile(&[], 50), 0);
        assert_eq!(percentile(&[7], 90), 7);
    }

    #[test]
    fn only_the_crates_production_code_ships() {
        assert!(ships(Path::new("crates/core/src/name.rs")));
        assert!(!ships(Path::new("crates/core/tests/names.rs")));
        assert!(!ships(Path::new("crates/core/src/name/tests.rs")));
        assert!(!ships(Path::new("xtask/src/main.rs")));
    }
}
