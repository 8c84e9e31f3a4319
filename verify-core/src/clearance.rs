//! The clearance: which factors this subject has proven, and when, signed.

use subtle::ConstantTimeEq;

use crate::binding::Bound;
use crate::encoding::{Reader, base64url_into, to_base64url};
use crate::factor::FactorTag;
use crate::keys::{KeyRing, MasterKey};
use crate::mac::Mac;
use crate::subject::Subject;
use crate::ticket::PolicyTag;

const VERSION: &[u8] = b"c1.";
const MAC_BYTES: usize = 16;
/// Room for [`MAX_PROOFS`] bound proofs and the MAC.
const MAX_BYTES: usize = 896;
/// Room for whatever fits that many characters.
const USUAL_BYTES: usize = 128;
/// A clearance carries at most this many proofs. Approvals make room first, since each is good for one request only; of
/// either kind the oldest do.
const MAX_PROOFS: usize = 8;
/// What a proof says of itself in its first byte: that it is one, and which parts follow.
const PROOF: u8 = 1;
const BOUND: u8 = 2;
const AFTER_REVOCATIONS: u8 = 4;
const UP_TO: u8 = 8;
const SEEN: u8 = 16;
const KNOWN: u8 = PROOF | BOUND | AFTER_REVOCATIONS | UP_TO | SEEN;

/// That a factor was satisfied, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) factor: FactorTag,
    /// When the factor was verified, in milliseconds since 1970; its age runs from here and from nowhere else.
    pub(crate) verified_at: u64,
    /// When it was last known to be in use, where that is watched; else the moment of verification.
    pub(crate) seen_at: u64,
    /// The longest time, in milliseconds, that it has gone unseen before that. What was once idle for too long stays so,
    /// whatever is done with the other proofs of the clearance, or at gates that bear longer pauses.
    pub(crate) longest_pause: u64,
    /// How often the subject's clearances had been revoked before.
    pub(crate) revocations: u64,
    /// What exactly was approved, where the proof is for one transaction only. A bound proof never satisfies an
    /// unbound requirement, nor the other way round.
    pub(crate) binding: Option<Approval>,
}

/// What one transaction's proof says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    /// At whose gate it can be used.
    pub(crate) policy: PolicyTag,
    /// Of the transaction and of everything around it; see [`Bound`].
    pub(crate) digest: [u8; 32],
    /// The challenge that was answered: the store has an entry for it until it is used.
    pub(crate) challenge: [u8; 16],
    /// The largest amount that it is good for, where less may be taken.
    pub(crate) limit: Option<u64>,
}

impl Approval {
    /// Whether it is for this transaction.
    pub(crate) fn is_for(&self, bound: &Bound) -> bool {
        let within = match (self.limit, bound.limit()) {
            (None, None) => true,
            (Some(most), Some(amount)) => amount <= most,
            _ => false,
        };
        within && bool::from(self.digest.ct_eq(&bound.digest))
    }
}

impl Proof {
    /// Notes that it is in use at this moment.
    pub(crate) fn see(&mut self, now: u64) {
        self.longest_pause = self.longest_pause.max(now.saturating_sub(self.seen_at));
        self.seen_at = now;
    }

    /// Whether it is of the same answer, though one of the two may have been seen later.
    pub(crate) fn is_the_same(&self, other: &Self) -> bool {
        self.factor == other.factor && self.verified_at == other.verified_at && self.binding == other.binding
    }

