//! Finding variants in the index of facts.

use std::{
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
};

use wharf_core::{Digest, Error, Kind, Limit, Place, RegistryGrant, Result};
use wharf_registry::format::FactSearch;

use crate::{
    Call,
    endpoint::{Digits, Filter, not_found},
    plugins::NAME,
    variant::Variant,
};

/// The most variants of one file: each descriptor, under any number of tags that clients gave it.
const MOST_OF_FILE: usize = 1000;
/// How many digits of a digest the index finds by.
const INDEXED_DIGITS: usize = 7;

/// A pair of the index.
type Pair = (&'static str, String);

/// The variants of a plugin that pass a filter, the newest first: as many as are skipped, shown, and one more.
pub(crate) async fn of_plugin(
    call: &Call<'_>,
    grant: &RegistryGrant,
    (name, filter): (&str, &Filter),
) -> Result<Vec<Variant>> {
    let most = filter.skip + filter.limit + 1;
    let mut platform: Vec<Pair> = Vec::new();
    platform.extend(filter.file_type.map(|word| ("file_type", word.to_owned())));
    platform.extend(filter.architecture.map(|word| ("architecture", word.to_owned())));
    let named = || ("name", name.to_owned());
    let passes = |variant: &Variant| {
        let hex = variant.file.hex();
        filter.digests.iter().all(|digits| !digits.is_empty() && hex.starts_with(digits.as_str()))
    };
    let Some(version) = &filter.version else {
        return all(call, grant, ([vec![named()], platform].concat(), most), passes).await;
    };
    // A blank may be part of both, so a release alone may be another plugin's.
    let of_release = [vec![("release", format!("{name} {version}")), named()], platform.clone()].concat();
    let mut found = all(call, grant, (of_release, most), passes).await?;
    let digits = version.to_ascii_lowercase();
    if !digits.is_empty() && digits.len() <= 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        // Fewer digits than the index has are looked for one variant after the other.
        let short = digits.get(..INDEXED_DIGITS).map(|short| ("digest_short", short.to_owned()));
        let pairs = [short.into_iter().chain([named()]).collect(), platform].concat();
        let begins = |variant: &Variant| variant.file.hex().starts_with(&digits) && passes(variant);
        found.extend(all(call, grant, (pairs, most), begins).await?);
        found.sort_by(|one, other| position(one).cmp(&position(other)));
        found.dedup_by(|one, other| position(one) == position(other));
    }
    found.truncate(most);
    Ok(found)
}

fn position(variant: &Variant) -> (&[u8], i64) {
    (&variant.row.cursor.sort_key, variant.row.cursor.id)
}

/// The variants of the one file that a digest or its first digits stand for.
///
/// # Errors
/// `NotFound`; `Conflict` where the digits stand for several files.
pub(crate) async fn of_file(call: &Call<'_>, grant: &RegistryGrant, digits: &Digits) -> Result<Vec<Variant>> {
    let Digits(digits) = digits;
    let pair = match digits.len() {
        64 => ("digest", digits.clone()),
        _ => ("digest_short", digits.get(..INDEXED_DIGITS).unwrap_or_default().to_owned()),
    };
    let begins = |variant: &Variant| variant.file.hex().starts_with(digits);
    let found = all(call, grant, (vec![pair], MOST_OF_FILE), begins).await?;
    let first = found.first().ok_or_else(not_found)?.file;
    if found.iter().any(|variant| variant.file != first) {
        return Err(Error::new(Kind::Conflict, "these digits stand for several plugins: use more of them"));
    }
    Ok(found)
}

/// Whether a file is there, by its whole digest. What is in it is not read.
pub(crate) async fn has_file(call: &Call<'_>, grant: &RegistryGrant, digits: &Digits) -> Result<bool> {
    let Digits(digest) = digits;
    let pairs = vec![("digest".to_owned(), digest.clone())];
    let search = FactSearch { format: NAME.to_owned(), pairs, last: None };
    Ok(!call.registry.facts(grant, search, Limit::parse("1")?).await?.entries.is_empty())
}

/// Every tagged manifest of a file, however many there are, and where each lies.
pub(crate) async fn manifests_of(
    call: &Call<'_>,
    grant: &RegistryGrant,
    file: &Digest,
) -> Result<BTreeSet<(Place, Digest)>> {
    let (pair, mut found) = (("digest", file.hex()), BTreeSet::new());
    each(call, grant, (vec![pair], Limit::MOST), |variant| {
        found.insert((variant.row.place, variant.row.digest));
        ControlFlow::Continue(())
    })
    .await?;
    Ok(found)
}

/// Variants found by pairs and kept, in their order, each descriptor of a file once: some clients give a file several
/// manifests.
async fn all(
    call: &Call<'_>,
    grant: &RegistryGrant,
    (pairs, most): (Vec<Pair>, usize),
    keep: impl Fn(&Variant) -> bool,
) -> Result<Vec<Variant>> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    each(call, grant, (pairs, Limit::parse(&most.to_string())?), |variant| {
        let descriptor = &variant.descriptor;
        let described = (variant.file, descriptor.export_name.clone(), descriptor.architecture);
        if keep(&variant) && seen.insert(described) {
            found.push(variant);
        }
        if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    Ok(found)
}

/// Shows variants found by pairs, page by page, until enough are seen.
async fn each(
    call: &Call<'_>,
    grant: &RegistryGrant,
    (pairs, page): (Vec<Pair>, Limit),
    mut see: impl FnMut(Variant) -> ControlFlow<()>,
) -> Result<()> {
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut search = FactSearch { format: NAME.to_owned(), pairs, last: None };
    loop {
        let page = call.registry.facts(grant, search.clone(), page).await?;
        search.last = page.entries.last().map(|row| row.cursor.clone());
        for row in page.entries {
            if see(Variant::of(row)?).is_break() {
                return Ok(());
            }
        }
        if !page.more {
            return Ok(());
        }
    }
}
