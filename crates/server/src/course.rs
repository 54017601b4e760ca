//! The way of our commands through a list that a server tells page by page.

use std::collections::HashSet;

use serde_json::Value;
use wharf_core::{Error, Kind, Result};

/// The way through a list: where pages began so far. A server that leads in a circle is not followed.
#[derive(Default)]
pub(crate) struct Course(HashSet<String>);

impl Course {
    /// Where the next page begins.
    ///
    /// # Errors
    /// `Invalid` where it would begin where one began, or after nothing.
    pub(crate) fn follow(&mut self, items: &[Value], next: &str) -> Result<String> {
        if items.is_empty() || !self.0.insert(next.to_owned()) {
            return Err(Error::new(
                Kind::Invalid,
                "the server says that there is more, and shows nothing new",
            ));
        }
        Ok(next.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_that_leads_in_a_circle_is_not_followed() {
        let (mut course, page) = (Course::default(), [json!({})]);
        assert_eq!(course.follow(&page, "a").unwrap(), "a");
        assert_eq!(course.follow(&page, "b").unwrap(), "b");
        assert!(course.follow(&page, "a").is_err());
        assert!(course.follow(&[], "c").is_err(), "more that is nothing");
    }
}
