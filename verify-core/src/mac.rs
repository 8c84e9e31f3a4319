//! HMAC-SHA-256 (RFC 2104) with both blocks of the key hashed beforehand, so that using it costs the message and nothing else.
//!
//! Each request with a clearance is one of these, of a message that fits one block, and the names of a store's entries are a
//! dozen more. The `hmac` crate takes half as long again for them: what it copies and wipes is more than what it hashes. The
//! hash itself is `sha2`'s, and the tests hold every length of message to that crate.

use std::slice::from_ref;

use sha2::block_api::compress256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const BLOCK: usize = 64;
/// What ends the last block of a hash: a byte of padding and the length in bits.
const END: usize = 1 + 8;

/// What SHA-256 begins with (FIPS 180-4, 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A key, ready for use.
#[derive(Clone)]
pub(crate) struct MacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl MacKey {
    /// The key that these bytes are. No more than a block: longer ones would have to be hashed first, and none of ours is.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let mut key = Self { inner: START, outer: START };
        for (state, pad) in [(&mut key.inner, 0x36), (&mut key.outer, 0x5c)] {
            let mut block = [pad; BLOCK];
            for (byte, secret) in block.iter_mut().zip(secret) {
                *byte ^= secret;
            }
            compress256(state, &[block]);
            block.zeroize();
        }
        key
    }

    /// Begins a message.
    pub(crate) const fn start(&self) -> Mac<'_> {
        Mac { key: self, state: self.inner, block: [0; BLOCK], filled: 0, length: 0 }
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// A message, as far as it has been given.
pub(crate) struct Mac<'k> {
    key: &'k MacKey,
    state: [u32; 8],
    block: [u8; BLOCK],
    /// Bytes of the block that are the message's. A full one is hashed at once.
    filled: usize,
    length: u64,
}

impl Mac<'_> {
    /// Adds to the message.
    #[inline]
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let end = self.filled + bytes.len();
        if end < BLOCK
            && let Some(room) = self.block.get_mut(self.filled..end)
        {
            room.copy_from_slice(bytes);
            self.filled = end;
        } else {
            self.fill(bytes);
        }
    }

    /// Adds what does not fit the block.
    fn fill(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = bytes.split_at(room.len().min(bytes.len()));
            room.split_at_mut(now.len()).0.copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == BLOCK {
                compress256(&mut self.state, from_ref(&self.block));
                self.filled = 0;
            }
        }
    }

    /// Whether all of the message and what ends a hash is in one block.
    #[cfg(test)]
    pub(crate) const fn is_one_block(&self) -> bool {
        self.length + END as u64 <= BLOCK as u64
    }

    /// All 256 bits.
    pub(crate) fn finish(mut self) -> [u8; 32] {
        close(&mut self.state, &mut self.block, self.filled, self.length);
        let mut outer = self.key.outer;
        let digest = bytes_of(self.state);
        let mut block = [0; BLOCK];
        block.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
        close(&mut outer, &mut block, digest.len(), digest.len() as u64);
        bytes_of(outer)
    }

    /// The first 128 bits: as many as nobody guesses or finds twice by chance.
    pub(crate) fn finish_short(self) -> [u8; 16] {
        self.finish().first_chunk().copied().unwrap_or_default()
    }

    /// Whether these are the first 128 bits; the time that it takes does not tell how many of them are.
    pub(crate) fn is(self, tag: &[u8; 16]) -> bool {
        // As numbers: of slices, each byte would be looked at by itself.
        u128::from_ne_bytes(self.finish_short()).ct_eq(&u128::from_ne_bytes(*tag)).into()
    }
}

/// Pads the last block, of which so much is filled, and hashes it; `length` is that of all bytes after the key's block.
fn close(state: &mut [u32; 8], block: &mut [u8; BLOCK], filled: usize, length: u64) {
    let rest = block.get_mut(filled..).unwrap_or_default();
    rest.fill(0);
    if let Some(first) = rest.first_mut() {
        *first = 0x80;
    }
    if rest.len() < END {
        compress256(state, from_ref(block));
        *block = [0; BLOCK];
    }
    if let Some(bits) = block.last_chunk_mut() {
        *bits = ((BLOCK as u64 + length) * 8).to_be_bytes();
    }
    compress256(state, from_ref(block));
}

fn bytes_of(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (four, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac as _};
    use sha2::Sha256;

    use super::*;
    use crate::encoding::to_hex;

    fn theirs(key: &[u8], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn r16_it_is_the_published_function() {
        // RFC 4231, 4.2 and 4.3, with their keys filled up with zeros, as HMAC does by itself.
        let key = |start: &[u8]| {
            let mut key = [0; 32];
            key[..start.len()].copy_from_slice(start);
            MacKey::new(&key)
        };
        let known = key(&[0x0b; 20]);
        let mut mac = known.start();
        mac.update(b"Hi There");
        assert_eq!(to_hex(&mac.finish()), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let known = key(b"Jefe");
        let mut mac = known.start();
        mac.update(b"what do ya want for nothing?");
        assert_eq!(to_hex(&mac.finish()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn r16_every_length_in_every_piece_is_what_the_hmac_crate_says() {
        let secret = *b"thirty-two bytes that are a key.";
        let key = MacKey::new(&secret);
        let message: Vec<u8> = (0_u8..200).map(|n| n ^ 0x5a).collect();
        for length in 0..message.len() {
            let expected = theirs(&secret, &message[..length]);
            for piece in [1, 7, 63, 64, 65, 200] {
                let mut mac = key.start();
                message[..length].chunks(piece).for_each(|piece| mac.update(piece));
                assert_eq!(mac.finish(), expected, "{length} bytes by {piece}");
            }
        }
    }

    #[test]
    fn r16_one_bit_less_is_another_tag() {
        let key = MacKey::new(&[7; 32]);
        let tag = key.start().finish_short();
        assert!(key.start().is(&tag));
        for bit in 0..128 {
            let mut other = tag;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.start().is(&other), "{bit}");
        }
    }
}
