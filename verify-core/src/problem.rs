//! Problems: what an answer says when it says no (RFC 9457).

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use serde::{Serialize, Serializer};

use crate::encoding::hex_digits;
use crate::offer::Description;
use crate::reply::Words;

/// The document, written member by member.
#[derive(Serialize)]
pub(crate) struct Problem<'p> {
    #[serde(rename = "type", serialize_with = "urn")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    recoverable: bool,
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Cow<'p, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alternatives: Option<Vec<Vec<Description<'p>>>>,
}

impl Problem<'_> {
    /// The members that every problem has.
    pub(crate) fn new(words: &Words) -> Self {
        Self::named(words, RequestId::draw())
    }

    /// The same with that name.
    pub(crate) fn named(words: &Words, request_id: RequestId) -> Self {
        Self {
            kind: words.code,
            title: words.title,
            status: words.status.as_u16(),
            code: words.code,
            recoverable: words.recoverable,
            request_id,
            detail: None,
            reason: None,
            field: None,
            policy: None,
            alternatives: None,
        }
    }
}

fn urn<S: Serializer>(code: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:verify:problem:{code}"))
}

/// Names one answer in logs and support requests; no secret, and linked to nothing.
pub(crate) struct RequestId(pub(crate) [u8; 16]);

impl RequestId {
    pub(crate) fn draw() -> Self {
        // It has to be one of its kind, and nobody is kept from guessing it.
        Self(hex_digits(RandomState::new().hash_one(())))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
