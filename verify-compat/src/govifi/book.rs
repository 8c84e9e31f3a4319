//! What is noted of sessions, in the engine's store. Each step is atomic: of many requests one sends, one pays, one is first.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use verify_core::Notes;
use verify_core::store::Key;
use zeroize::Zeroizing;

use crate::govifi::Settings;
use crate::govifi::fault::Fault;
use crate::govifi::session::Record;

/// That nothing is paid any more: whoever noted it had taken the permit.
pub(crate) const ENDED: &[u8] = b"ended";

/// How a session was paid.
#[derive(Deserialize, Serialize)]
pub(crate) struct Completed {
    pub(crate) at: u64,
    pub(crate) payment: String,
}

/// An answer that is given again to the same `Idempotency-Key`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Kept {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// The newest message of a session, or zeros.
pub(crate) struct Sent {
    number: u8,
    at: u64,
    /// From then on its code cannot be used.
    pub(crate) until: u64,
}

/// The right to send one message.
pub(crate) enum Slot {
    /// It is this one, counted from one.
    Taken(u8),
    /// One has left so recently that this is the same wish.
    Same,
    /// All have left.
    Spent,
}

pub(crate) struct Book {
    pub(crate) notes: Notes,
}

impl Book {
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Record>, Fault> {
        self.read(&self.named(b"session", id)).await
    }

    /// Notes a session and the one permit to pay it. The permit comes first, so that no session is seen without.
    pub(crate) async fn enter(&self, record: &Record, now: u64) -> Result<(), Fault> {
        let life = record.life(now);
        self.notes.insert(&self.named(b"permit", &record.id), &[], life).await?;
        self.insert(&self.named(b"session", &record.id), record, life).await?;
        Ok(())
    }

    /// Takes the permit to pay: of any number of requests one has it, and whoever has not must not pay.
    pub(crate) async fn take_permit(&self, record: &Record) -> Result<bool, Fault> {
        Ok(self.notes.take(&self.named(b"permit", &record.id)).await?.is_some())
    }

    /// Gives the permit back, where certainly nothing was paid.
    pub(crate) async fn return_permit(&self, record: &Record, now: u64) -> Result<(), Fault> {
        self.notes.insert(&self.named(b"permit", &record.id), &[], record.life(now)).await?;
        Ok(())
    }

    /// Ends a session by taking its permit for good; says whether it was there. If the end is not noted, the session stays one
    /// of which nobody says more than that it takes no payment.
    pub(crate) async fn end(&self, record: &Record, now: u64) -> Result<bool, Fault> {
        if !self.take_permit(record).await? {
            return Ok(false);
        }
        self.mark(ENDED, record, now).await?;
        Ok(true)
    }

    /// Whether somebody could pay now.
    pub(crate) async fn has_permit(&self, record: &Record) -> Result<bool, Fault> {
        Ok(self.notes.get(&self.named(b"permit", &record.id)).await?.is_some())
    }

    pub(crate) async fn complete(&self, record: &Record, done: &Completed) -> Result<(), Fault> {
        self.insert(&self.named(b"completed", &record.id), done, record.life(done.at)).await?;
        Ok(())
    }

    pub(crate) async fn completed(&self, id: &str) -> Result<Option<Completed>, Fault> {
        self.read(&self.named(b"completed", id)).await
    }

    /// Notes something of a session once; says whether it is the first time.
    pub(crate) async fn mark(&self, kind: &[u8], record: &Record, now: u64) -> Result<bool, Fault> {
        Ok(self.notes.insert(&self.named(kind, &record.id), &[], record.life(now)).await?)
    }

    pub(crate) async fn is_marked(&self, kind: &[u8], record: &Record) -> Result<bool, Fault> {
        Ok(self.notes.get(&self.named(kind, &record.id)).await?.is_some())
    }

    /// Counts a wrong answer, or only looks; the sum.
    pub(crate) async fn attempts(&self, record: &Record, n: u32, now: u64) -> Result<u64, Fault> {
        Ok(self.notes.add(&self.named(b"attempts", &record.id), n, record.life(now)).await?)
    }

    /// Counts a request of a credential; the sum of this minute.
    pub(crate) async fn requests(&self, record: &Record, now: u64) -> Result<u64, Fault> {
        let minute = (now / 60_000).to_be_bytes();
        let name = self.notes.name(&[b"requests", record.id.as_bytes(), &minute]);
        Ok(self.notes.add(&name, 1, Duration::from_secs(120)).await?)
    }

