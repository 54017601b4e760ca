//! The compression functions: sha2's, and for SHA-256 on older x86-64 the faster one of `fast`.

use sha2::block_api::{compress256, compress512};

use crate::block::Compression;

/// SHA-256's chaining words.
#[derive(Clone)]
pub(crate) struct Sha256([u32; 8]);

/// SHA-512's chaining words.
#[derive(Clone)]
pub(crate) struct Sha512([u64; 8]);

impl Compression for Sha256 {
    const BLOCK: usize = 64;
    const COUNT: usize = 8;

    fn initial() -> Self {
        // FIPS 180-4, section 5.3.3.
        Self([
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ])
    }

    fn compress(&mut self, blocks: &[u8]) {
        let blocks = blocks.as_chunks::<64>().0;
        #[cfg(all(feature = "fast-hash", target_arch = "x86_64"))]
        if crate::fast::is_faster() {
            return crate::fast::compress256(&mut self.0, blocks);
        }
        compress256(&mut self.0, blocks);
    }

    fn words(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn from_words(words: &[u8]) -> Option<Self> {
        let words: Vec<u32> = words.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect();
        words.try_into().ok().map(Self)
    }

    fn words_length() -> usize {
        32
    }
}

impl Compression for Sha512 {
    const BLOCK: usize = 128;
    const COUNT: usize = 16;

    fn initial() -> Self {
        // FIPS 180-4, section 5.3.5.
        Self([
            0x6a09_e667_f3bc_c908,
            0xbb67_ae85_84ca_a73b,
            0x3c6e_f372_fe94_f82b,
            0xa54f_f53a_5f1d_36f1,
            0x510e_527f_ade6_82d1,
            0x9b05_688c_2b3e_6c1f,
            0x1f83_d9ab_fb41_bd6b,
            0x5be0_cd19_137e_2179,
        ])
    }

    fn compress(&mut self, blocks: &[u8]) {
        compress512(&mut self.0, blocks.as_chunks::<128>().0);
    }

    fn words(&self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn from_words(words: &[u8]) -> Option<Self> {
        let words: Vec<u64> = words.as_chunks::<8>().0.iter().map(|word| u64::from_be_bytes(*word)).collect();
        words.try_into().ok().map(Self)
    }

    fn words_length() -> usize {
        64
    }
}
