//! What a message says.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::code::Code;
use crate::contact::Channel;
use crate::courier::template::{Template, Values};
use crate::origin::Origin;
use crate::transaction::{AmountFormat, Transaction};

/// A rendered message. It holds the code, so it has no `Display` and its `Debug` is redacted.
pub struct Message {
    subject: Option<String>,
    text: Zeroizing<String>,
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
    /// What the code approves, where it approves one transaction.
    pub(crate) approval: Option<Approving<'a>>,
}

/// A transaction as its message tells it.
pub(crate) struct Approving<'a> {
    pub(crate) transaction: &'a Transaction,
    pub(crate) format: AmountFormat,
    /// The application's own text, where it has one.
    pub(crate) template: Option<&'a Template>,
}

/// A payee's name in a short message: what is longer is cut, and says so.
const SHORT_NAME: usize = 28;

impl Wording<'_> {
    pub(crate) fn render(&self, channel: Channel, code: &Code) -> Message {
        let minutes = self.life.as_secs().div_ceil(60);
        let code = code.expose();
        let mut text = match &self.approval {
            Some(approval) => self.approve(approval, channel, code, minutes),
            None => self.open(channel, code, minutes),
        };
        if channel == Channel::Sms {
            // Last, and nothing of a payee's name can come behind it (WICG, origin-bound one-time codes, 3.2).
            text.push_str(&format!("\n\n@{} #{code}", self.origin.host()));
        }
        let subject = matches!(channel, Channel::Email).then(|| match &self.approval {
            Some(_) => format!("Your {} payment code", self.site),
            None => format!("Your {} code", self.site),
        });
        let message = Message::new(text);
        match subject {
            Some(subject) => message.with_subject(subject),
            None => message,
        }
    }

    /// A code that lets somebody in.
    fn open(&self, channel: Channel, code: &str, minutes: u64) -> String {
        let Self { site, purpose, origin, .. } = self;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        match channel {
            Channel::Sms | Channel::WhatsApp => format!(
                "{site}: {code} is your code to {purpose}. Valid {minutes} {unit}. Do not share it with anyone."
            ),
            Channel::Email => format!(
                "Your code to {purpose} at {site}:\n\n{code}\n\nIt is valid for {minutes} {unit}, and only where you \
                 asked for it: {origin}\nNobody from {site} will ever ask you for it. If you did not ask for it, you \
                 can ignore this message.\n"
            ),
            Channel::Voice => {
                let spoken = spell(code);
                format!(
                    "{site}. Your code to {purpose} is: {spoken}. Again: {spoken}. Do not share it with anyone."
                )
            }
        }
    }

    /// A code that approves one transaction: what it approves comes first (RTS 2018/389, 5(1)(a); OWASP Transaction
    /// Authorization, 1.1), in words that no code to sign in has (1.4).
    fn approve(&self, approval: &Approving<'_>, channel: Channel, code: &str, minutes: u64) -> String {
        let Self { site, origin, .. } = self;
        let Approving { transaction, format, template } = approval;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        let amount = format.format(&transaction.total());
        let amount = if transaction.is_up_to() { format!("up to {amount}") } else { amount };
        let short = channel != Channel::Email;
        let (payee, account) = whom(transaction, short);
        if let Some(template) = template {
            let minutes = minutes.to_string();
            let (site, code, account) = (*site, code, account.as_str());
            return template.fill(&Values {
                site,
                code,
                amount: &amount,
                payee: &payee,
                account,
                minutes: &minutes,
            });
        }
        let to = if account.is_empty() { payee } else { format!("{payee} ({account})") };
        match channel {
            Channel::Sms | Channel::WhatsApp => format!(
                "{site}: to pay {amount} to {to}, use {code}. Valid {minutes} {unit}. Not you? Tell us, and tell nobody \
                 the code."
            ),
            Channel::Email => {
                let mut lines = String::new();
                for (amount, payee) in transaction.lines() {
                    let (name, account) = (payee.name(), payee.account().display());
                    lines.push_str(&format!("  {} to {name}, {account}\n", format.format(amount)));
                }
                format!(
                    "You are about to pay {amount} at {site}:\n\n{lines}\nThe code that approves exactly this payment \
                     is:\n\n{code}\n\nIt is valid for {minutes} {unit}, and only where you asked for it: {origin}\n\
                     If this is not the payment that you want to make, do not use the code, and tell {site}. Nobody \
                     from {site} will ever ask you for it.\n"
                )
            }
            Channel::Voice => {
                let spoken = spell(code);
                format!(
                    "{site}. You are about to pay {amount} to {to}. If that is right, your code is: {spoken}. Again: \
                     {spoken}. If it is not, hang up and tell us. Do not share the code with anyone."
                )
            }
        }
    }
}

