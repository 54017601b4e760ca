//! `cargo xtask lint`: what a merge left behind in a file is a fault, in prose and data too, which nothing compiles.

use std::fs;
use std::process::Command;

use crate::failure::Failure;
use crate::program::capture;

/// How the lines begin that a merge writes around what it could not decide.
const MARKERS: [&str; 2] = ["<<<<<<< ", ">>>>>>> "];

/// Fails with every such line of a file that is kept.
pub(crate) fn run() -> Result<(), Failure> {
    let kept = capture(Command::new("git").args(["ls-files", "-z"]))?;
    let found: Vec<String> = kept.split('\0').flat_map(|path| marked(path, &text(path))).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken(format!("a merge was not finished\n{}", found.join("\n"))))
}

/// A file that was removed and is still kept holds nothing.
fn text(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn marked(path: &str, text: &str) -> Vec<String> {
    let is_marker = |line: &str| MARKERS.iter().any(|marker| line.starts_with(marker));
    let lines = text.lines().enumerate().filter(|(_, line)| is_marker(line));
    lines.map(|(number, line)| format!("{path}:{}: {line}", number + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_merge_wrote_is_found_by_its_beginning() {
        let text = ["a", "<<<<<<< ours", "=======", "b <<<<<<< c", ">>>>>>> theirs"].join("\n");
        assert_eq!(marked("x", &text), ["x:2: <<<<<<< ours", "x:5: >>>>>>> theirs"]);
    }
}
