//! `cargo xtask lint`: the table of limits in `docs/operation.md` says what the code does. Each constant that it names is
//! where it says, and where its value is a number or a time, the row shows that.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::failure::Failure;
use crate::program::capture;

const PAGE: &str = "docs/operation.md";

/// Constants that a row shows as part of another number: a sum, a product, seconds' worth of requests.
const PART_OF_A_NUMBER: [&str; 5] = ["RESERVED", "BURST", "HALF", "MOST_PAGES", "TOKENS_FOR_A_PASSWORD"];

/// Fails with every constant that is not there, or not as the table says.
pub(crate) fn run() -> Result<(), Failure> {
    let kept = capture(Command::new("git").args(["ls-files", "-z", "crates/*.rs"]))?;
    let read =
        |path: &str| Source { path: path.to_owned(), text: fs::read_to_string(path).unwrap_or_default() };
    let sources: Vec<Source> = kept.split('\0').map(read).collect();
    let page = fs::read_to_string(PAGE).map_err(Failure::file(PAGE.as_ref()))?;
    let found = faults(&page, &sources);
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::Broken(format!("{PAGE} is not what the code is\n{}", found.join("\n"))))
}

struct Source {
    path: String,
    text: String,
}

fn faults(page: &str, sources: &[Source]) -> Vec<String> {
    let table = page.split_once("\n## Limits").and_then(|(_, rest)| rest.split_once("\n## "));
    let Some((table, _)) = table else { return vec!["there is no table of limits".to_owned()] };
    let (mut found, mut before) = (Vec::new(), Vec::new());
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.split(" | ").nth(2).unwrap_or_default();
        let words: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        let mut places: Vec<&str> = words.iter().copied().filter(|word| word.contains('/')).collect();
        if cell.contains("same file") {
            places = before;
        }
        let constants = words.iter().map(|word| word.rsplit("::").next().unwrap_or(word));
        for name in constants.filter(|name| is_constant(name)) {
            let values = values(name, &places, sources);
            let is_shown = PART_OF_A_NUMBER.contains(&name) || values.iter().any(|value| is_in(row, value));
            match (values.is_empty(), is_shown) {
                (true, _) => found.push(format!("{name} is nowhere: {row}")),
                (false, false) => found.push(format!("{name} is {}: {row}", values.join(" or "))),
                (false, true) => {}
            }
        }
        before = places;
    }
    found
}

fn is_constant(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// What a constant is said to be in these places; in all of the code where none of them has it.
fn values(name: &str, places: &[&str], sources: &[Source]) -> Vec<String> {
    let declaration = format!("const {name}: ");
    let of = |source: &Source| -> Vec<String> {
        let declared = source.text.split(&declaration).skip(1);
        let value = |text: &str| text.split_once("= ")?.1.split_once(';').map(|(value, _)| value.to_owned());
        declared.filter_map(value).collect()
    };
    let is_meant =
        |source: &&Source| places.iter().any(|place| source.path.contains(place.trim_start_matches('…')));
    let there: Vec<String> = sources.iter().filter(is_meant).flat_map(of).collect();
    if there.is_empty() { sources.iter().flat_map(of).collect() } else { there }
}

/// Whether a row shows a value. What is no number and no time is believed.
fn is_in(row: &str, value: &str) -> bool {
    let parts = value.strip_prefix('(').map_or_else(|| vec![value], |inner| inner.split(", ").collect());
    parts.into_iter().map(|part| part.trim_end_matches(')')).all(|part| {
        let part = part
            .strip_prefix("Duration::from_")
            .map_or_else(|| number(part.trim_start_matches("NonZeroU64::new(")).map(spoken), spoken_time);
        part.is_none_or(|forms| forms.iter().any(|form| stands_in(row, form)))
    })
}

/// Whether a number stands in a row by itself, and not as a piece of another.
fn stands_in(row: &str, form: &str) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    row.match_indices(form).any(|(at, _)| {
        let (before, after) =
            (row.get(..at).unwrap_or_default(), row.get(at + form.len()..).unwrap_or_default());
        let is_piece = before.ends_with([',', '.']) || is_digit(before.chars().next_back());
        !is_piece && !is_digit(after.chars().next())
    })
}

/// A product, or a power by its shift.
fn number(text: &str) -> Option<u64> {
    let plain = text.replace(['_', ')'], "");
    let (factors, shift) = match plain.split_once("<<") {
        Some((factors, shift)) => (factors, shift.trim().parse::<u32>().ok()?),
        None => (plain.as_str(), 0),
    };
    let product = factors
        .split('*')
        .try_fold(1_u64, |product, factor| product.checked_mul(factor.trim().parse().ok()?));
    product?.checked_shl(shift)
}

/// `secs(20` or `millis(1500`.
fn spoken_time(text: &str) -> Option<Vec<String>> {
    let (unit, count) = text.split_once('(')?;
    let time = match unit {
        "secs" => Duration::from_secs(number(count)?),
        "millis" => Duration::from_millis(number(count)?),
        _ => return None,
    };
    let whole = if time.subsec_nanos() == 0 { spoken(time.as_secs()) } else { Vec::new() };
    Some(whole.into_iter().chain([format!("{} s", time.as_secs_f64())]).collect())
}

/// How a number may stand in a row: as it is, as bytes, or as seconds.
fn spoken(number: u64) -> Vec<String> {
    let units = [(1 << 10, " KiB"), (1 << 20, " MiB"), (60, " minutes"), (3600, " hours"), (86_400, " days")];
    let whole = units.into_iter().filter(|(unit, _)| number.is_multiple_of(*unit));
    whole.map(|(unit, word)| format!("{}{word}", number / unit)).chain([with_commas(number)]).collect()
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "const MOST: usize = 10_000;\nconst LARGEST: u64 = 4 << 20;\nconst START: Duration = Duration::from_millis(1500);\n\
                        const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);\n";

    fn faults_of(row: &str) -> Vec<String> {
        let page = format!("# Operation\n\n## Limits\n\n{row}\n\n## Logs\n");
        let source = Source { path: "crates/server/src/front.rs".to_owned(), text: CODE.to_owned() };
        faults(&page, &[source])
    }

    #[test]
    fn a_row_shows_what_its_constants_are() {
        let right = "| all | 10,000 of 4 MiB within 1.5 s; windows of 256 KiB and 1 MiB | `MOST`, `LARGEST`, `START`, \
                     `WINDOWS` in `server/src/front.rs` | 413 |";
        assert_eq!(faults_of(right), [""; 0]);
        for (said, instead) in
            [("10,000", "100,000"), ("4 MiB", "5 MiB"), ("1.5 s", "5 s"), ("256 KiB", "64 KiB")]
        {
            assert_eq!(faults_of(&right.replace(said, instead)).len(), 1, "{instead}");
        }
        assert_eq!(faults_of("| a thing | 7 | `GONE` in `server/src/front.rs` | 413 |").len(), 1);
    }
}
