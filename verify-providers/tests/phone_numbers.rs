//! Which numbers nothing is sent to, country by country.
#![cfg(feature = "phone-numbers")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use verify_core::{Contact, NumberKind, NumberPlan};
use verify_providers::PhoneNumbers;

#[test]
fn o11_known_bad_kinds_are_refused_and_nothing_else_is() {
    let numbers = PhoneNumbers::new();
    let kind = |number: &str| numbers.kind(&Contact::phone(number).unwrap());
    for premium in
        ["+49 900 1234567", "+49 180 1234567", "+33 899 123456", "+44 901 234 5678", "+1 900 234 5678"]
    {
        assert_eq!(kind(premium), NumberKind::Premium, "{premium}");
    }
    for nowhere in ["+49 800 1234567", "+33 801 234567", "+44 800 123 4567", "+1 800 234 5678"] {
        assert_eq!(kind(nowhere), NumberKind::Unreachable, "{nowhere}");
    }
    // Mobile, fixed, over IP; countries whose plan has just changed; and numbers that are kept for fiction.
    for ordinary in [
        "+49 151 23456789",
        "+49 30 123456",
        "+33 6 12 34 56 78",
        "+1 202 555 0123",
        "+44 7700 900123",
        "+225 07 01 23 45 67",
        "+229 01 90 01 12 34",
        "+242 06 123 4567",
        "+39 06 1234 5678",
        "+52 55 1234 5678",
    ] {
        assert_eq!(kind(ordinary), NumberKind::Ordinary, "{ordinary}");
    }
}
