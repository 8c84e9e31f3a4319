//! The name under which a store keeps a fact.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The name of a fact: 128 bits that a keyed hash made, opaque to the store.
///
/// A key is derived from a ticket or a subject with a secret of the app, so it carries no personal data and cannot
/// be computed, or traced back, by somebody who reads the store: a plain hash of a telephone number could be
/// reversed by trying all of them. That is why it may be printed; [`Display`](fmt::Display) and
/// [`Debug`](fmt::Debug) give 22 characters of unpadded base64url, the same text in each.
///
/// 128 bits suffice because nobody outside the app can search for collisions without its secret, so only chance is
/// left: among a million million keys alive at once, two are equal with a probability below 10⁻¹⁴.
///
/// Any of the 2¹²⁸ values may occur, with zero bytes, line ends and whatever else a backend may find special:
/// use [`as_bytes`](Key::as_bytes) where the backend takes bytes and the printed form where it wants text.
///
/// ```
/// use verify_core::store::Key;
///
/// let key = Key::new([0xff; 16]);
/// assert_eq!(key.to_string(), "_____________________w");
/// assert_eq!(key.as_bytes(), &[0xff; 16]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 16]);

/// Characters in the printed form: 128 bits at six bits each.
const PRINTED: usize = 22;

impl Key {
    /// A key of these bytes, which should be the (truncated) output of a keyed hash.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, all 16 of which are significant.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// As one number, without a length in front: all keys are as long.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_be_bytes(self.0));
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; PRINTED];
        URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_every_key_as_22_characters_of_base64url() {
        for byte in 0..=u8::MAX {
            let printed = Key::new([byte; 16]).to_string();
            assert_eq!(printed.len(), PRINTED);
            assert!(
                printed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{printed}"
            );
            assert_eq!(URL_SAFE_NO_PAD.decode(&printed).unwrap(), [byte; 16]);
            assert_eq!(format!("{:?}", Key::new([byte; 16])), printed);
        }
    }

    #[test]
    fn is_as_small_as_its_bytes() {
        assert_eq!(size_of::<Key>(), 16);
    }
}
