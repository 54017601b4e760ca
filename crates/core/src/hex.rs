//! Hexadecimal digits: how digests, signatures, keys and identifiers are written down.

/// Lower-case digits, two for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The bytes that digits of either case stand for; `None` for anything else, an odd number of digits too.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(pair).collect())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_back_from_their_digits(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(decode(&encode(&bytes).to_uppercase()), Some(bytes));
        }

        #[test]
        fn what_is_not_digits_is_nothing(text in "[0-9a-f]{0,6}[^0-9a-fA-F][0-9a-f]{0,6}") {
            prop_assert_eq!(decode(&text), None);
        }
    }

    #[test]
    fn half_a_byte_is_nothing() {
        assert_eq!(encode(&[0, 10, 255]), "000aff");
        assert_eq!(decode("abc"), None);
    }
}
