//! What a call of an endpoint says: JSON from a program, or the fields of a form.

use bytes::Bytes;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::altcha;
use crate::card::Wire;
use crate::ceremony::{DIALLED, TICKET};
use crate::factor::Factor;
use crate::form::Form;
use crate::refusal::Refusal;

/// The body of every endpoint; which members count depends on the endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) code: Option<String>,
    pub(super) token: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) card: Option<Wire>,
    /// A form has one field for every kind of answer; and a card goes on as a text.
    #[serde(skip)]
    pub(super) answer: Option<Zeroizing<String>>,
}

impl Call {
    /// The answer, by the name that this kind of factor has for it.
    pub(super) fn answer_for(&self, factor: &Factor) -> Result<&str, Refusal> {
        let given = match (factor, &self.code, &self.token, &self.answer) {
            (Factor::Card(_), None, None, Some(card)) => card,
            (Factor::Card(_), ..) => {
                return Err(Refusal::Invalid("this challenge takes `card`, as an object, and nothing else"));
            }
            (_, None, None, Some(answer)) if self.card.is_none() => answer,
            (Factor::ReversePin(_), None, None, None) => DIALLED,
            (Factor::Code(_) | Factor::Totp(_), Some(code), None, None) => code,
            (Factor::Work(_) | Factor::Captcha(_), None, Some(token), None) => token,
            (Factor::Code(_) | Factor::Totp(_), ..) => {
                return Err(Refusal::Invalid("this challenge takes `code`, as text, and no `token`"));
            }
            (Factor::ReversePin(_), ..) => {
                return Err(Refusal::Invalid("this challenge is answered by phone: send its `id` alone"));
            }
            (Factor::Work(_) | Factor::Captcha(_), ..) => {
                return Err(Refusal::Invalid("this challenge takes `token`, as text, and no `code`"));
            }
        };
        Ok(given)
    }

    pub(super) fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        const FORM: Refusal = Refusal::Invalid(
            "the body is a JSON object of texts: `id`, and where the endpoint takes them `code`, `token`, `channel`, and `card`, an object",
        );
        // A parser of structures takes a list of their members as well; the protocol does not.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(FORM);
        }
        // The parser's own words may quote the body, so they are not repeated.
        let mut call: Self = serde_json::from_slice(body).map_err(|_| FORM)?;
        call.answer = call.card.as_ref().map(Wire::text);
        if call.id.is_none() {
            call.id = call.token.as_deref().and_then(|token| altcha::claimed(token, TICKET));
        }
        if call.id.is_some() { Ok(call) } else { Err(FORM) }
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    pub(super) fn from_form(body: &Bytes) -> Result<Self, Refusal> {
        let form =
            Form::parse(body).ok_or(Refusal::Invalid("the form is not UTF-8, or has a field twice"))?;
        let id = form.id.ok_or(Refusal::Invalid("the form lacks `challenge-id`"))?;
        Ok(Self {
            id: Some(id),
            code: None,
            token: None,
            channel: form.channel,
            card: None,
            answer: form.answer,
        })
    }
}
