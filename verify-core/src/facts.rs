//! What has happened to a ticket, and the names under which the store keeps it.
//!
//! Names are keyed hashes, so the store holds no subject, no address and nothing that could be tried out without the
//! key. Who or what a fact is about is hashed once, and [named](Namer) from there. The counters of one challenge hang on the
//! key that its ticket names; everything else hangs on the ring's key of facts, which stays when the others are rotated.

use std::sync::OnceLock;

use hmac::Mac;

use crate::binding::Bound;
use crate::budgets::Quota;
use crate::contact::Contact;
use crate::factor::FactorTag;
use crate::keys::MasterKey;
use crate::source::Source;
use crate::store::Key;
use crate::subject::Subject;
use crate::ticket::truncate;

mod namer;

use namer::Kind;
pub(crate) use namer::Namer;

/// How often the ticket was guessed at.
pub(crate) fn tries(key: &MasterKey, ticket: &[u8; 16]) -> Key {
    of(key, ticket, Kind::Tries, 0)
}

/// How often the ticket's code was sent once more: that its challenge is open says that one message has left.
pub(crate) fn sends(key: &MasterKey, ticket: &[u8; 16]) -> Key {
    of(key, ticket, Kind::Sends, 0)
}

/// A code service's name for the challenge, sealed.
pub(crate) fn handle(key: &MasterKey, ticket: &[u8; 16]) -> Key {
    of(key, ticket, Kind::Handle, 0)
}

/// Which challenge a code service's name belongs to.
pub(crate) fn handle_owner(facts_key: &MasterKey, handle: &str) -> Key {
    named(facts_key, b"handle-owner", &[handle.as_bytes()])
}

/// That the right PIN was dialled: it works by being there, and only while the challenge is open.
pub(crate) fn dialled(key: &MasterKey, ticket: &[u8; 16]) -> Key {
    of(key, ticket, Kind::Dialled, 0)
}

/// That a call ended without the right PIN, and how.
pub(crate) fn call_over(key: &MasterKey, ticket: &[u8; 16], number: u64) -> Key {
    of(key, ticket, Kind::CallOver, number)
}

/// That a captcha or a proof of work was redeemed: a mark that works by being there.
pub(crate) fn redeemed(key: &MasterKey, ticket: &[u8; 16]) -> Key {
    of(key, ticket, Kind::Redeemed, 0)
}

/// That a captcha's token has passed: another mark that works by being there, whatever ticket the token comes with next.
pub(crate) fn captcha_token(facts: &MasterKey, kind: &str, token: &[u8]) -> Key {
    named(facts, b"captcha-token", &[kind.as_bytes(), token])
}

/// The name of asking a captcha's vendor about this token.
pub(crate) fn captcha_attempt(key: &MasterKey, ticket: &[u8; 16], token: &[u8]) -> [u8; 16] {
    *named(key, b"captcha-attempt", &[ticket, token]).as_bytes()
}

/// What stands for the ticket in a captcha's token.
pub(crate) fn captcha_binding(key: &MasterKey, ticket: &[u8; 16]) -> [u8; 16] {
    key.name.name(ticket, Kind::CaptchaBinding, 0)
}

/// That a step of an authenticator's secret was used: a mark that works by being there, for the minute or two in which the
/// step could be typed again.
pub(crate) fn totp_step(facts_key: &MasterKey, subject: &Subject<'_>, secret: &[u8], step: u64) -> Key {
    named(facts_key, b"totp-step", &[&identity(facts_key, subject), secret, &step.to_be_bytes()])
}

/// That a challenge was answered and its approval not used: using takes it away.
pub(crate) fn grant(facts_key: &MasterKey, challenge: &[u8; 16]) -> Key {
    of(facts_key, challenge, Kind::Grant, 0)
}

/// The entries of one idempotency key.
#[derive(Clone, Copy)]
pub(crate) struct Executions {
    /// That a request is looking at its approvals.
    pub(crate) running: Key,
    /// That a request went on to the handler.
    pub(crate) begun: Key,
    /// What became of it.
    pub(crate) outcome: Key,
}

/// What is known of requests with this idempotency key.
pub(crate) fn executions(
    facts_key: &MasterKey,
    subject: &Subject<'_>,
    policy: &[u8],
    key: &str,
) -> Executions {
    let parts = [&identity(facts_key, subject), policy, key.as_bytes()];
    let execution = named(facts_key, b"execution", &parts);
    let name = |kind| of(facts_key, execution.as_bytes(), kind, 0);
    Executions { running: name(Kind::Running), begun: name(Kind::Begun), outcome: name(Kind::Outcome) }
}

/// A stable name of a challenge, worthless to whoever reads it.
pub(crate) fn pseudonym(key: &MasterKey, ticket: &[u8; 16]) -> [u8; 16] {
    message(key, ticket, u64::MAX)
}

/// The idempotent name of one message.
pub(crate) fn message(key: &MasterKey, ticket: &[u8; 16], number: u64) -> [u8; 16] {
    key.name.name(ticket, Kind::Message, number)
}

/// That a message's receipt was told.
pub(crate) fn receipt(facts_key: &MasterKey, message: &[u8; 16], what: &str) -> Key {
    named(facts_key, b"receipt", &[message, what.as_bytes()])
}

/// What somebody notes beside the engine's own facts.
pub(crate) fn note(oldest: &MasterKey, space: &str, parts: &[&[u8]]) -> Key {
    in_space(oldest, b"note", space, parts)
}

