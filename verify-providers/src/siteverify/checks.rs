//! What has to be right besides `success`.

use std::time::Duration;

use verify_core::{CaptchaContext, CaptchaError, CaptchaErrorKind, Rejection, WidgetSigns};

use crate::siteverify::answer::Answer;
use crate::siteverify::score::Graded;
use crate::siteverify::{Siteverify, codes};

/// Room for the vendor's clock and ours.
const SKEW: Duration = Duration::from_secs(60);

/// Turnstile and others put this, or nothing, in the place of an action when a test key was used.
const TEST_ACTION: &str = "test";

/// Holds an answer against what was asked.
pub(super) fn judge(
    verifier: &Siteverify,
    answer: &Answer,
    token: &str,
    context: &CaptchaContext<'_>,
) -> Result<(), CaptchaError> {
    let words = || answer.codes.iter().map(String::as_str);
    if !answer.success {
        let kind = match answer.rejection {
            Some(rejection) => CaptchaErrorKind::SolveAgain(rejection),
            // The test secrets take the test tokens only, and say of others that the secret is wrong.
            None if verifier.takes_only_test_tokens() && !verifier.is_test_token(token) => {
                CaptchaErrorKind::SolveAgain(Rejection::Invalid)
            }
            None => codes::kind_of(&answer.codes),
        };
        return Err(CaptchaError::from(kind).with_codes(words()));
    }
    let rejection = if answer.is_for_test_keys && !verifier.uses_test_keys {
        Some(Rejection::Invalid)
    } else if !is_ours(verifier, answer, context) {
        Some(Rejection::Host)
    } else if !is_for_action(verifier, answer, context) {
        Some(Rejection::Action)
    } else if !is_for_challenge(verifier, answer, context) {
        Some(Rejection::Binding)
    } else if !is_recent(verifier, answer, context) {
        Some(Rejection::Expired)
    } else {
        None
    };
    if let Some(rejection) = rejection {
        return Err(CaptchaError::from(rejection).with_codes(words()));
    }
    match verifier.score.grade(answer.score) {
        Graded::Passed => Ok(()),
        Graded::TooLow => Err(CaptchaErrorKind::LowScore.into()),
        Graded::Missing => {
            Err(CaptchaError::from(CaptchaErrorKind::Misconfigured)
                .with_codes(["the-account-gives-no-score"]))
        }
    }
}

/// A token from any page that the site key allows comes with `success`; its host says which page that was.
fn is_ours(verifier: &Siteverify, answer: &Answer, context: &CaptchaContext<'_>) -> bool {
    let Some(host) = &answer.host else { return false };
    let test = verifier.vendor.test_keys().filter(|_| verifier.uses_test_keys).map(|keys| keys.host);
    let known = verifier.hosts.iter().map(String::as_str).chain([context.host()]).chain(test);
    known.into_iter().any(|known| known.eq_ignore_ascii_case(host))
}

fn is_for_action(verifier: &Siteverify, answer: &Answer, context: &CaptchaContext<'_>) -> bool {
    if verifier.vendor.signs() == WidgetSigns::Nothing {
        return true;
    }
    match answer.action.as_deref() {
        Some(action) if action == context.action() => true,
        None | Some("" | TEST_ACTION) => verifier.uses_test_keys,
        Some(_) => false,
    }
}

fn is_for_challenge(verifier: &Siteverify, answer: &Answer, context: &CaptchaContext<'_>) -> bool {
    if verifier.vendor.signs() != WidgetSigns::ActionAndBinding {
        return true;
    }
    match answer.cdata.as_deref() {
        Some(cdata) if cdata == context.binding() => true,
        None | Some("") => verifier.uses_test_keys,
        Some(_) => false,
    }
}

fn is_recent(verifier: &Siteverify, answer: &Answer, context: &CaptchaContext<'_>) -> bool {
    let Some(solved_at) = answer.solved_at else { return verifier.uses_test_keys };
    match context.now().duration_since(solved_at) {
        Ok(age) => age <= verifier.vendor.token_lives() + SKEW,
        Err(ahead) => ahead.duration() <= SKEW,
    }
}

impl Siteverify {
    fn takes_only_test_tokens(&self) -> bool {
        let keys = self.vendor.test_keys().filter(|_| self.uses_test_keys);
        keys.is_some_and(|keys| !keys.tokens.is_empty())
    }

    fn is_test_token(&self, token: &str) -> bool {
        self.vendor.test_keys().is_some_and(|keys| keys.tokens.contains(&token))
    }
}
