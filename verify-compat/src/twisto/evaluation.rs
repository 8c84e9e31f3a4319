//! A payment's evaluation that has ended, and whom its code goes to.

use std::time::SystemTime;

use verify_core::{Channel, Contact};

use crate::twisto::Mode;

/// A transaction that is about to be verified, for [`Twisto::begin`](crate::twisto::Twisto::begin).
#[derive(Clone, Debug)]
#[must_use]
pub struct Evaluation {
    pub(crate) transaction: String,
    pub(crate) ended_at: SystemTime,
    /// Whether whoever evaluated has said so, or it is only when this was told.
    pub(crate) is_end_said: bool,
    pub(crate) to: Contact,
    pub(crate) channel: Channel,
    pub(crate) mode: Mode,
    pub(crate) keys: Option<String>,
}

impl Evaluation {
    /// The transaction's id, when its evaluation ended, and whom the code goes to: a number by text message, an address by
    /// mail. All waits and the hour run from that end, and not from the first send.
    pub fn new(transaction: impl Into<String>, ended_at: SystemTime, to: Contact) -> Self {
        let channel = if to.fits(Channel::Email) { Channel::Email } else { Channel::Sms };
        let (transaction, mode) = (transaction.into(), Mode::Live);
        Self { transaction, ended_at, is_end_said: true, to, channel, mode, keys: None }
    }

    /// The channel, as an app where the engine has a courier for it. Default: by the kind of the address.
    pub fn over(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// Whether the code is real. Default: [`Mode::Live`]. See [`Mode::of_customer`].
    pub fn in_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The public key whose transaction it is. Default: the first pair of the configuration.
    pub fn of_keys(mut self, public: impl Into<String>) -> Self {
        self.keys = Some(public.into());
        self
    }
}

/// Why a transaction was not taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// Its id would not stand in a path.
    #[error("a transaction's id is 1 to 128 letters, digits, `-`, `_` and `.`")]
    Id,
    /// No such keys are configured.
    #[error("no keys of that name are configured")]
    Keys,
    /// Everybody knows the code of a test.
    #[error("a transaction in test mode takes keys in test mode: anybody could pass it")]
    TestOnLiveKeys,
    /// The end of the evaluation is yet to come.
    #[error("the evaluation ends more than a minute from now: compare the clocks")]
    Future,
    /// The hour has passed already.
    #[error("the evaluation ended more than an hour ago: evaluate again")]
    Over,
    /// It was taken up before, with another end, address, mode or keys.
    #[error("a transaction of that id is known with other particulars")]
    Known,
    /// The store did not answer.
    #[error("the store did not answer: try again")]
    Unavailable,
}
