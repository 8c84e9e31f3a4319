//! The error codes of Twilio Verify, by what they mean for a challenge.

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Start,
    Check,
    Cancel,
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The code is not one that this service could have made.
    Wrong,
    /// All tries are used up.
    Locked,
    /// There is no such challenge any more.
    Gone,
    /// Fewer requests, or fewer messages.
    Limited,
    /// This address will not be reached this way.
    Unreachable,
    /// The account, the service or this program asks for what it cannot have.
    Misconfigured,
    /// Later, perhaps.
    Unavailable,
}

/// The code decides; of an answer without one, the status does.
pub(super) fn meaning(call: Call, status: u16, code: Option<u32>, message: &str) -> Meaning {
    let mut words = message.split(|letter: char| !letter.is_ascii_alphanumeric());
    let mut names = |parameter: &str| words.any(|word| word == parameter);
    match (code.unwrap_or(0), call) {
        // An invalid parameter, which the message names.
        (60200, Call::Start) if names("To") => Meaning::Unreachable,
        (60200, Call::Check) if names("Code") => Meaning::Wrong,
        (60202, Call::Check) => Meaning::Locked,
        (20404, Call::Check | Call::Cancel) => Meaning::Gone,
        // Too many requests; tries, messages or starts for one number; challenges, pushes or factors.
        (20429 | 60202 | 60203 | 60212 | 60308 | 60309 | 60310 | 60312 | 60326, _) => Meaning::Limited,
        // A landline, a blocked prefix, a blocked creation, a country that is not served.
        (60205 | 60238 | 60410 | 60605, _) => Meaning::Unreachable,
        (20001..=20999 | 60200..=60699, _) => Meaning::Misconfigured,
        _ => match status {
            429 => Meaning::Limited,
            400..=499 => Meaning::Misconfigured,
            _ => Meaning::Unavailable,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code of the API's table, at a start.
    #[test]
    fn every_known_code_has_a_meaning_at_a_start() {
        let limited = [20429, 60202, 60203, 60212, 60308, 60309, 60310, 60312, 60326];
        let unreachable = [60205, 60238, 60410, 60605];
        let misconfigured = [
            20001, 20003, 20404, 60200, 60201, 60204, 60206, 60207, 60208, 60209, 60210, 60211, 60213, 60214,
            60217, 60221, 60223, 60224, 60228, 60243, 60246, 60247, 60248, 60300, 60301, 60302, 60305, 60306,
            60311, 60313, 60314, 60315, 60317, 60318, 60322, 60323, 60324, 60329, 60330, 60411, 60431, 60602,
        ];
        for (codes, wanted) in [
            (&limited[..], Meaning::Limited),
            (&unreachable[..], Meaning::Unreachable),
            (&misconfigured[..], Meaning::Misconfigured),
        ] {
            for code in codes {
                assert_eq!(meaning(Call::Start, 400, Some(*code), ""), wanted, "{code}");
            }
        }
        assert_eq!(meaning(Call::Start, 400, Some(60200), "Invalid parameter: To"), Meaning::Unreachable);
    }

    #[test]
    fn a_check_tells_wrong_from_locked_from_gone() {
        let check = |status, code, message| meaning(Call::Check, status, code, message);
        assert_eq!(check(400, Some(60200), "Invalid parameter: Code"), Meaning::Wrong);
        assert_eq!(check(400, Some(60200), "Invalid parameter: VerificationSid"), Meaning::Misconfigured);
        assert_eq!(check(429, Some(60202), "Max check attempts reached"), Meaning::Locked);
        assert_eq!(check(404, Some(20404), ""), Meaning::Gone);
        assert_eq!(check(429, Some(20429), ""), Meaning::Limited);
        assert_eq!(check(400, Some(60206), ""), Meaning::Misconfigured);
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for call in [Call::Start, Call::Check, Call::Cancel] {
            assert_eq!(meaning(call, 429, None, ""), Meaning::Limited);
            assert_eq!(meaning(call, 401, None, ""), Meaning::Misconfigured);
            assert_eq!(meaning(call, 404, None, ""), Meaning::Misconfigured, "somebody else's 404");
            for status in [500, 502, 503, 504, 302] {
                assert_eq!(meaning(call, status, None, ""), Meaning::Unavailable);
            }
        }
    }
}
