//! The factor behind one-time codes.

use std::sync::Arc;
use std::time::Duration;

use crate::contact::Channel;
use crate::factor::{DEFAULT_AGE, Factor, Price};

/// The longest life of a code that needs no explicit word (NIST SP 800-63B-4, 3.1.3.2: ten minutes).
const LONGEST: Duration = Duration::from_secs(600);

/// A one-time code over one of several channels; made by [`Factor::code`](crate::Factor::code).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct CodeFactor {
    pub(crate) name: String,
    pub(crate) channels: Vec<Channel>,
    pub(crate) digits: u8,
    pub(crate) digits_few: bool,
    pub(crate) lives: Duration,
    pub(crate) lives_long: bool,
    pub(crate) lasts: Duration,
    pub(crate) tries: u32,
    pub(crate) tries_many: bool,
    pub(crate) sends: u32,
    pub(crate) resend: Resend,
    pub(crate) after: Option<Arc<Factor>>,
    pub(crate) fallback_after: Option<Duration>,
    pub(crate) link: Option<LinkOpens>,
}

/// Where a link counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkOpens {
    /// In the browser in which its challenge began.
    Here,
    /// In any.
    Anywhere,
}

/// What a second send of the same challenge carries. In both modes the tries, the sends and the deadline stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resend {
    /// The same code again: either message may arrive first. The default.
    #[default]
    SameCode,
    /// A new code; the one before is void and counts as a wrong guess.
    FreshCode,
}

