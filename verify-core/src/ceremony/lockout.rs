//! The wait after a row of wrong guesses: one entry for each subject and factor, which says in which era they were made.

use std::time::Duration;

use bytes::Bytes;

use crate::ceremony::Ceremony;
use crate::clock::millis_of;
use crate::encoding::{Reader, Writer};
use crate::refusal::Refusal;

/// Until when a new challenge has to wait, or another guess, and in which era: a success ends the wait with its era. The era
/// is not in the name of the entry, so that whoever looks need not ask for it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lockout {
    era: u64,
    until: u64,
}

impl Lockout {
    fn write(self) -> Bytes {
        let mut writer = Writer::with_capacity(12);
        writer.number(self.era).number(self.until);
        writer.finish().into()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let read = Self { era: reader.number()?, until: reader.number()? };
        reader.end()?;
        Some(read)
    }

    /// What has to be in the entry when a wait begins. A challenge of an earlier era may still be guessed to death: that keeps
    /// nobody waiting any more, and must not end the wait of a later one.
    fn or_later(self, other: Option<Self>, now: u64) -> Self {
        other.filter(|other| other.era > self.era && other.until > now).unwrap_or(self)
    }
}

/// Until when to wait in this era, by what the entry says; 0 if there is nothing to wait for.
pub(super) fn until(entry: Option<&[u8]>, era: u64) -> u64 {
    let lockout = entry.and_then(Lockout::read).filter(|lockout| lockout.era == era);
    lockout.map_or(0, |lockout| lockout.until)
}

/// Makes the subject wait from now on.
pub(super) async fn begin(ceremony: &Ceremony<'_>, era: u64, wait: Duration) -> Result<(), Refusal> {
    let Ceremony { core, facts, now, .. } = ceremony;
    let name = facts.lockout();
    let taken = core.store.take(&name).await?;
    let lockout = Lockout { era, until: now.saturating_add(millis_of(wait)) };
    let lockout = lockout.or_later(taken.as_deref().and_then(Lockout::read), *now);
    core.store.insert(&name, lockout.write(), ceremony.until(lockout.until)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r46_a_wait_is_for_its_era() {
        let bytes = Lockout { era: 3, until: 1_800_000_000_000 }.write();
        assert!(bytes.len() <= 12, "Redis has an allocation of 32 for it");
        assert_eq!(until(Some(&bytes), 3), 1_800_000_000_000);
        assert_eq!((until(Some(&bytes), 2), until(Some(&bytes), 4), until(None, 3)), (0, 0, 0));
        assert_eq!(until(Some(&bytes[..4]), 3), 0);
    }

    #[test]
    fn r46_what_an_earlier_era_brings_ends_no_wait_of_a_later_one() {
        let wait = |era, until| Lockout { era, until };
        let begins = wait(1, 50);
        for (other, expected) in [
            (None, begins),
            (Some(wait(0, 90)), begins),
            (Some(wait(1, 90)), begins),
            (Some(wait(2, 90)), wait(2, 90)),
            (Some(wait(2, 20)), begins),
        ] {
            assert_eq!(begins.or_later(other, 20), expected, "{other:?}");
        }
    }
}
