//! The pages behind a link that stands for a code.

use askama::Template;
use http::StatusCode;

use crate::decision::Reply;
use crate::engine::Core;
use crate::page::policy::render;
use crate::page::report::answer;
use crate::page::{Frame, Notice};
use crate::refusal::Refusal;
use crate::reply::{Look, with_refusal_headers};

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    frame: Frame<'a>,
    purpose: &'a str,
    token: &'a str,
    is_here: bool,
}

/// Asks for the button.
pub(crate) fn link(core: &Core, purpose: &str, token: &str, is_here: bool, look: Look) -> Reply {
    let page = LinkPage { frame: Frame::new(core, format!("Verify to {purpose}")), purpose, token, is_here };
    render(&page.frame, &page, StatusCode::OK, look)
}

/// Says that the other browser may go on.
pub(crate) fn opened_elsewhere(core: &Core, look: Look) -> Reply {
    let text = "Done. The browser in which you began can go on now; you may close this page.";
    answer(core, Notice { is_error: false, text: text.to_owned() }, StatusCode::OK, look)
}

/// Says that the link counts where it was asked for.
pub(crate) fn not_here(core: &Core, look: Look) -> Reply {
    let text = "This link counts only in the browser in which you asked for it. Open it there, or type the code there.";
    answer(core, Notice { is_error: true, text: text.to_owned() }, StatusCode::FORBIDDEN, look)
}

/// Says why nothing was done.
pub(crate) fn unopened(core: &Core, refusal: Refusal, look: Look) -> Reply {
    let notice = match refusal {
        Refusal::SessionExpired => {
            Notice { is_error: true, text: "This link is over. Please start again.".to_owned() }
        }
        other => Notice::refused(other),
    };
    with_refusal_headers(answer(core, notice, refusal.words().status, look), refusal)
}
