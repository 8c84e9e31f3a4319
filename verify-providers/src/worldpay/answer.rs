//! What Worldpay answers, as far as it counts.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;
use verify_core::{Card, CardMatch, CardOutcome, CardRisk};

use crate::worldpay::error::{WorldpayError, WorldpayErrorKind};

/// The outcome of one verification. It tells nothing of the card but the last four digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    outcome: CardOutcome,
    risk_factors: Vec<RiskFactor>,
    checked_at: Option<String>,
    scheme_reference: Option<String>,
    link: Option<String>,
    last_four: Option<String>,
}

/// One comparison, in the words of the API. What is not known here is kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RiskFactor {
    /// `cvc`, `avs` or `nameInquiry`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `matched`, `notMatched`, `notChecked` and so on.
    /// Nothing where it does not say.
    pub risk: Option<String>,
    /// Of `avs`, `postcode` or `address`.
    pub detail: Option<String>,
}

impl Verification {
    /// Whether the account is live, with every comparison that is known here.
    pub const fn outcome(&self) -> &CardOutcome {
        &self.outcome
    }

    /// Every comparison as it came.
    #[must_use]
    pub fn risk_factors(&self) -> &[RiskFactor] {
        &self.risk_factors
    }

    /// When the card was checked (RFC 3339), by the other server's clock.
    #[must_use]
    pub fn checked_at(&self) -> Option<&str> {
        self.checked_at.as_deref()
    }

    /// Of a card on file, what later payments refer to.
    #[must_use]
    pub fn scheme_reference(&self) -> Option<&str> {
        self.scheme_reference.as_deref()
    }

    /// Where the outcome can be [retrieved](crate::worldpay::Worldpay::retrieve) for a while. Keep it as it is.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// Whether it can be about this card: a yes to something else than was asked is none.
    pub(super) fn is_of(&self, card: &Card) -> bool {
        match (card.number(), &self.last_four) {
            (Some(number), Some(last)) => number.ends_with(last.as_str()),
            _ => true,
        }
    }
}

/// What a successful answer has.
pub(super) enum Found {
    Outcome(Box<Verification>),
    /// Where the outcome is.
    Link(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    outcome: Option<String>,
    checked_at: Option<String>,
    scheme_transaction_reference: Option<String>,
    /// A verification that was made is one, whatever else stands here: null, or what is no comparison.
    #[serde(default)]
    risk_factors: Value,
    payment_instrument: Option<Value>,
    #[serde(rename = "_links")]
    links: Option<Value>,
}

/// Reads an answer; members that are not known are nobody's business. `None` when it says nothing that counts, or says
/// it in words that are not known.
pub(super) fn read(body: &Bytes) -> Option<Found> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let link = body.links.as_ref().and_then(|links| {
        let curie = links["curies"].as_array().and_then(|curies| {
            curies.iter().find(|curie| curie["name"] == "verifications")?["href"].as_str()
        });
        let long = curie.map(|curie| curie.replace("{rel}", "verification")).unwrap_or_default();
        let link = links.get("verifications:verification").or_else(|| links.get(&long))?;
        link["href"].as_str().map(str::to_owned)
    });
    let outcome = match body.outcome.as_deref() {
        Some("verified") => CardOutcome::verified(),
        // Its documents write it in both ways.
        Some("not verified" | "notVerified") => CardOutcome::not_verified(),
        Some(_) => return None,
        None => return link.map(Found::Link),
    };
    let risk_factors = match body.risk_factors {
        Value::Array(factors) => {
            factors.into_iter().filter_map(|factor| serde_json::from_value(factor).ok()).collect()
        }
        _ => Vec::new(),
    };
    let outcome = risk_factors.iter().fold(outcome, |outcome, factor: &RiskFactor| {
        risks(factor)
            .iter()
            .fold(outcome, |outcome, risk| outcome.with(*risk, result(factor.risk.as_deref())))
    });
    let number = body.payment_instrument.as_ref().and_then(|given| given.pointer("/card/number/last4Digits"));
    Some(Found::Outcome(Box::new(Verification {
        outcome,
        risk_factors,
        checked_at: body.checked_at,
        scheme_reference: body.scheme_transaction_reference,
        link,
        last_four: number.and_then(Value::as_str).map(str::to_owned),
    })))
}