impl CodeFactor {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            channels: vec![Channel::Sms],
            digits: 6,
            digits_few: false,
            lives: Duration::from_secs(300),
            lives_long: false,
            lasts: DEFAULT_AGE,
            tries: 5,
            tries_many: false,
            sends: 3,
            resend: Resend::SameCode,
            after: None,
            fallback_after: None,
            link: None,
        }
    }

    /// The channels, the preferred one first. Default: SMS.
    ///
    /// They are a ladder: where a service says that it will never deliver to an address, the message goes over the next one
    /// by itself, with the same code and within the same budgets, unless the visitor has asked for that channel by name.
    pub fn over(mut self, channels: impl IntoIterator<Item = Channel>) -> Self {
        self.channels = channels.into_iter().collect();
        self
    }

    /// Lets a message that is asked for once more go over the next channel, when the one before has been under way for so long
    /// and no code was typed. Default: it goes over the same one, and the visitor may choose another.
    pub fn fallback_after(mut self, wait: Duration) -> Self {
        self.fallback_after = Some(wait);
        self
    }

    /// Puts a link into mails, which stands for the code: whoever opens it where the challenge began need not type. Opening it
    /// shows a page, and only the button on that page counts, so that whoever follows every link of a mail spends nothing; the
    /// button counts in the browser in which the challenge began and in no other (OWASP, Forgot Password). In messages of your
    /// own, write `{link}`. Default: no link.
    pub fn link(mut self) -> Self {
        self.link = Some(LinkOpens::Here);
        self
    }

    /// The same, and the button counts on any device: a mail that is read on the phone opens the browser at the desk. Whoever
    /// begins a challenge for somebody else's address gets in if that person presses the button, so the page warns of it; use it
    /// where that is no more than a nuisance.
    pub fn link_across_devices(mut self) -> Self {
        self.link = Some(LinkOpens::Anywhere);
        self
    }

    /// How many digits, 6 to 10. Default: 6, the least that carries 20 bits less rounding (NIST SP 800-63B-4,
    /// 3.1.3.2; OWASP ASVS 6.5.3).
    pub fn digits(mut self, digits: u8) -> Self {
        (self.digits, self.digits_few) = (digits, false);
        self
    }

    /// Four digits or five: only where another's contract names that number, and never for authentication (NIST SP
    /// 800-63B-4, 3.1.3.2; OWASP ASVS 6.5.3). With five tries, one guess in 2,000 at a code of four is right.
    pub fn digits_below_six(mut self, digits: u8) -> Self {
        (self.digits, self.digits_few) = (digits, true);
        self
    }

    /// How long a code can be used after it was first sent, at most ten minutes. Default: five. A resend does not
    /// move the deadline.
    pub fn lives(mut self, life: Duration) -> Self {
        (self.lives, self.lives_long) = (life, false);
        self
    }

    /// A life beyond ten minutes, up to 24 hours: for the confirmation of an address, never for authentication
    /// (NIST SP 800-63A-4, confirmation codes).
    pub fn lives_beyond_ten_minutes(mut self, life: Duration) -> Self {
        (self.lives, self.lives_long) = (life, true);
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.lasts = age;
        self
    }

    /// How many guesses one challenge takes, 1 to 10, resends or not. Default: 5 (RTS 2018/389, 4(3)(b)).
    pub fn tries(mut self, tries: u32) -> Self {
        (self.tries, self.tries_many) = (tries, false);
        self
    }

    /// More guesses than ten for one challenge, up to 100 (NIST SP 800-63B-4, 3.2.2): only where another's contract names that
    /// number, and never for authentication. With six digits and 50 tries, one series of guesses in 20,000 is right; with
    /// four digits, one in 200.
    pub fn tries_beyond_ten(mut self, tries: u32) -> Self {
        (self.tries, self.tries_many) = (tries, true);
        self
    }

    /// How many messages one challenge may send, 1 to 10. Default: 3.
    pub fn sends(mut self, sends: u32) -> Self {
        self.sends = sends;
        self
    }

    /// What a resend carries. Default: [`Resend::SameCode`].
    pub fn resend(mut self, resend: Resend) -> Self {
        self.resend = resend;
        self
    }

    /// Sends nothing before this was proven, so that messages, which cost money, cost their sender something too. It is offered
    /// together with the code, proven first, and good for the first messages of all codes within its age; repeats of a message
    /// take no further proof. Only what prices requests can stand here, and it adds nothing to what the code proves. Default:
    /// nothing has to be proven.
    ///
    /// ```
    /// use verify_core::{Factor, Policy};
    ///
    /// let human = Factor::proof_of_work("human");
    /// let vault = Policy::new("vault").require(Factor::code("step-up").after(&human));
    /// # let _ = vault;
    /// ```
    ///
    /// ```compile_fail,E0277
    /// use verify_core::Factor;
    ///
    /// let code = Factor::code("step-up").after(Factor::code("by-mail"));
    /// ```
    pub fn after(mut self, price: impl Price) -> Self {
        self.after = Some(Arc::new(price.into_factor()));
        self
    }

    pub(crate) fn fault(&self) -> Option<String> {
        let longest = if self.lives_long { Duration::from_secs(24 * 3600) } else { LONGEST };
        let mut channels = self.channels.clone();
        channels.sort_unstable();
        channels.dedup();
        let fault = if channels.is_empty() {
            "name at least one channel: `.over([Channel::Sms])`"
        } else if channels.len() != self.channels.len() {
            "a channel is named twice"
        } else if !(if self.digits_few { 4..=5 } else { 6..=10 }).contains(&self.digits) {
            "a code has 6 to 10 digits; `.digits_below_six(..)` allows 4 and 5"
        } else if self.lives.is_zero() || self.lives > longest {
            "a code lives at most ten minutes; `.lives_beyond_ten_minutes(..)` allows up to 24 hours"
        } else if !(if self.tries_many { 11..=100 } else { 1..=10 }).contains(&self.tries)
            || !(1..=10).contains(&self.sends)
        {
            "a challenge takes 1 to 10 tries and 1 to 10 sends; `.tries_beyond_ten(..)` allows up to 100 tries"
        } else if self.link.is_some() && !self.channels.contains(&Channel::Email) {
            "a link travels by mail: `.over([Channel::Email])`"
        } else if self.link.is_some() && self.resend == Resend::FreshCode {
            "a link stands for a code that stays: `Resend::SameCode`"
        } else {
            return None;
        };
        Some(fault.to_owned())
    }
}
