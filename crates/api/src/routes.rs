//! The one list of what can be asked of the management API.

use std::sync::LazyLock;

use axum::http::Method;
use wharf_core::{Error, Kind, Result};

use crate::{
    endpoints::{
        audit, charts, facts, invitations, issuers, keys, logins, me, members, moves, organisations, people,
        providers, registries, releases, repositories, robots, rules, second_factor, sign_up, tokens, usage,
        users, webhooks,
    },
    route::Route,
    template::{Parameters, nothing},
};

/// Every route.
pub(crate) static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    [
        me::routes(),
        tokens::routes(),
        users::routes(),
        people::routes(),
        providers::routes(),
        sign_up::routes(),
        logins::routes(),
        second_factor::routes(),
        invitations::routes(),
        organisations::routes(),
        members::routes(),
        robots::routes(),
        issuers::routes(),
        registries::routes(),
        rules::routes(),
        keys::routes(),
        repositories::routes(),
        moves::routes(),
        releases::routes(),
        usage::routes(),
        charts::routes(),
        facts::routes(),
        audit::routes(),
        webhooks::routes(),
    ]
    .concat()
});

/// The route of a path and method, with what stands in the path for its names.
///
/// # Errors
/// `NotFound` for a path of no route; `Unsupported` for a method that its routes do not take.
pub(crate) fn find(method: &Method, path: &[String]) -> Result<(&'static Route, Parameters)> {
    // A HEAD is its GET; what it would bring is left away on the wire.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let of_path = ROUTES.iter().filter_map(|route| Some((route, route.template.matches(path)?)));
    let most = of_path.clone().map(|(route, _)| route.template.words()).max().ok_or_else(nothing)?;
    let mut of_path = of_path.filter(|(route, _)| route.template.words() == most);
    let unsupported = || Error::new(Kind::Unsupported, format!("{method} is not served here"));
    of_path.find(|(route, _)| route.method == method).ok_or_else(unsupported)
}

/// The methods that a path takes, as the header `Allow` has them.
pub(crate) fn allowed(path: &[String]) -> String {
    let of_path = ROUTES.iter().filter(|route| route.template.matches(path).is_some());
    let most = of_path.clone().map(|route| route.template.words()).max();
    let methods = of_path.filter(|route| Some(route.template.words()) == most).flat_map(|route| {
        let head = (route.method == Method::GET).then_some("HEAD");
        [Some(route.method.as_str()), head].into_iter().flatten()
    });
    methods.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::segments;

    fn path(text: &str) -> Vec<String> {
        segments(&format!("/api/v1/{text}")).unwrap()
    }

    #[test]
    fn a_method_that_a_path_does_not_take_is_told_from_a_path_that_is_none() {
        let kind = |method, text| find(&method, &path(text)).err().map(|error| error.kind());
        assert_eq!(kind(Method::HEAD, "me"), None);
        assert_eq!(kind(Method::PUT, "me"), Some(Kind::Unsupported));
        assert_eq!(kind(Method::GET, "nothing"), Some(nothing().kind()));
        assert_eq!(allowed(&path("me")), "GET, HEAD");
    }

    #[test]
    fn no_route_stands_twice() {
        for (position, route) in ROUTES.iter().enumerate() {
            let earlier = ROUTES.iter().take(position);
            let same =
                earlier.filter(|other| (&other.method, other.template) == (&route.method, route.template));
            assert_eq!(same.count(), 0, "{} {}", route.method, route.template.0);
        }
    }
}
