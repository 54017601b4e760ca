//! Reads how long files and functions are and how many methods traits have.
//!
//! A file's production part ends at its first `#[cfg(test)]` line. A function's lines go from `fn` to the closing
//! brace, whatever stands between; what hides inside a macro call is not seen.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, ItemMod, ItemTrait, Signature, TraitItem, TraitItemFn};

use crate::failure::Failure;
use crate::workspace::Workspace;

/// One source file.
pub(crate) struct Measured {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    pub(crate) production_lines: usize,
    pub(crate) functions: Vec<Function>,
    pub(crate) traits: Vec<Trait>,
}

/// One function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: usize,
    pub(crate) part: Part,
}

/// Which part of a file something stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// What ships.
    Production,
    /// What only tests compile.
    Test,
}

/// One trait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trait {
    pub(crate) name: String,
    pub(crate) methods: usize,
}

/// Measures every Rust file under the members' directories.
pub(crate) fn every_file(workspace: &Workspace) -> Result<Vec<Measured>, Failure> {
    let mut paths = Vec::new();
    for part in ["crates", "tests", "xtask", "bench"] {
        collect(&workspace.root.join(part), &mut paths)?;
    }
    paths.sort();
    paths.iter().map(|path| read(path, &workspace.root)).collect()
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs::read_dir(directory).map_err(Failure::file(directory))?;
    for entry in entries {
        let path = entry.map_err(Failure::file(directory))?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path, root: &Path) -> Result<Measured, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::file(path))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    measure(relative, &text)
}

/// Measures one file's text.
pub(crate) fn measure(path: &Path, text: &str) -> Result<Measured, Failure> {
    let unreadable = |error: syn::Error| {
        let line = error.span().start().line;
        Failure::Broken(format!("{}:{line} does not parse: {error}", path.display()))
    };
    let file = syn::parse_file(text).map_err(unreadable)?;
    let mut reader = Reader { part: Part::Production, functions: Vec::new(), traits: Vec::new() };
    reader.visit_file(&file);
    let production_lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    Ok(Measured {
        path: path.to_path_buf(),
        production_lines,
        functions: reader.functions,
        traits: reader.traits,
    })
}

struct Reader {
    part: Part,
    functions: Vec<Function>,
    traits: Vec<Trait>,
}

impl Reader {
    fn note(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        let first = signature.fn_token.span.start().line;
        let last = Span::end(&body.brace_token.span.close()).line;
        let part = if is_for_tests(attributes) { Part::Test } else { self.part };
        let lines = (last + 1).saturating_sub(first);
        self.functions.push(Function { name: signature.ident.to_string(), lines, part });
    }
}

/// `#[test]`, `#[tokio::test]` or `#[cfg(test)]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last().map(|segment| segment.ident.to_string());
        let only_in_tests = || attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
        match last.as_deref() {
            Some("test") => true,
            Some("cfg") => only_in_tests(),
            _ => false,
        }
    })
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let outside = self.part;
        if is_for_tests(&module.attrs) {
            self.part = Part::Test;
        }
        visit::visit_item_mod(self, module);
        self.part = outside;
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.note(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.attrs, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        let methods = item.items.iter().filter(|item| matches!(item, TraitItem::Fn(_))).count();
        self.traits.push(Trait { name: item.ident.to_string(), methods });
        visit::visit_item_trait(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
//! A file.

/// Longer with its doc.
pub async fn four(
    one: u8,
) -> u8 {
    one }

trait Store {
    fn get(&self);
    fn put(&self) {
    }
    const NAME: &str;
}

impl Store for () {
    fn get(&self) {}
}

#[cfg(test)]
mod tests {
    fn helper() {}

    #[tokio::test]
    async fn works() {
    }
}
";

    #[test]
    fn functions_are_measured_from_fn_to_the_closing_brace() {
        let measured = measure(Path::new("a.rs"), TEXT).unwrap();
        let function = |name: &str, lines, part| Function { name: name.to_owned(), lines, part };
        let expected = [
            function("four", 4, Part::Production),
            function("put", 2, Part::Production),
            function("get", 1, Part::Production),
            function("helper", 1, Part::Test),
            function("works", 2, Part::Test),
        ];
        assert_eq!(measured.functions, expected);
    }

    #[test]
    fn the_production_part_ends_where_the_tests_begin() {
        assert_eq!(measure(Path::new("a.rs"), TEXT).unwrap().production_lines, 19);
    }

    #[test]
    fn only_methods_of_a_trait_count() {
        let measured = measure(Path::new("a.rs"), TEXT).unwrap();
        assert_eq!(measured.traits, [Trait { name: "Store".to_owned(), methods: 2 }]);
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_line() {
        let failure = measure(Path::new("a.rs"), "fn one() {}\nfn two(").err().unwrap().to_string();
        assert!(failure.starts_with("a.rs:2 does not parse"), "{failure}");
    }
}
