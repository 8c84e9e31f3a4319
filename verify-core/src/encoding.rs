//! Bytes as text and back, and the length-prefixed binary form that tickets are written in.

use std::sync::LazyLock;

use base64::Engine as _;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::GeneralPurpose as Vectors;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::Simd as Vectors;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};

/// For what is as long as a ticket: by the vector instructions of this machine, if it has some.
static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let vectors = Vectors::url_safe(NO_PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let vectors = Vectors::new(&base64::alphabet::URL_SAFE, NO_PAD);
    vectors
});

/// Unpadded base64url (RFC 4648, section 5).
pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    VECTORS.encode(bytes)
}

/// The same, onto a text.
pub(crate) fn base64url_onto(text: &mut String, bytes: &[u8]) {
    text.reserve(bytes.len().div_ceil(3) * 4);
    VECTORS.encode_string(bytes, text);
}

/// Strict: no padding, no white space, no stray bits.
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    VECTORS.decode(text).ok()
}

/// Decodes some forty characters into `buffer` without allocating, and returns the bytes that were written.
pub(crate) fn base64url_into<'b>(text: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let written = URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?;
    buffer.get(..written)
}

/// Lower-case hexadecimal.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

/// All sixteen digits of a number, in lower-case hexadecimal.
pub(crate) fn hex_digits(number: u64) -> [u8; 16] {
    std::array::from_fn(|place| match (number >> (60 - 4 * place) & 15) as u8 {
        digit @ ..10 => b'0' + digit,
        letter => b'a' - 10 + letter,
    })
}

/// Either case; an even number of digits and nothing else.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// Writes fields one after the other, each of fixed size or with its length in front.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self::onto(Vec::with_capacity(capacity))
    }

    /// Goes on behind these.
    pub(crate) const fn onto(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn fixed(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.fixed(&[byte])
    }

    pub(crate) fn u16(&mut self, number: u16) -> &mut Self {
        self.fixed(&number.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, number: u32) -> &mut Self {
        self.fixed(&number.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, number: u64) -> &mut Self {
        self.fixed(&number.to_be_bytes())
    }

    /// A number in as few bytes as it takes: seven bits in each, the lowest first, with the top bit while more follow.
    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        let mut rest = number;
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                return self.byte(low);
            }
            self.byte(low | 0x80);
        }
    }

    /// Text or bytes of no more than 255, behind a length of one byte.
    pub(crate) fn short(&mut self, bytes: &[u8]) -> &mut Self {
        self.byte(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
        self.fixed(bytes)
    }

    /// Text or bytes, behind a 32-bit length: ("ab", "c") and ("a", "bc") never meet.
    pub(crate) fn field(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.fixed(bytes)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads back what a [`Writer`] wrote; every step may find the bytes too short.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            if placed >> shift != bits {
                return None;
            }
            number |= placed;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn short(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?);
        self.bytes(length)
    }

    pub(crate) fn field(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.bytes(length)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(head)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.field()?).ok()
    }

    /// Everything that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Nothing may be left over.
    pub(crate) fn end(self) -> Option<()> {
        self.bytes.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_there_and_back_and_refuses_the_rest() {
        assert_eq!(from_hex(&to_hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert_eq!(from_hex("abc"), None);
        assert_eq!(from_hex("zz"), None);
        assert_eq!(from_hex("+1"), None);
    }

    #[test]
    fn all_digits_of_a_number_are_written() {
        for number in [0, 0x0123_4567_89ab_cdef, u64::MAX, 1 << 60] {
            assert_eq!(hex_digits(number), format!("{number:016x}").as_bytes());
        }
    }

    #[test]
    fn a_number_takes_the_bytes_it_needs_and_one_that_does_not_fit_is_refused() {
        for (number, bytes) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (300_000, 3),
            (1_800_000_000_000, 6),
            (u64::MAX >> 1, 9),
            (u64::MAX, 10),
        ] {
            let mut writer = Writer::default();
            writer.number(number).short(b"ab");
            let written = writer.finish();
            assert_eq!(written.len(), bytes + 3, "{number}");
            let mut reader = Reader::new(&written);
            assert_eq!((reader.number(), reader.short()), (Some(number), Some(&b"ab"[..])));
            assert!(reader.end().is_some());
        }
        for bad in [&[][..], &[0x80], &[0xff; 9], &[0xff; 10], &[0xff; 20]] {
            assert_eq!(Reader::new(bad).number(), None, "{bad:?}");
        }
        assert_eq!(Reader::new(&[3, 1, 2]).short(), None);
    }

    #[test]
    fn neighbouring_fields_never_meet() {
        let written = |a: &str, b: &str| {
            let mut writer = Writer::default();
            writer.field(a.as_bytes()).field(b.as_bytes());
            writer.finish()
        };
        assert_ne!(written("ab", "c"), written("a", "bc"));
    }
}
