//! Objects of the store to which no row leads: left by a database that lost its latest commits, or made by a call that
//! reached a bucket when its upload was long given up.
//!
//! A verification looks into every folder, the housekeeping into one each hour: a 256th of the store. What is found is
//! condemned, so it goes after a grace by the collector's time, and only if no row leads to it then.

use std::collections::HashSet;

use async_trait::async_trait;
use wharf_core::{Error, Kind, ObjectKey, Result, UploadId};

use crate::{
    Registry,
    collection::{CountMemberships, MODEST},
    port::{Transaction, Work},
};

/// How many objects one transaction looks up.
const STEP: usize = 500;
/// How long the housekeeping stays with one folder, in seconds.
const AN_HOUR: i64 = 3600;

/// What lies in one folder of the store.
pub(crate) struct Folder {
    /// How many objects.
    pub(crate) objects: u64,
    /// Those to which no row leads.
    pub(crate) strays: Vec<ObjectKey>,
    /// What has a name there that no version of Wharf gives.
    pub(crate) foreign: Vec<String>,
}

impl Registry {
    /// Condemns the strays of the folder whose turn it is, and says how many. The clock says only whose turn that is.
    ///
    /// # Errors
    /// `Conflict` where they are more than a tenth of all memberships: then it is more likely that the store belongs to
    /// another database. `Unavailable`.
    pub async fn sweep_strays(&self) -> Result<u64> {
        let hour = self.now().seconds().div_euclid(AN_HOUR).rem_euclid(256);
        let strays = self.look_into(u8::try_from(hour).map_err(Error::internal)?).await?.strays;
        if !strays.is_empty() {
            self.expect_few(strays.len() as u64).await?;
            self.condemn_strays(&strays).await?;
        }
        Ok(strays.len() as u64)
    }

    /// What lies in a folder, and what of it is nobody's.
    pub(crate) async fn look_into(&self, folder: u8) -> Result<Folder> {
        let names = self.blobs().list(folder).await?;
        let (objects, mut keys, mut foreign) = (names.len() as u64, Vec::new(), Vec::new());
        for name in names {
            match key_of(&name, folder) {
                Some(key) => keys.push(key),
                None => foreign.push(name),
            }
        }
        let mut strays = Vec::new();
        for some in keys.chunks(STEP) {
            strays.extend(self.store().view(Unknown { keys: some.to_vec() }).await?);
        }
        if !strays.is_empty() {
            // One that was being removed while the list was made is gone by now.
            let still: HashSet<_> = self.blobs().list(folder).await?.into_iter().collect();
            strays.retain(|key| still.contains(&key.name()));
        }
        Ok(Folder { objects, strays, foreign })
    }

    /// Lets the collector remove objects after its grace, unless a row leads to them by then.
    pub(crate) async fn condemn_strays(&self, strays: &[ObjectKey]) -> Result<()> {
        let grace = self.settings().object_grace;
        for keys in strays.chunks(STEP) {
            self.store().commit(Condemn { keys: keys.to_vec(), grace }).await?;
            self.meters().objects_condemned.add(keys.len() as u64);
        }
        Ok(())
    }

    /// A database that was just made knows no object of a store that another one fills.
    async fn expect_few(&self, strays: u64) -> Result<()> {
        let all = self.store().view(CountMemberships::to_weigh(strays)).await?;
        if strays <= all / MODEST {
            return Ok(());
        }
        let message = format!(
            "no row leads to {strays} objects of one folder, while there are {all} memberships: does another Wharf keep \
             its bytes here? wharf verify names them, and with --repair lets them go"
        );
        Err(Error::new(Kind::Conflict, message))
    }
}

/// The key of an object in its place; `None` for anything that no version of Wharf put there.
fn key_of(name: &str, folder: u8) -> Option<ObjectKey> {
    let key = name.parse::<UploadId>().ok()?.object_key();
    (key.folder() == folder).then_some(key)
}

/// Those to which no row leads. A row is there before its object and goes after it, so whoever has none is a stray.
struct Unknown {
    keys: Vec<ObjectKey>,
}

#[async_trait]
impl Transaction for Unknown {
    type Output = Vec<ObjectKey>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ObjectKey>> {
        work.unknown_objects(&self.keys).await
    }
}

struct Condemn {
    keys: Vec<ObjectKey>,
    grace: i64,
}

#[async_trait]
impl Transaction for Condemn {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.condemn_all(&self.keys, self.grace).await
    }
}
