//! What travels with a message and comes back from outside: sealed, so that it tells whoever carries it nothing.

use zeroize::Zeroizing;

use crate::encoding::{from_base64url, to_base64url};
use crate::keys::KeyRing;

/// Longer than any of them.
const MAX_TEXT: usize = 4096;

/// The kinds, by the version of their form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Says that the reader did not ask for the message.
    Report,
    /// Says what became of a message.
    Receipt,
    /// Stands for the code that it came with.
    Link,
}

impl Kind {
    const fn version(self) -> &'static str {
        match self {
            Self::Report => "n1",
            Self::Receipt => "d1",
            Self::Link => "l1",
        }
    }
}

/// Seals under the newest key; kind and key id are authenticated with it.
pub(super) fn seal(ring: &KeyRing, kind: Kind, plain: &[u8]) -> Option<String> {
    let key = ring.newest();
    let head = format!("{}.{}.", kind.version(), key.id);
    let sealed = key.message.seal(head.as_bytes(), plain).ok()?;
    Some(format!("{head}{}", to_base64url(&sealed)))
}

/// Opens what any key of the ring has sealed.
pub(super) fn open(ring: &KeyRing, kind: Kind, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut parts = text.splitn(3, '.');
    let (version, id, body) = (parts.next()?, parts.next()?, parts.next()?);
    if version != kind.version() {
        return None;
    }
    let key = ring.find(id.as_bytes())?;
    key.message.open(format!("{version}.{id}.").as_bytes(), &from_base64url(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r53_a_token_of_one_kind_is_none_of_the_other() {
        let ring = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let sealed = seal(&ring, Kind::Report, b"abc").unwrap();
        assert_eq!(open(&ring, Kind::Report, &sealed).unwrap().as_slice(), b"abc");
        assert!(open(&ring, Kind::Receipt, &sealed).is_none());
        assert!(open(&ring, Kind::Receipt, &sealed.replacen("n1", "d1", 1)).is_none());
        let other = KeyRing::parse(&format!("k1:{}", "5b".repeat(32))).unwrap();
        assert!(open(&other, Kind::Report, &sealed).is_none());
    }
}
