//! A verification: what is noted of it, sealed, and what the wire shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::moment;
use crate::twilio::call::Call;
use crate::twilio::service::Service;

/// What is noted of a verification once, at its start. Whether it is open is the engine's to say; this only tells what it
/// is, so losing it ends it and forging it is not possible.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) service: String,
    /// As the caller wrote it.
    pub(crate) to: String,
    pub(crate) amount: Option<String>,
    pub(crate) payee: Option<String>,
    /// The engine's ticket of its challenge.
    pub(crate) ticket: String,
    pub(crate) terms: Terms,
    pub(crate) lookup: Value,
    /// Whether its code was known beforehand, and delivered to nobody.
    pub(crate) is_test: bool,
    /// In milliseconds since 1970.
    pub(crate) created: u64,
    pub(crate) expires: u64,
}

/// The terms of its codes, which a change of its service does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub(crate) struct Terms {
    pub(crate) digits: u8,
    /// In seconds.
    pub(crate) ttl: u32,
    pub(crate) fresh: bool,
}

/// One message of a verification.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Attempt {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) service: String,
    pub(crate) verification: String,
    pub(crate) to: String,
    pub(crate) channel: Channel,
    pub(crate) country: Option<String>,
    pub(crate) at: u64,
}

/// The channels by the names that they have here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Sms,
    Call,
    Email,
    Whatsapp,
}

impl Channel {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Email => "email",
            Self::Whatsapp => "whatsapp",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Sms, Self::Call, Self::Email, Self::Whatsapp].into_iter().find(|known| known.name() == name)
    }

    pub(crate) const fn of_engine(self) -> verify_core::Channel {
        match self {
            Self::Sms => verify_core::Channel::Sms,
            Self::Call => verify_core::Channel::Voice,
            Self::Email => verify_core::Channel::Email,
            Self::Whatsapp => verify_core::Channel::WhatsApp,
        }
    }
}

/// How a verification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Approved,
    Canceled,
    MaxAttemptsReached,
    Expired,
}

impl Status {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Canceled => "canceled",
            Self::MaxAttemptsReached => "max_attempts_reached",
            Self::Expired => "expired",
        }
    }
}

/// How a verification has ended, and when.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) struct End {
    pub(crate) status: Status,
    pub(crate) at: u64,
}

impl Record {
    /// Amount and payee as one text that no other pair has.
    pub(crate) fn pair(amount: &str, payee: &str) -> Vec<u8> {
        let mut pair = Vec::with_capacity(8 + amount.len() + payee.len());
        pair.extend_from_slice(&(amount.len() as u64).to_be_bytes());
        pair.extend_from_slice(amount.as_bytes());
        pair.extend_from_slice(payee.as_bytes());
        pair
    }

    /// Whether it is that service's, and was of that account's when it was started.
    pub(crate) fn is_of(&self, service: &Service) -> bool {
        self.account == service.account && self.service == service.sid()
    }

    /// Whether it is for one pair of amount and payee.
    pub(crate) fn is_for_a_transaction(&self) -> bool {
        self.amount.is_some()
    }

    /// How long notes of it are kept: for an hour after its end, to tell how it ended, and never for more than a day, since
    /// amount and payee must be gone then.
    pub(crate) fn kept(&self, now: u64) -> Duration {
        const HOUR: u64 = 3_600_000;
        let until = self.expires.saturating_add(HOUR).min(self.created.saturating_add(24 * HOUR));
        Duration::from_millis(until.saturating_sub(now).max(1))
    }

    /// The resource, as start and fetch show it.
    pub(crate) fn json(&self, call: &Call, status: Status, attempts: &[Attempt], updated: u64) -> Value {
        let sent: Vec<Value> = attempts
            .iter()
            .map(|attempt| {
                json!({
                    "time": moment::text(attempt.at),
                    "channel": attempt.channel.name().to_uppercase(),
                    "attempt_sid": attempt.sid,
                })
            })
            .collect();
        let mut body = self.check_json(status, attempts, updated);
        if let Value::Object(members) = &mut body {
            members.remove("sna_attempts_error_codes");
            members.insert("lookup".to_owned(), self.lookup.clone());
            members.insert("send_code_attempts".to_owned(), sent.into());
            members.insert("sna".to_owned(), Value::Null);
            let path = format!("Services/{}/Verifications/{}", self.service, self.sid);
            members.insert("url".to_owned(), call.url(&path).into());
        }
        body
    }

    /// The resource, as a check shows it.
    pub(crate) fn check_json(&self, status: Status, attempts: &[Attempt], updated: u64) -> Value {
        json!({
            "sid": self.sid,
            "service_sid": self.service,
            "account_sid": self.account,
            "to": self.to,
            "channel": attempts.last().map_or(Channel::Sms, |attempt| attempt.channel).name(),
            "status": status.name(),
            "valid": status == Status::Approved,
            "amount": self.amount,
            "payee": self.payee,
            "sna_attempts_error_codes": [],
            "date_created": moment::text(self.created),
            "date_updated": moment::text(updated),
        })
    }
}
