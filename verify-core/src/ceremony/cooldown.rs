//! The wait between two messages: one mark for each subject and factor, which also says which challenge it belongs to.

use bytes::Bytes;

use crate::ceremony::Ceremony;
use crate::clock::millis_of;
use crate::encoding::{Reader, Writer};
use crate::refusal::Refusal;
use crate::store::Key;
use crate::ticket::Ticket;

/// What a mark takes in bytes, of waits and lives up to half an hour.
const MARK: usize = 36;

/// Until when a subject has to wait for its next message, and because of which challenge.
#[derive(Clone, Copy)]
pub(super) struct Cooldown {
    /// Where that challenge is open: another session of the same user has a place of its own. Half of its name tells
    /// the sessions of one user apart.
    place: [u8; 8],
    challenge: [u8; 16],
    sent_at: u64,
    pub(super) resend_at: u64,
    expires_at: u64,
}

impl Cooldown {
    /// The mark for a message that leaves now.
    pub(super) fn begin(ceremony: &Ceremony<'_>, challenge: &Ticket, resend_at: u64) -> Self {
        Self {
            place: place(ceremony),
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
        if self.place != place(ceremony)
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

    /// The later moments by their distance from the first. A store keeps one mark for each user who waits, and some keep what
    /// is short for less: Redis does so up to 44 bytes.
    pub(super) fn write(&self) -> Bytes {
        let mut writer = Writer::with_capacity(MARK);
        writer.fixed(&self.place).fixed(&self.challenge).number(self.sent_at);
        writer.number(self.resend_at.saturating_sub(self.sent_at));
        writer.number(self.expires_at.saturating_sub(self.sent_at));
        writer.finish().into()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let (place, challenge, sent_at) = (reader.array()?, reader.array()?, reader.number()?);
        let resend_at = sent_at.checked_add(reader.number()?)?;
        let expires_at = sent_at.checked_add(reader.number()?)?;
        reader.end()?;
        Some(Self { place, challenge, sent_at, resend_at, expires_at })
    }
}

fn place(ceremony: &Ceremony<'_>) -> [u8; 8] {
    ceremony.facts.open().as_bytes().first_chunk().copied().unwrap_or_default()
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
    put(ceremony, &name, Cooldown { place: [0; 8], ..mark }).await
}

async fn put(ceremony: &Ceremony<'_>, name: &Key, mark: Cooldown) -> Result<(), Refusal> {
    if mark.resend_at > ceremony.now {
        ceremony.core.store.insert(name, mark.write(), ceremony.until(mark.resend_at)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn mark(sent_at: u64, wait: u64, life: u64) -> Cooldown {
        let (resend_at, expires_at) = (sent_at + wait, sent_at + life);
        Cooldown { place: [1; 8], challenge: [2; 16], sent_at, resend_at, expires_at }
    }

    #[test]
    fn a_mark_is_short_enough_for_one_allocation_of_redis() {
        assert_eq!(mark(NOW, 30_000, 600_000).write().len(), MARK);
        let year = 365 * 24 * 3_600_000;
        assert!(mark(NOW, year, year).write().len() <= 44);
    }

    proptest! {
        #[test]
        fn r45_a_mark_comes_back_to_the_millisecond(
            sent_at in 0..u64::MAX / 2,
            wait in 0..u64::MAX / 2,
            life in 0..u64::MAX / 2,
        ) {
            let mark = mark(sent_at, wait, life);
            let bytes = mark.write();
            let read = Cooldown::read(&bytes).unwrap();
            prop_assert_eq!((read.place, read.challenge), (mark.place, mark.challenge));
            prop_assert_eq!(
                (read.sent_at, read.resend_at, read.expires_at),
                (mark.sent_at, mark.resend_at, mark.expires_at)
            );
            prop_assert!(Cooldown::read(&bytes[..bytes.len() - 1]).is_none());
        }

        #[test]
        fn r49_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Cooldown::read(&bytes);
        }
    }
}
