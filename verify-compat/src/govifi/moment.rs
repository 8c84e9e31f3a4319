//! Moments as the wire has them.

use time::OffsetDateTime;
use time::macros::format_description;

/// In whole seconds and UTC, with a `Z`.
pub(crate) fn text(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).ok())
        .unwrap_or_default()
}
