//! The ticket: a challenge, sealed, in the hands of the client.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::binding::Bound;
use crate::code::Code;
use crate::contact::Channel;
use crate::encoding::{Reader, Writer, base64url_onto, from_base64url};
use crate::factor::FactorTag;
use crate::keys::{KeyId, KeyRing, MasterKey};
use crate::puzzle::Puzzle;
use crate::random::random;
use crate::sealing::SealError;
use crate::sealing::{NONCE, OVERHEAD};

mod stored;

/// The version of the sealed form; another layout gets another one.
const VERSION: &str = "t1";

/// Longer than any ticket that the engine seals; whatever is longer is refused before it is decoded.
const MAX_TEXT: usize = 16 * 1024;

/// What a ticket takes beside its `return_to`, where neither a transaction nor a puzzle is in it: written without being moved,
/// nothing of it is left behind in the clear.
const USUAL_ROOM: usize = 192;

/// A challenge and all that has to be known of it, so that minting one costs no memory and no I/O.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) id: [u8; 16],
    /// The id of the key that codes, names in the store and proofs of work of this challenge are derived with.
    pub(crate) key: KeyId,
    pub(crate) policy: PolicyTag,
    pub(crate) factor: FactorTag,
    /// A keyed digest of the whole subject, under the key of facts: the same whatever the ticket is sealed with.
    pub(crate) subject: [u8; 16],
    /// Until when it can be sent or answered, in milliseconds since 1970.
    pub(crate) expires_at: u64,
    /// Path and query of the request that was blocked.
    pub(crate) return_to: Arc<str>,
    /// The code that the caller has chosen, where it did.
    pub(crate) chosen: Option<Code>,
    /// The one transaction that an answer approves, where it approves one.
    pub(crate) bound: Option<Box<Bound>>,
    /// A keyed digest of what an answer is about, where its caller said so: another's answer is a wrong one.
    pub(crate) terms: Option<[u8; 32]>,
    /// What is known once the challenge is open.
    pub(crate) opened: Option<Opened>,
    /// What a proof of work was asked for; it is never opened.
    pub(crate) puzzle: Option<Box<Puzzle>>,
}

/// What a send adds to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// How often the subject had succeeded with this factor before: the counter of consecutive failures hangs on it.
    pub(crate) era: u64,
    /// How often the subject's clearances had been revoked: what is proven with this challenge is void after the next.
    pub(crate) revocations: u64,
    pub(crate) channel: Channel,
    /// For the conversion metric; see [`crate::contact::Contact::calling_code`].
    pub(crate) calling_code: u16,
    /// A digest of the range that the number is in, for the watch on conversion; zeros for mail.
    pub(crate) prefix: [u8; 8],
    /// When the last message left, in milliseconds since 1970.
    pub(crate) sent_at: u64,
}

/// The short name of a policy inside a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PolicyTag(pub(crate) [u8; 8]);

impl PolicyTag {
    pub(crate) fn of(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl Ticket {
    /// Seals under `key`. Version and key id are authenticated with it.
    pub(crate) fn seal(&self, key: &MasterKey) -> Result<String, SealError> {
        self.seal_with(key, random().map_err(|_| SealError)?)
    }

    /// The same with a nonce that was drawn along with the id.
    pub(crate) fn seal_with(&self, key: &MasterKey, nonce: [u8; NONCE]) -> Result<String, SealError> {
        let room = USUAL_ROOM + self.return_to.len();
        let mut text = String::with_capacity(2 * room);
        for part in [VERSION, ".", &key.id, "."] {
            text.push_str(part);
        }
        let empty = Vec::with_capacity(room + OVERHEAD);
        let sealed = key.ticket.seal_onto(empty, nonce, text.as_bytes(), |plain| self.write(plain))?;
        base64url_onto(&mut text, &sealed);
        Ok(text)
    }

    fn write(&self, plain: &mut Writer) {
        plain.fixed(&self.id).field(self.key.as_bytes()).fixed(&self.policy.0).fixed(&self.factor.0);
        plain.fixed(&self.subject).u64(self.expires_at).field(self.return_to.as_bytes());
        plain.field(self.chosen.as_ref().map_or("", Code::expose).as_bytes());
        match (&self.bound, &self.terms) {
            (None, None) => {
                plain.byte(0);
            }
            (Some(bound), _) => {
                plain.byte(1);
                bound.write(plain);
            }
            (None, Some(terms)) => {
                plain.byte(2).fixed(terms);
            }
        }
        match (self.opened, &self.puzzle) {
            (None, None) => {
                plain.byte(0);
            }
            (Some(opened), _) => {
                plain.byte(1).u64(opened.era).u64(opened.revocations);
                plain.byte(opened.channel.byte()).u16(opened.calling_code);
                plain.fixed(&opened.prefix).u64(opened.sent_at);
            }
            (None, Some(puzzle)) => {
                plain.byte(2);
                puzzle.write(plain);
            }
        }
    }

    /// Opens what any key of the ring has sealed; one answer for every way of being wrong.
    pub(crate) fn open(ring: &KeyRing, text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (id, body) = text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
        let head = text.strip_suffix(body)?;
        let key = ring.find(id.as_bytes())?;
        let body = from_base64url(body)?;
        let plain = key.ticket.open_in_place(head.as_bytes(), body)?;
        Self::read(&plain)
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(plain);
        let id = reader.array()?;
        let key = KeyId::new(reader.text()?)?;
        let policy = PolicyTag(reader.array()?);
        let factor = FactorTag(reader.array()?);
        let subject = reader.array()?;
        let expires_at = reader.u64()?;
        let return_to = reader.text()?.into();
        let chosen = match reader.text()? {
            "" => None,
            text => Some(Code::chosen(text).ok()?),
        };
        let (bound, terms) = match reader.byte()? {
            0 => (None, None),
            1 => (Some(Box::new(Bound::read(&mut reader)?)), None),
            2 => (None, Some(reader.array()?)),
            _ => return None,
        };
        let mut puzzle = None;
        let opened = match reader.byte()? {
            0 => None,
            2 => {
                puzzle = Some(Box::new(Puzzle::read(&mut reader)?));
                None
            }
            1 => Some(Opened {
                era: reader.u64()?,
                revocations: reader.u64()?,
                channel: Channel::from_byte(reader.byte()?)?,
                calling_code: reader.u16()?,
                prefix: reader.array()?,
                sent_at: reader.u64()?,
            }),
            _ => return None,
        };
        reader.end()?;
        Some(Self {
            id,
            key,
            policy,
            factor,
            subject,
            expires_at,
            return_to,
            chosen,
            bound,
            terms,
            opened,
            puzzle,
        })
    }

    /// Whether the caller has chosen this very code for it; not told by the time it takes.
    pub(crate) fn chosen_is(&self, code: &Code) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.is(code))
    }

