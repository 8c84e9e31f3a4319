//! The factor behind authenticator apps.

use std::time::Duration;

use crate::factor::DEFAULT_AGE;

/// A code of an authenticator app; made by [`Factor::totp`](crate::Factor::totp).
///
/// It says who answers, and it approves no payment: its codes are the same for every amount and payee (RTS 2018/389, 5(1)(b)).
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TotpFactor {
    pub(crate) name: String,
    pub(crate) drift: u8,
    pub(crate) recovery: bool,
    pub(crate) tries: u32,
    pub(crate) lasts: Duration,
}

/// How long its challenge can be answered: as long as it takes to find the phone.
pub(crate) const LIFE: Duration = Duration::from_secs(600);

impl TotpFactor {
    pub(crate) fn new(name: String) -> Self {
        Self { name, drift: 1, recovery: true, tries: 5, lasts: DEFAULT_AGE }
    }

    /// How many steps of 30 seconds before and after the present one count, 0 to 2. Default: one (RFC 6238, 5.2), for the
    /// time it takes to type and for clocks that differ. With 0, which OWASP ASVS 6.5.5 asks for, a code dies while people
    /// type it.
    pub fn drift(mut self, steps: u8) -> Self {
        self.drift = steps;
        self
    }

    /// Takes no recovery codes. Default: it takes them where the application has some, since phones get lost.
    pub fn without_recovery_codes(mut self) -> Self {
        self.recovery = false;
        self
    }

    /// After how many consecutive wrong guesses the next one has to wait, longer each time
    /// ([`Budgets::lockout_wait`](crate::Budgets::lockout_wait)); 1 to 10. Default: 5 (RTS 2018/389, 4(3)(b)). How many there
    /// may be in all is up to [`Budgets::failures`](crate::Budgets::failures).
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// How long its proof is good for where a policy does not say `within`. Default: 30 minutes.
    pub fn lasts(mut self, age: Duration) -> Self {
        self.lasts = age;
        self
    }

    pub(crate) fn fault(&self) -> Option<String> {
        if self.drift > 2 {
            return Some("a code of an app counts at most two steps away: `.drift(1)`".to_owned());
        }
        if !(1..=10).contains(&self.tries) {
            return Some("an app's factor takes 1 to 10 tries before a wait".to_owned());
        }
        None
    }
}
