//! A challenge, as JSON: what a client needs to offer it to somebody and to answer it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::captcha::WidgetSigns;
use crate::ceremony::{Bond, Sent};
use crate::contact::Channel;
use crate::engine::Core;
use crate::factor::Factor;
use crate::offer::Offer;
use crate::text::Timestamp;
use crate::transaction::{Payee, Transaction};

/// Where a challenge is taken further; the same for all of them.
#[derive(Debug, Serialize)]
pub(crate) struct Links {
    send: String,
    check: String,
    status: String,
    cancel: String,
}

impl Links {
    pub(crate) fn below(mount: &str) -> Self {
        let link = |action: &str| format!("{mount}/{action}");
        Self { send: link("send"), check: link("check"), status: link("status"), cancel: link("cancel") }
    }
}

/// One challenge, written member by member.
#[derive(Serialize)]
pub(crate) struct Description<'o> {
    id: &'o str,
    #[serde(rename = "type")]
    kind: &'static str,
    factor: &'o str,
    expires_at: Timestamp,
    links: &'o Links,
    #[serde(flatten)]
    details: Details<'o>,
}

/// What depends on the factor, and on whether its code was sent.
#[derive(Default, Serialize)]
struct Details<'o> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_hint: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_sent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_placed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resend_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    altcha: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_key: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cdata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<Vec<&'static str>>,
}

impl Offer {
    /// The challenge before anything was sent.
    pub(crate) fn describe<'o>(
        &'o self,
        core: &'o Core,
        factor: &'o Factor,
        reason: &'static str,
        now: u64,
    ) -> Description<'o> {
        let reason = Some(reason);
        let (resend_at, after) = (Some(Timestamp(now)), factor.price().map(Factor::name));
        self.with(
            core,
            factor,
            match factor {
                Factor::Code(code) => Details {
                    reason,
                    transaction: self.transaction(),
                    channels: Some(code.channels.iter().map(|channel| channel.name()).collect()),
                    code_length: Some(code.digits),
                    code_sent: Some(false),
                    resend_at,
                    after,
                    ..Details::default()
                },
                Factor::ReversePin(factor) => Details {
                    reason,
                    channels: Some(vec![Channel::Voice.name()]),
                    pin_length: Some(factor.pin.digits),
                    call_placed: Some(false),
                    resend_at,
                    after,
                    ..Details::default()
                },
                Factor::Work(_) => {
                    Details { reason, altcha: Some(self.altcha(core, &[])), ..Details::default() }
                }
                Factor::Captcha(captcha) => {
                    // What a client needs to show the captcha so that its token is for this challenge.
                    let widget = captcha.widget();
                    let Bond { action, binding } = self.bond(core);
                    Details {
                        reason,
                        site_key: Some(&widget.site_key),
                        action: (widget.signs != WidgetSigns::Nothing).then_some(action),
                        cdata: (widget.signs == WidgetSigns::ActionAndBinding).then_some(binding),
                        ..Details::default()
                    }
                }
                Factor::Totp(app) => {
                    Details { reason, recovery_codes: Some(app.recovery), ..Details::default() }
                }
                Factor::Card(card) => Details { reason, asks: Some(card.asks()), ..Details::default() },
            },
        )
    }

    /// The challenge once its code is on its way, or its call placed.
    pub(crate) fn describe_sent<'o>(
        &'o self,
        core: &'o Core,
        factor: &'o Factor,
        sent: &'o Sent,
    ) -> Description<'o> {
        let sent_to = Details {
            delivery_hint: Some(&sent.hint),
            resend_at: Some(Timestamp(sent.resend_at)),
            ..Details::default()
        };
        self.with(
            core,
            factor,
            match (factor, &sent.pin) {
                (_, Some(pin)) => Details {
                    channel: Some(Channel::Voice.name()),
                    pin: Some(pin.expose()),
                    call_placed: Some(true),
                    ..sent_to
                },
                (Factor::Code(code), None) => Details {
                    channel: self.ticket.opened.map(|opened| opened.channel.name()),
                    code_length: Some(code.digits),
                    code_sent: Some(true),
                    transaction: self.transaction(),
                    ..sent_to
                },
                _ => Details::default(),
            },
        )
    }

    fn with<'o>(&'o self, core: &'o Core, factor: &'o Factor, details: Details<'o>) -> Description<'o> {
        Description {
            id: &self.sealed,
            kind: factor.kind(),
            factor: factor.name(),
            expires_at: Timestamp(self.ticket.expires_at),
            links: &core.links,
            details,
        }
    }

    fn transaction(&self) -> Option<Value> {
        self.ticket.bound.as_ref().map(|bound| transaction_json(&bound.transaction))
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
