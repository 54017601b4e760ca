//! What we wrote ourselves and read again: states of hashes, rows of digests, cursors of pages. Altered, it is refused
//! or harmless.

use bolero::check;
use wharf_core::{Algorithm, Digest};
use wharf_hash::Hasher;
use wharf_registry::format::FactCursor;

use crate::alphabet;

#[test]
fn a_saved_hash_goes_on_as_if_it_had_never_stopped() {
    check!().with_type().for_each(|(bytes, cut): &(Vec<u8>, u16)| {
        let cut = usize::from(*cut) % (bytes.len() + 1);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&bytes[..cut]);
            let mut restored = Hasher::restore(&hasher.save()).expect("what was saved is restored");
            restored.update(&bytes[cut..]);
            assert_eq!(restored.count(), bytes.len() as u64);
            assert_eq!(restored.finish(), wharf_hash::digest(algorithm, bytes));
        }
    });
}

/// It may hash to nonsense, but neither panics nor forgets where it stands.
#[test]
fn an_altered_hash_state_is_refused_or_harmless() {
    check!().with_type().for_each(|(bytes, at, change): &(Vec<u8>, u8, u8)| {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        let mut altered = hasher.save();
        let at = usize::from(*at) % altered.len();
        altered[at] ^= change;
        for state in [&altered[..], &altered[..at], &[&altered[..], &[0]].concat(), bytes] {
            let Some(mut restored) = Hasher::restore(state) else { continue };
            assert_eq!(restored.save(), state, "it says what it was told");
            restored.update(bytes);
            let _ = restored.finish();
        }
    });
}

#[test]
fn a_digest_in_a_row_is_the_digest() {
    check!().with_max_len(70).for_each(|bytes: &[u8]| {
        if let Some(digest) = Digest::from_row(bytes) {
            assert_eq!(digest.to_row(), bytes);
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    });
}

#[test]
fn a_cursor_is_what_was_printed_or_is_refused() {
    check!().with_type().for_each(|(bytes, subject, id): &(Vec<u8>, String, i64)| {
        let short = subject.chars().take(60).filter(|character| *character != '\0').collect();
        let cursor = FactCursor { subject: short, sort_key: bytes.clone(), id: *id };
        assert_eq!(cursor.to_string().parse::<FactCursor>().unwrap(), cursor);
        let cut = cursor.to_string().chars().skip(1).collect();
        let letters = alphabet::words(bytes, &["A", "_", "-", "=", "9", "z", "+", "é"]);
        for text in [subject.clone(), letters, cut] {
            if let Ok(cursor) = text.parse::<FactCursor>() {
                assert!(!cursor.subject.contains('\0'));
                assert_eq!(cursor.to_string(), text, "a cursor has one spelling");
            }
        }
    });
}
