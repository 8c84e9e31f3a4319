//! Where messages to phones may go, and to which kinds of number.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::contact::{Contact, plan};

/// A country or territory, by its two letters (ISO 3166-1 alpha-2).
///
/// ```
/// use verify_core::{Contact, Country};
///
/// let jersey: Country = "JE".parse()?;
/// assert_eq!(Contact::phone("+44 7797 712345")?.country(), Some(jersey), "+44, and not the United Kingdom");
/// assert!("JJ".parse::<Country>().is_err() && "je".parse::<Country>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(&'static str);

impl Country {
    pub(super) const fn of(letters: &'static str) -> Self {
        Self(letters)
    }

    /// The two letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        plan::countries().find(|known| *known == text).map(Self).ok_or(UnknownCountry)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// No country with phone numbers has these letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is two capital letters of ISO 3166-1, as `DE`, and has phone numbers")]
#[non_exhaustive]
pub struct UnknownCountry;

/// Which countries messages to phones go to: SMS, calls and WhatsApp. A list that is empty means none.
///
/// Whoever makes your server write to any number in the world makes you pay for it, since some numbers share what they
/// cost with the caller (OWASP API4:2023). Name the countries in which you have customers.
///
/// ```
/// use verify_core::{Contact, Countries};
///
/// let home = Countries::only(["DE", "AT", "CH"])?;
/// assert!(home.allows(&Contact::phone("+49 151 23456789")?));
/// assert!(!home.allows(&Contact::phone("+1 202 555 0123")?));
/// assert!(!Countries::any().allows(&Contact::phone("+1 900 555 0123")?), "a premium number is in no country");
/// assert!(!Countries::none().allows(&Contact::phone("+49 151 23456789")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countries(Allowed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Any,
    These(BTreeSet<Country>),
}

impl Countries {
    /// These, by their two letters.
    ///
    /// # Errors
    /// When one of them is not a country with phone numbers.
    pub fn only<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownCountry> {
        let countries: Result<_, _> = codes.into_iter().map(str::parse).collect();
        Ok(Self(Allowed::These(countries?)))
    }

    /// None: nothing goes to a phone.
    #[must_use]
    pub const fn none() -> Self {
        Self(Allowed::These(BTreeSet::new()))
    }

    /// Every country, for whoever has other means against messages that somebody else earns by. Numbers of no country,
    /// as free and premium ones of the codes +1 and +44, are refused all the same.
    #[must_use]
    pub const fn any() -> Self {
        Self(Allowed::Any)
    }

    /// Whether a number is in one of them. Mail is in no country, and passes.
    #[must_use]
    pub fn allows(&self, contact: &Contact) -> bool {
        if !contact.is_phone() {
            return true;
        }
        contact.country().is_some_and(|country| match &self.0 {
            Allowed::Any => true,
            Allowed::These(these) => these.contains(&country),
        })
    }
}

/// What a number is for, as far as it matters to whoever pays for a message to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberKind {
    /// A phone, or nothing that is known to be none: mobile, fixed, over IP, personal; and what the plan does not know.
    Ordinary,
    /// The caller pays more than for an ordinary one, or shares the cost.
    Premium,
    /// Nobody can read a message there: free numbers, company-wide numbers, pagers, voice mail.
    Unreachable,
}

/// Knows what numbers are for. The engine asks before anything is spent, and refuses all but
/// [ordinary](NumberKind::Ordinary) ones.
///
/// `verify-providers` has one that knows every country (`PhoneNumbers`, feature `phone-numbers`). Without one the engine
/// knows the free, premium and personal numbers of the codes +1, +44, +47 and +61, and those that are of no country.
///
/// ```
/// use verify_core::{Contact, NumberKind, NumberPlan};
///
/// #[derive(Debug)]
/// struct NoBarbadianSpecials;
///
/// impl NumberPlan for NoBarbadianSpecials {
///     fn kind(&self, number: &Contact) -> NumberKind {
///         let dear = number.expose().starts_with("+1246900");
///         if dear { NumberKind::Premium } else { NumberKind::Ordinary }
///     }
/// }
/// ```
pub trait NumberPlan: fmt::Debug + Send + Sync + 'static {
    /// What this number is for. Be quick: it is asked on every send.
    fn kind(&self, number: &Contact) -> NumberKind;
}
