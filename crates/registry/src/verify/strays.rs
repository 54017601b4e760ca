//! Every object of the store is held against the rows.

use wharf_core::Result;

use super::{Finding, Inspector, Repair};
use crate::Registry;

impl Registry {
    /// Looks at all objects, and says how many there are.
    pub(super) async fn verify_objects(&self, repair: Repair, inspector: &mut dyn Inspector) -> Result<u64> {
        let mut objects = 0;
        for number in 0..=255 {
            let folder = self.look_into(number).await?;
            objects += folder.objects;
            inspector.read(0).await?;
            if repair == Repair::Yes {
                self.condemn_strays(&folder.strays).await?;
            }
            let foreign = folder.foreign.iter().map(|name| format!("objects/{number:02x}/{name}"));
            for object in folder.strays.iter().map(ToString::to_string).chain(foreign) {
                inspector.found(Finding::Stray { object }).await?;
            }
        }
        Ok(objects)
    }
}
