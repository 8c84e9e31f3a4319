//! Media types, which name the version of the API.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use crate::worldpay::fault::Fault;

/// A version of the API, each with resources of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Five,
    Six,
}

/// What the names of all versions begin with.
const VENDOR: &str = "application/vnd.worldpay.";

impl Version {
    /// What its answers are.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Five => "application/vnd.worldpay.verifications.accounts-v5+json",
            Self::Six => "application/vnd.worldpay.cardVerifications-v6+json",
        }
    }

    /// Whether a type, in lower case and without parameters, is one of its own. The original's documents write
    /// `v5.hal+json` as well as `v5+json`, and an earlier name for version 6.
    fn is_named(self, kind: &str) -> bool {
        let names: &[&str] = match self {
            Self::Five => &["verifications.accounts-v5"],
            Self::Six => &["cardverifications-v6", "verifications.accounts-v6"],
        };
        let name = kind.strip_prefix(VENDOR).and_then(|rest| rest.strip_suffix("+json"));
        name.is_some_and(|name| names.contains(&name.strip_suffix(".hal").unwrap_or(name)))
    }
}

/// Whether the client takes an answer in this version.
pub(super) fn accepts(headers: &HeaderMap, version: Version, is_strict: bool) -> Result<(), Fault> {
    let ranges = values(headers, &ACCEPT, "Accept")?.ok_or_else(|| Fault::header_is_missing("Accept"))?;
    let mut ranges = ranges.split(',').map(kind).filter(|(_, is_refused)| !is_refused);
    let is_any = |range: &str| !is_strict && matches!(range, "*/*" | "application/*");
    match ranges.any(|(range, _)| version.is_named(&range) || is_any(&range)) {
        true => Ok(()),
        false => Err(Fault::not_acceptable()),
    }
}

/// Whether a body is of this version. Another version than the one that is accepted does not match it.
pub(super) fn sends(headers: &HeaderMap, version: Version) -> Result<(), Fault> {
    let given = values(headers, &CONTENT_TYPE, "Content-Type")?;
    let (given, _) = kind(&given.ok_or_else(|| Fault::header_is_missing("Content-Type"))?);
    if version.is_named(&given) {
        Ok(())
    } else if given.starts_with(VENDOR) {
        Err(Fault::header_has_invalid_value("Content-Type"))
    } else {
        Err(Fault::unsupported_type(version))
    }
}

/// All values of a field in one, if it is there.
fn values(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<String>, Fault> {
    let values = headers.get_all(name).iter().map(|value| value.to_str());
    let values: Result<Vec<&str>, _> = values.collect();
    let values = values.map_err(|_| Fault::header_has_invalid_value(shown))?;
    Ok((!values.is_empty()).then(|| values.join(",")))
}

/// A type in lower case and without its parameters, and whether it has a weight of zero.
fn kind(range: &str) -> (String, bool) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (kind, weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)))
}
