//! Reads how long files and functions are and how many methods traits have.
//!
//! A file's production part is all but what stands under `#[cfg(test)]`. A function's lines go from `fn` to the closing
//! brace, whatever stands between; what hides inside a macro call is not seen.

use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, ImplItem, ImplItemFn, Item, ItemFn, ItemTrait, Signature, TraitItem, TraitItemFn,
};

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
    let mut reader =
        Reader { part: Part::Production, test_lines: 0, functions: Vec::new(), traits: Vec::new() };
    reader.visit_file(&file);
    Ok(Measured {
        path: path.to_path_buf(),
        production_lines: text.lines().count().saturating_sub(reader.test_lines),
        functions: reader.functions,
        traits: reader.traits,
    })
}

struct Reader {
    part: Part,
    test_lines: usize,
    functions: Vec<Function>,
    traits: Vec<Trait>,
}

impl Reader {
    /// The part in which something stands, given that of what is around it. Counts the lines where the tests begin.
    fn part_of(&mut self, attributes: &[Attribute], span: Span) -> Part {
        if self.part == Part::Production && is_only_in_tests(attributes) {
            self.test_lines += (span.end().line + 1).saturating_sub(span.start().line);
            return Part::Test;
        }
        self.part
    }

    fn note(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        let first = signature.fn_token.span.start().line;
        let last = Span::end(&body.brace_token.span.close()).line;
        let part = if is_test(attributes) { Part::Test } else { self.part };
        let lines = (last + 1).saturating_sub(first);
        self.functions.push(Function { name: signature.ident.to_string(), lines, part });
    }
}

/// `#[test]` or `#[tokio::test]`.
fn is_test(attributes: &[Attribute]) -> bool {
    let last = |attribute: &Attribute| attribute.path().segments.last().map(|segment| segment.ident.clone());
    attributes.iter().filter_map(last).any(|word| word == "test")
}

/// `#[cfg(test)]`.
fn is_only_in_tests(attributes: &[Attribute]) -> bool {
    let names_tests =
        |attribute: &Attribute| attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && names_tests(attribute))
}

/// The attributes of what may stand under `#[cfg(test)]`.
fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let inside = self.part_of(attributes_of(item), item.span());
        let outside = mem::replace(&mut self.part, inside);
        visit::visit_item(self, item);
        self.part = outside;
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = if let ImplItem::Fn(function) = item { function.attrs.as_slice() } else { &[] };
        let inside = self.part_of(attributes, item.span());
        let outside = mem::replace(&mut self.part, inside);
        visit::visit_impl_item(self, item);
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
    fn the_production_part_is_all_but_the_tests() {
        assert_eq!(measure(Path::new("a.rs"), TEXT).unwrap().production_lines, 19);
        // What a file says of itself stands before everything.
        let rest = TEXT.strip_prefix("//! A file.\n").unwrap();
        let before = format!("#[cfg(test)]\n#[path = \"b.rs\"]\nmod of_b;\n\n{rest}");
        let between = format!("#[cfg(test)]\nmod one {{\n    #[cfg(test)]\n    use a::b;\n}}\n{rest}");
        for (text, lines) in [(before, 19), (between, 18)] {
            assert_eq!(measure(Path::new("a.rs"), &text).unwrap().production_lines, lines, "{text}");
        }
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
