//! Sealing: what leaves the process, or lies in a store, tells nothing and cannot be changed.

use aes_gcm_siv::aead::AeadInOut;
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce, Tag};
use zeroize::Zeroizing;

use crate::encoding::Writer;
use crate::random::random;

/// Bytes that are drawn anew for each sealing.
pub(crate) const NONCE: usize = 12;
/// Bytes that tell what was changed.
const TAG: usize = 16;
/// What a sealing takes more than what is sealed.
pub(crate) const OVERHEAD: usize = NONCE + TAG;

/// One purpose of one key, ready for use: AES-256-GCM-SIV (RFC 8452).
///
/// Its nonces are drawn at random, which it is made for: each has a key derived for it, and should two ever be the same, that
/// tells whether the same thing was sealed twice and no more. With the instructions that servers have for AES it takes a
/// quarter of the time of XChaCha20-Poly1305, and each blocked request is sealed a ticket.
#[derive(Clone)]
pub(crate) struct Sealer(Aes256GcmSiv);

impl Sealer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(key.into()))
    }

    /// Nonce, sealed bytes and tag; `aside` is authenticated with them and not repeated.
    pub(crate) fn seal(&self, aside: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_with(random().map_err(|_| SealError)?, aside, plain)
    }

    /// The same with a nonce that the caller has drawn along with other random bytes.
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE],
        aside: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal_onto(Vec::with_capacity(OVERHEAD + plain.len()), nonce, aside, |bytes| {
            bytes.fixed(plain);
        })
    }

    /// The same behind what is in `head` already, of what `write` writes, in the place where it is written; it is not moved
    /// unless it outgrows the room that `head` has.
    pub(crate) fn seal_onto(
        &self,
        head: Vec<u8>,
        nonce: [u8; NONCE],
        aside: &[u8],
        write: impl FnOnce(&mut Writer),
    ) -> Result<Vec<u8>, SealError> {
        let begins = head.len() + NONCE;
        let mut bytes = Writer::onto(head);
        write(bytes.fixed(&nonce));
        let mut sealed = bytes.finish();
        let body = sealed.get_mut(begins..).ok_or(SealError)?;
        let tag =
            self.0.encrypt_inout_detached(&Nonce::from(nonce), aside, body.into()).map_err(|_| SealError)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// What was sealed; nothing for whatever was changed, and the same nothing for all of it.
    pub(crate) fn open(&self, aside: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_in_place(aside, sealed.to_vec())
    }

    /// The same without a copy.
    pub(crate) fn open_in_place(&self, aside: &[u8], sealed: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
        let mut plain = Zeroizing::new(sealed);
        let (nonce, rest) = plain.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        let (nonce, tag, end) = (Nonce::from(*nonce), Tag::from(*tag), NONCE + body.len());
        self.0.decrypt_inout_detached(&nonce, aside, plain.get_mut(NONCE..end)?.into(), &tag).ok()?;
        plain.truncate(end);
        plain.drain(..NONCE);
        Some(plain)
    }
}

/// The machine had no random bytes for a nonce, or what should be sealed is no challenge of this ring.
#[derive(Debug)]
pub(crate) struct SealError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{from_hex, to_hex};

    #[test]
    fn r34_it_is_the_published_cipher() {
        // RFC 8452, C.2: the vectors of AES-256-GCM-SIV, without and with something aside.
        let key = from_hex(&format!("01{}", "0".repeat(62))).unwrap().try_into().unwrap();
        let nonce = from_hex("030000000000000000000000").unwrap().try_into().unwrap();
        let seal = |aside: &str, plain: &str| {
            let sealed =
                Sealer::new(&key).seal_with(nonce, &from_hex(aside).unwrap(), &from_hex(plain).unwrap());
            to_hex(&sealed.unwrap()[NONCE..])
        };
        assert_eq!(seal("", ""), "07f5f4169bbf55a8400cd47ea6fd400f");
        assert_eq!(seal("", "0100000000000000"), "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28");
        assert_eq!(seal("01", "0200000000000000"), "1de22967237a813291213f267e3b452f02d01ae33e4ec854");
    }

    #[test]
    fn r34_what_was_changed_opens_for_nobody() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer.seal(b"aside", b"plain").unwrap();
        assert_eq!(sealer.open(b"aside", &sealed).unwrap().as_slice(), b"plain");
        assert_ne!(sealer.seal(b"aside", b"plain").unwrap(), sealed, "each has a nonce of its own");
        assert!(sealer.open(b"other", &sealed).is_none());
        assert!(Sealer::new(&[8; 32]).open(b"aside", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(b"aside", &changed).is_none(), "{at}");
            assert!(sealer.open(b"aside", &sealed[..at]).is_none(), "{at}");
        }
    }
}
