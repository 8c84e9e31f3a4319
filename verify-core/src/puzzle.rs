//! The puzzle of a proof of work: what was asked, sealed in its ticket, and everything that follows from it.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::altcha::{self, Algorithm, Challenge, Parameters, Reason, v1};
use crate::encoding::{Reader, Writer};
use crate::engine::Core;
use crate::factor::{FactorTag, WorkFactor};
use crate::keys::MasterKey;
use crate::refusal::Refusal;
use crate::ticket::Ticket;

mod load;
mod mill;
mod price;

pub(crate) use load::Load;
pub(crate) use mill::Mill;
use price::Price;

/// What one challenge asks. It travels sealed, so that a price that has changed since changes nothing for it, and a client
/// can name no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Puzzle {
    format: Format,
    /// How many tries it takes on average.
    pub(crate) tries: u64,
    /// How often the factor's own price was doubled.
    pub(crate) step: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    First { algorithm: v1::Algorithm, max_number: u32 },
    Second { algorithm: Algorithm, cost: u32, memory_cost: u32, parallelism: u32, prefix: String, key: Key },
}

/// Whether the server knows the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Any,
    /// The signature of the one key that is looked for, and its counter.
    Signed {
        signature: [u8; 32],
        counter: u32,
    },
}

/// Decides what to ask for a ticket, at the price of this moment.
pub(crate) fn ask(core: &Core, factor: &WorkFactor, tag: FactorTag, id: &[u8; 16], now: u64) -> Puzzle {
    let key = core.keys.newest();
    let step = match factor.surge {
        Some(surge) => core.registry.load(tag).map_or(0, |load| load.count(surge, now)),
        None => 0,
    };
    let mut price = Price::at(factor, step);
    let mut parameters = factor.parameters(draw(key, b"nonce", id), draw(key, b"salt", id));
    let mut signed = None;
    if let Price::Counters(range) = &price {
        if core.mill.spend(&parameters, now) {
            let counter = between(*range.start(), *range.end(), draw(key, b"counter", id));
            let secrets = (key.work_signature.as_bytes(), key.work_key.as_bytes());
            let challenge = Challenge::issue_fixed(parameters.clone(), counter, secrets.0, secrets.1);
            parameters = challenge.parameters().clone();
            signed =
                parameters.key_signature().map(|signature| Key::Signed { signature: *signature, counter });
        } else {
            price = Price::instead_of(factor, range);
        }
    }
    let mut cost = parameters.cost().get();
    let mut prefix = parameters.key_prefix().to_owned();
    if let Price::Prefix { digits, cost: dearer } = &price {
        (prefix, cost) = (digits.clone(), *dearer);
    }
    let format = match price {
        Price::Number { algorithm, max_number } => Format::First { algorithm, max_number },
        Price::Prefix { .. } | Price::Counters(_) => Format::Second {
            algorithm: factor.algorithm,
            cost,
            memory_cost: factor.memory_cost.unwrap_or(0),
            parallelism: factor.parallelism.unwrap_or(0),
            prefix,
            key: signed.unwrap_or(Key::Any),
        },
    };
    Puzzle { format, tries: price.tries(), step: u8::try_from(step).unwrap_or(u8::MAX) }
}

impl Puzzle {
    /// The challenge object for an ALTCHA client. `data` travels signed with it.
    pub(crate) fn challenge(&self, key: &MasterKey, ticket: &Ticket, data: &[(&str, &str)]) -> Value {
        let secret = key.work_signature.as_bytes();
        let json = match self.format {
            Format::First { algorithm, max_number } => {
                let number = between(0, max_number, draw(key, b"counter", &ticket.id));
                let salt = salt(key, ticket, data);
                v1::Challenge::issue(algorithm, &salt, number, max_number, secret).to_json()
            }
            Format::Second { .. } => Challenge::issue(self.parameters(key, ticket, data), secret).to_json(),
        };
        serde_json::from_str(&json).unwrap_or(Value::Null)
    }

    /// Checks an answer against what was asked, with the same `data`. Nothing is spent.
    pub(crate) fn check(
        &self,
        core: &Core,
        ticket: &Ticket,
        data: &[(&str, &str)],
        answer: &str,
        now: SystemTime,
    ) -> Result<(), Refused> {
        let key = ticket.key(&core.keys).ok_or(Refused::Because(Reason::Mismatch))?;
        let secret = key.work_signature.as_bytes();
        let verdict = match &self.format {
            Format::First { algorithm, .. } => {
                v1::verify(answer, *algorithm, secret, now).and_then(|accepted| {
                    let is_this = accepted.salt() == salt(key, ticket, data).text();
                    if is_this { Ok(()) } else { Err(Reason::Mismatch) }
                })
            }
            Format::Second { key: Key::Signed { counter, .. }, .. } => {
                let issued = self.parameters(key, ticket, data);
                let verdict = altcha::verify_fixed(answer, &issued, secret, key.work_key.as_bytes(), now);
                // The key says it all. Another counter beside it is no client's, so it is not let through.
                let is_this = altcha::counter(answer) == Some((*counter).into());
                verdict.and(if is_this { Ok(()) } else { Err(Reason::Wrong) })
            }
            Format::Second { algorithm, .. } => {
                let place = if algorithm.takes_memory() { core.mill.place().map(Some) } else { Some(None) };
                let _place = place.ok_or(Refused::Busy)?;
                altcha::verify(answer, &self.parameters(key, ticket, data), secret, now)
            }
        };
        verdict.map_err(Refused::Because)
    }

