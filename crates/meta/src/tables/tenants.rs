//! The installation's settings, organisations, their registries and repositories.

use super::{Table, bytes, integer, table, text};

pub(super) const TABLES: &[Table] = &[
    table("setting", 1, &[text("name"), bytes("value")]),
    table(
        "organisation",
        1,
        &[
            integer("id"),
            text("name"),
            text("settings"),
            integer("quota_bytes"),
            integer("created_at"),
            integer("removed_at"),
        ],
    ),
    table(
        "registry",
        1,
        &[
            integer("id"),
            integer("organisation_id"),
            text("name"),
            text("kind"),
            integer("public"),
            text("settings"),
            integer("created_at"),
        ],
    ),
    table("source", 1, &[integer("registry_id"), text("upstream"), bytes("login"), text("guard")]),
    table("registry_member", 2, &[integer("registry_id"), integer("position"), integer("member_id")]),
    table(
        "fetched",
        2,
        &[
            integer("registry_id"),
            text("name"),
            text("etag"),
            integer("checked_at"),
            integer("version"),
            bytes("payload"),
        ],
    ),
    table("fetched_size", 1, &[integer("registry_id"), integer("bytes")]),
    table(
        "rule",
        3,
        &[integer("registry_id"), text("kind"), text("name"), text("body"), integer("updated_at")],
    ),
    table(
        "repository",
        1,
        &[
            integer("id"),
            integer("registry_id"),
            text("name"),
            text("path"),
            integer("shown"),
            integer("sequence"),
            integer("grown"),
            integer("created_at"),
            integer("looked_at"),
        ],
    ),
];
