//! A challenge, as JSON: what a client needs to offer it to somebody and to answer it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::captcha::WidgetSigns;
use crate::ceremony::{Bond, Sent};
use crate::contact::Channel;
use crate::engine::Core;
use crate::factor::Factor;
use crate::offer::Offer;
use crate::policy::Leaf;
use crate::text::Timestamp;
use crate::transaction::{Payee, Transaction};

/// Where a challenge is taken further; the same for all of them, and so written once.
#[derive(Debug)]
pub(crate) struct Links(Box<RawValue>);

impl Links {
    pub(crate) fn below(mount: &str) -> Result<Self, serde_json::Error> {
        let link = |action: &str| format!("{mount}/{action}");
        let all = json!({
            "send": link("send"),
            "check": link("check"),
            "status": link("status"),
            "cancel": link("cancel"),
        });
        to_raw_value(&all).map(Self)
    }
}

/// One challenge, written member by member: most blocked requests are answered with nothing else.
pub(crate) struct Description<'o> {
    offer: &'o Offer,
    core: &'o Core,
    factor: &'o Factor,
    stage: Stage<'o>,
}

/// How far it is.
enum Stage<'o> {
    /// Nothing was sent: why it is asked for, and the present moment.
    Offered { reason: &'o str, now: u64 },
    /// Its code is on its way, or its call is placed.
    Sent(&'o Sent),
}

impl Offer {
    /// The challenge before anything was sent.
    pub(crate) const fn describe<'o>(
        &'o self,
        core: &'o Core,
        factor: &'o Factor,
        reason: &'o str,
        now: u64,
    ) -> Description<'o> {
        Description { offer: self, core, factor, stage: Stage::Offered { reason, now } }
    }

    /// The challenge once its code is on its way, or its call placed.
    pub(crate) const fn describe_sent<'o>(
        &'o self,
        core: &'o Core,
        factor: &'o Factor,
        sent: &'o Sent,
    ) -> Description<'o> {
        Description { offer: self, core, factor, stage: Stage::Sent(sent) }
    }
}

impl Leaf {
    /// Whether two offers of it are described alike, but for their tickets and the present moment.
    pub(crate) fn is_described_alike(&self) -> bool {
        match &*self.factor {
            // Only what is bound names a transaction.
            Factor::Code(_) | Factor::ReversePin(_) | Factor::Totp(_) | Factor::Card(_) => !self.is_bound,
            // Each offer has a puzzle or a binding of its own.
            Factor::Work(_) | Factor::Captcha(_) => false,
        }
    }
}

impl Serialize for Description<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { offer, core, factor, .. } = self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("id", &offer.sealed)?;
        members.serialize_entry("type", factor.kind())?;
        members.serialize_entry("factor", factor.name())?;
        members.serialize_entry("expires_at", &Timestamp(offer.ticket.expires_at))?;
        members.serialize_entry("links", &core.links.0)?;
        match self.stage {
            Stage::Offered { reason, now } => {
                members.serialize_entry("reason", reason)?;
                self.offered(&mut members, now)?;
            }
            Stage::Sent(sent) => self.sent(&mut members, sent)?,
        }
        members.end()
    }
}

impl Description<'_> {
    /// What a factor says before anything was sent.
    fn offered<M: SerializeMap>(&self, members: &mut M, now: u64) -> Result<(), M::Error> {
        let Self { offer, core, factor, .. } = self;
        match factor {
            Factor::Code(code) => {
                self.transaction(members)?;
                let channels = code.channels.iter().map(|channel| channel.name());
                members.serialize_entry("channels", &Listed(channels))?;
                members.serialize_entry("code_length", &code.digits)?;
                members.serialize_entry("code_sent", &false)?;
                members.serialize_entry("resend_at", &Timestamp(now))?;
            }
            Factor::ReversePin(factor) => {
                members.serialize_entry("channels", &[Channel::Voice.name()])?;
                members.serialize_entry("pin_length", &factor.pin.digits)?;
                members.serialize_entry("call_placed", &false)?;
                members.serialize_entry("resend_at", &Timestamp(now))?;
            }
            Factor::Work(_) => members.serialize_entry("altcha", &offer.altcha(core, &[]))?,
            Factor::Captcha(captcha) => {
                // What a client needs to show the captcha so that its token is for this challenge.
                let widget = captcha.widget();
                let Bond { action, binding } = offer.bond(core);
                members.serialize_entry("site_key", &widget.site_key)?;
                if widget.signs != WidgetSigns::Nothing {
                    members.serialize_entry("action", &action)?;
                }
                if widget.signs == WidgetSigns::ActionAndBinding {
                    members.serialize_entry("cdata", &binding)?;
                }
            }
            Factor::Totp(app) => members.serialize_entry("recovery_codes", &app.recovery)?,
            Factor::Card(card) => members.serialize_entry("asks", &card.asks())?,
        }
        match factor.price() {
            Some(price) => members.serialize_entry("after", price.name()),
            None => Ok(()),
        }
    }

    fn sent<M: SerializeMap>(&self, members: &mut M, sent: &Sent) -> Result<(), M::Error> {
        match (self.factor, &sent.pin) {
            (_, Some(pin)) => {
                members.serialize_entry("channel", Channel::Voice.name())?;
                members.serialize_entry("pin", pin.expose())?;
                members.serialize_entry("call_placed", &true)?;
            }
            (Factor::Code(code), None) => {
                let channel = self.offer.ticket.opened.map(|opened| opened.channel.name());
                members.serialize_entry("channel", &channel)?;
                members.serialize_entry("code_length", &code.digits)?;
                members.serialize_entry("code_sent", &true)?;
                self.transaction(members)?;
            }
            // Nothing travels for the others.
            _ => return Ok(()),
        }
        members.serialize_entry("delivery_hint", &sent.hint)?;
        members.serialize_entry("resend_at", &Timestamp(sent.resend_at))
    }

    fn transaction<M: SerializeMap>(&self, members: &mut M) -> Result<(), M::Error> {
        match &self.offer.ticket.bound {
            Some(bound) => members.serialize_entry("transaction", &transaction_json(&bound.transaction)),
            None => Ok(()),
        }
    }
}

/// Texts as a list, without one of their own.
struct Listed<I>(I);

impl<I: Iterator<Item = &'static str> + Clone> Serialize for Listed<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// What an answer approves, as the client has to show it.
fn transaction_json(transaction: &Transaction) -> Value {
    let payee = |payee: &Payee| {
        json!({
            "name": payee.name(),
            "account": { "kind": payee.account().kind(), "id": payee.account().id() },
        })
    };
    let mut body = json!({
        "amount": transaction.total().to_decimal(),
        "currency": transaction.total().currency().code(),
        "up_to": transaction.is_up_to(),
    });
    if let Value::Object(members) = &mut body {
        if transaction.is_batch() {
            let lines = transaction.lines();
            let lines =
                lines.map(|(amount, to)| json!({ "amount": amount.to_decimal(), "payee": payee(to) }));
            members.insert("lines".to_owned(), lines.collect());
        } else if let Some((_, to)) = transaction.lines().next() {
            members.insert("payee".to_owned(), payee(to));
        }
        if transaction.fields().len() > 0 {
            let fields = transaction.fields().map(|(name, value)| (name.to_owned(), json!(value)));
            members.insert("fields".to_owned(), Value::Object(fields.collect()));
        }
    }
    body
}
