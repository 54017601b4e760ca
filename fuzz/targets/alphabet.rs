//! Bytes → text that comes close to what a parser takes: each byte is a word of the parser's own language, or itself.

/// A text made of words; a byte that has no word stands for the character of that number.
pub(crate) fn text(bytes: &[u8], words: &[&str]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match words.get(usize::from(*byte)) {
            Some(word) => text.push_str(word),
            None => text.push(char::from(*byte)),
        }
    }
    text
}

/// A text of these words alone.
pub(crate) fn words(bytes: &[u8], words: &[&str]) -> String {
    bytes.iter().map(|byte| words[usize::from(*byte) % words.len()]).collect()
}
