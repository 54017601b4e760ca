//! The text of an API token: `wharf_`, 43 letters and digits of chance, and six of a checksum over them, so that
//! scanners for secrets know one when they see it, and a mistyped one costs no look into the database.

use aws_lc_rs::digest::{SHA256, digest};
use wharf_core::{Entropy, Secret, TokenHash};

/// What a token begins with.
const PREFIX: &str = "wharf_";
/// How many letters and digits are chance: 256 bits.
const CHANCE: usize = 43;
/// How many are the checksum: 32 bits.
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new token.
pub(crate) fn generate(entropy: &dyn Entropy) -> Secret<String> {
    let mut chance = String::with_capacity(CHANCE);
    while chance.len() < CHANCE {
        // A byte of the last eight would make some letters likelier than others.
        let bytes: [u8; 64] = entropy.bytes();
        let letters = bytes.into_iter().filter(|byte| *byte < 248).filter_map(|byte| letter(byte.into()));
        chance.extend(letters.take(CHANCE - chance.len()));
    }
    let checksum = checksum(&chance);
    Secret::new(format!("{PREFIX}{chance}{checksum}"))
}

/// The hash of a text that is written as a token is; nothing is said about whether there is such a token.
pub(crate) fn hash_of(text: &str) -> Option<TokenHash> {
    let (chance, sum) = text.strip_prefix(PREFIX)?.split_at_checked(CHANCE)?;
    if checksum(chance) != sum {
        return None;
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    Some(TokenHash(hash))
}

fn checksum(chance: &str) -> String {
    let mut rest = crc32(chance.as_bytes());
    let mut text = ['0'; CHECKSUM];
    for place in text.iter_mut().rev() {
        *place = letter(rest).unwrap_or('0');
        rest /= 62;
    }
    text.into_iter().collect()
}

fn letter(value: u32) -> Option<char> {
    ALPHABET.get(value as usize % ALPHABET.len()).map(|byte| char::from(*byte))
}

/// CRC-32 as Ethernet and zip have it, bit by bit: it runs over 43 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let byte = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Rising(std::sync::atomic::AtomicU8);

    impl Entropy for Rising {
        fn fill(&self, buffer: &mut [u8]) {
            buffer
                .iter_mut()
                .for_each(|byte| *byte = self.0.fetch_add(11, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn a_token_is_known_by_its_shape_and_its_checksum() {
        let token = generate(&Rising(0.into())).expose().clone();
        assert_eq!(token.len(), PREFIX.len() + CHANCE + CHECKSUM);
        assert!(token.strip_prefix(PREFIX).unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(hash_of(&token).is_some());
        for (position, _) in token.char_indices() {
            let mut altered = token.clone().into_bytes();
            altered[position] = if altered[position] == b'x' { b'y' } else { b'x' };
            assert!(hash_of(&String::from_utf8(altered).unwrap()).is_none(), "{position}");
        }
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(wharf_)?\\PC{0,60}") {
            let _ = hash_of(&text);
        }
    }
}
