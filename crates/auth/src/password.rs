//! Passwords: argon2id, few at a time, and the same work for a user that does not exist.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::Semaphore;
use wharf_core::{Entropy, Error, Kind, Network, Result, Secret};

use crate::meters::PasswordLoad;

/// How many checks one client may have waiting or running.
const SHARE: usize = 8;

/// Blocks larger than 32 MiB glibc never keeps (`DEFAULT_MMAP_THRESHOLD_MAX`).
const NEVER_KEPT: usize = 33 << 20;

/// The fewest characters of a new password.
const FEWEST: usize = 8;
/// The longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

pub(crate) struct Passwords {
    cores: usize,
    /// How many checks may run or wait.
    room: usize,
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<Option<Network>, usize>>>,
    nobody: Arc<str>,
}

impl Passwords {
    /// `queue` is how many checks may wait for a core; more are refused.
    pub(crate) fn new(entropy: &dyn Entropy, queue: usize) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (password, salt): ([u8; 16], [u8; 16]) = (entropy.bytes(), entropy.bytes());
        Ok(Self {
            cores,
            turns: Arc::new(Semaphore::new(cores)),
            room: cores + queue,
            queue: Arc::new(Semaphore::new(cores + queue)),
            shares: Arc::default(),
            nobody: hash(&password, &salt)?.into(),
        })
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: &Secret<String>, salt: [u8; 16]) -> Result<String> {
        expect_sound(password.expose())?;
        let password = password.clone();
        self.in_turn(move || hash(password.expose().as_bytes(), &salt)).await?
    }

    /// Whether a password is the one of a hash; with no hash it works as long and says no.
    /// One client gets only its share of the queue.
    pub(crate) async fn verify(
        &self,
        password: &Secret<String>,
        known: Option<&str>,
        address: Option<IpAddr>,
    ) -> Result<bool> {
        let _share = self.share(address)?;
        let exists = known.is_some() && password.expose().len() <= LONGEST;
        let against: Arc<str> = known.map_or_else(|| self.nobody.clone(), Into::into);
        let password = password.clone();
        let verified = self.in_turn(move || {
            let tried = password.expose().as_bytes();
            let tried = tried.get(..LONGEST).unwrap_or(tried);
            is_right(tried, &against).unwrap_or_default()
        });
        Ok(verified.await? && exists)
    }

    /// How many checks run and wait.
    pub(crate) fn load(&self) -> PasswordLoad {
        let running = self.cores - self.turns.available_permits();
        let queued = self.room - self.queue.available_permits();
        PasswordLoad { running, waiting: queued.saturating_sub(running) }
    }

    fn share(&self, address: Option<IpAddr>) -> Result<Share> {
        let client = address.map(Network::of_client);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = shares.entry(client).or_default();
        if *taken >= SHARE {
            return Err(busy());
        }
        *taken += 1;
        Ok(Share { shares: self.shares.clone(), client })
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let queued = self.queue.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = self.turns.clone().acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turns = (queued, turn);
            work()
        });
        done.await.map_err(Error::internal)
    }
}

/// A place in the queue of one client.
struct Share {
    shares: Arc<Mutex<HashMap<Option<Network>, usize>>>,
    client: Option<Network>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        match shares.get_mut(&self.client) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(shares.remove(&self.client)),
        }
    }
}

/// Refuses what is no password: one that is soon guessed, or that a terminal or a form would bring otherwise. What kinds
/// of characters it has is nobody's business.
fn expect_sound(password: &str) -> Result<()> {
    let is_sound = password.chars().count() >= FEWEST
        && password.len() <= LONGEST
        && !password.contains(char::is_control);
    let rule = "a password has at least 8 characters, at most 1024 bytes, and no control characters";
    if is_sound { Ok(()) } else { Err(Error::new(Kind::Invalid, rule)) }
}

fn busy() -> Error {
    Error::new(Kind::RateLimited, "too many passwords are being checked, try again")
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String> {
    let argon2 = Argon2::default();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    derive(&argon2, password, salt, &mut output).map_err(Error::internal)?;
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params()).map_err(Error::internal)?,
        salt: Some(Salt::new(salt).map_err(Error::internal)?),
        hash: Some(Output::new(&output).map_err(Error::internal)?),
    };
    Ok(hash.to_string())
}

/// Whether a password is that of a hash, by the hash's own parameters; nothing where it is no hash.
fn is_right(password: &[u8], against: &str) -> Option<bool> {
    let hash = PasswordHash::new(against).ok()?;
    let (salt, expected) = hash.salt.as_ref().zip(hash.hash.as_ref())?;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
    let mut output = vec![0; expected.len()];
    derive(&argon2, password, salt, &mut output).ok()?;
    // It compares in constant time.
    Some(Output::new(&output).ok()? == *expected)
}

/// Argon2 in memory that goes back to the system at once: the library's own, 19 MiB, glibc keeps for the next time, in
/// every thread that ever checked a password. The room that is asked for too much costs nothing, for nobody touches it.
fn derive(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], output: &mut [u8]) -> argon2::Result<()> {
    let blocks = argon2.params().block_count();
    let mut memory = Vec::with_capacity(blocks.max(NEVER_KEPT / Block::SIZE));
    memory.resize(blocks, Block::default());
    argon2.hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Entropy for Zero {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_user_is_right() {
        let passwords = Passwords::new(&Zero, 32).unwrap();
        let secret = |text: &str| Secret::new(text.to_owned());
        let hash = passwords.hash(&secret("the right one"), [1; 16]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(&secret("the right one"), Some(&hash), None).await.unwrap());
        assert!(!passwords.verify(&secret("the wrong one"), Some(&hash), None).await.unwrap());
        assert!(!passwords.verify(&secret("the right one"), None, None).await.unwrap());
        assert!(!passwords.verify(&secret(&"x".repeat(2000)), Some(&hash), None).await.unwrap());
        for bad in ["", "1234567", "ääääääa", "a\tpassword", &"x".repeat(1025)] {
            assert_eq!(passwords.hash(&secret(bad), [1; 16]).await.unwrap_err().kind(), Kind::Invalid);
        }
        assert!(passwords.hash(&secret("äääääääa"), [1; 16]).await.is_ok(), "characters are counted");
        let held: Vec<_> = (0..SHARE).map(|_| passwords.share(None).unwrap()).collect();
        assert_eq!(
            passwords.verify(&secret("the right one"), None, None).await.unwrap_err().kind(),
            Kind::RateLimited
        );
        assert!(passwords.share(Some([127, 0, 0, 1].into())).is_ok(), "another client has its own share");
        drop(held);
        assert!(passwords.shares.lock().unwrap().is_empty());
    }
}