/// Who gets the money, and where it goes.
pub(crate) fn whom(transaction: &Transaction, short: bool) -> (String, String) {
    let cut = |name: &str| match name.char_indices().nth(SHORT_NAME) {
        Some((at, _)) if short => format!("{}...", name.get(..at).unwrap_or_default().trim_end()),
        _ => name.to_owned(),
    };
    let mut lines = transaction.lines();
    let Some((_, first)) = lines.next() else { return Default::default() };
    let others = lines.len();
    if others == 0 {
        let account = first.account();
        return (cut(first.name()), if short { account.hint() } else { account.display() });
    }
    let unit = if others == 1 { "other" } else { "others" };
    (format!("{} and {others} {unit}", cut(first.name())), String::new())
}

fn spell(code: &str) -> String {
    code.chars().map(String::from).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::{Account, Currency, Money, Payee};

    fn message(channel: Channel) -> Message {
        let origin = Origin::parse("https://bank.example:8443").unwrap();
        let wording = Wording {
            site: "Bank",
            origin: &origin,
            purpose: "open the vault",
            life: Duration::from_secs(300),
            approval: None,
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

    fn approval(name: &str, channel: Channel) -> String {
        let origin = Origin::parse("https://bank.example").unwrap();
        let amount = Money::parse("1234.50", Currency::parse("EUR").unwrap()).unwrap();
        let payee = Payee::new(name, Account::iban("DE89370400440532013000").unwrap()).unwrap();
        let transaction = Transaction::payment(amount, payee).unwrap();
        let wording = Wording {
            site: "Bank",
            origin: &origin,
            purpose: "make a transfer",
            life: Duration::from_secs(300),
            approval: Some(Approving {
                transaction: &transaction,
                format: AmountFormat::International,
                template: None,
            }),
        };
        wording.render(channel, &Code::chosen("004711").unwrap()).text().to_owned()
    }

    #[test]
    fn r25_p10_an_approval_names_amount_and_payee_on_every_channel() {
        for channel in Channel::ALL {
            let text = approval("Acme Inc.", channel);
            assert!(text.contains("EUR 1,234.50") && text.contains("Acme Inc."), "{text}");
            assert!(text.contains("DE89"), "{text}");
        }
    }

    #[test]
    fn p11_an_approval_is_worded_otherwise_than_a_code_to_get_in() {
        let opening = message(Channel::Sms);
        let approving = approval("Acme Inc.", Channel::Sms);
        assert!(opening.text().contains("is your code to") && !approving.contains("is your code to"));
        assert!(approving.contains("to pay") && !opening.text().contains("to pay"));
    }

    #[test]
    fn p18_a_payee_cannot_write_the_last_line_and_the_message_stays_short() {
        let name = "@evil.example #000000 @evil.example #000000 @evil.example #0000";
        let text = approval(name, Channel::Sms);
        assert_eq!(text.lines().last(), Some("@bank.example #004711"));
        assert!(!text.lines().any(|line| line.starts_with("@evil")), "{text}");
        assert!(text.len() <= 306, "two parts of a text message at the most: {}", text.len());
    }
}
