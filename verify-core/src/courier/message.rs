//! What a message says.

use std::fmt;

use zeroize::Zeroizing;

use crate::courier::sms::SmsLength;

/// A rendered message. It holds the code, so it has no `Display` and its `Debug` is redacted.
pub struct Message {
    subject: Option<String>,
    text: Zeroizing<String>,
    html: Option<Zeroizing<String>>,
    key_prompt: Option<String>,
    language: Option<String>,
    dialled: Option<String>,
}

impl Message {
    /// A message in the application's own words; see [`Direct::worded`](crate::Direct::worded).
    ///
    /// ```
    /// use verify_core::Message;
    ///
    /// let message = Message::new("Ihr Code: 4, 7, 1, 1").in_language("de").after_key("Drücken Sie eine Taste.");
    /// assert_eq!(message.key_prompt(), Some("Drücken Sie eine Taste."));
    /// assert_eq!(format!("{message:?}"), "Message([redacted])");
    /// ```
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            subject: None,
            text: Zeroizing::new(text.into()),
            html: None,
            key_prompt: None,
            language: None,
            dialled: None,
        }
    }

    /// The subject line of a mail. Keep the code out of it.
    #[must_use]
    pub fn with_subject(mut self, line: impl Into<String>) -> Self {
        self.subject = Some(line.into());
        self
    }

    /// The same as HTML, for mail programs that show it. It loads nothing from elsewhere.
    #[must_use]
    pub fn with_html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(Zeroizing::new(html.into()));
        self
    }

    /// Of a call: what is said until whoever answers presses a key, and the text only then, so that no voice mail takes
    /// the code down.
    #[must_use]
    pub fn after_key(mut self, prompt: impl Into<String>) -> Self {
        self.key_prompt = Some(prompt.into());
        self
    }

    /// Of a call: what to dial once it is answered, before anything is said, as an extension: digits, `*`, `#`, and `w` for
    /// half a second's wait.
    #[must_use]
    pub fn after_dialling(mut self, digits: impl Into<String>) -> Self {
        self.dialled = Some(digits.into());
        self
    }

    /// The language of the text (BCP 47).
    #[must_use]
    pub fn in_language(mut self, tag: impl Into<String>) -> Self {
        self.language = Some(tag.into());
        self
    }

    /// Of a call that has to wait for a key: what to say until then. Without a key, the [text](Message::text) is never
    /// said.
    #[must_use]
    pub fn key_prompt(&self) -> Option<&str> {
        self.key_prompt.as_deref()
    }

    /// Of a call: what to dial before anything is said.
    #[must_use]
    pub fn dialled(&self) -> Option<&str> {
        self.dialled.as_deref()
    }

    /// The language of the text (BCP 47), where it is known; a call needs it for its voice.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The subject line of a mail. It never holds the code: lock screens show it (NIST SP 800-63B-4, 3.1.3.1).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The text as HTML, of a mail that has both.
    #[must_use]
    pub fn html(&self) -> Option<&str> {
        self.html.as_ref().map(|html| html.as_str())
    }

    /// What the text takes as an SMS.
    #[must_use]
    pub fn sms_length(&self) -> SmsLength {
        SmsLength::of(&self.text)
    }

    /// The text. An SMS ends with the line `@host #code`, which binds the code to the site for browsers that fill it
    /// in (WICG, origin-bound one-time codes).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message([redacted])")
    }
}
