//! Who may read a registry, in SQL: the one place where it stands beside the gate of `core`, and a test holds the two
//! together. The rule: what is public anybody may; else a member of the organisation may, whatever the role, and the
//! platform's operator.
//!
//! It has two forms, for a list must not look at what belongs to others: as a set, found by indexes, and as a question
//! about one registry. An operator, who may read everything, is asked for before the set is.

/// The registries, as `id` and `organisation_id`, that are public or of an organisation of the account in `$account`.
macro_rules! readable_registries {
    ($account:literal) => {
        concat!(
            "SELECT r.id, r.organisation_id FROM registry r WHERE r.public = 1
             UNION
             SELECT r.id, r.organisation_id FROM membership m
             JOIN registry r ON r.organisation_id = m.organisation_id
             WHERE m.account_id = ",
            $account
        )
    };
}

/// Whether the registry `r` may be read by the account in `$account`.
macro_rules! is_readable {
    ($account:literal) => {
        concat!(
            "(r.public = 1
             OR EXISTS (SELECT 1 FROM membership w
                 WHERE w.organisation_id = r.organisation_id AND w.account_id = ",
            $account,
            ")
             OR EXISTS (SELECT 1 FROM account a WHERE a.id = ",
            $account,
            " AND a.operator = 1))"
        )
    };
}

pub(super) use {is_readable, readable_registries};
