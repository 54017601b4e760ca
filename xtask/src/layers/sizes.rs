//! Holds sizes against their maxima, and modules against their places.

use std::path::Path;

use crate::layers::fault::{Fault, Rule};
use crate::layers::measure::Measured;

const MOST_PRODUCTION_LINES: usize = 600;
const MOST_FUNCTION_LINES: usize = 70;
const MOST_TRAIT_METHODS: usize = 12;

/// Every file, function and trait above its maximum.
pub(crate) fn faults(files: &[Measured]) -> Vec<Fault> {
    files.iter().flat_map(faults_of).collect()
}

fn faults_of(file: &Measured) -> Vec<Fault> {
    let path = file.path.to_string_lossy();
    let mut faults = Vec::new();
    let mut hold = |rule, place: String, size, most, unit| {
        if size > most {
            faults.push(Fault { rule, place, how: format!("{size} {unit}, at most {most}") });
        }
    };
    hold(Rule::FileLines, path.to_string(), file.production_lines, MOST_PRODUCTION_LINES, "production lines");
    for function in &file.functions {
        let place = format!("{path}::{}", function.name);
        hold(Rule::FunctionLines, place, function.lines, MOST_FUNCTION_LINES, "lines");
    }
    for item in &file.traits {
        let place = format!("{path}::{}", item.name);
        hold(Rule::TraitMethods, place, item.methods, MOST_TRAIT_METHODS, "methods");
    }
    faults
}

/// Every `mod.rs`, and every folder of modules whose parent is not the file beside it. `roots` are the directories
/// in which targets begin.
pub(crate) fn misplaced(files: &[Measured], roots: &[&Path]) -> Vec<Fault> {
    let exists = |path: &Path| files.iter().any(|file| file.path == path);
    let how = |path: &Path| {
        if path.file_name().is_some_and(|name| name == "mod.rs") {
            return Some("a module is foo.rs beside foo/, never mod.rs".to_owned());
        }
        let folder = path.parent()?;
        let parent = folder.with_extension("rs");
        let placed = roots.contains(&folder) || exists(&parent);
        (!placed).then(|| format!("its parent module {} is missing", parent.display()))
    };
    let fault = |file: &Measured| {
        let place = file.path.display().to_string();
        how(&file.path).map(|how| Fault { rule: Rule::Folder, place, how })
    };
    files.iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::measure::measure;

    fn file(path: &str, text: &str) -> Measured {
        measure(Path::new(path), text).unwrap()
    }

    fn places(faults: Vec<Fault>) -> Vec<String> {
        faults.into_iter().map(|fault| fault.place).collect()
    }

    #[test]
    fn a_file_may_have_600_production_lines_and_any_number_of_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(900));
        assert!(faults(&[file("a.rs", &("\n".repeat(600) + &tests))]).is_empty());
        assert_eq!(places(faults(&[file("a.rs", &("\n".repeat(601) + &tests))])), ["a.rs"]);
    }

    #[test]
    fn a_function_may_have_70_lines_in_tests_too() {
        let function = |lines: usize| format!("fn long() {{{}}}", "\n".repeat(lines - 1));
        let in_tests = |lines| format!("#[cfg(test)]\nmod tests {{ {} }}", function(lines));
        assert!(faults(&[file("a.rs", &function(70)), file("a.rs", &in_tests(70))]).is_empty());
        assert_eq!(places(faults(&[file("a.rs", &function(71))])), ["a.rs::long"]);
        assert_eq!(places(faults(&[file("a.rs", &in_tests(71))])), ["a.rs::long"]);
    }

    #[test]
    fn a_trait_may_have_12_methods() {
        let methods = |count: u8| (0..count).map(|n| format!("fn m{n}();")).collect::<String>();
        let text = |count| format!("trait Store {{ {} }}", methods(count));
        assert!(faults(&[file("a.rs", &text(12))]).is_empty());
        assert_eq!(places(faults(&[file("a.rs", &text(13))])), ["a.rs::Store"]);
    }

    #[test]
    fn a_mod_rs_is_a_fault() {
        let files = [file("src/lib.rs", ""), file("src/store.rs", ""), file("src/store/mod.rs", "")];
        assert_eq!(places(misplaced(&files, &[Path::new("src")])), ["src/store/mod.rs"]);
    }

    #[test]
    fn a_folder_of_modules_has_its_parent_beside_it() {
        let parent = file("src/store.rs", "");
        let child = file("src/store/session.rs", "");
        let roots = [Path::new("src")];
        assert!(misplaced(&[parent, file("src/store/session.rs", "")], &roots).is_empty());
        assert_eq!(places(misplaced(&[child], &roots)), ["src/store/session.rs"]);
    }
}
