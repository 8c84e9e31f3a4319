//! An outcome as the wire has it, made once: whoever retrieves it gets the same bytes.

use serde_json::{Map, Value, json};
use verify_core::{Card, CardMatch, CardRisk};

use crate::worldpay::issuer::IssuerAnswer;
use crate::worldpay::links::Links;
use crate::worldpay::media::Version;
use crate::worldpay::order::Order;

/// The first six and the last four digits: what may be shown of a number (PCI DSS 4.0, 3.4.1).
fn ends(card: &Card, answer: &IssuerAnswer) -> Option<(String, String)> {
    match card.number() {
        Some(number) => {
            Some((number.get(..6)?.to_owned(), number.get(number.len().checked_sub(4)?..)?.to_owned()))
        }
        None => answer.details.ends.clone(),
    }
}

/// The answer to a verification, and to everybody who retrieves it.
pub(super) fn render(
    order: &Order,
    answer: &IssuerAnswer,
    version: Version,
    checked_at: &str,
    links: &Links,
    link: &str,
) -> String {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    // With a space: so the original's schema and its examples have it, and older prose does not.
    put("outcome", if answer.refusal.is_none() { "verified" } else { "not verified" }.into());
    put("checkedAt", checked_at.into());
    put("riskFactors", risk_factors(order, answer, version));
    match version {
        Version::Five => {
            // Not every scheme gives one.
            if let Some(reference) = answer.scheme_reference.as_deref().filter(|_| order.is_on_file) {
                put("schemeTransactionReference", reference.into());
            }
            put("paymentInstrument", instrument_five(order, answer));
            put("_links", links.of_five(link));
        }
        Version::Six => {
            if let Some(reference) = &answer.scheme_reference {
                put("scheme", json!({ "reference": reference }));
            }
            if let Some(refusal) = &answer.refusal {
                put("refusalCode", refusal.code.as_str().into());
                put("refusalDescription", refusal.description.as_str().into());
                if let Some(advice) = &refusal.advice {
                    put("advice", json!({ "code": advice }));
                }
            }
            put("paymentInstrument", instrument_six(order, answer));
            put("_links", links.of_six(link));
        }
    }
    Value::Object(body).to_string()
}

/// Every comparison, also those of which nothing is known: the original's examples list matches too.
fn risk_factors(order: &Order, answer: &IssuerAnswer, version: Version) -> Value {
    let result = |risk: CardRisk, is_supplied: bool| match answer.result(risk) {
        _ if !is_supplied => "notSupplied",
        Some(result) => word(result),
        None => "notChecked",
    };
    let has_address = order.card.address().is_some();
    let avs = |risk: CardRisk, detail: &str| json!({ "risk": result(risk, has_address), "detail": detail, "type": "avs" });
    let mut factors = vec![
        json!({ "risk": result(CardRisk::Cvc, order.card.cvc().is_some()), "type": "cvc" }),
        avs(CardRisk::Postcode, "postcode"),
        avs(CardRisk::Address, "address"),
    ];
    // Version 5 knows no names.
    if version == Version::Six && answer.result(CardRisk::Name).is_some() {
        let risk = result(CardRisk::Name, order.card.holder().is_some());
        factors.push(json!({ "risk": risk, "type": "nameInquiry" }));
    }
    factors.into()
}

fn word(result: CardMatch) -> &'static str {
    match result {
        CardMatch::Matched => "matched",
        CardMatch::NotMatched => "notMatched",
        CardMatch::PartiallyMatched => "partialMatched",
        CardMatch::NotSupplied => "notSupplied",
        CardMatch::NotSupported => "notSupported",
        _ => "notChecked",
    }
}

fn expiry(order: &Order, answer: &IssuerAnswer) -> Option<Value> {
    let (month, year) = order.card.expiry().or(answer.details.expiry)?;
    Some(json!({ "month": month, "year": year }))
}

fn instrument_five(order: &Order, answer: &IssuerAnswer) -> Value {
    let details = &answer.details;
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let number = ends(&order.card, answer).map(|(bin, last)| json!({ "bin": bin, "last4Digits": last }));
    let members = [
        ("number", number),
        ("countryCode", text(&details.country)),
        ("expiryDate", expiry(order, answer)),
        ("brand", text(&details.brand)),
        ("fundingType", text(&details.funding)),
        ("issuer", details.issuer.as_ref().map(|name| json!({ "name": name }))),
        ("category", text(&details.category)),
        ("paymentAccountReference", text(&details.account_reference)),
    ];
    let kind = if order.card.token().is_some() { "card/tokenized" } else { "card/plain" };
    json!({ "type": kind, "card": some(members) })
}

fn instrument_six(order: &Order, answer: &IssuerAnswer) -> Value {
    let details = &answer.details;
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let (bin, last) = ends(&order.card, answer).unzip();
    let kind = if order.card.token().is_some() { "card/token" } else { "card/plain" };
    some([
        ("type", Some(kind.into())),
        ("cardBin", bin.map(Value::from)),
        ("lastFour", last.map(Value::from)),
        ("countryCode", text(&details.country)),
        ("expiryDate", expiry(order, answer)),
        ("cardBrand", text(&details.brand)),
        ("fundingType", text(&details.funding)),
        ("issuerName", text(&details.issuer)),
        ("category", text(&details.category)),
        ("paymentAccountReference", text(&details.account_reference)),
    ])
}

/// The members that are known.
fn some<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let known = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect())
}
