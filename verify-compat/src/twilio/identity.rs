//! Numbers and addresses for tests: their code is known, and nothing is delivered to them.

use std::time::SystemTime;

use verify_core::{Code, Contact};

use crate::moment;
use crate::twilio::wish::any_contact;
use crate::twilio::{Config, ConfigError, date};

/// The test identities.
pub(crate) struct Identities(Vec<Identity>);

pub(crate) struct Identity {
    contact: Contact,
    pub(crate) code: Code,
    /// In milliseconds since 1970.
    pub(crate) until: u64,
}

/// How far away an end may be: a quarter, after which somebody looks at it again.
const FURTHEST: u64 = 90 * 24 * 3_600_000;

impl Identities {
    pub(crate) fn new(config: &Config, now: SystemTime) -> Result<Self, ConfigError> {
        let (configured, now) = (&config.test_identities, moment::millis(now));
        let mut identities = Vec::new();
        for (index, identity) in configured.iter().enumerate() {
            let position = index + 1;
            let wrong = |what| ConfigError::TestIdentity { position, what };
            if !config.danger_test_identities {
                return Err(wrong(
                    "`danger_test_identities = true` beside it lets codes be known beforehand",
                ));
            }
            let contact = any_contact(identity.to.expose());
            let until = date::parse(&identity.until)
                .ok_or_else(|| wrong("`until` is a moment as 2026-12-31T00:00:00Z"))?;
            if until.saturating_sub(now) > FURTHEST {
                return Err(wrong("`until` is 90 days away at most"));
            }
            identities.push(Identity {
                contact: contact.ok_or_else(|| wrong("`to` is a number as +12025550123, or an address"))?,
                code: Code::chosen(identity.code.expose())
                    .map_err(|_| wrong("`code` is 4 to 10 letters or digits"))?,
                until,
            });
        }
        if !identities.is_empty() {
            tracing::warn!(
                target: "verify",
                count = identities.len(),
                "TEST IDENTITIES: whoever knows the configured code passes for these numbers and addresses"
            );
        }
        Ok(Self(identities))
    }

    /// The identity of that number or address, while it lasts.
    pub(crate) fn find(&self, contact: &Contact, now: SystemTime) -> Option<&Identity> {
        let now = moment::millis(now);
        self.0.iter().find(|identity| identity.contact == *contact && now < identity.until)
    }
}
