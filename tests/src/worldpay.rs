//! What Worldpay's account verification promises, and what its callers send.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The facts that are documented about its answers.
pub const SPEC: &str = include_str!("../specs/worldpay_outcome.json");

/// The media type of version 5.
pub const FIVE: &str = "application/vnd.worldpay.verifications.accounts-v5+json";

/// The media type of version 6.
pub const SIX: &str = "application/vnd.worldpay.cardVerifications-v6+json";

/// A card that passes the check of its digits.
pub const NUMBER: &str = "4444333322221111";

/// The two kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Of a verification for one payment.
    OneTime,
    /// Of one for a card that is to be kept.
    CardOnFile,
}

static JUDGES: LazyLock<Result<[Validator; 2], String>> = LazyLock::new(|| {
    let judge = |name: &str| {
        let mut schema: Value = serde_json::from_str(SPEC).map_err(|error| error.to_string())?;
        if let Some(members) = schema.as_object_mut() {
            members.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
        }
        jsonschema::validator_for(&schema).map_err(|error| error.to_string())
    };
    Ok([judge("oneTime")?, judge("cardOnFile")?])
});

/// What is wrong with an answer, by the documented facts.
#[must_use]
pub fn faults(kind: Kind, answer: &Value) -> Vec<String> {
    let [one_time, on_file] = match &*JUDGES {
        Ok(judges) => judges,
        Err(error) => return vec![error.clone()],
    };
    let judge = if kind == Kind::OneTime { one_time } else { on_file };
    judge.iter_errors(answer).map(|error| format!("{error} at `{}`", error.instance_path())).collect()
}

/// A card with everything that an issuer can compare.
#[must_use]
pub fn card() -> Value {
    json!({
        "type": "card/plain",
        "cardNumber": NUMBER,
        "cardExpiryDate": { "month": 12, "year": 2035 },
        "cardHolderName": "Sherlock Holmes",
        "cvc": "917",
        "verificationAddress": {
            "address1": "221B Baker Street", "postalCode": "NW1 6XE", "city": "London", "countryCode": "GB",
        },
    })
}

/// A body for the intelligent resources.
#[must_use]
pub fn intelligent(reference: &str) -> Value {
    json!({
        "currency": "GBP",
        "merchant": { "entity": "default" },
        "transactionReference": reference,
        "paymentInstrument": card(),
    })
}

/// A body for the dynamic resources.
#[must_use]
pub fn dynamic(reference: &str) -> Value {
    json!({
        "merchant": { "entity": "default" },
        "transactionReference": reference,
        "instruction": {
            "value": { "amount": 0, "currency": "GBP" },
            "paymentInstrument": card(),
            "narrative": { "line1": "STATEMENT", "line2": "OPTIONAL" },
        },
    })
}

/// A body for version 6.
#[must_use]
pub fn six(reference: &str) -> Value {
    json!({
        "type": "cardVerification",
        "merchant": { "entity": "default" },
        "transactionReference": reference,
        "instruction": {
            "value": { "amount": 250, "currency": "GBP" },
            "narrative": { "line1": "MindPalace" },
            "paymentInstrument": {
                "type": "card/plain",
                "cardNumber": NUMBER,
                "expiryDate": { "month": 12, "year": 2035 },
                "cardHolderName": "Sherlock Holmes",
                "cvc": "917",
                "billingAddress": {
                    "address1": "221B Baker Street", "postalCode": "NW1 6XE", "city": "London", "countryCode": "GB",
                },
            },
        },
    })
}
