//! Transactions: what a payer approves, as plain values with one canonical form each.
//!
//! # The encoding
//!
//! An approval is a MAC over bytes, so each transaction has exactly one encoding and no two have the same. Numbers are
//! big-endian; a *field* is a 32-bit length and that many bytes, so neighbours never run into each other.
//!
//! | part | bytes |
//! |---|---|
//! | version | 1, the number 1 |
//! | kind | 1: 1 payment, 2 payment of up to an amount, 3 batch |
//! | number of lines | 4 |
//! | each line | a field: amount in minor units (8), currency code (3), payee's name (a field of NFC text), kind of account (a field), account (a field) |
//! | number of extra fields | 4 |
//! | each extra field | name (a field), value (a field) |
//!
//! The lines of a batch are sorted by their bytes, since a batch is the same in any order; extra fields are sorted by name.

use std::fmt;

use crate::encoding::{Reader, Writer};

mod account;
mod currency;
mod format;
mod iban;
mod money;
mod payee;

pub use account::{Account, InvalidAccount};
pub use currency::{Currency, UnknownCurrency};
pub use format::AmountFormat;
pub use iban::{Iban, InvalidIban};
pub use money::{InvalidAmount, Money};
pub use payee::{InvalidPayee, Payee};

const VERSION: u8 = 1;
/// More lines than anybody reads before approving them.
const MAX_LINES: usize = 50;
/// The encoding travels in a ticket, and the ticket in a header field.
const MAX_ENCODED: usize = 8 * 1024;
const MAX_FIELD_NAME: usize = 32;
const MAX_FIELD_VALUE: usize = 140;

/// One payment, or a batch of them: what one approval is for.
///
/// ```
/// use verify_core::{Account, Currency, Money, Payee, Transaction};
///
/// let amount = Money::parse("10.00", Currency::parse("EUR")?)?;
/// let payee = Payee::new("Acme Inc.", Account::iban("DE89 3704 0044 0532 0130 00")?)?;
/// let transfer = Transaction::payment(amount, payee.clone())?;
/// assert_eq!(transfer.total().minor(), 1000);
///
/// let nothing = Money::parse("0", Currency::parse("EUR")?)?;
/// assert!(Transaction::payment(nothing, payee).is_err(), "there is nothing to approve");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Transaction {
    kind: Kind,
    total: Money,
    lines: Vec<(Money, Payee)>,
    fields: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Payment = 1,
    UpTo = 2,
    Batch = 3,
}

impl Transaction {
    /// One amount to one payee.
    ///
    /// # Errors
    /// When the amount is zero.
    pub fn payment(amount: Money, payee: Payee) -> Result<Self, TransactionError> {
        Self::of(Kind::Payment, vec![(amount, payee)], Vec::new())
    }

    /// Several payments that are approved together (RTS 2018/389, 5(3)(b)), in any order.
    ///
    /// # Errors
    /// When there are none or more than 50, when their currencies differ, when one or the total is out of bounds, or when
    /// they are too long for a ticket together.
    pub fn batch(lines: Vec<(Money, Payee)>) -> Result<Self, TransactionError> {
        Self::of(Kind::Batch, lines, Vec::new())
    }

    /// The same payment, of this amount or less (RTS 2018/389, 5(3)(a)). A batch stays what it is.
    #[must_use]
    pub fn up_to(mut self) -> Self {
        if self.kind == Kind::Payment {
            self.kind = Kind::UpTo;
        }
        self
    }

    /// Binds something else as well: a reference, a due date, an account to debit.
    ///
    /// # Errors
    /// When the name is not 1 to 32 lower-case letters, digits or dashes, or there already, or when the value is longer
    /// than 140 characters or has unprintable ones.
    pub fn with_field(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, TransactionError> {
        self.fields.push((name.into(), value.into()));
        Self::of(self.kind, self.lines, self.fields)
    }

    fn of(
        kind: Kind,
        mut lines: Vec<(Money, Payee)>,
        mut fields: Vec<(String, String)>,
    ) -> Result<Self, TransactionError> {
        use TransactionError as Error;
        if lines.len() > MAX_LINES {
            return Err(Error::TooManyLines);
        }
        if lines.iter().any(|(amount, _)| amount.minor() == 0) {
            return Err(Error::Zero);
        }
        let (first, rest) = lines.split_first().ok_or(Error::Empty)?;
        let mut total = first.0;
        for (amount, _) in rest {
            if amount.currency() != total.currency() {
                return Err(Error::MixedCurrencies);
            }
            total = total.checked_add(*amount).ok_or(Error::TooMuch)?;
        }
        lines.sort_by_cached_key(line);
        fields.sort();
        let name_fits = |name: &str| {
            (1..=MAX_FIELD_NAME).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let fits = |(name, value): &(String, String)| {
            name_fits(name)
                && value.chars().count() <= MAX_FIELD_VALUE
                && !value.chars().any(crate::text::is_unprintable)
        };
        let twice = fields.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other));
        if twice || !fields.iter().all(fits) {
            return Err(Error::Field);
        }
        let transaction = Self { kind, total, lines, fields };
        if transaction.encode().len() > MAX_ENCODED {
            return Err(Error::TooLong);
        }
        Ok(transaction)
    }

