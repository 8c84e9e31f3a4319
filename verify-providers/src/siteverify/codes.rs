//! The vendors' words for what went wrong, by who can do something about it.

use verify_core::{CaptchaErrorKind, Rejection};

/// What a list of codes comes to. A mistake of the operator's is told before anything else, since no visitor can mend it. What
/// nobody knows yet is taken for a token that is not good; the words themselves are kept for the log.
pub(super) fn kind_of(codes: &[String]) -> CaptchaErrorKind {
    let known: Vec<CaptchaErrorKind> = codes.iter().filter_map(|code| one(code)).collect();
    let first = |wanted: CaptchaErrorKind| known.iter().find(|kind| **kind == wanted).copied();
    first(CaptchaErrorKind::Misconfigured)
        .or_else(|| first(CaptchaErrorKind::Unavailable))
        .or_else(|| known.first().copied())
        .unwrap_or(CaptchaErrorKind::SolveAgain(Rejection::Invalid))
}

fn one(code: &str) -> Option<CaptchaErrorKind> {
    Some(match code {
        "missing-input-secret"
        | "invalid-input-secret"
        | "invalid-keys"
        | "invalid-sitekey"
        | "sitekey-secret-mismatch"
        | "bad-request"
        | "missing-remoteip"
        | "invalid-remoteip" => CaptchaErrorKind::Misconfigured,
        "internal-error" => CaptchaErrorKind::Unavailable,
        "expired-input-response" => CaptchaErrorKind::SolveAgain(Rejection::Expired),
        "timeout-or-duplicate" | "already-seen-response" | "invalid-or-already-seen-response" => {
            CaptchaErrorKind::SolveAgain(Rejection::Duplicate)
        }
        // Anybody can send the token of the test keys to a real one, so these two are no sign of wrong keys.
        "missing-input-response"
        | "invalid-input-response"
        | "not-using-dummy-passcode"
        | "not-using-dummy-secret"
        | "browser-error"
        | "incorrect-captcha-sol" => CaptchaErrorKind::SolveAgain(Rejection::Invalid),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captcha_rule_27_every_code_has_somebody_who_can_mend_it() {
        let kind = |codes: &[&str]| kind_of(&codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
        let again = CaptchaErrorKind::SolveAgain;
        for (code, expected) in [
            ("missing-input-secret", CaptchaErrorKind::Misconfigured),
            ("invalid-input-secret", CaptchaErrorKind::Misconfigured),
            ("sitekey-secret-mismatch", CaptchaErrorKind::Misconfigured),
            ("invalid-sitekey", CaptchaErrorKind::Misconfigured),
            ("bad-request", CaptchaErrorKind::Misconfigured),
            ("invalid-remoteip", CaptchaErrorKind::Misconfigured),
            ("internal-error", CaptchaErrorKind::Unavailable),
            ("missing-input-response", again(Rejection::Invalid)),
            ("invalid-input-response", again(Rejection::Invalid)),
            ("not-using-dummy-secret", again(Rejection::Invalid)),
            ("expired-input-response", again(Rejection::Expired)),
            ("timeout-or-duplicate", again(Rejection::Duplicate)),
            ("already-seen-response", again(Rejection::Duplicate)),
            ("invalid-or-already-seen-response", again(Rejection::Duplicate)),
            ("something-of-next-year", again(Rejection::Invalid)),
        ] {
            assert_eq!(kind(&[code]), expected, "{code}");
            assert_eq!(kind(&["something-of-next-year", code]), expected, "{code}");
            assert_eq!(kind(&[code, "invalid-input-secret"]), CaptchaErrorKind::Misconfigured, "{code}");
        }
        assert_eq!(kind(&[]), again(Rejection::Invalid));
    }
}
