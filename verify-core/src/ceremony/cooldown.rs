//! The wait between two messages: one mark for each subject and factor, which also says which challenge it belongs to.

use bytes::Bytes;

use crate::ceremony::Ceremony;
use crate::clock::millis_of;
use crate::encoding::{Reader, Writer};
use crate::refusal::Refusal;
use crate::store::Key;
use crate::ticket::Ticket;

/// Until when a subject has to wait for its next message, and because of which challenge.
#[derive(Clone, Copy)]
pub(super) struct Cooldown {
    /// Where that challenge is open: another session of the same user has a place of its own.
    place: [u8; 16],
    challenge: [u8; 16],
    sent_at: u64,
    pub(super) resend_at: u64,
    expires_at: u64,
}

impl Cooldown {
    /// The mark for a message that leaves now.
    pub(super) fn begin(ceremony: &Ceremony<'_>, challenge: &Ticket, resend_at: u64) -> Self {
        Self {
            place: *ceremony.facts.open().as_bytes(),
            challenge: challenge.id,
            sent_at: ceremony.now,
            resend_at,
            expires_at: challenge.expires_at,
        }
    }

    /// If the message before was for this very challenge and is so recent that another wish is the same wish: the
    /// challenge as it was opened, or as the request that is opening it right now will open it.
    pub(super) fn same_wish(
        &self,
        ceremony: &Ceremony<'_>,
        open: Option<&Ticket>,
        or: &Ticket,
    ) -> Option<Ticket> {
        let window = millis_of(ceremony.budgets().idempotent);
        if self.place != *ceremony.facts.open().as_bytes()
            || ceremony.now >= self.sent_at.saturating_add(window)
            || open.is_some_and(|open| open.id != self.challenge)
        {
            return None;
        }
        Some(open.cloned().unwrap_or_else(|| Ticket {
            id: self.challenge,
            expires_at: self.expires_at,
            ..or.clone()
        }))
    }

    /// Whether it is this challenge's.
    pub(super) fn is_of(&self, challenge: &Ticket) -> bool {
        self.challenge == challenge.id
    }

    pub(super) fn write(&self) -> Bytes {
        let mut writer = Writer::with_capacity(56);
        writer.fixed(&self.place).fixed(&self.challenge);
        writer.u64(self.sent_at).u64(self.resend_at).u64(self.expires_at);
        writer.finish().into()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let read = Self {
            place: reader.array()?,
            challenge: reader.array()?,
            sent_at: reader.u64()?,
            resend_at: reader.u64()?,
            expires_at: reader.u64()?,
        };
        reader.end()?;
        Some(read)
    }
}

/// Puts a mark back that was taken in vain.
pub(super) async fn put_back(ceremony: &Ceremony<'_>, taken: Option<Bytes>) -> Result<(), Refusal> {
    let Some(mark) = taken.as_deref().and_then(Cooldown::read) else { return Ok(()) };
    put(ceremony, &ceremony.facts.cooldown(), mark).await
}

/// Lets the wait go on without a challenge: whoever asks within the window is not told that a code is on its way.
pub(super) async fn disown(ceremony: &Ceremony<'_>) -> Result<(), Refusal> {
    let name = ceremony.facts.cooldown();
    let taken = ceremony.core.store.take(&name).await?;
    let Some(mark) = taken.as_deref().and_then(Cooldown::read) else { return Ok(()) };
    put(ceremony, &name, Cooldown { place: [0; 16], ..mark }).await
}

async fn put(ceremony: &Ceremony<'_>, name: &Key, mark: Cooldown) -> Result<(), Refusal> {
    if mark.resend_at > ceremony.now {
        ceremony.core.store.insert(name, mark.write(), ceremony.until(mark.resend_at)).await?;
    }
    Ok(())
}
