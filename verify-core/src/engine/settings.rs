//! Settings of an engine that are a choice of several.

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
