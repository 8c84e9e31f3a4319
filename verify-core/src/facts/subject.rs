//! The names of what is known of one subject.

use std::sync::OnceLock;

use crate::binding::Bound;
use crate::contact::Contact;
use crate::factor::FactorTag;
use crate::facts::{identity, named, of, revocations_of};
use crate::keys::MasterKey;
use crate::namer::Kind;
use crate::store::Key;
use crate::subject::Subject;

/// Who somebody is, in two keyed hashes.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    /// The user, whatever the session: the name that budgets are counted under.
    identity: [u8; 16],
    /// The whole subject, session and all: whom a ticket is sealed for.
    pub(crate) whole: [u8; 16],
}

impl Who {
    pub(crate) fn of(facts_key: &MasterKey, subject: &Subject<'_>) -> Self {
        let identity = identity(facts_key, subject);
        let whole = match subject.epoch_alone() {
            Some(epoch) => facts_key.name.name(&identity, Kind::Whole, epoch),
            None => {
                let mut mac = facts_key.fact.start();
                mac.update(b"whole");
                subject.feed_all(&mut mac);
                mac.finish_short()
            }
        };
        Self { identity, whole }
    }
}

/// What the names of one subject's facts are made of.
pub(crate) struct Names {
    pub(crate) identity: [u8; 16],
    /// Where its challenges are open.
    pub(crate) place: [u8; 16],
    /// The digest of what the challenge is bound to, or about.
    pub(crate) bound: Option<[u8; 32]>,
}

/// The names of the facts of one subject at one factor.
pub(crate) struct SubjectFacts<'k> {
    key: &'k MasterKey,
    factor: u64,
    identity: [u8; 16],
    /// The user at this factor.
    at_factor: [u8; 16],
    /// The whole subject, and what the challenge is bound to: two transactions have a challenge each.
    place: [u8; 16],
    /// The digest of what the challenge is bound to, or about.
    bound: Option<[u8; 32]>,
    /// One request asks for it several times, and a transaction's is hashed.
    cooldown: OnceLock<Key>,
}

impl<'k> SubjectFacts<'k> {
    pub(crate) fn new(
        facts_key: &'k MasterKey,
        who: Who,
        factor: FactorTag,
        bound: Option<&Bound>,
        terms: Option<[u8; 32]>,
    ) -> Self {
        let Who { identity, whole } = who;
        let about = |digest: &[u8; 32], limit: u64| {
            *named(facts_key, b"place", &[&whole, digest, &limit.to_be_bytes()]).as_bytes()
        };
        let place = match (bound, &terms) {
            (None, None) => whole,
            // Two amounts that may be fallen short of have one digest, and still a challenge each.
            (Some(bound), _) => about(&bound.digest, bound.limit().unwrap_or(0)),
            (None, Some(terms)) => about(terms, 0),
        };
        let bound = bound.map(|bound| bound.digest).or(terms);
        Self::restored(facts_key, factor, identity, place, bound)
    }

    /// The same names again, from what a token of the engine's own has kept of them.
    pub(crate) fn restored(
        facts_key: &'k MasterKey,
        factor: FactorTag,
        identity: [u8; 16],
        place: [u8; 16],
        bound: Option<[u8; 32]>,
    ) -> Self {
        let factor = u64::from_be_bytes(factor.0);
        let at_factor = facts_key.name.name(&identity, Kind::Factor, factor);
        let cooldown = OnceLock::new();
        Self { key: facts_key, factor, identity, at_factor, place, bound, cooldown }
    }

    /// What has to be kept of them to have the same names again.
    pub(crate) const fn names(&self) -> Names {
        Names { identity: self.identity, place: self.place, bound: self.bound }
    }

    /// The one open challenge of this subject (session and all) at this factor, and for this transaction if it is about one,
    /// sealed; see [`Ticket::store`](crate::ticket::Ticket::store). Redeeming takes it.
    pub(crate) fn open(&self) -> Key {
        of(self.key, &self.place, Kind::Open, self.factor)
    }

    /// Until when the next message has to wait; counted for the user, whatever the session. Each transaction has a wait
    /// of its own, since its message is another one; how many may be sent is up to the budgets of the address.
    pub(crate) fn cooldown(&self) -> Key {
        *self.cooldown.get_or_init(|| match &self.bound {
            None => self.at_factor(Kind::Cooldown, 0),
            Some(digest) => named(self.key, b"cooldown", &[&self.at_factor, digest]),
        })
    }

    /// Until when a new challenge has to wait, after one was guessed to death, and in which era that was.
    pub(crate) fn lockout(&self) -> Key {
        self.at_factor(Kind::Lockout, 0)
    }

    /// That the subject is blocked at this factor, until when the entry lives.
    pub(crate) fn block(&self) -> Key {
        self.at_factor(Kind::Block, 0)
    }

    /// How often that has happened of late.
    pub(crate) fn blocks(&self) -> Key {
        self.at_factor(Kind::Blocks, 0)
    }

    /// How often the subject has succeeded after failing: each success opens a new count of failures.
    pub(crate) fn era(&self) -> Key {
        self.at_factor(Kind::Era, 0)
    }

    /// Checks of cards in one era, over all challenges.
    pub(crate) fn card_tries(&self, era: u64) -> Key {
        self.at_factor(Kind::CardTries, era)
    }

    /// Consecutive failures in one era, over all challenges.
    pub(crate) fn failures(&self, era: u64) -> Key {
        self.at_factor(Kind::Failures, era)
    }

    /// How often the clearances of the user were revoked, as [`revocations`].
    pub(crate) fn revocations(&self) -> Key {
        revocations_of(self.key, &self.identity)
    }

    fn at_factor(&self, kind: Kind, number: u64) -> Key {
        of(self.key, &self.at_factor, kind, number)
    }

    /// Who this is, whatever the factor.
    pub(crate) fn identity(&self) -> &[u8; 16] {
        &self.identity
    }

    /// The name that stands for an address. A subject without one has a name of its own, so that its budgets run as
    /// everybody's do and nobody can tell.
    pub(crate) fn destination(&self, contact: Option<&Contact>) -> [u8; 16] {
        let name = match contact {
            Some(contact) => contact.counted(|name| named(self.key, b"destination", &[name.as_bytes()])),
            None => named(self.key, b"nowhere", &[&self.identity]),
        };
        *name.as_bytes()
    }

    /// That a message has just gone to this address for this purpose.
    pub(crate) fn destination_cooldown(&self, destination: &[u8; 16]) -> Key {
        of(self.key, destination, Kind::DestinationCooldown, self.factor)
    }

    /// Digits that stand in for a hint where there is no address; the same ones each time.
    pub(crate) fn decoy(&self) -> [u8; 16] {
        self.key.name.name(&self.identity, Kind::Decoy, 0)
    }
}
