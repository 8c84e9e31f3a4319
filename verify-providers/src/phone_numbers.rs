//! What phone numbers are for, country by country.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType};
use verify_core::{Contact, NumberKind, NumberPlan};

/// The public metadata of libphonenumber, for
/// [`EngineBuilder::number_plan`](verify_core::EngineBuilder::number_plan).
///
/// It refuses what is known to be bad, and lets pass what is unknown: metadata lag behind the world, and a list of good kinds
/// would lock out the mobiles of a country that has just changed its plan.
///
/// ```
/// use verify_core::{Contact, NumberKind, NumberPlan};
/// use verify_providers::PhoneNumbers;
///
/// let numbers = PhoneNumbers::new();
/// assert_eq!(numbers.kind(&Contact::phone("+49 151 23456789")?), NumberKind::Ordinary);
/// assert_eq!(numbers.kind(&Contact::phone("+49 900 1234567")?), NumberKind::Premium);
/// # Ok::<(), verify_core::InvalidContact>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PhoneNumbers;

impl PhoneNumbers {
    /// Reads the metadata, which takes a while the first time: do it when the program starts.
    #[must_use]
    pub fn new() -> Self {
        if let Ok(number) = PHONE_NUMBER_UTIL.parse("+12025550123", None) {
            let _ = PHONE_NUMBER_UTIL.get_number_type(&number);
        }
        Self
    }
}

impl Default for PhoneNumbers {
    fn default() -> Self {
        Self::new()
    }
}

impl NumberPlan for PhoneNumbers {
    fn kind(&self, number: &Contact) -> NumberKind {
        let Ok(parsed) = PHONE_NUMBER_UTIL.parse(number.expose(), None) else { return NumberKind::Ordinary };
        match PHONE_NUMBER_UTIL.get_number_type(&parsed) {
            PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost => NumberKind::Premium,
            PhoneNumberType::TollFree
            | PhoneNumberType::UAN
            | PhoneNumberType::Pager
            | PhoneNumberType::VoiceMail => NumberKind::Unreachable,
            _ => NumberKind::Ordinary,
        }
    }
}
