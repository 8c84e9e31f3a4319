//! A mail as it goes over the wire, the same for every try.

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use verify_core::{CourierError, CourierErrorKind, Delivery};
use zeroize::Zeroizing;

/// Header fields and bodies, and the envelope around them.
pub(super) struct Letter {
    from: Address,
    to: Address,
    text: Zeroizing<Vec<u8>>,
}

impl Letter {
    /// Writes it: text, and HTML where there is some (RFC 2046, 5.1.4); named by the id of the message, so that whoever gets it
    /// twice after all shows it once; marked as written by a machine, so that no machine answers (RFC 3834, 5).
    pub(super) fn write(from: &Mailbox, delivery: &Delivery) -> Result<Self, CourierError> {
        let to: Address = delivery.to().expose().parse().map_err(|_| {
            CourierError::new(CourierErrorKind::Refused).with_source("not an address that mail can go to")
        })?;
        let message = delivery.message();
        let subject = message.subject().unwrap_or_default();
        if subject.is_empty() || subject.chars().any(char::is_control) {
            return Err(unwritable("a mail has a subject, on one line"));
        }
        let builder = Message::builder()
            .from(from.clone())
            .to(to.clone().into())
            .subject(subject)
            .date(delivery.sent_at())
            .message_id(Some(format!("<{}@{}>", delivery.id(), from.email.domain())))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = message.text().to_owned();
        let built = match message.html() {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.to_owned())),
            None => builder.singlepart(SinglePart::plain(text)),
        };
        let built = built.map_err(|_| unwritable("the mail cannot be written"))?;
        Ok(Self { from: from.email.clone(), to, text: Zeroizing::new(built.formatted()) })
    }

    pub(super) fn from(&self) -> Option<Address> {
        Some(self.from.clone())
    }

    pub(super) fn to(&self) -> Address {
        self.to.clone()
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}

fn unwritable(what: &'static str) -> CourierError {
    CourierError::new(CourierErrorKind::Unavailable).with_source(what)
}
