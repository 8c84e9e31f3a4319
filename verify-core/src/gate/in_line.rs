//! Answers in line: the header fields `Challenge-Id` and `Challenge-Answer`.
//!
//! One rule: at most eight tickets, and as many answers, in the same order. A request that names a transaction may present
//! tickets without any answer, for they can tell that it was changed; elsewhere a ticket alone means nothing and is refused.

use zeroize::Zeroizing;

use crate::inquiry::{Answered, Presented};
use crate::refusal::Refusal;
use crate::request::RequestView;

/// More answers in one request than any policy has factors for.
const MAX: usize = 8;

const PAIRS: Refusal = Refusal::Invalid("send one `Challenge-Answer` for each `Challenge-Id`, at most eight");

/// The tickets, each with its answer or all without.
pub(super) fn presented(request: &impl RequestView) -> Result<Vec<Presented>, Refusal> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).ok();
    let all = |name: &str| -> Option<Vec<String>> { request.headers(name).take(MAX + 1).map(text).collect() };
    let ascii = Refusal::Invalid("`Challenge-Id` and `Challenge-Answer` are ASCII text");
    let (ids, answers) = (all("challenge-id").ok_or(ascii)?, all("challenge-answer").ok_or(ascii)?);
    if ids.len() > MAX || (!answers.is_empty() && answers.len() != ids.len()) {
        return Err(PAIRS);
    }
    let mut answers = answers.into_iter().map(Zeroizing::new);
    Ok(ids.into_iter().map(|ticket| Presented { ticket, answer: answers.next() }).collect())
}

/// The answers, if any: pairs of ticket and answer.
pub(super) fn answers(request: &impl RequestView) -> Option<Result<Vec<Answered>, Refusal>> {
    let presented = match presented(request) {
        Ok(presented) if presented.is_empty() => return None,
        Ok(presented) => presented,
        Err(refusal) => return Some(Err(refusal)),
    };
    let pairs = presented.into_iter().map(|each| Some((each.ticket, each.answer?)));
    Some(pairs.collect::<Option<Vec<_>>>().ok_or(PAIRS))
}
