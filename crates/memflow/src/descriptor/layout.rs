//! The one layout of descriptors (memflow 0.2, `PluginDescriptor`): a version, a flag, two layouts of types, three
//! texts and three functions, with pointers of the file's own width.

use wharf_registry::format::Refusal;

use super::{
    Descriptor, PLUGIN_VERSION,
    image::{Export, Image},
};

/// The longest name and version, in bytes: they stand in an index, together.
pub(crate) const LONGEST_NAME: u64 = 128;
/// The longest description, in bytes.
pub(crate) const LONGEST_DESCRIPTION: u64 = 4096;

/// The descriptors of an image, in the order of its exports.
pub(super) fn descriptors(image: &Image<'_>) -> Result<Vec<Descriptor>, Refusal> {
    image.exports.iter().map(|export| descriptor(image, export)).collect()
}

fn descriptor(image: &Image<'_>, export: &Export) -> Result<Descriptor, Refusal> {
    let at = |offset: u64| export.address.checked_add(offset);
    let outside = || refusal(export, "its descriptor lies outside the file");
    let width = image.width.bytes();
    // Behind the version and the flag come the layouts of input and output, then the texts.
    let texts = 8 + 2 * width;
    let version = at(0).and_then(|address| image.number(address)).ok_or_else(outside)?.cast_signed();
    if version != PLUGIN_VERSION {
        let words = format!("its plugin_version is {version}, and only {PLUGIN_VERSION} is known");
        return Err(refusal(export, &words));
    }
    // All of it must be there, up to the last function.
    at(8 + 10 * width).and_then(|address| image.word(address)).ok_or_else(outside)?;
    let flag = at(4).and_then(|address| image.behind(address)?.first()).ok_or_else(outside)?;
    let text = |number: u64, what: &str, longest: u64| {
        let slot = at(texts + number * 2 * width).ok_or_else(outside)?;
        let words = |words| refusal(export, &format!("its {what} {words}"));
        text(image, slot, longest).map_err(words)
    };
    let name = text(0, "name", LONGEST_NAME)?;
    if name.is_empty() {
        return Err(refusal(export, "it has no name"));
    }
    Ok(Descriptor {
        plugin_kind: export.kind,
        export_name: export.name.clone(),
        file_type: image.file_type,
        architecture: image.architecture,
        plugin_version: version,
        accept_input: *flag != 0,
        name,
        version: text(1, "version", LONGEST_NAME)?,
        description: text(2, "description", LONGEST_DESCRIPTION)?,
    })
}

/// A pointer and a length. A null pointer is an empty text, if its length says nothing else: compilers give an empty one
/// any address, and memflow's own reader takes a length of 1 for one too.
fn text(image: &Image<'_>, slot: u64, longest: u64) -> Result<String, &'static str> {
    const OUTSIDE: &str = "lies outside the file";
    let length_at = slot.checked_add(image.width.bytes()).ok_or(OUTSIDE)?;
    let (pointer, length) =
        image.word(slot).zip(image.word(length_at)).ok_or("cannot be found in its descriptor")?;
    if length == 0 || (pointer == 0 && length == 1) {
        return Ok(String::new());
    }
    if length > longest {
        return Err("is too long");
    }
    let bytes = image.behind(pointer).and_then(|rest| rest.get(..usize::try_from(length).ok()?));
    let text = str::from_utf8(bytes.ok_or(OUTSIDE)?).map_err(|_| "is not UTF-8")?;
    // A name with a line in it would be another name in a list.
    if text.contains(|c: char| c.is_control() && !(longest == LONGEST_DESCRIPTION && c.is_whitespace())) {
        return Err("holds a control character");
    }
    Ok(text.to_owned())
}

fn refusal(export: &Export, words: &str) -> Refusal {
    Refusal::new(format!("{}: {words}", export.name))
}
