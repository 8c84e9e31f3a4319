//! How long a text message can come to be, before any was sent.

use crate::contact::Channel;
use crate::courier::SmsLength;
use crate::courier::template::Values;
use crate::courier::wording::{SHORT_NAME, opening, paying};
use crate::engine::Core;

/// Longer than any token of a link.
const TOKEN_LENGTH: usize = 260;

/// The longest text message of a policy, over all texts that may be used for it: with the longest amount and payee, both in
/// the default alphabet, and the longest code.
pub(crate) fn longest(core: &Core, policy: &str, purpose: &str, is_approval: bool) -> SmsLength {
    // A number of 19 digits is the largest that an amount can be; its marks are one for three digits.
    let (amount, payee) = ("9".repeat(19 + 6 + 12), "W".repeat(SHORT_NAME + 3));
    let (code, minutes) = ("9".repeat(10), "1440".to_owned());
    let not_me = format!("{}{}/not-me?token={}", core.origin, core.mount, "x".repeat(TOKEN_LENGTH));
    let values = Values {
        site: &core.site,
        origin: core.origin.as_str(),
        code: &code,
        purpose,
        minutes: &minutes,
        amount: &amount,
        payee: &payee,
        account: "XXXX..9999",
        not_me: &not_me,
        link: "",
    };
    let own: Vec<_> =
        core.texts.iter().filter(|text| text.may_serve(policy, Channel::Sms, is_approval)).collect();
    // The engine's own text is for whoever reads none of the application's languages.
    let plain = own.iter().all(|text| text.language().is_some()).then(|| {
        let to = format!("{payee} ({})", values.account);
        match is_approval {
            true => paying(&core.site, &code, &amount, &to, &minutes, "minutes"),
            false => opening(&core.site, &code, purpose, &minutes, "minutes"),
        }
    });
    let bound = format!("\n\n@{} #{code}", core.origin.host());
    let texts = own.into_iter().map(|text| text.body(&values)).chain(plain);
    let lengths = texts.map(|text| SmsLength::of(&(text + &bound)));
    lengths.max_by_key(|length| length.parts()).unwrap_or_else(|| SmsLength::of(""))
}
