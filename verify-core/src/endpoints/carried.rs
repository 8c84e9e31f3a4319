//! The forms of a page that carry on what was blocked: a code for it is sent or called off here, and not at the guarded
//! address. There a gate lets pass without a look whoever has proven everything, so a page that was left open in another tab
//! would have the blocked form executed by its button to cancel.

use bytes::Bytes;

use crate::decision::Ruling;
use crate::endpoints::Endpoints;
use crate::facts::Who;
use crate::form::Form;
use crate::gate::OWN_FIELDS;
use crate::inquiry::{Action, Asking};
use crate::refusal::Refusal;
use crate::request::RequestView;
use crate::ticket::Ticket;

/// What such a form has as its query. It says no more than that, and the body no less than at the guarded address.
const MARK: &str = "carry";

/// Whether a form that is posted to this endpoint is one.
pub(super) fn is_carried(request: &impl RequestView, action: Action) -> bool {
    matches!(action, Action::Send | Action::Cancel) && request.query() == Some(MARK)
}

impl Endpoints {
    /// As much as any gate would have taken.
    pub(super) fn carried_limit(&self) -> usize {
        self.core.registry.longest_body().saturating_add(OWN_FIELDS)
    }

    pub(super) async fn carry_on(&self, mut asking: Box<Asking>, action: Action, body: &Bytes) -> Ruling {
        let core = &self.core;
        let Some(form) = Form::parse(body) else {
            let what = "the form is not UTF-8, or has a field twice";
            return Ruling::Respond(asking.refuse(Refusal::Invalid(what)));
        };
        let Some(sealed) = &form.id else {
            return Ruling::Respond(asking.refuse(Refusal::Invalid("the form lacks `challenge-id`")));
        };
        // However old the page is: what was sealed says where its form belongs, and what it asks to approve.
        let gate = Ticket::open(&core.keys, sealed).and_then(|ticket| {
            let gate = core.registry.tagged(ticket.policy)?.gate(core);
            ticket.key(&core.keys)?;
            let is_own = ticket.subject == Who::of(core.keys.facts(), &asking.subject).whole;
            if ticket.bound.is_some() && !is_own {
                return None;
            }
            (asking.target, asking.bound) = (ticket.return_to.to_string(), ticket.bound.map(|bound| *bound));
            Some(gate)
        });
        match gate {
            Some(gate) => gate.carry_on(&mut asking, action, sealed, &form).await,
            None => Ruling::Respond(asking.refuse(Refusal::SessionExpired)),
        }
    }
}
