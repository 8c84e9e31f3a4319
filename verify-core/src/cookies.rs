//! The two cookies of the engine: the clearance, and the visitor's opaque id.

use std::time::Duration;

use crate::encoding::{from_base64url, to_base64url};
use crate::keys::KeyRing;
use crate::random::random;
use crate::request::{CookieName, RequestView};

/// A visitor's id: 16 random bytes and as many of MAC, 43 characters of base64url.
const VISITOR_CHARS: usize = 43;

/// How cookies are named and protected.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    clearance: CookieName<'static>,
    visitor: CookieName<'static>,
    attributes: &'static str,
}

impl Cookies {
    /// `__Host-`: only this host can set them, only over https (RFC 6265bis, 4.1.3.2). `Lax` and not `Strict`, so that
    /// a link in a mail finds the session it belongs to.
    pub(crate) fn secure() -> Self {
        Self {
            clearance: CookieName::new("__Host-clearance"),
            visitor: CookieName::new("__Host-visitor"),
            attributes: "; Path=/; Secure; HttpOnly; SameSite=Lax",
        }
    }

    /// For development over plain http, where a browser would drop the others.
    #[cfg(feature = "danger-development")]
    pub(crate) fn plain() -> Self {
        Self {
            clearance: CookieName::new("clearance"),
            visitor: CookieName::new("visitor"),
            attributes: "; Path=/; HttpOnly; SameSite=Lax",
        }
    }

    pub(crate) fn clearance<'v>(&self, view: &'v impl RequestView) -> Option<&'v [u8]> {
        self.clearance.find(view)
    }

    pub(crate) fn set_clearance(&self, token: &str, life: Duration) -> String {
        format!("{}={token}; Max-Age={}{}", self.clearance.as_str(), life.as_secs(), self.attributes)
    }

    /// The visitor's id, if it has the right shape. Whether it is one of ours is asked where it matters, at the block:
    /// on the way in, a clearance vouches for it.
    pub(crate) fn visitor<'v>(&self, view: &'v impl RequestView) -> Option<&'v str> {
        let value = std::str::from_utf8(self.visitor.find(view)?).ok()?;
        let fits = value.len() == VISITOR_CHARS
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then_some(value)
    }

    pub(crate) fn set_visitor(&self, id: &str) -> String {
        // As long as browsers keep any cookie: it holds nothing, and losing it only asks for a new challenge.
        format!("{}={id}; Max-Age=34560000{}", self.visitor.as_str(), self.attributes)
    }
}

/// A fresh visitor's id, which nobody else could have made.
pub(crate) fn new_visitor(ring: &KeyRing) -> Result<String, getrandom::Error> {
    let id: [u8; 16] = random()?;
    let mut mac = ring.newest().visitor.start();
    mac.update(&id);
    let mut bytes = id.to_vec();
    bytes.extend_from_slice(&mac.finish_short());
    Ok(to_base64url(&bytes))
}

/// Whether this application has issued the id.
pub(crate) fn is_our_visitor(ring: &KeyRing, text: &str) -> bool {
    let Some(bytes) = from_base64url(text) else { return false };
    let Some((id, tag)) = bytes.split_last_chunk::<16>() else { return false };
    ring.all().any(|key| {
        let mut mac = key.visitor.start();
        mac.update(id);
        mac.is(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_only_our_own_visitors_are_known() {
        let ring = KeyRing::parse(&format!("k:{}", "07".repeat(32))).unwrap();
        let id = new_visitor(&ring).unwrap();
        assert_eq!(id.len(), VISITOR_CHARS);
        assert!(is_our_visitor(&ring, &id));
        assert!(!is_our_visitor(&ring, &"A".repeat(VISITOR_CHARS)));
        assert!(!is_our_visitor(&ring, ""));
        let other = KeyRing::parse(&format!("k:{}", "08".repeat(32))).unwrap();
        assert!(!is_our_visitor(&other, &id));
    }
}
