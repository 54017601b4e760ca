//! The framing both algorithms share: whole blocks go to the compression function, the rest waits, and padding
//! with the bit count ends it (FIPS 180-4, section 5.1).

/// A compression function: its block, its chaining state, its steps.
pub(crate) trait Compression: Clone {
    /// Bytes in a block.
    const BLOCK: usize;
    /// Bytes the bit count takes at the end.
    const COUNT: usize;

    /// The state before the first block.
    fn initial() -> Self;
    /// Works through whole blocks.
    fn compress(&mut self, blocks: &[u8]);
    /// The chaining words, big-endian.
    fn words(&self) -> Vec<u8>;
    /// The state of these chaining words; `None` if they are not as many as there must be.
    fn from_words(words: &[u8]) -> Option<Self>;
    /// Bytes the chaining words take.
    fn words_length() -> usize;
}

/// A digest in the making: chaining state, unfinished block, byte count.
#[derive(Clone)]
pub(crate) struct Running<C> {
    state: C,
    tail: Vec<u8>,
    count: u64,
}

impl<C: Compression> Running<C> {
    pub(crate) fn new() -> Self {
        Self { state: C::initial(), tail: Vec::with_capacity(C::BLOCK), count: 0 }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.count = self.count.wrapping_add(bytes.len() as u64);
        if !self.tail.is_empty() {
            let (first, rest) = bytes.split_at(bytes.len().min(C::BLOCK - self.tail.len()));
            self.tail.extend_from_slice(first);
            bytes = rest;
            if self.tail.len() < C::BLOCK {
                return;
            }
            self.state.compress(&self.tail);
            self.tail.clear();
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % C::BLOCK);
        self.state.compress(whole);
        self.tail.extend_from_slice(rest);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let bits = u128::from(self.count) * 8;
        self.tail.push(0x80);
        while !(self.tail.len() + C::COUNT).is_multiple_of(C::BLOCK) {
            self.tail.push(0);
        }
        self.tail.extend_from_slice(bits.to_be_bytes().split_at(16 - C::COUNT).1);
        self.state.compress(&self.tail);
        self.state.words()
    }

    pub(crate) fn save(&self, saved: &mut Vec<u8>) {
        saved.extend_from_slice(&self.count.to_be_bytes());
        saved.extend_from_slice(&self.state.words());
        saved.extend_from_slice(&self.tail);
    }

    pub(crate) fn restore(saved: &[u8]) -> Option<Self> {
        let (count, rest) = saved.split_first_chunk::<8>()?;
        let count = u64::from_be_bytes(*count);
        let (words, tail) = rest.split_at_checked(C::words_length())?;
        let unfinished = count % C::BLOCK as u64;
        (tail.len() as u64 == unfinished).then_some(())?;
        Some(Self { state: C::from_words(words)?, tail: tail.to_vec(), count })
    }
}

impl<C> Running<C> {
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }
}
