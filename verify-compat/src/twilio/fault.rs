//! What the API says no with: a status, a number and a text that callers match on.

use std::error::Error;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;
use verify_core::{Reply, StoreError, StoreErrorKind};

use crate::resources::ResourcesError;

/// A refusal, with the number and the text that the original has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    status: StatusCode,
    code: u32,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The texts of the original, by number. Applications match on them, so a word more is a change.
const TABLE: [(u32, StatusCode, &str); 27] = [
    (20_003, StatusCode::UNAUTHORIZED, "Authenticate"),
    (20_004, StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    (20_429, StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
    (20_500, StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    (20_503, StatusCode::SERVICE_UNAVAILABLE, "Service unavailable"),
    (60_202, StatusCode::TOO_MANY_REQUESTS, "Max check attempts reached"),
    (60_203, StatusCode::TOO_MANY_REQUESTS, "Max send attempts reached"),
    (60_204, StatusCode::FORBIDDEN, "Service does not support this feature"),
    (60_205, StatusCode::FORBIDDEN, "SMS is not supported by landline phone number"),
    (60_206, StatusCode::BAD_REQUEST, "'Amount' & 'Payee' params are required"),
    (60_207, StatusCode::BAD_REQUEST, "Max rate limits per service reached"),
    (60_208, StatusCode::BAD_REQUEST, "Rate limit with that UniqueName already exists"),
    (60_209, StatusCode::BAD_REQUEST, "UniqueName format is invalid (alphanumeric and - _ . only)"),
    (60_210, StatusCode::BAD_REQUEST, "Max Buckets per Rate limit reached"),
    (60_211, StatusCode::BAD_REQUEST, "Bucket with the given Interval already exists"),
    (60_214, StatusCode::BAD_REQUEST, "Call channel is not supported when using PSD2"),
    (60_217, StatusCode::BAD_REQUEST, "Invalid Service configuration"),
    (60_221, StatusCode::BAD_REQUEST, "No target verification specified"),
    (60_223, StatusCode::BAD_REQUEST, "Delivery channel disabled"),
    (60_224, StatusCode::BAD_REQUEST, "Missing substitutions for selected template"),
    (60_228, StatusCode::BAD_REQUEST, "Template was not found"),
    (60_243, StatusCode::BAD_REQUEST, "Custom messages are not supported"),
    (60_247, StatusCode::BAD_REQUEST, "Message Length Exceeded"),
    (60_329, StatusCode::BAD_REQUEST, "Verify SNA does not work with psd2_enabled"),
    (60_411, StatusCode::BAD_REQUEST, "Phone Number already exists in Safelist"),
    (60_602, StatusCode::BAD_REQUEST, "App hash can only be used with SMS channel"),
    (60_605, StatusCode::FORBIDDEN, "Verification delivery attempt blocked"),
];

impl Fault {
    /// The fault of that number.
    pub(crate) fn of(code: u32) -> Self {
        let known = TABLE.iter().find(|(known, ..)| *known == code);
        let (status, message) = known
            .map_or((StatusCode::BAD_REQUEST, "Invalid parameter"), |(_, status, message)| {
                (*status, message)
            });
        Self { status, code, message: message.to_owned(), headers: Vec::new() }
    }

    /// Nothing is there, or nothing that this account may see. The path is that of the request, from its version on.
    pub(crate) fn not_found(path: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: 20_404,
            message: format!("The requested resource {path} was not found"),
            headers: Vec::new(),
        }
    }

    /// A parameter has not its form. Its value is not repeated, since it may be a number or a code.
    pub(crate) fn invalid(parameter: &str) -> Self {
        Self { message: format!("Invalid parameter: {parameter}"), ..Self::of(60_200) }
    }

    /// A parameter is not there.
    pub(crate) fn missing(parameter: &str) -> Self {
        let message = format!("Missing required parameter {parameter} in the post body");
        Self { message, ..Self::of(20_001) }
    }

    /// The body is too long, or broke off.
    pub(crate) fn body(too_large: bool) -> Self {
        match too_large {
            true => Self {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                message: "The request body is too long".to_owned(),
                ..Self::of(20_001)
            },
            false => Self { message: "The request body broke off".to_owned(), ..Self::of(20_001) },
        }
    }

    /// Something that this needs did not answer; nobody is let through because of it.
    pub(crate) fn unavailable(kind: StoreErrorKind) -> Self {
        tracing::error!(target: "verify", ?kind, "something did not answer; the request is refused");
        Self::too_late()
    }

    /// No answer within the deadline. What was asked for may have been done all the same.
    pub(crate) fn too_late() -> Self {
        Self::of(20_503).with(header::RETRY_AFTER, 5_u64)
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.headers.extend(value.try_into().ok().map(|value| (name, value)));
        self
    }

    /// Exactly four members: an official client takes a body with `type` and `title` for another kind of error.
    pub(crate) fn reply(self) -> Reply {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        let mut reply = crate::json::reply(self.status, &body);
        reply.headers_mut().extend(self.headers);
        reply
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        // Its message says what to do. Its source may repeat an address or a password.
        tracing::error!(target: "verify", kind = ?error.kind(), "the store failed; the request is refused: {error}");
        metrics::counter!("verify_store_errors_total", "kind" => format!("{:?}", error.kind())).increment(1);
        Self::of(20_503).with(header::RETRY_AFTER, 5_u64)
    }
}

impl From<ResourcesError> for Fault {
    fn from(error: ResourcesError) -> Self {
        let causes = causes(&error);
        tracing::error!(target: "verify", causes, "what is configured could not be read or written; the request is refused");
        Self::of(20_503).with(header::RETRY_AFTER, 5_u64)
    }
}

/// What led to an error, the nearest cause first. What a [`ResourcesError`] wraps holds no secret, by its promise.
fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What was written cannot be read any more: a newer version wrote it, or something else did.
impl From<serde_json::Error> for Fault {
    fn from(_: serde_json::Error) -> Self {
        tracing::error!(target: "verify", "a stored resource cannot be read; the request is refused");
        Self::of(20_500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_all_that_led_to_it() {
        let full = std::io::Error::other("no space left on device");
        let error = ResourcesError::new(std::io::Error::other(full));
        assert_eq!(causes(&error), "no space left on device");
        assert_eq!(causes(&StoreError::new(StoreErrorKind::Full)), "");
    }

    #[test]
    fn twilio_rule_02_a_fault_has_four_members_and_its_number() {
        for (code, status, message) in TABLE {
            let reply = Fault::of(code).reply();
            assert_eq!(reply.status(), status);
            let body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
            let expected = json!({
                "code": code,
                "message": message,
                "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
                "status": status.as_u16(),
            });
            assert_eq!(body, expected);
        }
        assert!(TABLE.is_sorted_by_key(|(code, ..)| *code));
    }
}
