//! Which request is for what.

use percent_encoding::percent_decode_str;

/// What a path asks for, and for which transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Send(String),
    Verify(String),
    Begin(String),
}

impl Route {
    /// Takes a path apart. Whatever stands before `check` is where the API is mounted; the slash at the end is the
    /// original's, and nobody is turned away without it.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let mut segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        let last = segments.pop()?;
        let last = match (last, segments.last()) {
            ("send", Some(&"verification")) => {
                segments.pop();
                Self::Send
            }
            ("verification", _) => Self::Verify,
            ("begin", _) => Self::Begin,
            _ => return None,
        };
        let id = percent_decode_str(segments.pop()?).decode_utf8().ok()?.into_owned();
        (segments.pop()? == "check").then(|| last(id))
    }
}

/// An id that stands in a path as it is.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_wherever_it_is_mounted_and_with_or_without_its_last_slash() {
        for mount in ["", "/v2", "/twisto/v2", "/check/check/v2"] {
            for slash in ["", "/"] {
                let path = |rest: &str| Route::of(&format!("{mount}/check/{rest}{slash}"));
                assert_eq!(path("a1/verification/send"), Some(Route::Send("a1".to_owned())));
                assert_eq!(path("a1/verification"), Some(Route::Verify("a1".to_owned())));
                assert_eq!(path("send/verification"), Some(Route::Verify("send".to_owned())));
                assert_eq!(path("a1/begin"), Some(Route::Begin("a1".to_owned())));
                for other in ["a1/verification/send/again", "a1/send", "a1", "a1/verification/resend"] {
                    assert_eq!(path(other), None, "{other}");
                }
            }
        }
        for other in ["", "/", "/send", "/verification/send", "/verification", "/a1/verification//"] {
            assert_eq!(Route::of(other), None, "{other}");
        }
    }
}
