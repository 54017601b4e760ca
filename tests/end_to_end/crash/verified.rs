//! What the server says of itself after an end: `wharf verify` and `wharf audit verify` find nothing.
//!
//! They see what no client does: objects to which nothing leads, blobs that belong to nobody, edges that are not those of
//! their manifest, a count of bytes that is not their sum, a record of the audit log that was not sealed as it stands.

use crate::harness::Wharf;

/// Faster than any disk: nobody else is served meanwhile.
const RATE: &str = "1000000";
/// Whoever has been through many rounds has much to read.
const EVERY: u64 = 10;

/// Every tenth round, from the first on: panics with all that is found.
pub(super) fn verify_now_and_then(round: u64, wharf: &Wharf, context: &str) {
    if round.is_multiple_of(EVERY) {
        verify(wharf, context);
    }
}

/// Panics with all that is found.
pub(super) fn verify(wharf: &Wharf, context: &str) {
    for command in [&["verify", "--rate", RATE][..], &["audit", "verify"]] {
        let output = wharf.try_command(command, "");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(
            output.status.success(),
            "{context}: wharf {command:?} ended with {}:\n{told}",
            output.status
        );
    }
}
