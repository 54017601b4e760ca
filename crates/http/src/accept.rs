//! What a request takes, and how gladly: lists with weights (RFC 9110, section 12.4.2), read by one rule behind every door.

use axum::http::{HeaderMap, HeaderName, header};

/// An element of such a list.
#[derive(Debug)]
pub struct Weighed {
    /// What is taken, in lower case: a media type, a coding.
    pub name: String,
    /// How gladly, in thousandths. What weighs nothing is not taken.
    pub weight: u32,
}

/// The elements of such a list.
pub fn weighed(headers: &HeaderMap, name: &HeaderName) -> Vec<Weighed> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(element).collect()
}

/// The first of some codings that a request takes, by their words; none where it wants the bytes as they are.
pub fn taken_coding<T>(headers: &HeaderMap, offered: &[T], word: impl Fn(T) -> &'static str) -> Option<T>
where
    T: Copy,
{
    let accepted = weighed(headers, &header::ACCEPT_ENCODING);
    let named = |wanted: &str| accepted.iter().find(|one| one.name == wanted).map(|one| one.weight);
    let weight = |name: &str| named(name).or_else(|| named("*")).unwrap_or_default();
    offered.iter().copied().find(|coding| weight(word(*coding)) > 0)
}

fn element(text: &str) -> Weighed {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Weighed { name, weight: quality.map_or(1000, thousandths) }
}

/// `0.25` is 250. What is no number weighs nothing.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = format!("{whole}{fraction:0<3}");
    let is_number = fraction.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().unwrap_or_default() } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(accept: &str) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
        taken_coding(&headers, &["zstd", "gzip"], |word| word)
    }

    #[test]
    fn the_first_coding_that_is_taken_is_chosen() {
        for (accept, chosen) in [
            ("gzip, deflate", Some("gzip")),
            ("gzip, deflate, zstd", Some("zstd")),
            ("GZIP", Some("gzip")),
            ("zstd;q=0, gzip;q=0.5", Some("gzip")),
            ("gzip ; Q=0.001", Some("gzip")),
            ("gzip;Q=0", None),
            ("gzip;q=0.000", None),
            ("gzip;q=much", None),
            ("*", Some("zstd")),
            ("zstd;q=0, *", Some("gzip")),
            ("*;q=0", None),
            ("identity", None),
            ("", None),
        ] {
            assert_eq!(taken(accept), chosen, "{accept:?}");
        }
        assert_eq!(taken_coding(&HeaderMap::new(), &["gzip"], |word| word), None);
    }

    proptest! {
        #[test]
        fn no_list_panics_the_reader(list in "[ -~]{0,60}") {
            let _ = taken(&list);
        }
    }
}