    /// The parameters of one challenge, made anew from its ticket each time.
    fn parameters(&self, key: &MasterKey, ticket: &Ticket, data: &[(&str, &str)]) -> Parameters {
        let (nonce, salt) = (draw(key, b"nonce", &ticket.id), draw(key, b"salt", &ticket.id));
        let mut parameters = Parameters::new(nonce, salt)
            .with_expiry(UNIX_EPOCH + Duration::from_millis(ticket.expires_at))
            .with_data(data.iter().copied());
        if let Format::Second { algorithm, cost, memory_cost, parallelism, prefix, key } = &self.format {
            parameters = parameters.with_algorithm(*algorithm);
            if let Some(cost) = NonZeroU32::new(*cost) {
                parameters = parameters.with_cost(cost);
            }
            if let Some(memory) = NonZeroU32::new(*memory_cost) {
                parameters = parameters.with_memory_cost(memory);
            }
            if let Some(lanes) = NonZeroU32::new(*parallelism) {
                parameters = parameters.with_parallelism(lanes);
            }
            let aimed = match key {
                Key::Any => parameters.clone().with_key_prefix(prefix.as_str()),
                Key::Signed { signature, .. } => {
                    parameters.clone().with_fixed_key(prefix.as_str(), *signature)
                }
            };
            // The prefix was checked when the policy was compiled.
            parameters = aimed.unwrap_or(parameters);
        }
        parameters
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.tries).byte(self.step);
        match &self.format {
            Format::First { algorithm, max_number } => {
                writer.byte(1).field(algorithm.name().as_bytes()).u32(*max_number);
            }
            Format::Second { algorithm, cost, memory_cost, parallelism, prefix, key } => {
                writer.byte(2).field(algorithm.name().as_bytes()).u32(*cost).u32(*memory_cost);
                writer.u32(*parallelism).field(prefix.as_bytes());
                match key {
                    Key::Any => writer.byte(0),
                    Key::Signed { signature, counter } => writer.byte(1).fixed(signature).u32(*counter),
                };
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (tries, step) = (reader.u64()?, reader.byte()?);
        let format = match reader.byte()? {
            1 => Format::First { algorithm: reader.text()?.parse().ok()?, max_number: reader.u32()? },
            2 => Format::Second {
                algorithm: reader.text()?.parse().ok()?,
                cost: reader.u32()?,
                memory_cost: reader.u32()?,
                parallelism: reader.u32()?,
                prefix: reader.text()?.to_owned(),
                key: match reader.byte()? {
                    0 => Key::Any,
                    1 => Key::Signed { signature: reader.array()?, counter: reader.u32()? },
                    _ => return None,
                },
            },
            _ => return None,
        };
        Some(Self { format, tries, step })
    }

    /// Counts it as issued, and says what it costs now.
    pub(crate) fn record(&self, policy: &str, factor: &str) {
        let format = match self.format {
            Format::First { .. } => "v1",
            Format::Second { .. } => "v2",
        };
        metrics::counter!(
            "verify_work_issued_total",
            "policy" => policy.to_owned(), "factor" => factor.to_owned(), "format" => format,
        )
        .increment(1);
        metrics::gauge!(
            "verify_work_price", "policy" => policy.to_owned(), "factor" => factor.to_owned(),
        )
        .set(f64::from(1_u32 << self.step.min(31)));
    }
}

/// Why an answer to a puzzle does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The answer is not right.
    Because(Reason),
    /// As many answers are being checked as there is memory for.
    Busy,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy => Self::Unavailable,
            Refused::Because(Reason::Expired) => Self::SessionExpired,
            Refused::Because(Reason::TooLarge | Reason::Malformed) => {
                Self::Invalid("`token` is the base64 payload of a solved ALTCHA challenge")
            }
            Refused::Because(_) => Self::Wrong,
        }
    }
}

fn salt(key: &MasterKey, ticket: &Ticket, data: &[(&str, &str)]) -> v1::Salt {
    let drawn = draw(key, b"salt", &ticket.id);
    let salt = v1::Salt::new(drawn.first_chunk().copied().unwrap_or_default());
    let salt = salt.with_expiry(UNIX_EPOCH + Duration::from_millis(ticket.expires_at));
    data.iter().fold(salt, |salt, (name, text)| salt.with_parameter(name, text))
}

/// Bytes that hang on the ticket and the key alone.
fn draw(key: &MasterKey, purpose: &[u8], id: &[u8; 16]) -> [u8; 16] {
    let mut mac = key.work.start();
    mac.update(purpose);
    mac.update(id);
    mac.finish_short()
}

/// A number of a range, both ends included. Of 128 bits, the bias is beyond notice.
fn between(least: u32, most: u32, drawn: [u8; 16]) -> u32 {
    let width = u128::from(most.saturating_sub(least)) + 1;
    let offset = u128::from_be_bytes(drawn) % width;
    least.saturating_add(u32::try_from(offset).unwrap_or(0))
}