    /// The sum of all lines.
    #[must_use]
    pub fn total(&self) -> Money {
        self.total
    }

    /// Amount and payee of each line; of a batch, in its canonical order.
    #[must_use]
    pub fn lines(&self) -> impl ExactSizeIterator<Item = (&Money, &Payee)> {
        self.lines.iter().map(|(amount, payee)| (amount, payee))
    }

    /// What was bound besides.
    #[must_use]
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether it is a batch.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.kind == Kind::Batch
    }

    /// Whether less than the amount may be taken.
    #[must_use]
    pub fn is_up_to(&self) -> bool {
        self.kind == Kind::UpTo
    }

    /// Whether a payee's name could be taken for another; see [`Payee::looks_confusable`].
    #[must_use]
    pub fn is_confusable(&self) -> bool {
        self.lines.iter().any(|(_, payee)| payee.looks_confusable())
    }

    /// The whole of it, for a sealed ticket.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.written(line)
    }

    /// What an approval is a MAC over: all of it but, where less may be taken, the amount.
    pub(crate) fn bound_encoding(&self) -> Vec<u8> {
        if self.kind == Kind::UpTo {
            return self.written(|(amount, payee)| line(&(amount.with_minor(0), payee.clone())));
        }
        self.encode()
    }

    fn written(&self, line: impl Fn(&(Money, Payee)) -> Vec<u8>) -> Vec<u8> {
        let count = |list: usize| u32::try_from(list).unwrap_or(u32::MAX);
        let mut writer = Writer::with_capacity(128);
        writer.byte(VERSION).byte(self.kind as u8).u32(count(self.lines.len()));
        for each in &self.lines {
            writer.field(&line(each));
        }
        writer.u32(count(self.fields.len()));
        for (name, value) in &self.fields {
            writer.field(name.as_bytes()).field(value.as_bytes());
        }
        writer.finish()
    }

    /// Reads back what [`Transaction::encode`] wrote, and checks it as if it were new.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let kind = match reader.byte()? {
            1 => Kind::Payment,
            2 => Kind::UpTo,
            3 => Kind::Batch,
            _ => return None,
        };
        let mut lines = Vec::new();
        for _ in 0..reader.u32()? {
            let mut line = Reader::new(reader.field()?);
            let minor = line.u64()?;
            let code: [u8; 3] = line.array()?;
            let currency = Currency::parse(std::str::from_utf8(&code).ok()?).ok()?;
            let name = line.text()?;
            let account = Account::read(line.text()?, line.text()?)?;
            line.end()?;
            lines.push((Money::from_minor(minor, currency).ok()?, Payee::new(name, account).ok()?));
        }
        let mut fields = Vec::new();
        for _ in 0..reader.u32()? {
            fields.push((reader.text()?.to_owned(), reader.text()?.to_owned()));
        }
        reader.end()?;
        // What reads as a transaction and is not its one encoding was written by somebody else.
        Self::of(kind, lines, fields).ok().filter(|transaction| transaction.encode() == bytes)
    }
}

fn line((amount, payee): &(Money, Payee)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(96);
    writer.u64(amount.minor()).fixed(amount.currency().code().as_bytes());
    writer.field(payee.name().as_bytes());
    writer.field(payee.account().kind().as_bytes()).field(payee.account().id().as_bytes());
    writer.finish()
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

/// Payments that make no transaction. The message says what to change, and repeats nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// A batch without a line.
    #[error("there is no payment in it: send at least one")]
    Empty,
    /// An amount of nothing.
    #[error("an amount is zero: there is nothing to approve")]
    Zero,
    /// More than 50 lines.
    #[error(
        "there are more than 50 payments in it: nobody reads so many before approving them; split them up"
    )]
    TooManyLines,
    /// Lines in several currencies.
    #[error("the payments are in different currencies, so there is no total: send one currency at a time")]
    MixedCurrencies,
    /// A total beyond what an amount can be.
    #[error("the payments add up to more than an amount can be: split them up")]
    TooMuch,
    /// An extra field.
    #[error(
        "an extra field has a name of 1 to 32 lower-case letters, digits or dashes, once, and up to 140 printable characters"
    )]
    Field,
    /// The encoding is beyond 8 KiB.
    #[error("the payments are too long together: split them up")]
    TooLong,
}

#[cfg(test)]
mod tests;