    /// Expired at its very moment: equality is too late.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        now >= self.expires_at
    }

    /// The key that derived facts hang on, while the ring still has it.
    pub(crate) fn key<'r>(&self, ring: &'r KeyRing) -> Option<&'r MasterKey> {
        ring.find(self.key.as_bytes())
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring(hex: &str) -> KeyRing {
        let keys: Vec<_> = hex.split(',').map(|k| format!("{k}:{}", k.repeat(32))).collect();
        KeyRing::parse(&format!("{},facts:{}", keys.join(","), "fa".repeat(32))).unwrap()
    }

    fn ticket(return_to: String, era: Option<u64>) -> Ticket {
        Ticket {
            id: [7; 16],
            key: KeyId::new("aa").unwrap(),
            policy: PolicyTag([1; 8]),
            factor: FactorTag([2; 8]),
            subject: [3; 16],
            expires_at: 1_000,
            return_to: return_to.into(),
            chosen: era.map(|_| Code::chosen("4711ab").unwrap()),
            bound: None,
            terms: era.map(|_| [4; 32]),
            opened: era.map(|era| Opened {
                era,
                revocations: 3,
                channel: Channel::Voice,
                calling_code: 420,
                prefix: [8; 8],
                sent_at: 77,
            }),
            puzzle: None,
        }
    }

    proptest! {
        #[test]
        fn r34_a_ticket_goes_there_and_back(return_to in ".{0,300}", era in proptest::option::of(any::<u64>())) {
            let ring = ring("aa");
            let sealed = ticket(return_to.clone(), era).seal(ring.newest()).unwrap();
            let opened = Ticket::open(&ring, &sealed).unwrap();
            prop_assert_eq!(&*opened.return_to, return_to);
            prop_assert_eq!(opened.opened.map(|opened| opened.era), era);
            prop_assert_eq!(opened.chosen.is_some(), era.is_some());
            prop_assert_eq!(opened.terms, era.map(|_| [4; 32]));
        }

        #[test]
        fn r34_any_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let ring = ring("aa");
            let mut sealed = ticket("/vault".into(), Some(1)).seal(ring.newest()).unwrap().into_bytes();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            let refused = String::from_utf8(sealed).map_or(true, |text| Ticket::open(&ring, &text).is_none());
            prop_assert!(refused);
        }

        #[test]
        fn r49_no_text_panics(text in ".{0,200}") {
            let _ = Ticket::open(&ring("aa"), &text);
            let _ = Ticket::open(&ring("aa"), &format!("t1.aa.{text}"));
        }
    }

    #[test]
    fn r34_any_live_key_opens_and_a_dropped_one_kills() {
        let sealed = ticket("/".into(), None).seal(ring("aa").newest()).unwrap();
        assert!(Ticket::open(&ring("bb,aa"), &sealed).is_some());
        assert!(Ticket::open(&ring("bb"), &sealed).is_none());
        assert!(ticket("/".into(), None).seal(ring("bb,aa").newest()).unwrap().starts_with("t1.bb."));
    }

    #[test]
    fn r03_expiry_is_at_its_very_moment() {
        let ticket = ticket("/".into(), None);
        assert!(!ticket.is_expired(999) && ticket.is_expired(1_000));
    }
}
