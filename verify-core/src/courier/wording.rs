//! The engine's own words, and where an application's stand in their place.

use std::time::Duration;

use askama::Template as _;

use crate::code::Code;
use crate::contact::Channel;
use crate::courier::Message;
use crate::courier::template::Values;
use crate::courier::texts::{self, Text, Wish};
use crate::origin::Origin;
use crate::transaction::{AmountFormat, Transaction};

mod longest;

pub(crate) use longest::longest;

/// What a message is made of.
pub(crate) struct Wording<'a> {
    pub(crate) site: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) policy: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) life: Duration,
    /// What the reader reads.
    pub(crate) language: Option<&'a str>,
    /// The application's own texts.
    pub(crate) texts: &'a [Text],
    /// Where whoever did not ask for it can say so.
    pub(crate) not_me: &'a str,
    /// What stands for the code, where the factor has links.
    pub(crate) link: Option<&'a str>,
    /// What the code approves, where it approves one transaction.
    pub(crate) approval: Option<Approving<'a>>,
}

/// A transaction as its message tells it.
pub(crate) struct Approving<'a> {
    pub(crate) transaction: &'a Transaction,
    pub(crate) format: AmountFormat,
}

/// What stands in a message for a transaction, or for one of its lines.
struct Paid {
    amount: String,
    payee: String,
    account: String,
}

/// The engine's own mail, as HTML.
#[derive(askama::Template)]
#[template(path = "mail.html")]
struct MailPage<'a> {
    site: &'a str,
    origin: &'a str,
    purpose: &'a str,
    code: &'a str,
    minutes: u64,
    not_me: &'a str,
    link: Option<&'a str>,
    /// Of an approval, what it is made of.
    total: Option<String>,
    lines: Vec<Paid>,
}

/// A payee's name in a short message: what is longer is cut, and says so.
const SHORT_NAME: usize = 28;

