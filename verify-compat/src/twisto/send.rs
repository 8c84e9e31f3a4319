//! Sending a code.

use futures_util::future::try_join;
use verify_core::{Code, CourierErrorKind, RefusedKind};

use crate::detached;
use crate::twisto::Mode;
use crate::twisto::book::{Record, Slot, TRIES};
use crate::twisto::fault::Fault;
use crate::twisto::inner::{FACTOR, Inner};
use crate::twisto::outcome::Send;
use crate::twisto::verify::TEST_CODE;

impl Inner {
    pub(crate) async fn send(&self, record: &Record) -> Result<Send, Fault> {
        let now = self.now();
        let (success, tries) = try_join(self.book.success(record), self.book.tries(record, 0, now)).await?;
        if success.is_some() || tries >= TRIES || now >= record.expires() {
            return Ok(Send::Dead);
        }
        let gap = u64::from(self.settings.min_gap_after_send_seconds) * 1000;
        let slot = match self.book.take_slot(record, gap, now).await? {
            Slot::Taken(slot) => slot,
            Slot::TooEarly => return Ok(Send::TooEarly),
            Slot::Exceeded => return Ok(Send::Exceeded),
        };
        let sent = match record.mode {
            Mode::Test => Ok(Send::Sent),
            Mode::Live => self.deliver(record).await,
        };
        if !matches!(sent, Ok(Send::Sent)) {
            // What is not known to have left is not used up: a courier that gave no answer may have sent it all the same, and then
            // a message more leaves than two. The engine counts every one, and lets ten of a transaction leave at most.
            self.book.return_slot(record, slot).await?;
        }
        sent
    }

    async fn deliver(&self, record: &Record) -> Result<Send, Fault> {
        let direct = self.direct(record).ok_or_else(Fault::internal)?;
        // A second message has the same code, unless each is to have one of its own, which the engine makes.
        let length = self.settings.code_length;
        let code = if self.settings.fresh_code { None } else { Some(digits(length)?) };
        let chosen = code.as_ref().map(|code| direct.offer_with_code(&self.gate, FACTOR, code.clone()));
        let offer = match chosen {
            Some(Ok(offer)) => Ok(offer),
            // A service makes its codes itself, of a length of its own.
            Some(Err(refused)) if length == 4 => Err(refused),
            _ => direct.offer(&self.gate, FACTOR),
        };
        let offer = offer.map_err(|refused| {
            tracing::error!(target: "verify", kind = ?refused.kind(), "the engine makes no code for this API");
            Fault::internal()
        })?;
        let mut dispatch = match direct.send(&offer, record.channel()).await {
            Ok(dispatch) => dispatch,
            Err(refused) => {
                return match refused.kind() {
                    RefusedKind::Invalid | RefusedKind::Expired => Ok(Send::Dead),
                    RefusedKind::RateLimited => Ok(Send::Exceeded),
                    _ => Err(refused.into()),
                };
            }
        };
        if let Some(code) = code
            && !direct.standing(&offer).await?.has_other_code
        {
            self.book.note_code(record, code.expose(), self.now()).await?;
        }
        let Some(errand) = dispatch.errand() else { return Ok(Send::Sent) };
        match errand.run_within(detached::passed(self.engine.deadline())).await {
            Ok(()) => Ok(Send::Sent),
            Err(CourierErrorKind::Refused) => Ok(Send::Dead),
            Err(_) => Err(Fault::unavailable()),
        }
    }
}

/// So many digits, each as likely as the other, and never those that everybody knows.
fn digits(length: u8) -> Result<Code, Fault> {
    let below = 10_u64.pow(u32::from(length.min(10)));
    loop {
        let number = getrandom::u64().map_err(|_| Fault::unavailable())?;
        // Whole multiples of how many there are, so that no code is likelier than another.
        if number >= u64::MAX - u64::MAX % below {
            continue;
        }
        let code =
            zeroize::Zeroizing::new(format!("{:0width$}", number % below, width = usize::from(length)));
        if *code != TEST_CODE {
            return Code::chosen(&code).map_err(|_| Fault::internal());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t14_no_code_of_four_digits_is_the_one_of_tests() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200_000 {
            seen.insert(digits(4).unwrap().expose().to_owned());
        }
        assert!(!seen.contains(TEST_CODE));
        // Of 9,999 equally likely ones, one is missed by so many draws once in 50,000 runs.
        for length in 4..=10 {
            assert_eq!(digits(length).unwrap().expose().len(), usize::from(length));
        }
        assert!(seen.len() > 9_990 && seen.iter().all(|code| code.len() == 4), "{}", seen.len());
    }
}
