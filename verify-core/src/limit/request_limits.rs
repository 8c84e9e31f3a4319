//! What an anonymous client may ask for per minute, before anything of the request is read.

use std::time::Duration;

use crate::limit::Limit;

const MINUTE: Duration = Duration::from_secs(60);

/// The limits per [`Source`](crate::Source) on what everybody may ask for, without a clearance.
///
/// They bound the work that strangers cause. They do not protect a code against guessing: the tries of a
/// challenge and of its subject do, wherever the guesses come from.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Limit, RequestLimits};
///
/// // A university behind one address: ten times the default.
/// let limits = RequestLimits::default().with_challenges(Limit::of(600).per(Duration::from_secs(60)));
/// assert_eq!(limits.challenges(), Limit::of(600).per(Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestLimits {
    challenges: Limit,
    blocked: Limit,
}

impl Default for RequestLimits {
    /// 60 requests per minute to the challenge endpoints, 300 blocked answers per minute.
    fn default() -> Self {
        Self { challenges: Limit::of(60).per(MINUTE), blocked: Limit::of(300).per(MINUTE) }
    }
}

impl RequestLimits {
    /// No limits, by name: for tests and benchmarks. A server that faces the network wants the default.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { challenges: Limit::unlimited(), blocked: Limit::unlimited() }
    }

    /// Limits the requests to the challenge endpoints: show, send, resend, answer. Default: 60 per minute.
    ///
    /// One person needs about five for a challenge, so a dozen people behind one address may verify at the
    /// same time, while one source cannot keep a core busy with proofs to check. Raise it for large networks
    /// behind one address; a lower one hits these first. If in doubt, keep the default.
    #[must_use]
    pub const fn with_challenges(mut self, limit: Limit) -> Self {
        self.challenges = limit;
        self
    }

    /// Limits the answers that tell a blocked request which challenge to pass. Default: 300 per minute.
    ///
    /// Each seals a ticket and may render a page. A single page of an application may send dozens of requests
    /// that are all blocked at once, so this has to be well above the other limit; 300 leaves room for
    /// several such pages a minute. Above it, the answer is a bare 429, cheaper than the blocked answer it
    /// replaces.
    #[must_use]
    pub const fn with_blocked(mut self, limit: Limit) -> Self {
        self.blocked = limit;
        self
    }

    /// The limit on requests to the challenge endpoints.
    #[must_use]
    pub const fn challenges(&self) -> Limit {
        self.challenges
    }

    /// The limit on answers to blocked requests.
    #[must_use]
    pub const fn blocked(&self) -> Limit {
        self.blocked
    }
}
