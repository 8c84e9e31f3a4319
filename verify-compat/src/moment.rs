//! Moments as numbers, and as the wire has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(any(feature = "twilio", feature = "govifi"))]
use time::OffsetDateTime;
#[cfg(any(feature = "twilio", feature = "govifi"))]
use time::macros::format_description;

/// Milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    whole(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// In whole milliseconds, however long it is.
pub(crate) fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The moment so many milliseconds after 1970.
#[cfg(any(feature = "twilio", feature = "twisto", feature = "govifi"))]
pub(crate) fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// In whole seconds and UTC, with a `Z`: clients read fractions or an offset as text, and not as a date.
#[cfg(any(feature = "twilio", feature = "govifi"))]
pub(crate) fn text(millis: u64) -> String {
    let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|at| at.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).ok())
        .unwrap_or_default()
}
