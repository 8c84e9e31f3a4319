//! What a message says.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::code::Code;
use crate::contact::Channel;
use crate::origin::Origin;

/// A rendered message. It holds the code, so it has no `Display` and its `Debug` is redacted.
pub struct Message {
    subject: Option<String>,
    text: Zeroizing<String>,
}

impl Message {
    /// The subject line of a mail. It never holds the code: lock screens show it (NIST SP 800-63B-4, 3.1.3.1).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
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

/// What a message is made of.
pub(crate) struct Wording<'a> {
    pub(crate) site: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) purpose: &'a str,
    pub(crate) life: Duration,
}

impl Wording<'_> {
    pub(crate) fn render(&self, channel: Channel, code: &Code) -> Message {
        let Self { site, purpose, .. } = self;
        let minutes = self.life.as_secs().div_ceil(60);
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        let code = code.expose();
        let text = match channel {
            Channel::Sms => format!(
                "{site}: {code} is your code to {purpose}. Valid {minutes} {unit}. Do not share it with anyone.\n\n\
                 @{host} #{code}",
                host = self.origin.host()
            ),
            Channel::Email => format!(
                "Your code to {purpose} at {site}:\n\n{code}\n\nIt is valid for {minutes} {unit}, and only where you \
                 asked for it: {origin}\nNobody from {site} will ever ask you for it. If you did not ask for it, you \
                 can ignore this message.\n",
                origin = self.origin
            ),
            Channel::Voice => {
                let spoken = code.chars().map(String::from).collect::<Vec<_>>().join(", ");
                format!(
                    "{site}. Your code to {purpose} is: {spoken}. Again: {spoken}. Do not share it with anyone."
                )
            }
        };
        let subject = matches!(channel, Channel::Email).then(|| format!("Your {site} code"));
        Message { subject, text: Zeroizing::new(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(channel: Channel) -> Message {
        let origin = Origin::parse("https://bank.example:8443").unwrap();
        let wording = Wording {
            site: "Bank",
            origin: &origin,
            purpose: "open the vault",
            life: Duration::from_secs(300),
        };
        wording.render(channel, &Code::chosen("004711").unwrap())
    }

    #[test]
    fn r61_an_sms_ends_with_the_origin_bound_line() {
        let message = message(Channel::Sms);
        assert_eq!(message.text().lines().last(), Some("@bank.example #004711"));
        assert_eq!(message.text().matches('@').count(), 1);
        assert!(
            message.text().contains("open the vault") && message.text().len() <= 160,
            "{}",
            message.text()
        );
    }

    #[test]
    fn r60_subject_line_and_debug_are_without_the_code() {
        let mail = message(Channel::Email);
        assert!(
            mail.text().contains("004711") && mail.subject().is_some_and(|line| !line.contains("004711"))
        );
        assert!(!format!("{mail:?}").contains("004711"));
    }

    #[test]
    fn a_call_spells_the_code() {
        assert!(message(Channel::Voice).text().contains("0, 0, 4, 7, 1, 1"));
    }
}
