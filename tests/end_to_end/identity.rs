//! Who are you, and what may you know: tokens, passwords, forgeries, and the line between 401, 403 and 404.

mod advisories;
mod browsers;
mod failed_logins;
mod forgery;
mod passwords;
mod providers;
mod referrers;
mod scopes;
mod token_endpoint;
mod uploads;
mod visibility;
mod workloads;
