//! A challenge as the store has it: sealed, and without what the name of its entry says, or whoever asks for it knows.

use std::sync::Arc;

use crate::code::Code;
use crate::contact::Channel;
use crate::encoding::{Reader, Writer};
use crate::keys::{KeyRing, MasterKey};
use crate::random::random;
use crate::sealing::OVERHEAD;
use crate::sealing::SealError;
use crate::store::Key;
use crate::ticket::{Opened, Ticket};

/// What a challenge takes, written without being moved: nothing of it is left behind in the clear.
const USUAL_ROOM: usize = 80;

/// The version of the stored form, which is bytes; another layout gets another one. The letter `t` is taken: entries were
/// text once, as a client's ticket is.
const VERSION: u8 = 1;

impl Ticket {
    /// Seals an open challenge for the store, to be opened under this name and no other, under the key that its code
    /// derives from. Version, key id and name are authenticated with it.
    ///
    /// Millions are open at a time, so it is small. The name is a keyed hash of who may answer, with which factor, and
    /// what that approves: none of it is repeated here.
    pub(crate) fn store(&self, ring: &KeyRing, name: &Key) -> Result<Vec<u8>, SealError> {
        let (Some(key), Some(opened)) = (self.key(ring), self.opened) else { return Err(SealError) };
        let nonce = random().map_err(|_| SealError)?;
        key.entry.seal_onto(head(key, OVERHEAD + USUAL_ROOM), nonce, &authenticated(key, name), |plain| {
            plain.fixed(&self.id).number(self.expires_at);
            plain.number(self.expires_at.saturating_sub(opened.sent_at));
            plain.number(opened.era).number(opened.revocations);
            plain.byte(opened.channel.byte()).number(opened.calling_code.into()).fixed(&opened.prefix);
            plain.fixed(self.chosen.as_ref().map_or("", Code::expose).as_bytes());
        })
    }

    /// Opens what any key of the ring has stored under this name, for the ticket that leads to the name. One answer for every way of being wrong, and for what a version before has stored.
    pub(crate) fn restore(ring: &KeyRing, name: &Key, entry: &[u8], asked: &Self) -> Option<Self> {
        let mut reader = Reader::new(entry);
        if reader.byte()? != VERSION {
            return None;
        }
        let key = ring.find(reader.short()?)?;
        let plain = key.entry.open(&authenticated(key, name), reader.rest())?;
        let mut reader = Reader::new(&plain);
        let (id, expires_at) = (reader.array()?, reader.number()?);
        let sent_at = expires_at.saturating_sub(reader.number()?);
        let opened = Opened {
            sent_at,
            era: reader.number()?,
            revocations: reader.number()?,
            channel: Channel::from_byte(reader.byte()?)?,
            calling_code: reader.number()?.try_into().ok()?,
            prefix: reader.array()?,
        };
        let chosen = match std::str::from_utf8(reader.rest()).ok()? {
            "" => None,
            text => Some(Code::chosen(text).ok()?),
        };
        Some(Self {
            id,
            key: key.id,
            policy: asked.policy,
            factor: asked.factor,
            subject: asked.subject,
            expires_at,
            return_to: Arc::default(),
            chosen,
            bound: asked.bound.clone(),
            terms: asked.terms,
            opened: Some(opened),
            puzzle: None,
        })
    }
}

/// What every entry begins with, and room for so much more.
fn head(key: &MasterKey, more: usize) -> Vec<u8> {
    let mut writer = Writer::with_capacity(2 + key.id.len() + more);
    writer.byte(VERSION).short(key.id.as_bytes());
    writer.finish()
}

