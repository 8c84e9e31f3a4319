//! Texts that an application writes itself: checked when the engine is built, so that no message lacks what it must say.

use std::fmt::Write;

/// The names that may stand in braces in the text of an approval.
const NAMES: [&str; 6] = ["site", "code", "amount", "payee", "account", "minutes"];

/// A text with names in braces, taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(&'static str),
}

/// What stands in the place of the names.
pub(crate) struct Values<'a> {
    pub(crate) site: &'a str,
    pub(crate) code: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) payee: &'a str,
    pub(crate) account: &'a str,
    pub(crate) minutes: &'a str,
}

impl Template {
    /// Reads the text of an approval. It has to have the code, the amount and the payee (RTS 2018/389, 5(1)(a)): whoever
    /// reads it out to somebody must see what it opens.
    pub(crate) fn approval(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or_else(|| "a brace is not closed".to_owned())?;
            let name = NAMES.iter().find(|known| **known == name);
            let name = name.ok_or_else(|| format!("in braces may stand one of {}", NAMES.join(", ")))?;
            parts.extend([Part::Text(before.to_owned()), Part::Name(name)]);
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        let has = |wanted: &'static str| parts.contains(&Part::Name(wanted));
        for wanted in ["code", "amount", "payee"] {
            if !has(wanted) {
                return Err(format!("{{{wanted}}} is missing: the payer has to see what the code is for"));
            }
        }
        // A line that begins like the origin-bound one would be taken for it.
        if text.contains('@') || text.chars().any(|c| c != '\n' && crate::text::is_unprintable(c)) {
            return Err("it is plain text without `@`".to_owned());
        }
        if rest.len() == text.len() || text.len() > 1000 {
            return Err("it is up to 1000 bytes with names in braces".to_owned());
        }
        Ok(Self { parts })
    }

    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Text(text) => text.as_str(),
                Part::Name("site") => values.site,
                Part::Name("code") => values.code,
                Part::Name("amount") => values.amount,
                Part::Name("payee") => values.payee,
                Part::Name("account") => values.account,
                Part::Name(_) => values.minutes,
            };
            let _ = text.write_str(part);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r25_a_text_without_amount_or_payee_or_code_does_not_start() {
        assert!(Template::approval("{code} zahlt {amount} an {payee}. {minutes} Min.").is_ok());
        for bad in [
            "",
            "{code}",
            "{code} pays {amount}",
            "{code} to {payee}",
            "{amount} to {payee}",
            "{code} {amount} {payee} {iban}",
            "{code} {amount} {payee",
            "{code} {amount} {payee} @bank.example",
            "{code} {amount} {payee}\u{202e}",
        ] {
            assert!(Template::approval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn r25_values_are_put_in_once_and_not_read_again() {
        let template =
            Template::approval("{site}: {code} pays {amount} to {payee} ({account}), {minutes} min").unwrap();
        let values = Values {
            site: "Bank",
            code: "123456",
            amount: "EUR 1.00",
            payee: "{code}",
            account: "DE89..3000",
            minutes: "5",
        };
        assert_eq!(template.fill(&values), "Bank: 123456 pays EUR 1.00 to {code} (DE89..3000), 5 min");
    }
}
