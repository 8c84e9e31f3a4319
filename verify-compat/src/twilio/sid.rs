//! Ids of resources: two letters and 32 hexadecimal digits.

use verify_core::StoreErrorKind;

use crate::twilio::fault::Fault;

/// A new id of this kind.
pub(crate) fn random(prefix: &str) -> Result<String, Fault> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Fault::unavailable(StoreErrorKind::Unavailable))?;
    Ok(of(prefix, &bytes))
}

/// The id that is made of these bytes.
pub(crate) fn of(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * bytes.len());
    text.push_str(prefix);
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Whether the text is an id of this kind.
pub(crate) fn is(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilio_rule_04_an_id_is_its_prefix_and_32_digits() {
        assert_eq!(of("VA", &[0xab; 16]), format!("VA{}", "ab".repeat(16)));
        let one = random("VE").unwrap();
        assert!(is("VE", &one) && !is("VA", &one) && one != random("VE").unwrap());
        for other in ["", "VE", "VEzz", &one[..33], &format!("{one}0"), &one.replace("VE", "ve")] {
            assert!(!is("VE", other), "{other}");
        }
    }
}