    /// Whether it has never gone unseen for that long, in milliseconds.
    pub(crate) fn is_in_use(&self, idle: u64, now: u64) -> bool {
        self.longest_pause < idle && now < self.seen_at.saturating_add(idle)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut kind = PROOF;
        if let Some(approval) = &self.binding {
            kind |= if approval.limit.is_some() { BOUND | UP_TO } else { BOUND };
        }
        // Most users never revoke anything, and a byte saved here is one less to carry and to hash with each request.
        if self.revocations > 0 {
            kind |= AFTER_REVOCATIONS;
        }
        if self.seen_at > self.verified_at {
            kind |= SEEN;
        }
        out.push(kind);
        out.extend_from_slice(&self.factor.0);
        out.extend_from_slice(&six_bytes(self.verified_at));
        if let Some(approval) = &self.binding {
            out.extend_from_slice(&approval.policy.0);
            out.extend_from_slice(&approval.digest);
            out.extend_from_slice(&approval.challenge);
            if let Some(limit) = approval.limit {
                out.extend_from_slice(&limit.to_be_bytes());
            }
        }
        if self.revocations > 0 {
            out.extend_from_slice(&self.revocations.to_be_bytes());
        }
        if self.seen_at > self.verified_at {
            out.extend_from_slice(&self.seen_at.to_be_bytes());
            out.extend_from_slice(&self.longest_pause.to_be_bytes());
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.byte()?;
        if kind & PROOF == 0 || kind & !KNOWN != 0 {
            return None;
        }
        let factor = FactorTag(reader.array()?);
        let [a, b, c, d, e, f] = reader.array()?;
        let verified_at = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let binding = if kind & BOUND == 0 {
            None
        } else {
            let (policy, digest, challenge) = (PolicyTag(reader.array()?), reader.array()?, reader.array()?);
            let limit = if kind & UP_TO == 0 { None } else { Some(reader.u64()?) };
            Some(Approval { policy, digest, challenge, limit })
        };
        let revocations = if kind & AFTER_REVOCATIONS == 0 { 0 } else { reader.u64()? };
        let (seen_at, longest_pause) =
            if kind & SEEN == 0 { (verified_at, 0) } else { (reader.u64()?, reader.u64()?) };
        Some(Self { factor, verified_at, seen_at, longest_pause, revocations, binding })
    }
}

/// A moment in milliseconds, without the bytes that stay zero for nine thousand years.
const fn six_bytes(millis: u64) -> [u8; 6] {
    let [_, _, moment @ ..] = millis.to_be_bytes();
    moment
}

/// Signs the proofs for one subject. The subject is not in the token, only in its MAC: the token tells a finder
/// nothing, and is worth nothing to another subject.
pub(crate) fn issue(ring: &KeyRing, subject: &Subject<'_>, proofs: &[Proof]) -> String {
    let key = ring.newest();
    let mut newest_first: Vec<&Proof> = proofs.iter().collect();
    newest_first.sort_by_key(|proof| (proof.binding.is_some(), std::cmp::Reverse(proof.verified_at)));
    let mut body = Vec::with_capacity(128);
    for proof in newest_first.into_iter().take(MAX_PROOFS) {
        proof.write(&mut body);
    }
    let tag = signed(key, subject, &body).finish_short();
    body.extend_from_slice(&tag);
    format!("c1.{}.{}", key.id, to_base64url(&body))
}

/// Hands each proof of a genuine clearance to `visit`, and says whether it was genuine. Allocates nothing.
pub(crate) fn read(
    ring: &KeyRing,
    subject: &Subject<'_>,
    token: &[u8],
    mut visit: impl FnMut(&Proof),
) -> bool {
    // Nearly all clearances have a proof or two, and the rest of a large buffer would be cleared for nothing.
    let (mut usual, mut largest);
    let buffer: &mut [u8] = if token.len() <= USUAL_BYTES {
        usual = [0; USUAL_BYTES];
        &mut usual
    } else {
        largest = [0; MAX_BYTES];
        &mut largest
    };
    let Some(proofs) = verified(ring, subject, token, buffer) else { return false };
    let mut reader = Reader::new(proofs);
    while let Some(proof) = Proof::read(&mut reader) {
        visit(&proof);
    }
    true
}

/// The signed bytes, once their MAC has been found right.
fn verified<'b>(
    ring: &KeyRing,
    subject: &Subject<'_>,
    token: &[u8],
    buffer: &'b mut [u8],
) -> Option<&'b [u8]> {
    let named = token.strip_prefix(VERSION)?;
    // An id is too short for anything that looks at more than one byte at a time.
    let (id, body) = named.split_at_checked(named.iter().position(|byte| *byte == b'.')?)?;
    let key = ring.find(id)?;
    let body = body.strip_prefix(b".")?;
    let bytes = base64url_into(body, buffer)?;
    let (proofs, tag) = bytes.split_last_chunk::<MAC_BYTES>()?;
    signed(key, subject, proofs).is(tag).then_some(proofs)
}

