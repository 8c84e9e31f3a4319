//! What is noted of transactions, in the engine's store. Each count is one atomic step, and what is refused leaves no trace.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use verify_core::store::Key;
use verify_core::{Channel, Notes};
use zeroize::Zeroizing;

use crate::twisto::Mode;
use crate::twisto::body::bare;
use crate::twisto::fault::Fault;

/// Codes that are compared, as the original has it.
pub(crate) const TRIES: u64 = 50;

/// A second send comes no sooner than so many milliseconds after the end of the evaluation.
const RESEND: u64 = 10_000;

/// So many milliseconds after the end of the evaluation everything is over.
pub(crate) const EXPIRY: u64 = 3_600_000;

/// How much longer it is remembered what a transaction was.
pub(crate) const KEPT: u64 = 24 * 3_600_000;

/// A transaction. Losing it ends it, and forging it is not possible.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// The public key of whoever may have it verified.
    pub(crate) keys: String,
    pub(crate) to: String,
    pub(crate) channel: String,
    pub(crate) mode: Mode,
    /// When the evaluation ended, in milliseconds since 1970.
    pub(crate) ended: u64,
    /// The same as it was said, by a clock that may be ahead of this one; nothing where nobody said.
    pub(crate) said: Option<u64>,
    /// Whether it is one of the configuration's, which begins anew.
    pub(crate) configured: bool,
}

impl Record {
    /// From this millisecond on it is expired.
    pub(crate) fn expires(&self) -> u64 {
        self.ended.saturating_add(EXPIRY)
    }

    pub(crate) fn channel(&self) -> Option<Channel> {
        Channel::from_name(&self.channel)
    }

    /// How long from now on it is remembered.
    pub(crate) fn life(&self, now: u64) -> Duration {
        let kept = if self.configured { 0 } else { KEPT };
        Duration::from_millis(self.expires().saturating_add(kept).saturating_sub(now).max(1))
    }
}

/// That the right code was given.
#[derive(Deserialize, Serialize)]
pub(crate) struct Success {
    pub(crate) at: u64,
    /// A keyed digest of the code, by which a repeated answer is known.
    code: String,
}

/// The right to send one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Taken(u8),
    TooEarly,
    Exceeded,
}

pub(crate) struct Book {
    pub(crate) notes: Notes,
}

impl Book {
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Record>, Fault> {
        self.read(&self.notes.name(&[b"transaction", id.as_bytes()])).await
    }

    /// Notes a transaction unless it is known; says whether it did.
    pub(crate) async fn enter(&self, record: &Record, now: u64) -> Result<bool, Fault> {
        let name = self.notes.name(&[b"transaction", record.id.as_bytes()]);
        self.insert(&name, record, record.life(now)).await
    }

    /// Takes one of the two sends. The second is free from ten seconds after the evaluation on, and so long after the first.
    pub(crate) async fn take_slot(&self, record: &Record, gap: u64, now: u64) -> Result<Slot, Fault> {
        let life = record.life(now);
        let first = self.named(b"send-1", record);
        if self.insert(&first, &now, life).await? {
            return Ok(Slot::Taken(1));
        }
        let second = self.named(b"send-2", record);
        if self.notes.get(&second).await?.is_some() {
            return Ok(Slot::Exceeded);
        }
        let before: Option<u64> = self.read(&first).await?;
        let after_first = before.map_or(now, |at| at.saturating_add(gap));
        if now < record.ended.saturating_add(RESEND).max(after_first) {
            return Ok(Slot::TooEarly);
        }
        Ok(if self.insert(&second, &now, life).await? { Slot::Taken(2) } else { Slot::Exceeded })
    }

    /// Gives a send back whose message is not known to have left.
    pub(crate) async fn return_slot(&self, record: &Record, slot: u8) -> Result<(), Fault> {
        let kind: &[u8] = if slot == 1 { b"send-1" } else { b"send-2" };
        self.notes.take(&self.named(kind, record)).await?;
        Ok(())
    }

    /// Counts a code, or only looks; the sum.
    pub(crate) async fn tries(&self, record: &Record, n: u32, now: u64) -> Result<u64, Fault> {
        Ok(self.notes.add(&self.named(b"tries", record), n, record.life(now)).await?)
    }

    pub(crate) async fn success(&self, record: &Record) -> Result<Option<Success>, Fault> {
        self.read(&self.named(b"success", record)).await
    }

    /// Notes that the right code was given. Several may do so at once, so whoever is first, and nobody else, notes the right to
    /// the one invoice: an invoice that is claimed already does not come back. What breaks off in between makes none.
    pub(crate) async fn succeed(&self, record: &Record, code: &str, now: u64) -> Result<(), Fault> {
        let life = record.life(now);
        let success = Success { at: now, code: self.mark(record, code) };
        if self.insert(&self.named(b"success", record), &success, life).await? {
            self.notes.insert(&self.named(b"invoice", record), &[], life).await?;
        }
        Ok(())
    }

    /// Whether it was this code.
    pub(crate) fn was(&self, record: &Record, success: &Success, code: &str) -> bool {
        is_same(&success.code, &self.mark(record, code))
    }

    /// Notes by a digest which code was sent, so that it is known once more where the answer to it was lost.
    pub(crate) async fn note_code(&self, record: &Record, code: &str, now: u64) -> Result<(), Fault> {
        self.insert(&self.named(b"code", record), &self.mark(record, code), record.life(now)).await?;
        Ok(())
    }

    /// Whether it is the code that was sent.
    pub(crate) async fn is_sent(&self, record: &Record, code: &str) -> Result<bool, Fault> {
        let sent: Option<String> = self.read(&self.named(b"code", record)).await?;
        Ok(sent.is_some_and(|sent| is_same(&sent, &self.mark(record, code))))
    }

    /// Takes the right to the one invoice; says whether it was there.
    pub(crate) async fn take_invoice(&self, record: &Record) -> Result<bool, Fault> {
        Ok(self.notes.take(&self.named(b"invoice", record)).await?.is_some())
    }

    fn mark(&self, record: &Record, code: &str) -> String {
        let ended = record.ended.to_be_bytes();
        self.notes.pseudonym(&[b"code", record.id.as_bytes(), &ended, bare(code).as_bytes()])
    }

    fn named(&self, kind: &[u8], record: &Record) -> Key {
        self.notes.name(&[kind, record.id.as_bytes(), &record.ended.to_be_bytes()])
    }

    async fn insert(&self, name: &Key, value: &impl Serialize, ttl: Duration) -> Result<bool, Fault> {
        let text = Zeroizing::new(serde_json::to_vec(value)?);
        Ok(self.notes.insert(name, &text, ttl).await?)
    }

    async fn read<T: DeserializeOwned>(&self, name: &Key) -> Result<Option<T>, Fault> {
        let note = self.notes.get(name).await?;
        Ok(note.map(|note| serde_json::from_slice(&note)).transpose()?)
    }
}

/// Whether two digests are one, in a time that tells nothing of them.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
