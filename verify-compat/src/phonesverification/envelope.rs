//! Answers: one envelope, as JSON or as XML.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde::Serialize;
use verify_core::{Contact, Reply};

/// Which base was called. The path decides and nothing else, whatever a client would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Xml,
}

impl Format {
    /// What a path ends in, once the path of the call is cut off.
    pub(crate) fn of_base(base: &str) -> Option<Self> {
        Self::named(base.rsplit('/').next()?).filter(|_| base.contains('/'))
    }

    /// What a path names anywhere, so that even a wrong one is answered in kind.
    pub(crate) fn within(path: &str) -> Option<Self> {
        path.split('/').find_map(Self::named)
    }

    fn named(segment: &str) -> Option<Self> {
        match segment {
            "json" => Some(Self::Json),
            "xml" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// The envelope; its members stand in the order of the original's samples.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(rename = "Response")]
    response: Option<Response>,
    #[serde(rename = "ErrorMessage")]
    error_message: Cow<'static, str>,
    #[serde(rename = "Status")]
    status: u8,
}

/// A call that was accepted.
#[derive(Debug, Serialize)]
pub(crate) struct Response {
    id: u64,
    #[serde(rename = "PhoneNumber")]
    phone_number: String,
    #[serde(rename = "Price")]
    price: f64,
    #[serde(rename = "Created")]
    created: String,
    #[serde(rename = "VerificationType")]
    verification_type: &'static str,
}

impl Response {
    pub(crate) fn new(id: u64, to: &Contact, price: f64, created: String) -> Self {
        let phone_number = to.expose().trim_start_matches('+').to_owned();
        Self { id, phone_number, price, created, verification_type: "PhoneReversePinVerification" }
    }
}

impl Answer {
    pub(crate) const fn success(response: Response) -> Self {
        Self { response: Some(response), error_message: Cow::Borrowed(""), status: 0 }
    }

    const fn of(status: u8, error_message: Cow<'static, str>) -> Self {
        Self { response: None, error_message, status }
    }

    /// A failure of ours.
    pub(crate) const fn failed() -> Self {
        Self::of(1, Cow::Borrowed("Request has failed. Please try again later."))
    }

    pub(crate) const fn missing() -> Self {
        Self::of(2, Cow::Borrowed("Parameters Missing"))
    }

    pub(crate) const fn stranger() -> Self {
        Self::of(3, Cow::Borrowed("Unable to authenticate user. Please try with valid ApiKey/ApiSecret."))
    }

    /// What is wrong, and never what it was.
    pub(crate) fn invalid(what: &str) -> Self {
        Self::of(4, Cow::Owned(format!("Parameters are invalid: {what}.")))
    }

    pub(crate) const fn unknown_command() -> Self {
        Self::of(8, Cow::Borrowed("Command is invalid."))
    }

    /// As an answer that nobody in between is to keep.
    pub(crate) fn reply(&self, format: Format, http_status: bool) -> Reply {
        let (kind, body) = match format {
            Format::Json => ("application/json; charset=utf-8", serde_json::to_vec(self).ok()),
            Format::Xml => ("application/xml; charset=utf-8", self.xml().ok()),
        };
        let mut reply = Reply::new(Bytes::from(body.unwrap_or_default()));
        if http_status {
            *reply.status_mut() = match self.status {
                0 => StatusCode::OK,
                1 => StatusCode::SERVICE_UNAVAILABLE,
                3 => StatusCode::UNAUTHORIZED,
                _ => StatusCode::BAD_REQUEST,
            };
        }
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }

    /// The members in the order of their names, as the original's framework writes them.
    fn xml(&self) -> std::io::Result<Vec<u8>> {
        let mut writer = Writer::new(Vec::new());
        let root = BytesStart::new("PhonesVerification");
        let root = root.with_attributes([("xmlns:i", "http://www.w3.org/2001/XMLSchema-instance")]);
        writer.write_event(Event::Start(root))?;
        element(&mut writer, "ErrorMessage", &self.error_message)?;
        match &self.response {
            None => {
                let nil = BytesStart::new("Response").with_attributes([("i:nil", "true")]);
                writer.write_event(Event::Empty(nil))?;
            }
            Some(response) => {
                writer.write_event(Event::Start(BytesStart::new("Response")))?;
                element(&mut writer, "Created", &response.created)?;
                element(&mut writer, "PhoneNumber", &response.phone_number)?;
                element(&mut writer, "Price", &response.price.to_string())?;
                element(&mut writer, "VerificationType", response.verification_type)?;
                element(&mut writer, "id", &response.id.to_string())?;
                writer.write_event(Event::End(BytesEnd::new("Response")))?;
            }
        }
        element(&mut writer, "Status", &self.status.to_string())?;
        writer.write_event(Event::End(BytesEnd::new("PhonesVerification")))?;
        Ok(writer.into_inner())
    }
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return writer.write_event(Event::Empty(BytesStart::new(name)));
    }
    // XML 1.0, 2.2: other characters cannot be had at all. A carriage return would be read as a line feed (2.11).
    let kept: String =
        text.chars().map(|c| if is_xml(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    let escaped = escape(&kept).replace('\r', "&#13;");
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    writer.write_event(Event::Text(BytesText::from_escaped(escaped)))?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

const fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a real parser reads as the text of `ErrorMessage`.
    fn read(xml: &str) -> String {
        let document = roxmltree::Document::parse(xml).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "PhonesVerification");
        let message = root.children().find(|node| node.has_tag_name("ErrorMessage")).unwrap();
        message.text().unwrap_or_default().to_owned()
    }

    fn xml(text: &str) -> String {
        String::from_utf8(Answer::of(4, Cow::Owned(text.to_owned())).xml().unwrap()).unwrap()
    }

    #[test]
    fn phonesverification_rule_04_hostile_text_goes_there_and_back() {
        for text in [
            "A&B <x>",
            "]]>",
            "<!--",
            "&amp;&#0;",
            "\"'",
            "a\r\nb\tc",
            "</ErrorMessage><Status>0</Status>",
            "ü€\u{1f989}",
        ] {
            assert_eq!(read(&xml(text)), text);
        }
        assert_eq!(
            read(&xml("a\u{0}b\u{1b}c\u{ffff}")),
            "a\u{fffd}b\u{fffd}c\u{fffd}",
            "what XML cannot hold"
        );
    }

    proptest! {
        #[test]
        fn phonesverification_rule_04_any_text_is_well_formed(text in any::<String>()) {
            let kept: String = text.chars().map(|c| if is_xml(c) { c } else { '\u{fffd}' }).collect();
            prop_assert_eq!(read(&xml(&text)), kept);
        }
    }
}
