//! A form as two readers must agree on it: each field once.

use std::collections::HashMap;

/// The fields of a form, or of a query.
pub(super) fn parse(body: &[u8]) -> Result<HashMap<String, String>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8".to_owned())?;
    let mut fields = HashMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = crate::form::decode(pair).ok_or("the form is not UTF-8")?;
        if fields.insert(name, value).is_some() {
            return Err("the form has a field twice: send each once".to_owned());
        }
    }
    Ok(fields)
}

/// Whether a query names one of these fields: what is in the address and in the body could be read from either.
pub(super) fn query_names<'n>(query: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let given: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| crate::form::decode(pair).map_or_else(|| pair.to_owned(), |(name, _)| name))
        .collect();
    names.into_iter().find(|name| given.iter().any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e63_a_field_twice_is_refused() {
        assert_eq!(parse(b"a=1&b=%26+x").unwrap()["b"], "& x");
        for bad in [&b"a=1&a=1"[..], b"a=1&%61=2", b"a=%ff", b"\xff=1"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn h28_a_field_in_the_query_is_found_however_it_is_spelt() {
        assert_eq!(query_names("x=1&am%6Funt=2", ["currency", "amount"]), Some("amount"));
        assert_eq!(query_names("x=1", ["amount"]), None);
    }
}
