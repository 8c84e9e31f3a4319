//! Factors: the kinds of challenge that a policy is built from.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::captcha::CaptchaVerifier;
use crate::card::CardVerifier;
use crate::contact::Channel;
use crate::policy::Requirement;

mod captcha;
mod card;
mod code;
mod kinds;
mod reverse_pin;
mod surge;
mod totp;
mod work;

pub use captcha::CaptchaFactor;
pub use card::CardFactor;
pub(crate) use code::LinkOpens;
pub use code::{CodeFactor, Resend};
pub use kinds::{Approves, Price};
pub use reverse_pin::ReversePinFactor;
pub use surge::Surge;
pub(crate) use totp::LIFE as TOTP_LIFE;
pub use totp::TotpFactor;
pub use work::WorkFactor;

/// How long a proof is good for in a policy that does not say `within`: 30 minutes, the usual life of a clearance
/// in this field; short enough for a shared machine, long enough not to teach people to click blindly.
pub(crate) const DEFAULT_AGE: Duration = Duration::from_secs(30 * 60);

/// One kind of challenge, by name. A factor is a value: clone it into as many policies as should accept its proof.
///
/// ```
/// use std::time::Duration;
/// use verify_core::{Channel, Factor, Policy, all_of};
///
/// let step_up = Factor::code("step-up").over([Channel::Sms, Channel::Email]).digits(6);
/// let human = Factor::proof_of_work("human");
/// let policy = Policy::new("transfer").require(all_of((human, step_up.within(Duration::from_secs(900)))));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Factor {
    /// A one-time code that a courier delivers.
    Code(CodeFactor),
    /// A PIN that the page shows and a phone call asks for.
    ReversePin(ReversePinFactor),
    /// A proof of work: a price on the request, never an authentication.
    Work(WorkFactor),
    /// A vendor's captcha: a price on the request, never an authentication.
    Captcha(CaptchaFactor),
    /// A code of an authenticator app.
    Totp(TotpFactor),
    /// A check of a card: that somebody knows a live one, and no authentication.
    Card(CardFactor),
}

impl Factor {
    /// A one-time code; say over which channels with [`CodeFactor::over`].
    pub fn code(name: impl Into<String>) -> CodeFactor {
        CodeFactor::new(name.into())
    }

    /// A PIN that the page shows and a phone call asks for; it needs a [`PinService`](crate::PinService).
    ///
    /// ```
    /// use verify_core::{Factor, Policy};
    ///
    /// let vault = Policy::new("vault").require(Factor::reverse_pin("dial-in").digits(6).calls(3));
    /// # let _ = vault;
    /// ```
    pub fn reverse_pin(name: impl Into<String>) -> ReversePinFactor {
        ReversePinFactor::new(name.into())
    }

    /// A proof of work in an ALTCHA format.
    pub fn proof_of_work(name: impl Into<String>) -> WorkFactor {
        WorkFactor::new(name.into())
    }

    /// A captcha of the vendor that this verifier asks. Clone the factor into every policy that should accept its proof: the
    /// clones share one line to the vendor, and with it what is known about the vendor being down.
    pub fn captcha(name: impl Into<String>, verifier: impl CaptchaVerifier) -> CaptchaFactor {
        CaptchaFactor::new(name.into(), verifier)
    }

    /// A code of an authenticator app (RFC 6238), or a recovery code in its place. The engine asks
    /// [`Authenticators`](crate::Authenticators) for the secret; see [`Engine::enrol`](crate::Engine::enrol) for how it gets
    /// there.
    pub fn totp(name: impl Into<String>) -> TotpFactor {
        TotpFactor::new(name.into())
    }

    /// A check of a card with whoever this verifier asks. Clone the factor into every policy that should accept its proof.
    pub fn card(name: impl Into<String>, verifier: impl CardVerifier) -> CardFactor {
        CardFactor::new(name.into(), verifier)
    }

