//! Sending a code.

use futures_util::future::try_join;
use verify_core::{Code, CourierErrorKind, RefusedKind};

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
            // Nothing has left, so nothing is used up.
            self.book.return_slot(record, slot).await?;
        }
        sent
    }

    async fn deliver(&self, record: &Record) -> Result<Send, Fault> {
        let direct = self.direct(record).ok_or_else(Fault::internal)?;
        let offer = match self.settings.code_length {
            4 => direct.offer_with_code(&self.gate, FACTOR, four_digits()?),
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
        let Some(errand) = dispatch.errand() else { return Ok(Send::Sent) };
        match errand.run().await {
            Ok(()) => Ok(Send::Sent),
            Err(CourierErrorKind::Refused) => Ok(Send::Dead),
            Err(_) => Err(Fault::unavailable()),
        }
    }
}

/// Four digits, each as likely as the other, and never those that everybody knows.
fn four_digits() -> Result<Code, Fault> {
    loop {
        let number = getrandom::u32().map_err(|_| Fault::unavailable())?;
        // Whole multiples of ten thousand, so that no code is likelier than another.
        if number >= u32::MAX - u32::MAX % 10_000 {
            continue;
        }
        let code = zeroize::Zeroizing::new(format!("{:04}", number % 10_000));
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
            seen.insert(four_digits().unwrap().expose().to_owned());
        }
        assert!(!seen.contains(TEST_CODE));
        // Of 9,999 equally likely ones, one is missed by so many draws once in 50,000 runs.
        assert!(seen.len() > 9_990 && seen.iter().all(|code| code.len() == 4), "{}", seen.len());
    }
}
