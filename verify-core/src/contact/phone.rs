//! Phone numbers: every spelling of one number is that number, or is refused.

use zeroize::Zeroizing;

use crate::contact::plan;

/// The longest text that is looked at: 15 digits with a mark behind each.
const MAX_TEXT: usize = 32;

/// The one form of a number (ITU-T E.164): `+`, calling code, number.
pub(super) fn canonical(text: &str) -> Option<Zeroizing<String>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let plain = |text: &str| -> Zeroizing<String> {
        let mut kept = Zeroizing::new(String::with_capacity(text.len()));
        kept.extend(text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')));
        kept
    };
    // Where the trunk prefix stands in brackets, as on business cards: right behind the calling code.
    let (kept, bracketed) = match text.split_once("(0)") {
        Some((before, behind)) => (plain(&[before, behind].concat()), Some(plain(before))),
        None => (plain(text), None),
    };
    let digits = abroad(&kept)?;
    if !(7..=20).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (plan, code, behind) = plan::find(digits)?;
    let calling_code = digits.strip_suffix(behind)?;
    if bracketed.as_deref().is_some_and(|before| abroad(before) != Some(calling_code)) {
        return None;
    }
    let number = plan.canonical(code, behind, bracketed.is_some())?;
    let whole = Zeroizing::new(["+", calling_code, number].concat());
    (8..=16).contains(&whole.len()).then_some(whole)
}

/// What follows `+`, or the prefix that the ITU recommends for calls abroad (E.164, Annex A). Others, as 011, are numbers
/// elsewhere.
fn abroad(text: &str) -> Option<&str> {
    text.strip_prefix('+').or_else(|| text.strip_prefix("00"))
}

/// The country of a canonical number.
pub(super) fn country(canonical: &str) -> Option<&'static str> {
    let (plan, _, behind) = plan::find(canonical.strip_prefix('+')?)?;
    plan.country(behind)
}

/// The calling code of a canonical number.
pub(super) fn calling_code(canonical: &str) -> u16 {
    canonical.strip_prefix('+').and_then(plan::find).map_or(0, |(_, code, _)| code)
}
