//! A confirmation: the payment's token, the answer to the challenge, and one key for all its attempts.

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::govifi::SessionError;

/// One wish to pay. It has a key of its own, so that the very same one can be sent again; another answer to the challenge, or
/// another card, is another confirmation. Its `Debug` is redacted.
#[derive(Clone)]
pub struct Confirmation {
    key: String,
    token: Zeroizing<String>,
    method: String,
    response: Option<(String, &'static str, Zeroizing<String>)>,
    acknowledged: bool,
    details: Map<String, Value>,
}

impl Confirmation {
    /// Pays with this token of the processor's, by `card`, `ach`, `apple_pay` or `paypal`.
    ///
    /// # Errors
    /// When no random key can be drawn.
    pub fn new(processor_token: impl Into<String>, method: impl Into<String>) -> Result<Self, SessionError> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|_| SessionError::Random)?;
        Ok(Self {
            key: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            token: Zeroizing::new(processor_token.into()),
            method: method.into(),
            response: None,
            acknowledged: false,
            details: Map::new(),
        })
    }

    /// With the code of a challenge of type `sms` or `email`.
    #[must_use]
    pub fn with_code(mut self, kind: impl Into<String>, code: impl Into<String>) -> Self {
        self.response = Some((kind.into(), "code", Zeroizing::new(code.into())));
        self
    }

    /// With the token of a challenge of type `hcaptcha` or `turnstile`.
    #[must_use]
    pub fn with_token(mut self, kind: impl Into<String>, token: impl Into<String>) -> Self {
        self.response = Some((kind.into(), "token", Zeroizing::new(token.into())));
        self
    }

    /// The payer has said that a payment which looks like one before is meant.
    #[must_use]
    pub fn acknowledging_duplicates(mut self) -> Self {
        self.acknowledged = true;
        self
    }

    /// With another member of the body, as the API names it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    /// A key of one's own, by which a confirmation is known again after a restart.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn body(&self) -> Bytes {
        let mut members = self.details.clone();
        members.insert("processor_token".to_owned(), self.token.as_str().into());
        members.insert("method".to_owned(), self.method.as_str().into());
        if let Some((kind, member, answer)) = &self.response {
            let mut response = Map::new();
            response.insert("type".to_owned(), kind.as_str().into());
            response.insert((*member).to_owned(), answer.as_str().into());
            members.insert("challenge_response".to_owned(), response.into());
        }
        if self.acknowledged {
            members.insert("duplicate_acknowledged".to_owned(), json!(true));
        }
        Value::Object(members).to_string().into()
    }
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmation").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A payment that was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Confirmed {
    session_id: Option<String>,
    /// `completed`.
    pub status: String,
    /// The payment's id, where the answer has one.
    pub payment_id: Option<String>,
}

impl Confirmed {
    pub(super) fn is_of(&self, id: &str) -> bool {
        self.status == "completed" && self.session_id.as_deref().is_none_or(|known| known == id)
    }
}
