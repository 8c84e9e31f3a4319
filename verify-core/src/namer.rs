//! Names out of names: all that is known of one user, address or challenge.

use aes_gcm_siv::aes::Aes256Enc;
use aes_gcm_siv::aes::cipher::{BlockCipherEncrypt, KeyInit};

/// Names each thing that is known of somebody or something, by one block of AES-256 under a key of its own.
///
/// Who or what it is about may be of any length, so that is hashed first, once, to 128 bits: HMAC-SHA-256. A message has
/// fifteen names, most of them of one user, and a block costs a sixth of a hash. It is as good as one: the key is the only way
/// from one name to the next, and two names of one owner are never the same.
pub(crate) struct Namer(Aes256Enc);

/// What a name stands for. The numbers are kept by a store for as long as what they name.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    // Of a challenge, by its random id.
    Tries = 1,
    Sends = 2,
    Handle = 3,
    Dialled = 4,
    CallOver = 5,
    Redeemed = 6,
    CaptchaBinding = 7,
    Message = 8,
    Grant = 9,
    // Of a user.
    Factor = 16,
    Whole = 17,
    Decoy = 18,
    Revocations = 19,
    Authentications = 20,
    // Of a user at a factor.
    Cooldown = 32,
    Lockout = 33,
    Block = 34,
    Blocks = 35,
    Era = 36,
    Failures = 37,
    CardTries = 38,
    // Of a place where challenges are open.
    Open = 48,
    // Of an address.
    DestinationCooldown = 64,
    DestinationQuota = 65,
    // Of an idempotency key.
    Running = 80,
    Begun = 81,
    Outcome = 82,
}

impl Namer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Enc::new(key.into()))
    }

    /// The name of what is known of `whose`, which is a keyed hash or was drawn at random; `number` tells apart what is of one
    /// kind.
    pub(crate) fn name(&self, whose: &[u8; 16], kind: Kind, number: u64) -> [u8; 16] {
        let which = u128::from(kind as u8) << 64 | u128::from(number);
        let mut block = (u128::from_be_bytes(*whose) ^ which).to_be_bytes().into();
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::encoding::{from_hex, to_hex};

    #[test]
    fn r33_each_owner_kind_and_number_has_a_name_of_its_own() {
        let namer = Namer::new(&[7; 32]);
        let mut names = HashSet::new();
        for whose in [[0; 16], [1; 16], [255; 16]] {
            for kind in [Kind::Tries, Kind::Era, Kind::Failures, Kind::Outcome] {
                for number in [0, 1, 255, 256, u64::MAX] {
                    assert!(names.insert(namer.name(&whose, kind, number)));
                    assert!(names.insert(Namer::new(&[8; 32]).name(&whose, kind, number)), "by another key");
                }
            }
        }
        assert!(!names.contains(&[0; 16]));
    }

    #[test]
    fn r33_it_is_the_published_cipher() {
        // FIPS 197, C.3.
        let bytes = |hex: &str| from_hex(hex).unwrap();
        let key = bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let mut whose: [u8; 16] = bytes("00112233445566778899aabbccddeeff").try_into().unwrap();
        whose[7] ^= Kind::Tries as u8;
        whose[15] ^= 5;
        let name = Namer::new(&key.try_into().unwrap()).name(&whose, Kind::Tries, 5);
        assert_eq!(to_hex(&name), "8ea2b7ca516745bfeafc49904b496089");
    }
}
