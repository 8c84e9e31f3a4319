//! Checking a code: look, count, then compare.

use futures_util::future::try_join;
use subtle::ConstantTimeEq;
use verify_core::RefusedKind;

use crate::twisto::Mode;
use crate::twisto::body::{Given, bare};
use crate::twisto::book::{Record, TRIES};
use crate::twisto::fault::Fault;
use crate::twisto::inner::{FACTOR, Inner};
use crate::twisto::outcome::Check;

/// The code of every transaction in test mode.
pub(crate) const TEST_CODE: &str = "1234";

/// Another request with the right code may be about to note its success; so many looks see it.
const LOOKS: usize = 4;

impl Inner {
    pub(crate) async fn verify(&self, record: &Record, body: &[u8]) -> Result<Check, Fault> {
        let (now, given) = (self.now(), Given::read(body));
        let (success, tries) = try_join(self.book.success(record), self.book.tries(record, 0, now)).await?;
        if let Some(success) = success {
            return Ok(match &given {
                Given::Code(code) if !self.settings.strict_after_success => {
                    // The answer to the first one may have been lost.
                    if self.book.was(record, &success, code) { Check::Right } else { Check::Dead }
                }
                _ => Check::Dead,
            });
        }
        // Fifty codes are compared within the hour or not at all, so if they were, that happened first.
        if tries >= TRIES {
            return Ok(Check::Exceeded);
        }
        if now >= record.expires() {
            return Ok(Check::Expired);
        }
        let code = match given {
            Given::Code(code) => code,
            Given::Malformed if self.settings.count_malformed => {
                let tries = self.book.tries(record, 1, now).await?;
                return Ok(if tries > TRIES { Check::Exceeded } else { Check::Wrong });
            }
            Given::Malformed | Given::Empty => return Ok(Check::Wrong),
        };
        if self.book.tries(record, 1, now).await? > TRIES {
            return Ok(Check::Exceeded);
        }
        let check = match record.mode {
            Mode::Test => {
                let right = bare(&code).as_bytes().ct_eq(TEST_CODE.as_bytes());
                if right.into() { Check::Right } else { Check::Wrong }
            }
            Mode::Live => self.compare(record, &code).await?,
        };
        if check == Check::Right {
            self.book.succeed(record, &code, now).await?;
        }
        Ok(check)
    }

    async fn compare(&self, record: &Record, code: &str) -> Result<Check, Fault> {
        let direct = self.direct(record).ok_or_else(Fault::internal)?;
        // From before its send, a ticket stands for whatever its transaction has open.
        let ticket = direct.offer(&self.gate, FACTOR)?;
        let Err(refused) = direct.check(&ticket, code).await else { return Ok(Check::Right) };
        match refused.kind() {
            RefusedKind::Wrong | RefusedKind::Invalid => Ok(Check::Wrong),
            RefusedKind::Locked => Ok(Check::Exceeded),
            RefusedKind::Expired => Ok(Check::Expired),
            // Nothing was sent yet, or another request has given the right code just now.
            RefusedKind::AlreadyUsed => {
                for _ in 0..LOOKS {
                    if let Some(success) = self.book.success(record).await? {
                        let same =
                            self.book.was(record, &success, code) && !self.settings.strict_after_success;
                        return Ok(if same { Check::Right } else { Check::Dead });
                    }
                }
                // It was given and used up, and the note of it lost: by a store that failed just then, for one.
                let is_sent = self.book.is_sent(record, code).await?;
                Ok(if is_sent { Check::Right } else { Check::Wrong })
            }
            _ => Err(refused.into()),
        }
    }
}
