//! aws-lc's SHA-256 block function, for x86-64 without SHA extensions: the crate's one unsafe call.
//!
//! Why: without the extensions sha2 hashes 0.18 to 0.19 GB/s on one core and aws-lc 0.34 to 0.36, and there the
//! hash is the whole limit of an upload. aws-lc-rs's safe interface cannot save its state, so the block function
//! is called alone and the framing stays ours. `fast_and_portable_agree` holds it against sha2's.

use std::sync::LazyLock;

/// Whether this processor gains from it: no SHA extensions, so sha2 would fall back to plain Rust.
pub(crate) fn is_faster() -> bool {
    static FASTER: LazyLock<bool> = LazyLock::new(|| !std::arch::is_x86_feature_detected!("sha"));
    *FASTER
}

/// Works through whole blocks, like `sha2::block_api::compress256`.
#[expect(unsafe_code, reason = "the block function is only reachable through the C interface")]
pub(crate) fn compress256(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    // SAFETY: the function reads `blocks.len()` blocks of 64 bytes from `data` and reads and writes eight u32 at
    // `state`; both pointers come from references of exactly those sizes, live for the call, and do not overlap,
    // since one is unique. With no blocks it is not called. It keeps neither pointer and has no other effect.
    if !blocks.is_empty() {
        unsafe {
            aws_lc_sys::SHA256_TransformBlocks(state.as_mut_ptr(), blocks.as_ptr().cast(), blocks.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fast_and_portable_agree(
            state in any::<[u32; 8]>(),
            blocks in prop::collection::vec(prop::array::uniform32(any::<[u8; 2]>()), 0..9),
        ) {
            let blocks: Vec<[u8; 64]> = blocks.iter().map(|b| b.as_flattened().try_into().unwrap()).collect();
            let (mut fast, mut portable) = (state, state);
            super::compress256(&mut fast, &blocks);
            sha2::block_api::compress256(&mut portable, &blocks);
            prop_assert_eq!(fast, portable);
        }
    }
}
