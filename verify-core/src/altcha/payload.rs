//! What a client sends: base64 of JSON, whichever version made it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Reason, v1};

/// The longest payload that is looked at, in bytes of base64: 8 KiB. A real one has about 600; the rest is room for
/// [`Parameters::with_data`](super::Parameters::with_data).
pub const MAX_PAYLOAD: usize = 8 * 1024;

/// Widgets pad, some form encoders strip it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The JSON of a payload; what is too long is not decoded.
pub(super) fn read(payload: &str) -> Result<Value, Reason> {
    if payload.len() > MAX_PAYLOAD {
        return Err(Reason::TooLarge);
    }
    let json = BASE64.decode(payload).map_err(|_| Reason::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Reason::Malformed)
}

/// The counter that a client says it found.
pub(crate) fn counter(payload: &str) -> Option<u64> {
    read(payload).ok()?.pointer("/solution/counter")?.as_u64()
}

/// A text that travelled with the challenge of a payload. It is what the client claims: nothing is checked.
pub(crate) fn claimed(payload: &str, name: &str) -> Option<String> {
    let value = read(payload).ok()?;
    if let Some(data) = value.pointer("/challenge/parameters/data") {
        return data.get(name)?.as_str().map(str::to_owned);
    }
    v1::parameter(value.get("salt")?.as_str()?, name)
}
