//! The challenges on a page, each with its forms.

use crate::captcha::{Outage, Widget, WidgetApi, WidgetSigns};
use crate::ceremony::Bond;
use crate::code::Code;
use crate::contact::Channel;
use crate::engine::Core;
use crate::factor::Factor;
use crate::page::Offered;

/// One challenge on the page.
pub(super) enum Step {
    /// Nothing was sent yet: one button for each channel.
    Ask { id: String, channels: Vec<(&'static str, &'static str)> },
    /// A code is on its way.
    Type {
        id: String,
        digits: u8,
        channel: &'static str,
        hint: Option<String>,
        minutes: u64,
        tries_left: Option<u64>,
        /// Whether the link of its mail may be opened elsewhere.
        elsewhere: bool,
    },
    /// The code of an authenticator app.
    App { id: String, recovery: bool },
    /// A call to let ring.
    Call { id: String },
    /// A call asks for this PIN; `waits` until it is over.
    Dial { id: String, pin: Code, hint: Option<String>, minutes: u64, waits: bool },
    /// A proof of work.
    Work { id: String, challenge: String, tries: u64 },
    /// A vendor's captcha.
    Captcha(Box<Shield>),
    /// A card, with what its check asks for beside number and expiry.
    Card { id: String, cvc: bool, name: bool, address: bool },
}

/// A captcha on the page.
pub(super) struct Shield {
    pub(super) id: String,
    pub(super) widget: Widget,
    /// What its token is for, as far as the vendor signs it.
    pub(super) action: Option<String>,
    pub(super) cdata: Option<String>,
    /// Whether something else may take its place.
    pub(super) gives_way: bool,
    /// Whether an answer counts even while its vendor is down.
    pub(super) is_open: bool,
}

impl Step {
    pub(super) fn of(core: &Core, step: &Offered<'_>) -> Self {
        let id = step.offer.sealed.clone();
        match step.factor {
            Factor::Code(code) => Self::Ask {
                id,
                channels: code.channels.iter().map(|channel| (channel.name(), spoken(*channel))).collect(),
            },
            Factor::Totp(app) => Self::App { id, recovery: app.recovery },
            Factor::ReversePin(_) => Self::Call { id },
            Factor::Work(_) => Self::Work {
                id,
                challenge: step.offer.altcha(core, &[]).to_string(),
                tries: step.offer.ticket.puzzle.as_ref().map_or(1, |puzzle| puzzle.tries),
            },
            Factor::Card(card) => {
                let asks = card.asks();
                let asks = |what: &str| asks.contains(&what);
                Self::Card { id, cvc: asks("cvc"), name: asks("name"), address: asks("address") }
            }
            Factor::Captcha(captcha) => {
                let widget = captcha.widget().clone();
                let Bond { action, binding } = step.offer.bond(core);
                Self::Captcha(Box::new(Shield {
                    id,
                    action: (widget.signs != WidgetSigns::Nothing).then_some(action),
                    cdata: (widget.signs == WidgetSigns::ActionAndBinding).then_some(binding),
                    widget,
                    gives_way: captcha.outage == Outage::Fallback,
                    is_open: captcha.outage == Outage::Open,
                }))
            }
        }
    }

    /// The widget, if it is one.
    pub(super) fn widget(&self) -> Option<&Widget> {
        match self {
            Self::Captcha(shield) => Some(&shield.widget),
            _ => None,
        }
    }
}

impl Shield {
    /// The global object of the vendor's script.
    pub(super) fn object(&self) -> &'static str {
        match self.widget.api {
            WidgetApi::Render(name) | WidgetApi::Execute(name) => name,
        }
    }

    /// Whether there is something to see.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self.widget.api, WidgetApi::Render(_))
    }
}

pub(super) fn spoken(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "text message",
        Channel::Email => "e-mail",
        Channel::Voice => "phone call",
        Channel::WhatsApp => "WhatsApp message",
    }
}
