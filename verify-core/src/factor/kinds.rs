//! What kind of thing a factor is, for the compiler: a price on requests, or something that can approve.

use crate::factor::{CaptchaFactor, CodeFactor, Factor, WorkFactor};

mod sealed {
    /// Nobody else decides what counts as an approval.
    #[expect(unnameable_types, reason = "what nobody can name, nobody can implement")]
    pub trait Sealed {}
}

/// A factor that prices requests and says nothing about who makes them: a captcha or a proof of work. Taken by
/// [`CodeFactor::after`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no price on requests",
    note = "a captcha or a proof of work is; a code is what they come before"
)]
pub trait Price: sealed::Sealed {
    #[doc(hidden)]
    fn into_factor(self) -> Factor;
}

/// A factor that says who answers, and so can approve a payment: a code. Taken by
/// [`Policy::payment`](crate::Policy::payment). A captcha or a proof of work approves nothing (OWASP Transaction
/// Authorization, 2.2; NIST SP 800-63B-4, 3.2). Neither does a check of a card, which is no price on requests either: whoever
/// has copied a card knows all that it asks for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` approves nothing",
    note = "a captcha or a proof of work prices requests; ask for a code: `Factor::code(..)`"
)]
pub trait Approves: sealed::Sealed {
    #[doc(hidden)]
    fn into_factor(self) -> Factor;
}

macro_rules! kinds {
    ($($factor:ident is $kind:ident),+) => {$(
        impl sealed::Sealed for $factor {}
        impl sealed::Sealed for &$factor {}
        impl $kind for $factor {
            fn into_factor(self) -> Factor {
                self.into()
            }
        }
        impl $kind for &$factor {
            fn into_factor(self) -> Factor {
                self.clone().into()
            }
        }
    )+};
}

kinds!(CaptchaFactor is Price, WorkFactor is Price, CodeFactor is Approves);
