//! The factor behind captchas.

use std::sync::Arc;
use std::time::Duration;

use crate::captcha::{CaptchaVerifier, Line, Outage, Widget};
use crate::factor::DEFAULT_AGE;

/// A vendor's captcha; made by [`Factor::captcha`](crate::Factor::captcha).
///
/// It prices requests and proves nothing about who makes them: it never stands in for a code, and approves no payment.
#[derive(Clone, Debug)]
#[must_use]
pub struct CaptchaFactor {
    pub(crate) name: String,
    pub(crate) line: Arc<Line>,
    pub(crate) outage: Outage,
    pub(crate) lives: Duration,
    pub(crate) lasts: Duration,
}

impl CaptchaFactor {
    pub(crate) fn new(name: String, verifier: impl CaptchaVerifier) -> Self {
        Self {
            name,
            line: Arc::new(Line::to(verifier)),
            outage: Outage::default(),
            lives: Duration::from_secs(600),
            lasts: DEFAULT_AGE,
        }
    }

    /// What follows when the vendor is down. Default: [`Outage::Closed`].
    pub fn when_down(mut self, outage: Outage) -> Self {
        self.outage = outage;
        self
    }

    /// How long its challenge can be answered, at most an hour. Default: ten minutes, to read a page and solve it. How long a
    /// token is good for is the vendor's to say.
    pub fn lives(mut self, life: Duration) -> Self {
        self.lives = life;
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.lasts = age;
        self
    }

    pub(crate) fn widget(&self) -> &Widget {
        self.line.verifier.widget()
    }

    /// Whether what comes after it takes its place for now.
    pub(crate) fn gives_way(&self, now: u64) -> bool {
        self.outage == Outage::Fallback && self.line.is_down(now)
    }

    pub(crate) fn fault(&self) -> Option<String> {
        if self.lives.is_zero() || self.lives > Duration::from_secs(3600) {
            return Some("a captcha lives at most an hour".to_owned());
        }
        self.widget().fault().map(str::to_owned)
    }
}

/// The same name, and the same line to the same vendor: what a clone is.
impl PartialEq for CaptchaFactor {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && Arc::ptr_eq(&self.line, &other.line)
            && (self.outage, self.lives, self.lasts) == (other.outage, other.lives, other.lasts)
    }
}