/// What a comparison is of; nothing where it is not known.
fn risks(factor: &RiskFactor) -> &'static [CardRisk] {
    match (factor.kind.as_str(), factor.detail.as_deref()) {
        ("cvc", _) => &[CardRisk::Cvc],
        ("avs", Some("postcode")) => &[CardRisk::Postcode],
        ("avs", Some("address")) => &[CardRisk::Address],
        // Of the whole address.
        ("avs", None) => &[CardRisk::Postcode, CardRisk::Address],
        ("nameInquiry", _) => &[CardRisk::Name],
        _ => &[],
    }
}

fn result(word: Option<&str>) -> CardMatch {
    match word {
        Some("matched") => CardMatch::Matched,
        Some("notMatched") => CardMatch::NotMatched,
        Some("partialMatched") => CardMatch::PartiallyMatched,
        Some("notChecked") => CardMatch::NotChecked,
        Some("notSupplied") => CardMatch::NotSupplied,
        Some("notSupported") => CardMatch::NotSupported,
        _ => CardMatch::Unknown,
    }
}

/// An error of the API, or of whatever stands in front of it.
pub(super) struct Refusal {
    status: u16,
    name: Option<String>,
    /// The faults of a body.
    faults: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fault {
    error_name: String,
    #[serde(default)]
    validation_errors: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(default)]
    error_name: String,
    #[serde(default)]
    json_path: String,
}

/// What is said of a text that is not of its form. What a reference that was used before is called is not documented, and is
/// none of these.
const MALFORMED: [&str; 7] = [
    "fieldIsEmpty",
    "fieldIsMissing",
    "fieldIsNull",
    "fieldMustBeString",
    "stringFailedRegexCheck",
    "stringIsTooLong",
    "stringIsTooShort",
];

impl Refusal {
    pub(super) fn read(answer: &Response<Bytes>) -> Self {
        let fault: Option<Fault> = serde_json::from_slice(answer.body()).ok();
        // Whatever is not a short word is not repeated.
        let is_word =
            |name: &String| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (name, faults) = fault.map_or((None, Vec::new()), |fault| {
            (Some(fault.error_name).filter(is_word), fault.validation_errors)
        });
        Self { status: answer.status().as_u16(), name, faults }
    }

    /// An outcome that will be there.
    pub(super) fn is_not_ready(&self) -> bool {
        self.status == 404 && self.name.as_deref() == Some("verificationNotReady")
    }

    /// Of a verification: below 500 no issuer was asked.
    pub(super) fn after_post(self) -> WorldpayError {
        let all_in = |place: &str| {
            !self.faults.is_empty() && self.faults.iter().all(|fault| fault.json_path.contains(place))
        };
        let is_malformed = || self.faults.iter().any(|fault| MALFORMED.contains(&fault.error_name.as_str()));
        let kind = match self.status {
            // Somebody in between has stopped waiting.
            408 => WorldpayErrorKind::Indeterminate,
            400 if all_in("transactionReference") && is_malformed() => WorldpayErrorKind::InvalidReference,
            400 if all_in("transactionReference") => WorldpayErrorKind::DuplicateReference,
            400 if all_in("paymentInstrument") => WorldpayErrorKind::Card,
            429 => WorldpayErrorKind::Unavailable,
            400..=499 => WorldpayErrorKind::Misconfigured,
            _ => WorldpayErrorKind::Indeterminate,
        };
        self.error(kind)
    }

    /// Of something that was only looked for.
    pub(super) fn after_get(self) -> WorldpayError {
        let kind = match self.status {
            404 if self.is_not_ready() => WorldpayErrorKind::NotReady,
            404 => WorldpayErrorKind::NotFound,
            429 => WorldpayErrorKind::Unavailable,
            400..=499 => WorldpayErrorKind::Misconfigured,
            _ => WorldpayErrorKind::Unavailable,
        };
        self.error(kind)
    }

    fn error(self, kind: WorldpayErrorKind) -> WorldpayError {
        WorldpayError::of(kind).with_source(format!("status {}", self.status)).with_name(self.name)
    }
}
