//! What may stand outside a rule, by name and with its reason. The list should shrink.

use crate::layers::fault::{Fault, Rule};

/// One place that one rule does not bind.
pub(crate) struct Exception {
    pub(crate) rule: Rule,
    /// As `Fault::place` spells it.
    pub(crate) place: &'static str,
    pub(crate) reason: &'static str,
}

/// Every exception there is.
pub(crate) const EXCEPTIONS: &[Exception] = &[Exception {
    rule: Rule::Arrow,
    place: "hash -> core",
    reason: "hashers answer with core's words, a digest and its algorithm; hash stands on core, beside nobody",
}];

/// The faults that no exception covers, and one more for each exception that covers nothing.
pub(crate) fn apply(exceptions: &[Exception], faults: Vec<Fault>) -> Vec<Fault> {
    let covers =
        |exception: &Exception, fault: &Fault| exception.rule == fault.rule && exception.place == fault.place;
    let idle = exceptions.iter().filter(|exception| !faults.iter().any(|fault| covers(exception, fault)));
    let stale: Vec<Fault> = idle.map(stale).collect();
    let uncovered = |fault: &Fault| !exceptions.iter().any(|exception| covers(exception, fault));
    faults.into_iter().filter(uncovered).chain(stale).collect()
}

fn stale(exception: &Exception) -> Fault {
    Fault {
        rule: Rule::Exception,
        place: exception.place.to_owned(),
        how: format!("nothing needs this exception any more; take it off the list ({})", exception.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Exception =
        Exception { rule: Rule::FileLines, place: "crates/meta/src/long.rs", reason: "generated" };

    fn long_file(place: &str) -> Fault {
        Fault { rule: Rule::FileLines, place: place.to_owned(), how: "601 lines".to_owned() }
    }

    #[test]
    fn an_exception_covers_its_place_and_no_other() {
        let faults = vec![long_file(LONG.place), long_file("crates/meta/src/other.rs")];
        assert_eq!(apply(&[LONG], faults), [long_file("crates/meta/src/other.rs")]);
    }

    #[test]
    fn an_exception_covers_its_rule_and_no_other() {
        let method = Fault { rule: Rule::TraitMethods, ..long_file(LONG.place) };
        let left = apply(&[LONG], vec![long_file(LONG.place), method]);
        assert_eq!(left.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [Rule::TraitMethods]);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_a_fault() {
        let left = apply(&[LONG], Vec::new());
        assert_eq!(left.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [Rule::Exception]);
    }
}
