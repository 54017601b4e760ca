//! The world the engines are shielded from: the clock, chance, the environment, the boot.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use wharf_core::{Clock, Entropy, Timestamp};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_microseconds(jiff::Timestamp::now().as_microsecond())
    }
}

/// The operating system's generator.
pub(crate) struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for chance")]
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without chance no key, token or id may be made: better no server"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer).expect("the operating system gives no random bytes");
    }
}

/// A variable of the environment, if it is set and readable.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// All variables of the environment that are readable, for a library that has its own.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// A name for this boot of the machine: what was written but not flushed before another one may be lost. Where the
/// system does not say, every start counts as one.
#[expect(clippy::disallowed_methods, reason = "the boot id is a file of the kernel's")]
pub(crate) fn boot_id(entropy: &dyn Entropy) -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    kernel.map_or_else(|_| entropy.id::<16>(), |id| id.trim().to_owned())
}
