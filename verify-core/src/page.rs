//! The pages: the challenge in place of what was asked for, working without JavaScript and without third parties.

use askama::Template;
use http::StatusCode;

use crate::binding::BindError;
use crate::captcha::{CaptchaErrorKind, WidgetSources};
use crate::ceremony::{Ceremony, Sent};
use crate::code::Code;
use crate::decision::Reply;
use crate::encoding::to_base64url;
use crate::engine::{BlockStatus, Core, PolicyInfo};
use crate::factor::{Factor, LinkOpens};
use crate::form::Form;
use crate::gate::Carry;
use crate::inquiry::Asking;
use crate::offer::Offer;
use crate::random::random;
use crate::refusal::Refusal;
use crate::reply::{self, with_refusal_headers, with_visitor};

mod link;
mod policy;
mod ready;
mod report;
mod shown;
mod step;

pub(crate) use link::{link, not_here, opened_elsewhere, unopened};
use policy::render;
pub(crate) use ready::ready;
pub(crate) use report::{report, reported, unreportable};
use shown::Shown;
use step::{Step, spoken};

/// Solves proofs of work, offers the code that the browser read from an SMS (WebOTP), and drops double clicks: everything
/// but the first works without it.
pub(crate) const SCRIPT: &str = include_str!("../assets/challenge.js");

/// Loads a vendor's captcha and hands its token on; only on pages that show one.
pub(crate) const CAPTCHA: &str = include_str!("../assets/captcha.js");

/// What every page needs.
struct Frame<'a> {
    site: &'a str,
    mount: &'a str,
    /// Fresh for every answer; the only style and script that run are those that bear it.
    nonce: String,
    title: String,
    /// What the captchas on the page have to be allowed.
    sources: Vec<WidgetSources>,
}

/// Something to say above the challenge.
pub(crate) struct Notice {
    /// An error is announced at once, a status when the visitor pauses.
    is_error: bool,
    text: String,
}

impl Notice {
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let text = match refusal {
            Refusal::Invalid(detail) => format!("That was not understood: {detail}."),
            Refusal::Wrong => "That code is not right. Check it and try again.".to_owned(),
            Refusal::Pending => {
                "We have not heard from your phone yet. Dial the PIN, hang up, then press the button again."
                    .to_owned()
            }
            Refusal::Unanswered => "The call did not reach you. Let us call once more.".to_owned(),
            Refusal::Unsolved(CaptchaErrorKind::LowScore) => {
                "The check takes you for a machine. Try once more, or another browser or network.".to_owned()
            }
            Refusal::Unsolved(_) => "The check did not succeed. Please do it once more.".to_owned(),
            Refusal::Declined => {
                "The card did not pass. Check what you typed, or take another card.".to_owned()
            }
            Refusal::FellBack => {
                "The usual check cannot be reached right now, so here is another one.".to_owned()
            }
            Refusal::Misconfigured => {
                "This check is not set up properly, which is not your fault. Please come back later."
                    .to_owned()
            }
            Refusal::Locked | Refusal::LastTry => {
                "Too many wrong answers. Ask for a new code in a little while.".to_owned()
            }
            Refusal::AlreadyUsed => "That code has been used or is over. Ask for a new one.".to_owned(),
            Refusal::SessionExpired => {
                "That took too long, or was meant for another session. Please start again.".to_owned()
            }
            Refusal::RateLimited(_) => {
                "That was a little fast. Please wait before you ask for another message.".to_owned()
            }
            Refusal::Unavailable => {
                "Verification is not available right now. Please try again in a moment.".to_owned()
            }
            other => format!("{}.", other.words().title),
        };
        Self { is_error: true, text }
    }

    pub(crate) fn mismatch() -> Self {
        let text = "This is not what you approved before, so that approval is void. Check it, then ask for a new code.";
        Self { is_error: true, text: text.to_owned() }
    }

    fn misdialled() -> Self {
        let text = "The PIN that was dialled is not this one. Let us call once more.";
        Self { is_error: true, text: text.to_owned() }
    }

    pub(crate) fn cancelled() -> Self {
        Self { is_error: false, text: "The code was cancelled. Nobody can use it any more.".to_owned() }
    }
}

/// A challenge that the visitor may take up.
pub(crate) struct Offered<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) factor: &'a Factor,
}

#[derive(Template)]
#[template(path = "challenge.html")]
struct ChallengePage<'a> {
    frame: Frame<'a>,
    purpose: &'a str,
    notice: Option<Notice>,
    /// What an answer approves.
    transaction: Option<Shown>,
    steps: Vec<Step>,
    /// Where the forms go: the endpoints, or the blocked address itself when there are fields to carry on.
    target: Option<&'a str>,
    fields: &'a [(String, String)],
    /// A body was blocked that cannot be carried on.
    lost: bool,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    notice: Notice,
    back: &'a str,
}