/// The same for a name that is shown.
pub(crate) fn shown(oldest: &MasterKey, space: &str, parts: &[&[u8]]) -> [u8; 16] {
    *in_space(oldest, b"note-shown", space, parts).as_bytes()
}

fn in_space(oldest: &MasterKey, kind: &[u8], space: &str, parts: &[&[u8]]) -> Key {
    let parts: Vec<&[u8]> = std::iter::once(space.as_bytes()).chain(parts.iter().copied()).collect();
    named(oldest, kind, &parts)
}

/// What a challenge is about, in words that only its caller reads.
pub(crate) fn terms(oldest: &MasterKey, text: &[u8]) -> [u8; 32] {
    let mut mac = oldest.binding.clone();
    mac.update(b"terms");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

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
                let mut mac = facts_key.fact.clone();
                mac.update(b"whole");
                subject.feed_all(&mut mac);
                truncate(mac)
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
        of(self.key, &self.identity, Kind::Revocations, 0)
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
        match contact {
            Some(contact) => *named(self.key, b"destination", &[contact.counted().as_bytes()]).as_bytes(),
            None => *named(self.key, b"nowhere", &[&self.identity]).as_bytes(),
        }
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

/// Messages to one address in one kind of window.
pub(crate) fn destination_quota(facts_key: &MasterKey, destination: &[u8; 16], quota: Quota) -> Key {
    of(facts_key, destination, Kind::DestinationQuota, quota.window.as_secs())
}

/// Messages asked for by one source in one kind of window.
pub(crate) fn source_quota(facts_key: &MasterKey, source: &Source, quota: Quota) -> Key {
    named(facts_key, b"source-quota", &[source.as_bytes().as_slice(), &quota.window.as_secs().to_be_bytes()])
}

/// Messages of one kind of budget in one kind of window.
pub(crate) fn spending(facts_key: &MasterKey, kind: &[u8], whose: &[u8], quota: Quota) -> Key {
    named(facts_key, b"spending", &[kind, whose, &quota.window.as_secs().to_be_bytes()])
}

/// A range of numbers, in a ticket: a keyed digest, which tells nobody which.
pub(crate) fn prefix(facts_key: &MasterKey, digits: &str) -> [u8; 8] {
    let name = named(facts_key, b"prefix", &[digits.as_bytes()]);
    name.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Codes that were sent, or answered, where these numbers are, in one window of a watch.
pub(crate) fn conversion(facts_key: &MasterKey, kind: &[u8], place: &[u8], window: u64) -> Key {
    named(facts_key, b"conversion", &[kind, place, &window.to_be_bytes()])
}

/// Checks of cards asked for by one source in one kind of window.
pub(crate) fn card_source(facts_key: &MasterKey, source: &Source, quota: Quota) -> Key {
    named(facts_key, b"card-source", &[source.as_bytes().as_slice(), &quota.window.as_secs().to_be_bytes()])
}

/// Checks of one card in one kind of window, by its number or token.
pub(crate) fn card(facts_key: &MasterKey, card: &str, quota: Quota) -> Key {
    named(facts_key, b"card", &[card.as_bytes(), &quota.window.as_secs().to_be_bytes()])
}

/// Requests of one source in one window of a shared limit.
pub(crate) fn requests(facts_key: &MasterKey, source: &Source, period: u64, window: u64) -> Key {
    let parts = [source.as_bytes().as_slice(), &period.to_be_bytes(), &window.to_be_bytes()];
    named(facts_key, b"requests", &parts)
}

/// How often the clearances of a user were revoked: each proof says after how many of them it was given.
pub(crate) fn revocations(facts_key: &MasterKey, subject: &Subject<'_>) -> Key {
    of(facts_key, &identity(facts_key, subject), Kind::Revocations, 0)
}

/// How often the subject has approved a payment: the count of low-value payments hangs on it.
pub(crate) fn authentications(facts_key: &MasterKey, subject: &Subject<'_>) -> Key {
    of(facts_key, &identity(facts_key, subject), Kind::Authentications, 0)
}

/// Low-value payments since then.
pub(crate) fn low_value(facts_key: &MasterKey, subject: &Subject<'_>, since: u64, currency: &str) -> Key {
    let identity = identity(facts_key, subject);
    named(facts_key, b"low-value", &[&identity, &since.to_be_bytes(), currency.as_bytes()])
}

pub(crate) fn identity(key: &MasterKey, subject: &Subject<'_>) -> [u8; 16] {
    let mut mac = key.fact.clone();
    mac.update(b"identity");
    subject.feed_identity(&mut mac);
    truncate(mac)
}

/// What is known of `whose`, which is a hash, or an id that was drawn at random.
fn of(key: &MasterKey, whose: &[u8; 16], kind: Kind, number: u64) -> Key {
    Key::new(key.name.name(whose, kind, number))
}

/// Hashes who or what a fact is about, where that may be of any length.
fn named(key: &MasterKey, kind: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = key.fact.clone();
    // No two names can be shifted into each other. Short lengths, so that most names are hashed in one block. A kind is one of
    // a dozen words of this file.
    mac.update(&[u8::try_from(kind.len()).unwrap_or(u8::MAX)]);
    mac.update(kind);
    for part in parts {
        mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        mac.update(part);
    }
    Key::new(truncate(mac))
}
