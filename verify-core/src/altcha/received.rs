//! Reading a challenge that a server has sent: this crate's own, or another library's.

use std::num::NonZeroU32;

use serde_json::Value;

use super::parameters::checked_prefix;
use super::{Algorithm, InvalidParameters, Parameters, canonical_json, hex};

/// What a client may be asked to set aside for one try: 1 GiB. More is an attack on the client.
const MOST_MEMORY: u64 = 1 << 30;

/// Keys shorter than this could be guessed, and longer ones nobody makes.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

impl Parameters {
    /// Reads received parameters; whatever would not be written back the same way is refused.
    pub(super) fn from_value(value: &Value) -> Result<Self, InvalidParameters> {
        let text = |name| value.get(name).and_then(Value::as_str).ok_or(InvalidParameters::Malformed);
        let bytes = |name| hex::decode(text(name)?).ok_or(InvalidParameters::Malformed);
        let fixed = |name| bytes(name)?.try_into().map_err(|_| InvalidParameters::Malformed);
        let number = |name| match value.get(name) {
            None => Ok(None),
            Some(number) => {
                let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
                number.and_then(NonZeroU32::new).map(Some).ok_or(InvalidParameters::Malformed)
            }
        };

        let algorithm: Algorithm = text("algorithm")?.parse()?;
        let mut read = Self::new(fixed("nonce")?, fixed("salt")?).with_algorithm(algorithm);
        // What is the default is left unsaid, so that equal challenges are equal values.
        let defaults = algorithm.defaults();
        let cost = number("cost")?.ok_or(InvalidParameters::Malformed)?;
        read.cost = Some(cost).filter(|cost| *cost != defaults.cost);
        read.memory_cost = number("memoryCost")?.filter(|memory| Some(*memory) != defaults.memory_cost);
        read.parallelism = number("parallelism")?;
        let length = number("keyLength")?.and_then(|length| usize::try_from(length.get()).ok());
        let length = length.filter(|length| KEY_LENGTHS.contains(length));
        let length = length.ok_or(InvalidParameters::Malformed)?;
        read.key_length = Some(length).filter(|length| *length != algorithm.key_length());
        read.key_prefix = checked_prefix(text("keyPrefix")?.to_owned(), read.key_length())?;
        read.expires_at = value.get("expiresAt").and_then(Value::as_u64);
        read.data = value.get("data").and_then(Value::as_object).cloned().unwrap_or_default();
        // The format knows no deeper ones, and libraries differ in how they would sort them.
        if read.data.values().any(|value| value.is_array() || value.is_object()) {
            return Err(InvalidParameters::Malformed);
        }
        if value.get("keySignature").is_some() {
            read.key_signature =
                Some(bytes("keySignature")?.try_into().map_err(|_| InvalidParameters::Malformed)?);
        }
        read.check()?;
        if read.canonical() == canonical_json(value) { Ok(read) } else { Err(InvalidParameters::Malformed) }
    }

    /// Whether the algorithm takes these settings. [`Challenge::from_json`](super::Challenge::from_json) asks by
    /// itself; a server that makes its own asks once, at its start.
    ///
    /// # Errors
    /// [`InvalidParameters::Cost`] otherwise: such a challenge has no answer.
    pub fn check(&self) -> Result<(), InvalidParameters> {
        let (cost, memory) = (self.cost().get(), self.memory_cost().map_or(0, NonZeroU32::get));
        let lanes = self.parallelism.map_or(1, NonZeroU32::get);
        let sound = match self.algorithm {
            #[cfg(feature = "argon2id")]
            Algorithm::Argon2id => u64::from(memory) >= 8 * u64::from(lanes) && lanes <= 64,
            #[cfg(feature = "scrypt")]
            Algorithm::Scrypt => cost.is_power_of_two() && cost > 1 && lanes <= 64,
            // Settings that would do nothing are a mistake.
            _ => self.memory_cost.is_none() && self.parallelism.is_none() && lanes == 1,
        };
        let fits = self.algorithm.memory(cost, memory) <= MOST_MEMORY;
        // A bare hash cannot be longer than its digest.
        let long = match self.algorithm {
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            _ => 64,
        };
        if sound && fits && self.key_length() <= long { Ok(()) } else { Err(InvalidParameters::Cost) }
    }
}