    /// The name that the application gave.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Code(factor) => &factor.name,
            Self::ReversePin(factor) => &factor.pin.name,
            Self::Work(factor) => &factor.name,
            Self::Captcha(factor) => &factor.name,
            Self::Totp(factor) => &factor.name,
            Self::Card(factor) => &factor.name,
        }
    }

    /// The kind on the wire: `code`, `totp`, `reverse_pin`, `proof_of_work`, `card`, or the [kind](crate::Widget::kind) of the captcha.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::ReversePin(_) => "reverse_pin",
            Self::Work(_) => "proof_of_work",
            Self::Captcha(factor) => factor.widget().kind,
            Self::Totp(_) => "totp",
            Self::Card(_) => "card",
        }
    }

    /// How long a proof is good for where the policy does not say.
    pub(crate) fn lasts(&self) -> Duration {
        match self {
            Self::Code(factor) => factor.lasts,
            Self::ReversePin(factor) => factor.pin.lasts,
            Self::Work(factor) => factor.lasts,
            Self::Captcha(factor) => factor.lasts,
            Self::Totp(factor) => factor.lasts,
            Self::Card(factor) => factor.lasts,
        }
    }

    /// Whether it says anything about who answers; what does not can approve nothing (NIST SP 800-63B-4, 3.2).
    pub(crate) const fn authenticates(&self) -> bool {
        match self {
            Self::Code(_) | Self::ReversePin(_) | Self::Totp(_) => true,
            // Who knows the details of a card need not be its holder.
            Self::Work(_) | Self::Captcha(_) | Self::Card(_) => false,
        }
    }

    /// Whether an answer can be one to a single transaction: the code of an app is the same for all of them.
    pub(crate) const fn approves(&self) -> bool {
        // Whoever presses a button in a mail has not seen what it would pay.
        matches!(self, Self::Code(code) if code.link.is_none())
    }

    pub(crate) fn channels(&self) -> &[Channel] {
        self.sends().map_or(&[], |factor| &factor.channels)
    }

    /// What is made and sent for it, and how often; nothing for what the client has in its hands already.
    pub(crate) const fn sends(&self) -> Option<&CodeFactor> {
        match self {
            Self::Code(factor) => Some(factor),
            Self::ReversePin(factor) => Some(&factor.pin),
            Self::Work(_) | Self::Captcha(_) | Self::Totp(_) | Self::Card(_) => None,
        }
    }

    /// What has to be proven before its first message.
    pub(crate) fn price(&self) -> Option<&Self> {
        match self {
            Self::Code(factor) => factor.after.as_deref(),
            Self::ReversePin(factor) => factor.price(),
            Self::Work(_) | Self::Captcha(_) | Self::Totp(_) | Self::Card(_) => None,
        }
    }

    /// What is wrong with it, if anything: the text goes into the build error.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = self.name();
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return Some("a factor's name is 1 to 32 lower-case letters, digits or dashes".to_owned());
        }
        match self {
            Self::Code(factor) => factor.fault(),
            Self::ReversePin(factor) => factor.fault(),
            Self::Work(factor) => factor.fault(),
            Self::Captcha(factor) => factor.fault(),
            Self::Totp(factor) => factor.fault(),
            Self::Card(factor) => factor.fault(),
        }
    }

    /// Names the factor in tickets and clearances. It covers what makes a proof weaker or stronger, so that
    /// raising the number of digits or the price ends what was proven under the old terms, and nothing else does.
    pub(crate) fn tag(&self) -> FactorTag {
        let mut hash = Sha256::new();
        for part in [self.kind(), self.name()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        match self {
            Self::Code(factor) => {
                hash.update([factor.digits]);
                hash.update([u8::from(factor.link == Some(LinkOpens::Anywhere))]);
                for channel in &factor.channels {
                    hash.update([channel.byte()]);
                }
            }
            Self::ReversePin(factor) => hash.update([factor.pin.digits]),
            Self::Work(factor) => {
                let asked = factor.parameters([0; 16], [0; 16]);
                hash.update(asked.canonical());
                hash.update(factor.digits());
                let (first, last) =
                    factor.counters.as_ref().map_or((0, 0), |range| (*range.start(), *range.end()));
                let (format, number) =
                    factor.first.map_or(("", 0), |(algorithm, most)| (algorithm.name(), most));
                hash.update([first, last, number].map(u32::to_be_bytes).as_flattened());
                hash.update(format);
            }
            Self::Captcha(factor) => hash.update(&factor.widget().terms),
            Self::Totp(factor) => hash.update([factor.drift, u8::from(factor.recovery)]),
            Self::Card(factor) => factor.requires.iter().for_each(|risk| hash.update([risk.byte()])),
        }
        let digest: [u8; 32] = hash.finalize().into();
        FactorTag(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// The short name of a factor inside tickets and clearances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FactorTag(pub(crate) [u8; 8]);

impl FactorTag {
    /// The name of this factor where it stands in for that one: what was proven elsewhere, at its own price, is no stand-in.
    pub(crate) fn in_place_of(self, other: Self) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"in place of");
        hash.update(other.0);
        hash.update(self.0);
        let digest: [u8; 32] = hash.finalize().into();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

macro_rules! leaf {
    ($($factor:ident => $variant:ident),+) => {$(
        impl $factor {
            /// Accepts a proof of this factor only until it is `age` old. The age belongs to the use: one proof
            /// passes a 30-minute route and fails a 5-minute route.
            #[must_use]
            pub fn within(self, age: Duration) -> Requirement {
                Requirement::leaf(self.into(), Some(age))
            }
        }
        impl From<$factor> for Factor {
            fn from(factor: $factor) -> Self {
                Self::$variant(factor)
            }
        }
        impl From<$factor> for Requirement {
            fn from(factor: $factor) -> Self {
                Self::leaf(factor.into(), None)
            }
        }
        impl From<&$factor> for Requirement {
            fn from(factor: &$factor) -> Self {
                factor.clone().into()
            }
        }
    )+};
}

leaf!(CodeFactor => Code, ReversePinFactor => ReversePin, WorkFactor => Work, CaptchaFactor => Captcha, TotpFactor => Totp, CardFactor => Card);