    /// Takes the next of so many messages, unless the one before is within the window.
    pub(crate) async fn take_slot(
        &self,
        record: &Record,
        settings: &Settings,
        now: u64,
    ) -> Result<Slot, Fault> {
        let sent = self.sent(record, settings).await?;
        let window = u64::from(settings.send_window_seconds) * 1000;
        if sent.number > 0 && now < sent.at.saturating_add(window) {
            return Ok(Slot::Same);
        }
        if sent.number >= settings.sends {
            return Ok(Slot::Spent);
        }
        let next = sent.number.saturating_add(1);
        // Whoever was faster has sent it just now.
        let taken = self.insert(&self.slot(record, next), &now, record.life(now)).await?;
        Ok(if taken { Slot::Taken(next) } else { Slot::Same })
    }

    /// The newest message, and until when its code can be used: a code lives from the first message that carries it.
    pub(crate) async fn sent(&self, record: &Record, settings: &Settings) -> Result<Sent, Fault> {
        let life = u64::from(settings.code_ttl_seconds) * 1000;
        let mut sent = Sent { number: 0, at: 0, until: 0 };
        for number in 1..=settings.sends {
            let Some(at) = self.read::<u64>(&self.slot(record, number)).await? else { break };
            let until = if at < sent.until { sent.until } else { at.saturating_add(life) };
            sent = Sent { number, at, until };
        }
        Ok(sent)
    }

    /// Gives a message back that is not known to have left.
    pub(crate) async fn return_slot(&self, record: &Record, slot: u8) -> Result<(), Fault> {
        self.notes.take(&self.slot(record, slot)).await?;
        Ok(())
    }

    fn slot(&self, record: &Record, number: u8) -> Key {
        self.notes.name(&[b"sent", record.id.as_bytes(), &[number]])
    }

    /// Takes a captcha's token for this session: it counts once.
    pub(crate) async fn take_token(&self, record: &Record, token: &str, now: u64) -> Result<bool, Fault> {
        let name = self.notes.name(&[b"token", token.as_bytes()]);
        Ok(self.notes.insert(&name, &[], record.life(now)).await?)
    }

    /// Gives a token back of which nobody could say whether it is good.
    pub(crate) async fn return_token(&self, token: &str) -> Result<(), Fault> {
        self.notes.take(&self.notes.name(&[b"token", token.as_bytes()])).await?;
        Ok(())
    }

    /// Claims an `Idempotency-Key` for a body; if it is claimed already, the digest of the body that it was claimed for.
    pub(crate) async fn claim(
        &self,
        record: &Record,
        key: &str,
        digest: &str,
        now: u64,
    ) -> Result<Option<String>, Fault> {
        let name = self.keyed(b"claim", record, key);
        if self.insert(&name, &digest, record.life(now)).await? {
            return Ok(None);
        }
        match self.read(&name).await? {
            Some(claimed) => Ok(Some(claimed)),
            // Given up in between: nothing is known of its body, and whoever asks next claims it.
            None => Err(Fault::under_way()),
        }
    }

    /// The digest that a key was claimed for.
    pub(crate) async fn claimed(&self, record: &Record, key: &str) -> Result<Option<String>, Fault> {
        self.read(&self.keyed(b"claim", record, key)).await
    }

    /// Gives a key up under which nothing has happened.
    pub(crate) async fn give_up(&self, record: &Record, key: &str) -> Result<(), Fault> {
        self.notes.take(&self.keyed(b"claim", record, key)).await?;
        Ok(())
    }

    pub(crate) async fn keep(&self, record: &Record, key: &str, kept: &Kept, now: u64) -> Result<(), Fault> {
        self.insert(&self.keyed(b"result", record, key), kept, record.life(now)).await?;
        Ok(())
    }

    pub(crate) async fn kept(&self, record: &Record, key: &str) -> Result<Option<Kept>, Fault> {
        self.read(&self.keyed(b"result", record, key)).await
    }

    fn keyed(&self, kind: &[u8], record: &Record, key: &str) -> Key {
        self.notes.name(&[kind, record.id.as_bytes(), key.as_bytes()])
    }

    fn named(&self, kind: &[u8], id: &str) -> Key {
        self.notes.name(&[kind, id.as_bytes()])
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
