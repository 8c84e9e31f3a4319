//! What things are called in Redis, and how long they live.

use std::time::Duration;

use verify_core::store::Key;

use crate::fault::Fault;

/// The longest prefix: each key repeats it, and memory is what a store is made of.
const LONGEST_PREFIX: usize = 64;
/// Ten thousand years. Redis adds the time-to-live to its clock, and refuses a sum that does not fit.
const LONGEST_TTL: u64 = 10_000 * 366 * 24 * 60 * 60 * 1_000;

/// What all keys of a store begin with.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// Braces are refused: a cluster hashes only what is between them, so all keys would fall to one node.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let fits = (1..=LONGEST_PREFIX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}')) {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::misconfigured(
            "the prefix of the keys has 1 to 64 printable ASCII characters, without spaces and braces",
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the value of this key is. Redis keeps a name of up to 30 bytes in an allocation of 32, and with the default
    /// prefix it has 30.
    pub(crate) fn value(&self, key: &Key) -> String {
        format!("{}v{key}", self.0)
    }

    /// Where the counter of this key is: another name, so that it never meets the value.
    pub(crate) fn counter(&self, key: &Key) -> String {
        format!("{}c{key}", self.0)
    }
}

/// A time-to-live in whole milliseconds: rounded up, since nought is an error, and cut to what Redis takes.
pub(crate) fn milliseconds(ttl: Duration) -> u64 {
    let millis = ttl.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(u64::MAX).clamp(1, LONGEST_TTL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_short_printable_and_no_hash_tag() {
        for good in ["verify:", "v", "bank/eu-1:", &"p".repeat(64)] {
            assert_eq!(Prefix::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "{bank}:", "b}", "tab\t", "zero\0", "line\r\n", "größe:", &"p".repeat(65)] {
            assert_eq!(
                Prefix::parse(bad).unwrap_err().kind(),
                verify_core::store::StoreErrorKind::Misconfigured,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn values_and_counters_have_names_of_their_own() {
        let (prefix, key) = (Prefix::parse("bank:").unwrap(), Key::new([0xff; 16]));
        assert_eq!(prefix.value(&key), "bank:v_____________________w");
        assert_eq!(prefix.counter(&key), "bank:c_____________________w");
        let verify = Prefix::parse("verify:").unwrap();
        assert_eq!((verify.value(&key).len(), verify.counter(&key).len()), (30, 30), "an allocation of 32");
    }

    #[test]
    fn a_time_to_live_is_rounded_up_and_never_nought_or_too_long() {
        for (ttl, expected) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1), 1),
            (Duration::from_nanos(1_000_001), 2),
            (Duration::from_secs(600), 600_000),
            (Duration::MAX, LONGEST_TTL),
        ] {
            assert_eq!(milliseconds(ttl), expected, "{ttl:?}");
        }
        // What Redis checks: its clock, in milliseconds, plus the time-to-live is a signed 64-bit number.
        assert!(LONGEST_TTL < i64::MAX.unsigned_abs() / 2);
    }
}
