//! Why a challenge request was refused, by what the client can do about it.

use std::time::Duration;

use crate::captcha::CaptchaErrorKind;
use crate::sealing::SealError;
use crate::store::StoreError;

/// Every way in which the engine says no, apart from the challenge itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is malformed; nothing was spent. The text says what to write instead.
    Invalid(&'static str),
    /// The answer is wrong; another try is left.
    Wrong,
    /// The answer comes from outside and is not there yet.
    Pending,
    /// The answer comes from outside, and the call for it reached nobody.
    Unanswered,
    /// The captcha's token did not pass; another one may.
    Unsolved(CaptchaErrorKind),
    /// The card did not pass; another one may.
    Declined,
    /// The captcha's vendor is down, and something else is asked for in its place.
    FellBack,
    /// Something has to be proven before the first message.
    Unpaid,
    /// The budget of guesses is used up: start over. The answer was compared with nothing.
    Locked,
    /// The answer is wrong, and was the last one that is compared: the client is told the same as [`Refusal::Locked`].
    LastTry,
    /// The answer is right, but the challenge was redeemed, cancelled or never sent.
    AlreadyUsed,
    /// The ticket is expired, forged, sealed under a dropped key, or another subject's: indistinguishable.
    SessionExpired,
    /// Too many requests or messages.
    RateLimited(Duration),
    /// The store, the courier or the contacts did not answer: nobody passes.
    Unavailable,
    /// Another site sent this request.
    Foreign,
    /// No such endpoint.
    NotFound,
    /// The endpoint takes only this method.
    MethodNotAllowed(&'static str),
    /// The body is of a type that is not taken.
    UnsupportedMediaType,
    /// A request with this idempotency key was executed, or is being executed: its outcome is not known here.
    Executed,
    /// The idempotency key belongs to another request.
    OtherRequest,
    /// The body did not arrive within the deadline.
    TooSlow,
    /// The body is larger than the cap.
    TooLarge,
    /// The application's configuration has no such factor or policy.
    Misconfigured,
}

impl Refusal {
    /// Whether the same challenge can be answered once more, so that a page shows it again.
    pub(crate) const fn may_be_tried_again(self) -> bool {
        matches!(self, Self::Wrong | Self::Invalid(_) | Self::Pending | Self::Unanswered)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(target: "verify", kind = ?error.kind(), "the store failed; the request is refused: {error}");
        metrics::counter!("verify_store_errors_total", "kind" => format!("{:?}", error.kind())).increment(1);
        Self::Unavailable
    }
}

impl From<SealError> for Refusal {
    fn from(_: SealError) -> Self {
        tracing::error!(target: "verify", "no random bytes from the operating system; the request is refused");
        Self::Unavailable
    }
}
