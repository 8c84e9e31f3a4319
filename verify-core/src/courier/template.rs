//! Texts with names in braces: checked when the engine is built, so that no message lacks what it must say.

use std::fmt::Write;

/// A text with names in braces, taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(Name),
}

/// What may stand in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Site,
    Origin,
    Code,
    Purpose,
    Minutes,
    Amount,
    Payee,
    Account,
    NotMe,
    Link,
}

impl Name {
    /// In the text of a code that lets somebody in.
    pub(crate) const CODE: [Self; 7] =
        [Self::Site, Self::Origin, Self::Code, Self::Purpose, Self::Minutes, Self::NotMe, Self::Link];
    /// In that of one which approves a transaction.
    pub(crate) const APPROVAL: [Self; 9] = [
        Self::Site,
        Self::Origin,
        Self::Code,
        Self::Purpose,
        Self::Minutes,
        Self::Amount,
        Self::Payee,
        Self::Account,
        Self::NotMe,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Origin => "origin",
            Self::Code => "code",
            Self::Purpose => "purpose",
            Self::Minutes => "minutes",
            Self::Amount => "amount",
            Self::Payee => "payee",
            Self::Account => "account",
            Self::NotMe => "not_me",
            Self::Link => "link",
        }
    }
}

/// What stands in the place of the names.
pub(crate) struct Values<'a> {
    pub(crate) site: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) code: &'a str,
    pub(crate) purpose: &'a str,
    pub(crate) minutes: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) payee: &'a str,
    pub(crate) account: &'a str,
    pub(crate) not_me: &'a str,
    pub(crate) link: &'a str,
}

impl Values<'_> {
    const fn of(&self, name: Name) -> &str {
        match name {
            Name::Site => self.site,
            Name::Origin => self.origin,
            Name::Code => self.code,
            Name::Purpose => self.purpose,
            Name::Minutes => self.minutes,
            Name::Amount => self.amount,
            Name::Payee => self.payee,
            Name::Account => self.account,
            Name::NotMe => self.not_me,
            Name::Link => self.link,
        }
    }
}

impl Template {
    /// Reads a text in which these names may stand.
    pub(crate) fn parse(text: &str, names: &[Name]) -> Result<Self, String> {
        if text.len() > 8 * 1024 || text.chars().any(|c| c != '\n' && crate::text::is_unprintable(c)) {
            return Err("it is up to 8 KiB of printable text".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, behind) = after.split_once('}').ok_or_else(|| "a brace is not closed".to_owned())?;
            let name = names.iter().find(|known| known.word() == word).ok_or_else(|| {
                let words: Vec<&str> = names.iter().map(|name| name.word()).collect();
                format!("in braces may stand one of {}", words.join(", "))
            })?;
            parts.extend([Part::Text(before.to_owned()), Part::Name(*name)]);
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// Refuses a text that lacks one of these.
    pub(crate) fn needs(self, names: &[Name]) -> Result<Self, String> {
        match names.iter().find(|name| !self.has(**name)) {
            Some(name) => Err(format!(
                "{{{}}} is missing: whoever reads it has to see what the code is for",
                name.word()
            )),
            None => Ok(self),
        }
    }

    pub(crate) fn has(&self, name: Name) -> bool {
        self.parts.contains(&Part::Name(name))
    }

    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        self.fill_with(values, |text, value| text.push_str(value))
    }

    /// The same for HTML: what is filled in is text there.
    pub(crate) fn fill_html(&self, values: &Values<'_>) -> String {
        self.fill_with(values, |text, value| {
            for c in value.chars() {
                match c {
                    '&' | '<' | '>' | '"' | '\'' => {
                        let _ = write!(text, "&#{};", u32::from(c));
                    }
                    _ => text.push(c),
                }
            }
        })
    }

    fn fill_with(&self, values: &Values<'_>, add: impl Fn(&mut String, &str)) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Name(name) => add(&mut text, values.of(*name)),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(text: &str) -> Result<Template, String> {
        Template::parse(text, &Name::APPROVAL)?.needs(&[Name::Code, Name::Amount, Name::Payee])
    }

    #[test]
    fn r25_a_text_without_amount_or_payee_or_code_does_not_start() {
        assert!(approval("{code} zahlt {amount} an {payee}. {minutes} Min.").is_ok());
        for bad in [
            "",
            "{code}",
            "{code} pays {amount}",
            "{code} to {payee}",
            "{amount} to {payee}",
            "{code} {amount} {payee} {iban}",
            "{code} {amount} {payee",
            "{code} {amount} {payee}\u{202e}",
            "{code} {amount} {payee}\r\n",
        ] {
            assert!(approval(bad).is_err(), "{bad}");
        }
        assert!(Template::parse("{code} {amount}", &Name::CODE).is_err(), "a code to get in has no amount");
    }

    #[test]
    fn r25_values_are_put_in_once_and_not_read_again() {
        let template =
            approval("{site}: {code} pays {amount} to {payee} ({account}), {minutes} min").unwrap();
        let values = Values {
            site: "Bank",
            origin: "https://bank.example",
            code: "123456",
            purpose: "pay",
            minutes: "5",
            amount: "EUR 1.00",
            payee: "{code} <b>&",
            account: "DE89..3000",
            not_me: "",
            link: "",
        };
        assert_eq!(template.fill(&values), "Bank: 123456 pays EUR 1.00 to {code} <b>& (DE89..3000), 5 min");
        assert!(template.fill_html(&values).contains("to {code} &#60;b&#62;&#38; ("));
    }
}
