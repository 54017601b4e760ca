//! As much of DER as certificates need here (X.690).

const OCTETS: u8 = 4;
const TEXT: u8 = 12;

/// An octet string.
pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    element(OCTETS, bytes)
}

/// A text.
pub(super) fn text(text: &str) -> Vec<u8> {
    element(TEXT, text.as_bytes())
}

/// The first element within an element, with its head.
pub(super) fn first_within(element: &[u8]) -> &[u8] {
    let (head, _) = head(element);
    let within = &element[head..];
    let (head, length) = self::head(within);
    &within[..head + length]
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match u8::try_from(length) {
        Ok(short) if short < 128 => vec![tag, short],
        Ok(short) => vec![tag, 0x81, short],
        Err(_) => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [&head, content].concat()
}

/// How long an element's head and its content are.
fn head(element: &[u8]) -> (usize, usize) {
    match usize::from(element[1]) {
        short @ 0..128 => (2, short),
        long => {
            let count = long - 128;
            let length =
                element[2..2 + count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (2 + count, length)
        }
    }
}
