//! What `object_store` signs requests with. It asks for the hash of a payload in the call that sends it, on a thread that
//! serves; the payloads that go through [`sending`] have theirs already.

use std::ptr;

use aws_lc_rs::hmac;
use object_store::{
    Error as S3Error,
    client::{CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, Signer, SigningAlgorithm},
};
use tokio::task_local;
use wharf_core::{Algorithm, Digest};
use wharf_hash::Hasher;

use super::payload::Payload;

task_local! {
    /// What the call that runs sends.
    static SENT: Payload;
}

/// Makes a call that sends a payload.
pub(super) async fn sending<T>(payload: Payload, call: impl Future<Output = T>) -> T {
    SENT.scope(payload, call).await
}

/// The hashes that a signature is made of.
#[derive(Debug)]
pub(super) struct Crypto;

impl CryptoProvider for Crypto {
    fn digest(&self, algorithm: DigestAlgorithm) -> object_store::Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Hashing::new())),
            _ => Err(unknown()),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> object_store::Result<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(Box::new(Keyed { context: hmac::Context::with_key(&key), tag: None }))
            }
            _ => Err(unknown()),
        }
    }

    /// Nothing of S3 is signed with a private key.
    fn sign(&self, _: SigningAlgorithm, _: &[u8]) -> object_store::Result<Box<dyn Signer>> {
        Err(unknown())
    }
}

fn unknown() -> S3Error {
    S3Error::NotSupported { source: "no request to S3 is signed so".into() }
}

/// A hash that is asked for.
struct Hashing {
    hasher: Hasher,
    /// The payload, as long as nothing but its pieces came, in order.
    sent: Option<Payload>,
    /// How many of them came.
    came: usize,
    digest: Option<Digest>,
}

impl Hashing {
    fn new() -> Self {
        let sent = SENT.try_with(Payload::clone).ok();
        Self { hasher: Hasher::new(Algorithm::Sha256), sent, came: 0, digest: None }
    }

    /// Hashes after all what was taken for the beginning of the payload.
    fn give_up(&mut self) {
        if let Some(payload) = self.sent.take() {
            payload.pieces().iter().take(self.came).for_each(|piece| self.hasher.update(piece));
        }
    }
}

impl DigestContext for Hashing {
    fn update(&mut self, data: &[u8]) {
        // The same memory, and nobody writes to it while the payload is here.
        let next = self.sent.as_ref().and_then(|payload| payload.pieces().get(self.came));
        if next.is_some_and(|piece| ptr::eq(&**piece, data)) {
            self.came += 1;
            return;
        }
        self.give_up();
        self.hasher.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        let whole = self.sent.take_if(|payload| payload.pieces().len() == self.came && self.came > 0);
        let digest = match whole {
            Some(payload) => *payload.digest(),
            None => {
                self.give_up();
                self.hasher.clone().finish()
            }
        };
        Ok(self.digest.insert(digest).as_bytes())
    }
}

/// A keyed hash that is asked for.
struct Keyed {
    context: hmac::Context,
    tag: Option<hmac::Tag>,
}

impl HmacContext for Keyed {
    fn update(&mut self, data: &[u8]) {
        self.context.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        let tag: &hmac::Tag = self.tag.insert(self.context.clone().sign());
        Ok(tag.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wharf_core::hex;

    use super::{super::payload::tests::lying, *};

    fn hash(pieces: &[&[u8]]) -> Vec<u8> {
        let mut context = Crypto.digest(DigestAlgorithm::Sha256).unwrap();
        pieces.iter().for_each(|piece| context.update(piece));
        context.finish().unwrap().to_vec()
    }

    #[tokio::test]
    async fn only_what_is_sent_is_not_hashed_again() {
        let pieces = [Bytes::from(vec![1; 5]), Bytes::from(vec![2; 5])];
        let known = Digest::sha256([7; 32]);
        let [one, two] = [&*pieces[0], &*pieces[1]];
        let truth = |bytes: &[u8]| wharf_hash::digest(Algorithm::Sha256, bytes).as_bytes().to_vec();
        let all = async {
            assert_eq!(hash(&[one, two]), known.as_bytes(), "it is hashed again");
            for other in
                [&[one, one][..], &[two, one], &[one], &[one, two, b"x"], &[&[1; 5], two], &[b""], &[]]
            {
                assert_eq!(hash(other), truth(&other.concat()), "{other:?}");
            }
        };
        sending(lying(pieces.to_vec(), known), all).await;
        assert_eq!(hash(&[one, two]), truth(&[one, two].concat()), "nothing is sent any more");
    }

    #[test]
    fn a_keyed_hash_is_that_of_the_standard() {
        // RFC 4231, section 4.3.
        let mut keyed = Crypto.hmac(DigestAlgorithm::Sha256, b"Jefe").unwrap();
        keyed.update(b"what do ya want ");
        keyed.update(b"for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(keyed.finish().unwrap()), expected);
    }
}
