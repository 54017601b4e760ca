//! Bearer tokens: altered in any way they are refused, or say exactly what they said before.

mod keeper;

use std::panic::AssertUnwindSafe;

use bolero::check;
use tokio::runtime::{Builder, Runtime};
use wharf_auth::Auth;
use wharf_core::{Access, Authenticator as _, Presented, Principal, Scope, Secret};

use crate::alphabet;

/// Words of tokens: separators, and base64 of headers and claims that forgers like.
const WORDS: &[&str] = &[
    ".",
    "..",
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9",
    "e30",
    "bnVsbA",
    "W10",
    "=",
    "-",
    "_",
    "A",
    "AAAA",
    "\0",
    "é",
    " ",
];

/// An authenticator that is asked again and again, across the panics that a target catches.
struct Door {
    runtime: Runtime,
    auth: Auth,
}

impl Door {
    fn open() -> AssertUnwindSafe<Self> {
        let runtime = Builder::new_current_thread().build().unwrap();
        let auth = runtime.block_on(keeper::open());
        AssertUnwindSafe(Self { runtime, auth })
    }

    /// A token of the one user, for this scope.
    fn issue(&self, scope: &str) -> String {
        let access = vec![scope.parse::<Scope>().unwrap()];
        self.auth.issue(&keeper::actor(), access).unwrap().token.expose().clone()
    }

    /// Whom a token shows, and how far it reaches.
    fn shown(&self, token: &str) -> Option<(Principal, Access)> {
        let presented = Presented::Bearer(Secret::new(token.to_owned()));
        let actor = self.runtime.block_on(self.auth.authenticate(presented, None, "fuzz")).ok()?;
        Some((actor.principal().clone(), actor.access().clone()))
    }
}

#[test]
fn a_token_with_a_byte_changed_is_refused_or_says_the_same() {
    let door = Door::open();
    let token = door.issue("repository:acme/app:pull");
    let whole = door.shown(&token).expect("a token is accepted as it was issued");
    assert_eq!(&whole.0, keeper::actor().principal());
    check!().with_type().for_each(|(at, byte, is_cut): &(u16, u8, bool)| {
        let at = usize::from(*at) % token.len();
        let mut bytes = token.clone().into_bytes();
        bytes[at] = *byte;
        if *is_cut {
            bytes.truncate(at);
        }
        let altered = String::from_utf8_lossy(&bytes);
        if let Some(found) = door.shown(&altered) {
            assert_eq!(found, whole, "{altered:?}");
        }
    });
}

/// The parts of two good tokens, and what forgers put beside them, in any order.
#[test]
fn tokens_put_together_from_parts_say_nothing_new() {
    let door = Door::open();
    let good = ["pull", "pull,push"].map(|actions| door.issue(&format!("repository:acme/app:{actions}")));
    let known: Vec<_> = good.iter().filter_map(|token| door.shown(token)).collect();
    assert_eq!(known.len(), 2);
    let parts: Vec<&str> =
        good.iter().flat_map(|token| token.split('.')).chain(WORDS.iter().copied()).collect();
    check!().with_max_len(9).for_each(|bytes: &[u8]| {
        for text in [alphabet::words(bytes, &parts), alphabet::text(bytes, &parts)] {
            if let Some(found) = door.shown(&text) {
                assert!(known.contains(&found), "{text:?}");
            }
        }
    });
}
