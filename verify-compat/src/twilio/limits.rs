//! Limits of starts, as they are kept and as the wire shows them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::twilio::call::Call;
use crate::twilio::date;

/// A rate limit as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RateLimit {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) unique_name: String,
    pub(crate) description: String,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// A bucket as it is kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Bucket {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) limit: String,
    pub(crate) max: u32,
    /// In seconds.
    pub(crate) interval: u32,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// How many limits a service may have, and how many buckets a limit: each costs a step of the store with each start. The
/// original publishes no numbers; these are ours.
pub(crate) const MOST_LIMITS: usize = 50;
pub(crate) const MOST_BUCKETS: usize = 10;

/// Letters, digits, `-`, `_` and `.`; up to 64 of them, which is our number.
pub(crate) fn is_unique_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A year: longer than any limit that is of use, and short enough for every store.
pub(crate) const LONGEST_INTERVAL: u32 = 366 * 24 * 3600;

impl RateLimit {
    pub(crate) fn json(&self, call: &Call) -> Value {
        let url = call.url(&format!("Services/{}/RateLimits/{}", self.service, self.sid));
        json!({
            "sid": self.sid,
            "service_sid": self.service,
            "account_sid": self.account,
            "unique_name": self.unique_name,
            "description": self.description,
            "date_created": date::text(self.created),
            "date_updated": date::text(self.updated),
            "url": url,
            "links": { "buckets": format!("{url}/Buckets") },
        })
    }
}

impl Bucket {
    pub(crate) fn json(&self, call: &Call) -> Value {
        let path = format!("Services/{}/RateLimits/{}/Buckets/{}", self.service, self.limit, self.sid);
        json!({
            "sid": self.sid,
            "rate_limit_sid": self.limit,
            "service_sid": self.service,
            "account_sid": self.account,
            "max": self.max,
            "interval": self.interval,
            "date_created": date::text(self.created),
            "date_updated": date::text(self.updated),
            "url": call.url(&path),
        })
    }
}
