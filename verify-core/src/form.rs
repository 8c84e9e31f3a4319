//! A posted form, taken apart: what is meant for the gate, and what is meant for the handler.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::altcha;
use crate::card::{CARD_FIELD, Wire};
use crate::ceremony::TICKET;

/// The fields of the gate.
const ID: &str = "challenge-id";
const ANSWER: &str = "challenge-answer";
const CHANNEL: &str = "challenge-channel";

/// The field of an ALTCHA widget. It is the application's, and stays with what is the handler's.
const WIDGET: &str = "altcha";

/// A form body (`application/x-www-form-urlencoded`).
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) id: Option<String>,
    pub(crate) answer: Option<Zeroizing<String>>,
    pub(crate) channel: Option<String>,
    /// The handler's fields, decoded, for a page to carry on.
    pub(crate) fields: Vec<(String, String)>,
    /// The handler's body: the bytes as they came, less the gate's fields.
    pub(crate) rest: Bytes,
}

impl Form {
    /// `None` when it is not UTF-8, or when a field of the gate is there twice: nothing is guessed.
    pub(crate) fn parse(body: &Bytes) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut form = Self::default();
        let mut rest: Vec<&str> = Vec::new();
        let mut card: Option<Wire> = None;
        for raw in text.split('&').filter(|raw| !raw.is_empty()) {
            let (name, value) = decode(raw)?;
            if let Some(name) = name.strip_prefix(CARD_FIELD) {
                if !card.get_or_insert_default().take(name, value) {
                    return None;
                }
                continue;
            }
            let own = match name.as_str() {
                ID => &mut form.id,
                ANSWER if form.answer.is_none() => {
                    form.answer = Some(Zeroizing::new(value));
                    continue;
                }
                ANSWER => return None,
                CHANNEL => &mut form.channel,
                _ => {
                    rest.push(raw);
                    form.fields.push((name, value));
                    continue;
                }
            };
            if own.replace(value).is_some() {
                return None;
            }
        }
        // The fields of a card are an answer.
        if let Some(card) = card
            && form.answer.replace(card.text()).is_some_and(|answer| !answer.is_empty())
        {
            return None;
        }
        let untouched = form.id.is_none() && form.answer.is_none() && form.channel.is_none();
        form.rest = if untouched { body.clone() } else { rest.join("&").into() };
        if form.id.is_none() && form.answer.is_none() {
            form.take_widget();
        }
        Some(form)
    }

    /// Takes the answer from the widget's field, if there is one and it carries a ticket: an application may use ALTCHA
    /// for itself.
    fn take_widget(&mut self) {
        let mut fields = self.fields.iter().filter(|(name, _)| name == WIDGET);
        if let (Some((_, answer)), None) = (fields.next(), fields.next())
            && let Some(ticket) = altcha::claimed(answer, TICKET)
        {
            (self.id, self.answer) = (Some(ticket), Some(Zeroizing::new(answer.clone())));
        }
    }
}

/// One pair, decoded; `None` when the bytes behind the percent signs are not UTF-8.
pub(crate) fn decode(raw: &str) -> Option<(String, String)> {
    let part = |text: &str| {
        // It may be a card.
        let spaced = Zeroizing::new(text.replace('+', " "));
        percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    };
    let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
    Some((part(name)?, part(value)?))
}

/// An answer may be a code or a whole card, and what is the handler's is nobody's business either.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("has_answer", &self.answer.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r15_the_handlers_bytes_come_out_as_they_went_in() {
        let body = Bytes::from_static(
            b"challenge-id=t1.a.b&amount=10.00&payee=A+%26+B&challenge-answer=000123&amount=11",
        );
        let form = Form::parse(&body).unwrap();
        assert_eq!(form.rest, "amount=10.00&payee=A+%26+B&amount=11");
        assert_eq!(
            (form.id.as_deref(), form.answer.as_ref().map(|it| it.as_str())),
            (Some("t1.a.b"), Some("000123"))
        );
        assert_eq!(form.fields[1], ("payee".to_owned(), "A & B".to_owned()));
    }

    #[test]
    fn r70_a_form_does_not_print_what_was_typed() {
        let body = Bytes::from_static(b"challenge-id=hunter1&challenge-answer=hunter2&card=hunter3");
        let form = Form::parse(&body).unwrap();
        assert_eq!(format!("{form:?}"), "Form { has_answer: true, .. }");
    }

    #[test]
    fn a_field_of_the_gate_may_not_be_there_twice() {
        assert!(Form::parse(&Bytes::from_static(b"challenge-id=a&challenge%2Did=b")).is_none());
        assert!(Form::parse(&Bytes::from_static(b"a=%ff")).is_none());
    }

    proptest! {
        #[test]
        fn a_form_without_the_gates_fields_is_untouched(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let body = Bytes::from(bytes);
            if let Some(form) = Form::parse(&body) && form.id.is_none() && form.answer.is_none() {
                prop_assert!(form.channel.is_some() || form.rest == body);
            }
        }
    }
}