impl Wording<'_> {
    pub(crate) fn render(&self, channel: Channel, code: &Code) -> Message {
        let code = code.expose();
        let paid = self.approval.as_ref().map(|approval| approval.paid(channel != Channel::Email));
        let wish =
            Wish { is_approval: paid.is_some(), channel, policy: self.policy, language: self.language };
        let own = texts::find(self.texts, &wish);
        let message = match own {
            Some(own) => self.own(own, channel, code, paid.as_ref()),
            None => self.plain(channel, code, paid),
        };
        match own.and_then(Text::language) {
            Some(tag) => message.in_language(tag),
            None => message,
        }
    }

    /// The application's words.
    fn own(&self, own: &Text, channel: Channel, code: &str, paid: Option<&Paid>) -> Message {
        let minutes = self.minutes().to_string();
        let of = |field: fn(&Paid) -> &str| paid.map(field).unwrap_or_default();
        let values = Values {
            site: self.site,
            origin: self.origin.as_str(),
            code,
            purpose: self.purpose,
            minutes: &minutes,
            amount: of(|paid| &paid.amount),
            payee: of(|paid| &paid.payee),
            account: of(|paid| &paid.account),
            not_me: self.not_me,
            link: self.link.unwrap_or_default(),
        };
        let message = Message::new(self.bound_to_origin(own.body(&values), channel, code));
        let message = match own.html(&values) {
            Some(html) => message.with_html(html),
            None => message,
        };
        self.with_subject(message, channel, own.subject(&values))
    }

    /// The engine's.
    fn plain(&self, channel: Channel, code: &str, paid: Option<Paid>) -> Message {
        let minutes = self.minutes();
        let text = match (&self.approval, paid) {
            (Some(approval), Some(paid)) => self.approve(approval, paid, channel, code, minutes),
            _ => self.open(channel, code, minutes),
        };
        let message = Message::new(self.bound_to_origin(text, channel, code));
        let message = match (channel, self.page(code).render()) {
            (Channel::Email, Ok(html)) => message.with_html(html),
            _ => message,
        };
        self.with_subject(message, channel, None)
    }

    fn minutes(&self) -> u64 {
        self.life.as_secs().div_ceil(60)
    }

    /// Last, and nothing of a payee's name can come behind it (WICG, origin-bound one-time codes, 3.2).
    fn bound_to_origin(&self, mut text: String, channel: Channel, code: &str) -> String {
        if channel == Channel::Sms {
            text.push_str(&format!("\n\n@{} #{code}", self.origin.host()));
        }
        text
    }

    fn with_subject(&self, message: Message, channel: Channel, own: Option<String>) -> Message {
        if channel != Channel::Email {
            return message;
        }
        let kind = if self.approval.is_some() { "payment code" } else { "code" };
        message.with_subject(own.unwrap_or_else(|| format!("Your {} {kind}", self.site)))
    }

    fn page<'p>(&'p self, code: &'p str) -> MailPage<'p> {
        let lines = self.approval.iter().flat_map(|Approving { transaction, format }| {
            transaction.lines().map(|(amount, payee)| Paid {
                amount: format.format(amount),
                payee: payee.name().to_owned(),
                account: payee.account().display(),
            })
        });
        MailPage {
            site: self.site,
            origin: self.origin.as_str(),
            purpose: self.purpose,
            code,
            minutes: self.minutes(),
            not_me: self.not_me,
            link: self.link,
            total: self.approval.as_ref().map(Approving::amount),
            lines: lines.collect(),
        }
    }

    /// A code that lets somebody in.
    fn open(&self, channel: Channel, code: &str, minutes: u64) -> String {
        let Self { site, purpose, origin, not_me, .. } = self;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        match channel {
            Channel::Sms | Channel::WhatsApp => opening(site, code, purpose, &minutes.to_string(), unit),
            Channel::Email => format!(
                "Your code to {purpose} at {site}:\n\n{code}\n\n{}It is valid for {minutes} {unit}, and only where you \
                 asked for it: {origin}\nNobody from {site} will ever ask you for it. If you did not ask for it, say \
                 so, and nobody can use it any more:\n{not_me}\n",
                self.link.map_or_else(String::new, |link| format!("Or open this link there:\n{link}\n\n"))
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
    fn approve(
        &self,
        approval: &Approving<'_>,
        paid: Paid,
        channel: Channel,
        code: &str,
        minutes: u64,
    ) -> String {
        let Self { site, origin, not_me, .. } = self;
        let Approving { transaction, format } = approval;
        let Paid { amount, payee, account } = paid;
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        let to = if account.is_empty() { payee } else { format!("{payee} ({account})") };
        match channel {
            Channel::Sms | Channel::WhatsApp => paying(site, code, &amount, &to, &minutes.to_string(), unit),
            Channel::Email => {
                let mut lines = String::new();
                for (amount, payee) in transaction.lines() {
                    let (name, account) = (payee.name(), payee.account().display());
                    lines.push_str(&format!("  {} to {name}, {account}\n", format.format(amount)));
                }
                format!(
                    "You are about to pay {amount} at {site}:\n\n{lines}\nThe code that approves exactly this payment \
                     is:\n\n{code}\n\nIt is valid for {minutes} {unit}, and only where you asked for it: {origin}\n\
                     If this is not the payment that you want to make, do not use the code, and say so, which voids \
                     it:\n{not_me}\nNobody from {site} will ever ask you for it.\n"
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

impl Approving<'_> {
    fn amount(&self) -> String {
        let amount = self.format.format(&self.transaction.total());
        if self.transaction.is_up_to() { format!("up to {amount}") } else { amount }
    }

    fn paid(&self, short: bool) -> Paid {
        let (payee, account) = whom(self.transaction, short);
        Paid { amount: self.amount(), payee, account }
    }
}

/// The short text of a code that lets somebody in.
fn opening(site: &str, code: &str, purpose: &str, minutes: &str, unit: &str) -> String {
    format!("{site}: {code} is your code to {purpose}. Valid {minutes} {unit}. Do not share it with anyone.")
}

/// That of one which approves a payment.
fn paying(site: &str, code: &str, amount: &str, to: &str, minutes: &str, unit: &str) -> String {
    format!(
        "{site}: to pay {amount} to {to}, use {code}. Valid {minutes} {unit}. Not you? Tell us, and tell nobody the code."
    )
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
mod tests;
