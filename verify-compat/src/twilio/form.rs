//! Parameters, from a form body or a query.

use percent_encoding::percent_decode;

use crate::twilio::fault::Fault;

/// The parameters of a request, in their order.
#[derive(Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`: `+` and `%20` are both a space. What is not UTF-8 is refused rather than
    /// repaired, so that no two texts become one.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let mut fields = Vec::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let split = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match split.and_then(|at| pair.split_at_checked(at)) {
                Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
            let name = decode(name).ok_or_else(|| Fault::invalid("the body"))?;
            let value = decode(value).ok_or_else(|| Fault::invalid(&printable(&name)))?;
            fields.push((name, value));
        }
        Ok(Self { fields })
    }

    /// The one value of a parameter; given twice, it is refused, since two readers might take another one.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            _ => Err(Fault::invalid(name)),
        }
    }

    /// The one value of a parameter that has to be there.
    pub(crate) fn require(&self, name: &str) -> Result<&str, Fault> {
        self.get(name)?.ok_or_else(|| Fault::missing(name))
    }

    /// All values of a parameter.
    pub(crate) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        let named = self.fields.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// `true` or `false`, in any case.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Fault::invalid(name)),
        };
        self.get(name)?.map(read).transpose()
    }

    /// A whole number in this range.
    pub(crate) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, Fault> {
        let read = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.then(|| text.parse().ok()).flatten();
            number.filter(|number| range.contains(number)).ok_or_else(|| Fault::invalid(name))
        };
        self.get(name)?.map(read).transpose()
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// A name that somebody else chose, as far as it may be repeated.
fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilio_rule_54_plus_and_percent_20_are_a_space() {
        for text in ["Payee=Acme+Inc.&Amount=%E2%82%AC39.99", "Amount=%e2%82%ac39.99&Payee=Acme%20Inc."] {
            let form = Form::parse(text.as_bytes()).unwrap();
            assert_eq!(form.get("Payee").unwrap(), Some("Acme Inc."));
            assert_eq!(form.get("Amount").unwrap(), Some("€39.99"));
        }
        assert_eq!(Form::parse(b"To=%2B1").unwrap().get("To").unwrap(), Some("+1"));
        assert_eq!(Form::parse(b"&&A=&B").unwrap().get("B").unwrap(), Some(""));
    }

    #[test]
    fn what_two_readers_may_read_otherwise_is_refused() {
        assert!(Form::parse(b"Amount=%ff").is_err() && Form::parse(b"Amount=\xff").is_err());
        assert!(Form::parse(b"To=1&To=2").unwrap().get("To").is_err());
        let form = Form::parse(b"A=+5&B=true&C=FALSE&D=1&E=5&F=99999999999").unwrap();
        assert!(form.number("A", 0..=9).is_err() && form.number("F", 0..=9).is_err());
        assert_eq!(form.number("E", 0..=9).unwrap(), Some(5));
        assert!(form.number("E", 6..=9).is_err());
        assert_eq!((form.flag("B").unwrap(), form.flag("C").unwrap()), (Some(true), Some(false)));
        assert!(form.flag("D").is_err() && form.flag("missing").unwrap().is_none());
    }
}