/// What a tag is of: the subject, which says where it ends, and the proofs. With a user's id of up to 36 bytes, as a UUID has,
/// and one proof, all of it is one block of the hash.
fn signed<'k>(key: &'k MasterKey, subject: &Subject<'_>, proofs: &[u8]) -> Mac<'k> {
    let mut mac = key.clearance.start();
    subject.feed_all(&mut mac);
    mac.update(proofs);
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Proof = Proof {
        factor: FactorTag([1; 8]),
        verified_at: 1,
        seen_at: 1,
        longest_pause: 0,
        revocations: 0,
        binding: None,
    };

    fn ring(ids: &str) -> KeyRing {
        let keys: Vec<_> = ids.split(',').map(|k| format!("{k}:{}", k.repeat(32))).collect();
        KeyRing::parse(&format!("{},facts:{}", keys.join(","), "fa".repeat(32))).unwrap()
    }

    fn proofs(ring: &KeyRing, subject: &Subject<'_>, token: &str) -> Option<Vec<Proof>> {
        let mut found = Vec::new();
        read(ring, subject, token.as_bytes(), |proof| found.push(*proof)).then_some(found)
    }

    fn any_proof() -> impl Strategy<Value = Proof> {
        let approval =
            (any::<[u8; 8]>(), any::<[u8; 32]>(), any::<[u8; 16]>(), proptest::option::of(any::<u64>()))
                .prop_map(|(policy, digest, challenge, limit)| Approval {
                    policy: PolicyTag(policy),
                    digest,
                    challenge,
                    limit,
                });
        let parts = (any::<[u8; 8]>(), 0..1_u64 << 48, any::<u64>(), proptest::option::of(approval));
        parts.prop_map(|(factor, verified_at, revocations, binding)| Proof {
            factor: FactorTag(factor),
            verified_at,
            seen_at: verified_at.saturating_add(revocations & 1),
            longest_pause: revocations & 1,
            revocations: revocations >> 60,
            binding,
        })
    }

    proptest! {
        #[test]
        fn r16_a_clearance_goes_there_and_back(mut sent in proptest::collection::vec(any_proof(), 0..=8)) {
            let (ring, alice) = (ring("aa"), Subject::user("alice"));
            let token = issue(&ring, &alice, &sent);
            sent.sort_by_key(|proof| (proof.binding.is_some(), std::cmp::Reverse(proof.verified_at)));
            prop_assert_eq!(proofs(&ring, &alice, &token), Some(sent));
        }

        #[test]
        fn r16_any_flipped_bit_is_refused(proof in any_proof(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let (ring, alice) = (ring("aa"), Subject::user("alice"));
            let mut token = issue(&ring, &alice, &[proof]).into_bytes();
            let at = at.index(token.len());
            token[at] ^= 1 << bit;
            prop_assert!(!read(&ring, &alice, &token, |_| ()));
        }

        #[test]
        fn r49_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..900)) {
            let ring = ring("aa");
            let _ = read(&ring, &Subject::user("alice"), &bytes, |_| ());
            let _ = read(&ring, &Subject::user("alice"), &[b"c1.aa.".as_slice(), &bytes].concat(), |_| ());
        }
    }

    #[test]
    fn r16_another_subject_session_tenant_or_epoch_has_nothing() {
        let ring = ring("aa");
        let alice = || Subject::user("alice");
        let token = issue(&ring, &alice().session("s1"), &[PLAIN]);
        assert!(proofs(&ring, &alice().session("s1"), &token).is_some());
        for other in [
            alice(),
            alice().session("s2"),
            alice().session("s1").tenant("t"),
            alice().session("s1").epoch(1),
            Subject::user("bob").session("s1"),
            Subject::visitor("alice").session("s1"),
            Subject::user("alic").session("es1"),
        ] {
            assert!(proofs(&ring, &other, &token).is_none(), "{other:?}");
        }
    }

    #[test]
    fn r34_a_dropped_key_ends_its_clearances() {
        let alice = Subject::user("alice");
        let token = issue(&ring("aa"), &alice, &[]);
        assert!(proofs(&ring("bb,aa"), &alice, &token).is_some());
        assert!(proofs(&ring("bb"), &alice, &token).is_none());
    }

    #[test]
    fn one_proof_of_a_user_with_a_uuid_is_hashed_in_one_block() {
        let uuid = Subject::user("0188d3f0-6f5d-7a6e-8d53-9b3ac1f0a3de");
        let mut body = Vec::new();
        PLAIN.write(&mut body);
        assert!(signed(ring("aa").newest(), &uuid, &body).is_one_block());
        assert!(!signed(ring("aa").newest(), &uuid.session("s"), &body).is_one_block());
    }

    #[test]
    fn the_largest_clearance_fits_the_buffer() {
        let proof = Proof {
            factor: FactorTag([1; 8]),
            verified_at: 1,
            seen_at: 2,
            longest_pause: 1,
            revocations: 9,
            binding: Some(Approval {
                policy: PolicyTag([5; 8]),
                digest: [2; 32],
                challenge: [3; 16],
                limit: Some(4),
            }),
        };
        let token = issue(&ring("aa"), &Subject::user("alice"), &[proof; MAX_PROOFS + 1]);
        assert_eq!(
            proofs(&ring("aa"), &Subject::user("alice"), &token).map(|all| all.len()),
            Some(MAX_PROOFS)
        );
        assert!(token.len() < 1536, "it has to fit a cookie");
    }

    #[test]
    fn approvals_make_room_before_proofs_that_serve_again() {
        let plain = |n: u8| Proof {
            factor: FactorTag([n; 8]),
            verified_at: u64::from(n),
            seen_at: u64::from(n),
            longest_pause: 0,
            revocations: 0,
            binding: None,
        };
        let approval =
            Approval { policy: PolicyTag([5; 8]), digest: [2; 32], challenge: [3; 16], limit: None };
        let bound = |n: u8| Proof { binding: Some(approval), ..plain(n) };
        let mut all: Vec<Proof> = (10..20).map(bound).collect();
        all.push(plain(1));
        let kept =
            proofs(&ring("aa"), &Subject::user("alice"), &issue(&ring("aa"), &Subject::user("alice"), &all));
        let kept = kept.unwrap();
        assert_eq!(kept.first(), Some(&plain(1)), "the oldest of all stays");
        assert_eq!(kept.get(1).map(|proof| proof.verified_at), Some(19));
    }
}
