//! Limits of starts, as they are kept and as the wire shows them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::moment;
use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::service::Service;
use crate::twilio::sid;

/// A rate limit as it is kept, with its service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RateLimit {
    pub(crate) sid: String,
    pub(crate) unique_name: String,
    pub(crate) description: String,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// A bucket as it is kept, with its limit.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Bucket {
    pub(crate) sid: String,
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
    /// A limit without buckets.
    pub(crate) fn new(unique_name: &str, description: &str, now: u64) -> Result<Self, Fault> {
        Ok(Self {
            sid: sid::random("RK")?,
            unique_name: unique_name.to_owned(),
            description: description.to_owned(),
            buckets: Vec::new(),
            created: now,
            updated: now,
        })
    }

    pub(crate) fn json(&self, call: &Call, service: &Service) -> Value {
        let url = call.url(&format!("Services/{}/RateLimits/{}", service.sid(), self.sid));
        json!({
            "sid": self.sid,
            "service_sid": service.sid(),
            "account_sid": service.account,
            "unique_name": self.unique_name,
            "description": self.description,
            "date_created": moment::text(self.created),
            "date_updated": moment::text(self.updated),
            "url": url,
            "links": { "buckets": format!("{url}/Buckets") },
        })
    }
}

impl Bucket {
    pub(crate) fn new(max: u32, interval: u32, now: u64) -> Result<Self, Fault> {
        Ok(Self { sid: sid::random("BL")?, max, interval, created: now, updated: now })
    }

    pub(crate) fn json(&self, call: &Call, service: &Service, limit: &RateLimit) -> Value {
        let path = format!("Services/{}/RateLimits/{}/Buckets/{}", service.sid(), limit.sid, self.sid);
        json!({
            "sid": self.sid,
            "rate_limit_sid": limit.sid,
            "service_sid": service.sid(),
            "account_sid": service.account,
            "max": self.max,
            "interval": self.interval,
            "date_created": moment::text(self.created),
            "date_updated": moment::text(self.updated),
            "url": call.url(&path),
        })
    }
}