/// What is authenticated beside what is sealed: an entry that was moved to another name opens for nobody.
fn authenticated(key: &MasterKey, name: &Key) -> Vec<u8> {
    let name = name.as_bytes();
    let mut bytes = head(key, name.len());
    bytes.extend_from_slice(name);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::factor::FactorTag;
    use crate::ticket::PolicyTag;

    const NAME: Key = Key::new([9; 16]);

    fn ring(ids: &str) -> KeyRing {
        let secret = |id: &str| crate::encoding::to_hex(&id.repeat(32).into_bytes());
        let keys: Vec<_> = ids.split(',').map(|id| format!("{id}:{}", secret(id))).collect();
        KeyRing::parse(&format!("{},facts:{}", keys.join(","), "fa".repeat(32))).unwrap()
    }

    /// What is open, of a plain code over SMS.
    fn open(key: &MasterKey) -> Ticket {
        Ticket {
            id: [7; 16],
            key: key.id,
            policy: PolicyTag([1; 8]),
            factor: FactorTag([2; 8]),
            subject: [3; 16],
            expires_at: 1_800_000_300_000,
            return_to: "/vault".into(),
            chosen: None,
            bound: None,
            terms: Some([4; 32]),
            opened: Some(Opened {
                era: 0,
                revocations: 0,
                channel: Channel::Sms,
                calling_code: 420,
                prefix: [8; 8],
                sent_at: 1_800_000_000_000,
            }),
            puzzle: None,
        }
    }

    /// What whoever asks comes with: a ticket from before the send.
    fn asked(key: &MasterKey) -> Ticket {
        Ticket { id: [6; 16], expires_at: 5, opened: None, ..open(key) }
    }

    fn restored(ring: &KeyRing, name: &Key, entry: &[u8]) -> Option<Ticket> {
        Ticket::restore(ring, name, entry, &asked(ring.newest()))
    }

    #[test]
    fn an_open_challenge_takes_no_more_than_80_bytes() {
        // With the four bytes that Redis adds, that is one allocation of 80, or of 96 with a long id of the key.
        for (id, bytes) in [("aa", 70), ("2026-11a", 76), ("2026-11-prod", 80)] {
            let ring = ring(id);
            assert_eq!(open(ring.newest()).store(&ring, &NAME).unwrap().len(), bytes, "{id}");
        }
    }

    proptest! {
        #[test]
        fn r34_what_is_stored_comes_back(
            numbers in any::<[u64; 4]>(),
            id in any::<[u8; 16]>(),
            calling_code in any::<u16>(),
            is_chosen in any::<bool>(),
        ) {
            let ring = ring("aa");
            let [era, revocations, a, b] = numbers;
            let opened = Opened {
                era,
                revocations,
                channel: Channel::Voice,
                calling_code,
                prefix: [3; 8],
                sent_at: a.min(b),
            };
            let chosen = is_chosen.then(|| Code::chosen("4711ab").unwrap());
            let kept = Ticket { id, expires_at: a.max(b), chosen, opened: Some(opened), ..open(ring.newest()) };
            let back = restored(&ring, &NAME, &kept.store(&ring, &NAME).unwrap()).unwrap();
            prop_assert_eq!((back.id, back.expires_at, back.opened), (id, a.max(b), Some(opened)));
            prop_assert_eq!((&back.key, back.terms), (&kept.key, kept.terms));
            prop_assert_eq!((back.policy, back.factor, back.subject), (kept.policy, kept.factor, kept.subject));
            prop_assert_eq!(back.chosen.is_some(), is_chosen);
            prop_assert!(back.return_to.is_empty());
        }

        #[test]
        fn r34_any_flipped_bit_of_an_entry_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let ring = ring("aa");
            let mut entry = open(ring.newest()).store(&ring, &NAME).unwrap();
            let at = at.index(entry.len());
            entry[at] ^= 1 << bit;
            prop_assert!(restored(&ring, &NAME, &entry).is_none());
        }

        #[test]
        fn r49_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let ring = ring("aa");
            let _ = restored(&ring, &NAME, &bytes);
            let _ = restored(&ring, &NAME, &[&[VERSION, 2, b'a', b'a'], &bytes[..]].concat());
        }
    }

    #[test]
    fn r34_any_live_key_opens_an_entry_and_a_dropped_one_kills_it() {
        let old = ring("aa");
        let entry = open(old.newest()).store(&old, &NAME).unwrap();
        let both = ring("bb,aa");
        let back = restored(&both, &NAME, &entry).unwrap();
        assert_eq!(&*back.key, "aa");
        assert_eq!(back.subject, [3; 16]);
        assert!(restored(&ring("bb"), &NAME, &entry).is_none());
    }

    #[test]
    fn r53_an_entry_is_good_under_its_name_and_a_clients_ticket_under_none() {
        let ring = ring("aa");
        let open = open(ring.newest());
        let entry = open.store(&ring, &NAME).unwrap();
        assert!(restored(&ring, &NAME, &entry).is_some());
        assert!(restored(&ring, &Key::new([8; 16]), &entry).is_none());
        let text = open.seal(ring.newest()).unwrap();
        assert!(restored(&ring, &NAME, text.as_bytes()).is_none(), "as a version before has stored it");
    }
}
