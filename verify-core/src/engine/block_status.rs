//! Which status a blocked request gets.

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
