//! Settings of an engine that are a choice of several.

use std::time::Duration;

use http::StatusCode;

/// The status of a blocked request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockStatus {
    /// 403. The default, since a 401 makes many front ends log the user out.
    #[default]
    Forbidden,
    /// 401 with `WWW-Authenticate` and `insufficient_user_authentication` (RFC 9470), for clients that know step-up.
    StepUp,
    /// Another one, 400 to 499 and neither 401, which needs its header, nor 428, which means something else.
    Other(StatusCode),
}

impl BlockStatus {
    pub(crate) const fn code(self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::StepUp => StatusCode::UNAUTHORIZED,
            Self::Other(status) => status,
        }
    }
}

/// What a send answers for a subject that has no address on the channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingContacts {
    /// The same as for everybody else, with a hint that looks real, so that nobody can find out who has an address
    /// (OWASP ASVS 6.3.8). Messages are delivered after the answer, since an answer that waited for the courier, or
    /// failed with it, would tell too. The default.
    #[default]
    Hide,
    /// That the channel does not reach the subject; and the answer waits for the courier and says whether it took the
    /// message. For applications whose subjects have all logged in.
    Tell,
}

/// What follows when the reader of a message says *this was not me*. The challenge is void in any case, and an
/// [`EventKind::Reported`](crate::EventKind::Reported) tells you.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotMe {
    /// Nothing more. The default: the next message is as likely to be the reader's own wish.
    #[default]
    Void,
    /// No message for this user and factor for so long, whoever asks.
    LockFor(Duration),
}
