//! While nobody does anything: everything that can be seen, held against the model.

use std::collections::BTreeSet;

use wharf_core::{Limit, Reference, action::Pull, gate::OrganisationId};

use super::{
    client::found,
    collector::rest,
    house::{BLOBS, DELAY, GRACE, HOUR, House, REPOSITORIES, TAGS, content, is_loose},
    read::read,
    write::name,
};

/// Looks at everything there is and everything there might be.
pub(super) async fn inspect(house: &House) {
    look(house).await;
}

/// The same after so much time that nothing is left but what manifests name, neither rows nor bytes.
pub(super) async fn inspect_after_a_rest(house: &House) {
    look(house).await;
    // Who was mounted from is looked at twice.
    for _ in 0..3 {
        rest(house, DELAY + HOUR).await;
    }
    rest(house, GRACE + HOUR).await;
    let seen = look(house).await;
    for extra in seen.present.difference(&seen.named) {
        house.model.fault(format!("{extra:?} is still there, and no manifest names it"));
    }
    let blobs: BTreeSet<usize> = seen.present.iter().map(|(_, blob)| *blob).collect();
    if house.blobs.count() != blobs.len() {
        house.model.fault(format!("there are {} objects for {} blobs", house.blobs.count(), blobs.len()));
    }
    house.model.forget_what_is_gone();
}

/// Which blobs there are, and which of them manifests name.
#[derive(Default)]
struct Sight {
    present: BTreeSet<(usize, usize)>,
    named: BTreeSet<(usize, usize)>,
}

async fn look(house: &House) -> Sight {
    let mut sight = Sight::default();
    for repository in 0..REPOSITORIES {
        look_at_images(house, repository, &mut sight).await;
        look_at_tags(house, repository).await;
        look_at_blobs(house, repository, &mut sight).await;
    }
    look_at_usage(house).await;
    sight
}

/// What organisations are counted to store is what they store.
async fn look_at_usage(house: &House) {
    let mut last = OrganisationId(0);
    while let Some(recount) = house.nodes[1].recount(last).await.unwrap() {
        last = recount.organisation;
        if recount.counted != recount.found {
            house.model.fault(format!("miscounted: {recount:?}"));
        }
    }
}

async fn look_at_images(house: &House, repository: usize, sight: &mut Sight) {
    let (registry, model) = (&house.nodes[1], &house.model);
    let grant = house.grant::<Pull>(registry, repository).await;
    let keys: Vec<_> = model.pages().images.keys().copied().filter(|(at, _)| *at == repository).collect();
    for key in keys {
        let found = found(registry.manifest(&grant, &Reference::Digest(key.1)).await).unwrap();
        let pages = &mut *model.pages();
        let image = pages.images.get_mut(&key).unwrap();
        let is_right = image.is_there.settle(found.is_some());
        if found.is_some() {
            sight.named.extend(image.blobs.iter().map(|&blob| (repository, blob)));
        }
        if !is_right {
            let what = format!("{} of {repository}: {}", key.1, found.is_some());
            pages.fault(what);
        }
    }
}

async fn look_at_tags(house: &House, repository: usize) {
    let (registry, model) = (&house.nodes[0], &house.model);
    let grant = house.grant::<Pull>(registry, repository).await;
    let listed = found(registry.tags(&grant, None, Limit::MOST).await).unwrap();
    let listed: BTreeSet<String> = listed.into_iter().flat_map(|page| page.entries).collect();
    let mut resolved = BTreeSet::new();
    for tag in 0..TAGS {
        let stored = found(registry.manifest(&grant, &Reference::Tag(name(tag))).await).unwrap();
        resolved.extend(stored.is_some().then(|| name(tag).to_string()));
        let digest = stored.map(|stored| stored.digest);
        let pages = &mut *model.pages();
        if let Some(digest) = digest
            && !pages.images.contains_key(&(repository, digest))
        {
            pages.fault(format!("tag {tag} of {repository} leads to {digest}, which nobody pushed"));
        }
        if !pages.tags.get_mut(&(repository, tag)).unwrap().settle(digest) {
            pages.fault(format!("tag {tag} of {repository} leads to {digest:?}"));
        }
    }
    if listed != resolved {
        model.fault(format!("{repository} lists {listed:?} where {resolved:?} can be pulled"));
    }
}

async fn look_at_blobs(house: &House, repository: usize, sight: &mut Sight) {
    let (registry, model) = (&house.nodes[0], &house.model);
    let grant = house.grant::<Pull>(registry, repository).await;
    for blob in 0..BLOBS {
        let place = (repository, blob);
        let read = read(registry, &grant, blob).await.unwrap();
        if read.is_some() {
            sight.present.insert(place);
        }
        let is_kept = sight.named.contains(&place) && !is_loose(blob);
        match read {
            Some(bytes) if bytes != content(blob) => model.fault(format!("{place:?} has other bytes")),
            Some(_) if !model.was_attempted(place) => model.fault(format!("nobody put {place:?} there")),
            None if is_kept => model.fault(format!("{place:?} is gone, and a manifest names it")),
            None if model.promised(place).is_some() => {
                let past = model.past(place);
                model.fault(format!("{place:?} is gone too early:\n  {past}"));
            }
            _ => {}
        }
    }
}
