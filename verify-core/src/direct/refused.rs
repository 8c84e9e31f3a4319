//! Why a challenge that is run without a request does not go on.

use std::fmt;
use std::time::Duration;

use crate::refusal::Refusal;

/// Why a challenge did not go on.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    kind: RefusedKind,
    detail: Option<&'static str>,
    retry_after: Option<Duration>,
    last_try: bool,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusedKind {
    /// The answer or the channel has not the right form; nothing was spent.
    Invalid,
    /// The gate has no such factor, or the factor sends nothing.
    NotOffered,
    /// The answer is wrong, and another try is left.
    Wrong,
    /// The answer comes from outside and is not there: it is awaited, or the call for it reached nobody.
    Pending,
    /// The budget of guesses is used up.
    Locked,
    /// The challenge is used, over or was never sent.
    AlreadyUsed,
    /// The ticket is expired, forged, or another subject's.
    Expired,
    /// Too many messages: wait.
    RateLimited,
    /// The store, the courier or the contacts did not answer.
    Unavailable,
    /// The engine lacks a policy, a courier or contacts that this needs.
    Misconfigured,
}

impl Refused {
    pub(super) const NOT_OFFERED: Self =
        Self { kind: RefusedKind::NotOffered, detail: None, retry_after: None, last_try: false };

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> RefusedKind {
        self.kind
    }

    /// Of [`RefusedKind::Invalid`], what is wrong and what to give instead, where that is known.
    #[must_use]
    pub const fn detail(&self) -> Option<&'static str> {
        self.detail
    }

    /// Of [`RefusedKind::Locked`], whether this very answer was compared, was wrong, and was the last one to be: what comes
    /// after it is compared with nothing.
    #[must_use]
    pub const fn is_last_try(&self) -> bool {
        self.last_try
    }

    /// How long to wait, where waiting helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (mut retry_after, mut detail) = (None, None);
        let kind = match refusal {
            Refusal::Wrong | Refusal::Unsolved(_) | Refusal::Declined => RefusedKind::Wrong,
            Refusal::Pending | Refusal::Unanswered => RefusedKind::Pending,
            Refusal::Locked | Refusal::LastTry => RefusedKind::Locked,
            Refusal::AlreadyUsed => RefusedKind::AlreadyUsed,
            Refusal::SessionExpired => RefusedKind::Expired,
            Refusal::RateLimited(wait) => {
                retry_after = Some(wait);
                RefusedKind::RateLimited
            }
            Refusal::Unavailable | Refusal::FellBack => RefusedKind::Unavailable,
            Refusal::Misconfigured => RefusedKind::Misconfigured,
            Refusal::Invalid(what) => {
                detail = Some(what);
                RefusedKind::Invalid
            }
            Refusal::Foreign
            | Refusal::NotFound
            | Refusal::MethodNotAllowed(_)
            | Refusal::UnsupportedMediaType
            | Refusal::Executed
            | Refusal::OtherRequest
            | Refusal::TooSlow
            | Refusal::TooLarge
            | Refusal::Unpaid => RefusedKind::Invalid,
        };
        Self { kind, detail, retry_after, last_try: refusal == Refusal::LastTry }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.words())?;
        if let Some(detail) = self.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, "; again in {} s", wait.as_secs().max(1))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

impl RefusedKind {
    /// What happened, and what helps.
    const fn words(self) -> &'static str {
        match self {
            Self::Invalid => "the answer or the channel has not the right form, and nothing was spent",
            Self::NotOffered => "the gate has no such factor, or the factor sends nothing",
            Self::Wrong => "the answer is wrong, and another try is left",
            Self::Pending => "the answer comes from outside and is not there yet: ask again",
            Self::Locked => "the budget of guesses is used up: begin anew, after the wait",
            Self::AlreadyUsed => "the challenge is used, over or was never sent: begin anew",
            Self::Expired => "the ticket is expired, forged or another subject's: begin anew",
            Self::RateLimited => "too many messages",
            Self::Unavailable => "the store, the courier or the contacts did not answer: try again",
            Self::Misconfigured => {
                "the engine lacks a policy, a courier or contacts that this needs; its log says which"
            }
        }
    }
}
