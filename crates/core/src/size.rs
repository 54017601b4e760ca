//! Sizes in messages.

use std::fmt;

/// A number of bytes, printed as people say it: with one digit after the point at most, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 == 1 {
            return f.write_str("1 byte");
        }
        let (mut tenths, mut unit) = (self.0.saturating_mul(10), "bytes");
        for next in UNITS {
            if tenths < 10_240 {
                break;
            }
            (tenths, unit) = (tenths / 1024, next);
        }
        match tenths % 10 {
            0 => write!(f, "{} {unit}", tenths / 10),
            rest => write!(f, "{}.{rest} {unit}", tenths / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_said_with_one_digit_after_the_point() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10 << 30, "10 GiB"),
            (3 << 50, "3072 TiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), words);
        }
    }
}