#[cfg(feature = "danger-development")]
#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    frame: Frame<'a>,
    letters: Vec<InboxRow<'a>>,
}

#[cfg(feature = "danger-development")]
struct InboxRow<'a> {
    channel: &'static str,
    to: &'a str,
    text: &'a str,
    code: &'a str,
    at: String,
    /// What to dial at, of a call.
    call: Option<&'a str>,
}

/// The challenge page for what is missing.
pub(crate) fn challenge(
    asking: &Asking,
    policy: &PolicyInfo,
    steps: &[Offered<'_>],
    notice: Option<Notice>,
    carry: &Carry<'_>,
    status: StatusCode,
) -> Reply {
    let core = &asking.core;
    let steps: Vec<Step> = steps.iter().map(|offered| Step::of(core, offered)).collect();
    let error =
        if notice.as_ref().is_some_and(|notice| notice.is_error) { "Error: verify" } else { "Verify" };
    let title = format!("{error} to {}", policy.purpose);
    let form = if let Carry::Fields(form) = carry { Some(*form) } else { None };
    let sources = steps.iter().filter_map(Step::widget).map(|widget| widget.sources.clone()).collect();
    let page = ChallengePage {
        frame: Frame { sources, ..Frame::new(core, title) },
        purpose: &policy.purpose,
        notice,
        transaction: asking.bound.as_ref().map(|bound| Shown::of(core, bound)),
        steps,
        target: form.map(|_| asking.target.as_str()),
        fields: form.map_or(&[], |form| &form.fields),
        lost: matches!(carry, Carry::Lost),
    };
    render(&page.frame, &page, status, asking.look)
}

/// The page that asks for the code that is on its way.
pub(crate) fn code_sent(
    asking: &Asking,
    policy: &PolicyInfo,
    factor: &Factor,
    offer: &Offer,
    sent: &Sent,
    form: Option<&Form>,
) -> Reply {
    let hint = Some(sent.hint.clone());
    let (step, text) = match &sent.pin {
        Some(pin) => (dialling(asking, offer, pin, hint, true), "Your phone rings in a moment."),
        None => (typing(asking, factor, offer, hint, None), "Your code is on its way."),
    };
    let notice = Notice { is_error: false, text: text.to_owned() };
    code_page(asking, policy, offer, step, notice, form, StatusCode::OK)
}

/// The page that asks for the code once more, after an answer that was wrong or not understood.
pub(crate) async fn code_again(
    asking: &Asking,
    sealed: &str,
    refusal: Refusal,
    form: Option<&Form>,
) -> Option<Reply> {
    let ceremony = Ceremony::begin(&asking.core, &asking.subject, asking.source, sealed).ok()?;
    let offer = Offer { ticket: ceremony.ticket.clone(), sealed: sealed.to_owned() };
    let step = match &*ceremony.factor {
        factor @ Factor::Code(_) => {
            let tries_left = ceremony.stand().await.ok()?.tries_left;
            typing(asking, factor, &offer, None, tries_left)
        }
        Factor::ReversePin(_) => {
            let waits = refusal == Refusal::Pending;
            dialling(asking, &offer, &ceremony.pin(&offer.ticket)?, None, waits)
        }
        Factor::Totp(_) => Step::of(&asking.core, &Offered { offer: &offer, factor: &ceremony.factor }),
        _ => return None,
    };
    let status = refusal.words().status;
    let notice = match (&step, refusal) {
        (Step::Dial { .. }, Refusal::Wrong) => Notice::misdialled(),
        _ => Notice::refused(refusal),
    };
    let mut reply = code_page(asking, &ceremony.policy, &offer, step, notice, form, status);
    if form.is_some() {
        // At the guarded address the request is blocked as before, whatever there is to say.
        let core = &asking.core;
        *reply.status_mut() = core.status.code();
        reply = reply::required(reply, &ceremony.policy.name);
        if core.status == BlockStatus::StepUp {
            reply = reply::step_up(reply, &ceremony.policy.name, core.clearance_life.as_secs());
        }
    }
    Some(with_refusal_headers(reply, refusal))
}

/// What a form sees when an endpoint refused: the code once more while it can be tried, else what happened and the way
/// back to where it began.
pub(crate) async fn failed(asking: &Asking, sealed: &str, refusal: Refusal) -> Reply {
    if refusal.may_be_tried_again()
        && let Some(reply) = code_again(asking, sealed, refusal, None).await
    {
        return reply;
    }
    let begun = Ceremony::begin(&asking.core, &asking.subject, asking.source, sealed);
    let back = begun.map_or_else(|_| "/".into(), |ceremony| ceremony.ticket.return_to);
    message(asking, Notice::refused(refusal), &back, refusal.words().status, Some(refusal))
}

/// A refusal as a page, for a browser that has nothing to go on with.
pub(crate) fn refusal(asking: &Asking, refusal: Refusal) -> Reply {
    message(asking, Notice::refused(refusal), "/", refusal.words().status, Some(refusal))
}

/// That a transaction cannot be read.
pub(crate) fn unbindable(asking: &Asking, error: &BindError) -> Reply {
    let field = error.field().map(|field| format!(" ({field})")).unwrap_or_default();
    let notice = Notice { is_error: true, text: format!("That was not understood: {error}{field}.") };
    message(asking, notice, "/", reply::unbindable_words().status, None)
}

/// That a challenge was cancelled.
pub(crate) fn cancelled(asking: &Asking) -> Reply {
    message(asking, Notice::cancelled(), "/", StatusCode::OK, None)
}

/// The development inbox.
#[cfg(feature = "danger-development")]
pub(crate) fn inbox(core: &Core, letters: &[crate::courier::Letter], look: reply::Look) -> Reply {
    let letters = letters
        .iter()
        .map(|letter| InboxRow {
            channel: letter.channel.name(),
            to: &letter.to,
            text: &letter.text,
            code: &letter.code,
            at: crate::text::timestamp(letter.at),
            call: letter.call.as_ref().map(|call| call.token.as_str()),
        })
        .collect();
    let page = InboxPage { frame: Frame::new(core, "Development inbox".to_owned()), letters };
    render(&page.frame, &page, StatusCode::OK, look)
}

fn typing(
    asking: &Asking,
    factor: &Factor,
    offer: &Offer,
    hint: Option<String>,
    tries_left: Option<u64>,
) -> Step {
    let digits = if let Factor::Code(code) = factor { code.digits } else { 6 };
    let channel = offer.ticket.opened.map_or("message", |opened| spoken(opened.channel));
    let minutes = offer.ticket.expires_at.saturating_sub(asking.core.now()).div_ceil(60_000);
    let elsewhere = matches!(factor, Factor::Code(code) if code.link == Some(LinkOpens::Anywhere));
    Step::Type { id: offer.sealed.clone(), digits, channel, hint, minutes, tries_left, elsewhere }
}

fn dialling(asking: &Asking, offer: &Offer, pin: &Code, hint: Option<String>, waits: bool) -> Step {
    let minutes = offer.ticket.expires_at.saturating_sub(asking.core.now()).div_ceil(60_000);
    Step::Dial { id: offer.sealed.clone(), pin: pin.clone(), hint, minutes, waits }
}

fn code_page(
    asking: &Asking,
    policy: &PolicyInfo,
    offer: &Offer,
    step: Step,
    notice: Notice,
    form: Option<&Form>,
    status: StatusCode,
) -> Reply {
    let title = match (&step, notice.is_error) {
        (Step::Dial { .. }, false) => "Dial your PIN",
        (Step::Dial { .. }, true) => "Error: dial your PIN",
        (_, false) => "Enter your code",
        (_, true) => "Error: enter your code",
    };
    let page = ChallengePage {
        frame: Frame::new(&asking.core, title.to_owned()),
        purpose: &policy.purpose,
        notice: Some(notice),
        transaction: offer.ticket.bound.as_ref().map(|bound| Shown::of(&asking.core, bound)),
        steps: vec![step],
        target: form.map(|_| asking.target.as_str()),
        fields: form.map_or(&[], |form| &form.fields),
        lost: false,
    };
    with_visitor(render(&page.frame, &page, status, asking.look), asking)
}

fn message(
    asking: &Asking,
    notice: Notice,
    back: &str,
    status: StatusCode,
    refusal: Option<Refusal>,
) -> Reply {
    let title = if notice.is_error { "Error" } else { "Done" };
    let page = MessagePage { frame: Frame::new(&asking.core, title.to_owned()), notice, back };
    let reply = with_visitor(render(&page.frame, &page, status, asking.look), asking);
    match refusal {
        Some(refusal) => with_refusal_headers(reply, refusal),
        None => reply,
    }
}

impl<'a> Frame<'a> {
    fn new(core: &'a Core, title: String) -> Self {
        // Without random bytes there is no nonce, and then nothing runs: closed, not open.
        let nonce = random::<16>().map(|bytes| to_base64url(&bytes)).unwrap_or_default();
        Self { site: &core.site, mount: &core.mount, nonce, title, sources: Vec::new() }
    }
}
