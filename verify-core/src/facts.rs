//! What has happened to a ticket, and the names under which the store keeps it.
//!
//! Names are keyed hashes, so the store holds no subject, no address and nothing that could be tried out without the
//! key. Who or what a fact is about is hashed once, and [named](crate::namer::Namer) from there. The counters of one
//! challenge hang on the key that its ticket names; everything else hangs on the ring's key of facts, which stays when the
//! others are rotated.

use crate::audit::Pseudonym;
use crate::budgets::Quota;
use crate::keys::MasterKey;
use crate::namer::Kind;
use crate::source::Source;
use crate::store::Key;
use crate::subject::Subject;

mod subject;

pub(crate) use subject::{Names, SubjectFacts, Who};

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
pub(crate) fn pseudonym_in_full(facts_key: &MasterKey, ticket: &[u8; 16]) -> [u8; 16] {
    message(facts_key, ticket, u64::MAX)
}

/// The name that events have of it.
pub(crate) fn pseudonym(facts_key: &MasterKey, ticket: &[u8; 16]) -> Pseudonym {
    short(&pseudonym_in_full(facts_key, ticket))
}

/// As much of a name as events show.
pub(crate) fn short(name: &[u8; 16]) -> Pseudonym {
    name.first_chunk().copied().unwrap_or_default()
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
pub(crate) fn note(facts_key: &MasterKey, space: &str, parts: &[&[u8]]) -> Key {
    in_space(facts_key, b"note", space, parts)
}

/// The same for a name that is shown.
pub(crate) fn shown(facts_key: &MasterKey, space: &str, parts: &[&[u8]]) -> [u8; 16] {
    *in_space(facts_key, b"note-shown", space, parts).as_bytes()
}

fn in_space(facts_key: &MasterKey, kind: &[u8], space: &str, parts: &[&[u8]]) -> Key {
    let parts: Vec<&[u8]> = std::iter::once(space.as_bytes()).chain(parts.iter().copied()).collect();
    named(facts_key, kind, &parts)
}

/// What a challenge is about, in words that only its caller reads.
pub(crate) fn terms(facts_key: &MasterKey, text: &[u8]) -> [u8; 32] {
    let mut mac = facts_key.binding.start();
    mac.update(b"terms");
    mac.update(text);
    mac.finish()
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
    revocations_of(facts_key, &identity(facts_key, subject))
}

fn revocations_of(facts_key: &MasterKey, identity: &[u8; 16]) -> Key {
    of(facts_key, identity, Kind::Revocations, 0)
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
    let mut mac = key.fact.start();
    mac.update(b"identity");
    subject.feed_identity(&mut mac);
    mac.finish_short()
}

/// What is known of `whose`, which is a hash, or an id that was drawn at random.
fn of(key: &MasterKey, whose: &[u8; 16], kind: Kind, number: u64) -> Key {
    Key::new(key.name.name(whose, kind, number))
}

/// Hashes who or what a fact is about, where that may be of any length.
fn named(key: &MasterKey, kind: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = key.fact.start();
    // No two names can be shifted into each other. Short lengths, so that most names are hashed in one block. A kind is one of
    // a dozen words of this file.
    mac.update(&[u8::try_from(kind.len()).unwrap_or(u8::MAX)]);
    mac.update(kind);
    for part in parts {
        mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        mac.update(part);
    }
    Key::new(mac.finish_short())
}
