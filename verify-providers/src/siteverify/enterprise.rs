//! reCAPTCHA Enterprise, whose questions and answers have a form of their own.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use verify_core::{CaptchaContext, Rejection, Widget};

use crate::siteverify::answer::{Answer, moment};

/// The body of a question.
pub(super) fn event(token: &str, widget: &Widget, context: &CaptchaContext<'_>) -> Bytes {
    let event = json!({
        "event": { "token": token, "siteKey": widget.site_key(), "expectedAction": context.action() },
    });
    event.to_string().into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assessment {
    token_properties: TokenProperties,
    risk_analysis: Option<RiskAnalysis>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenProperties {
    /// Left out of JSON where it is false.
    #[serde(default)]
    valid: bool,
    invalid_reason: Option<String>,
    hostname: Option<String>,
    action: Option<String>,
    create_time: Option<String>,
}

#[derive(Deserialize)]
struct RiskAnalysis {
    score: Option<f64>,
}

/// `None` when it is not what the service says.
pub(super) fn read(body: &[u8]) -> Option<Answer> {
    let read: Assessment = serde_json::from_slice(body).ok()?;
    let TokenProperties { valid, invalid_reason, hostname, action, create_time } = read.token_properties;
    let rejection = match invalid_reason.as_deref() {
        _ if valid => None,
        Some("EXPIRED") => Some(Rejection::Expired),
        Some("DUPE") => Some(Rejection::Duplicate),
        Some("UNEXPECTED_ACTION") => Some(Rejection::Action),
        // MALFORMED, MISSING, BROWSER_ERROR, the unknown ones, and whatever comes.
        _ => Some(Rejection::Invalid),
    };
    Some(Answer {
        success: valid,
        codes: invalid_reason.into_iter().filter(|_| !valid).collect(),
        rejection,
        solved_at: create_time.as_deref().and_then(moment),
        host: hostname,
        action,
        cdata: None,
        // Zero, the worst score, is left out of JSON.
        score: read.risk_analysis.map(|analysis| analysis.score.unwrap_or(0.0)),
        is_for_test_keys: false,
    })
}
