//! The pages behind the link of a message.

use askama::Template;
use http::StatusCode;

use crate::decision::Reply;
use crate::engine::Core;
use crate::page::policy::render;
use crate::page::{Frame, Notice};
use crate::refusal::Refusal;
use crate::reply::{Look, with_refusal_headers};

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'a> {
    frame: Frame<'a>,
    purpose: &'a str,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "reported.html")]
struct ReportedPage<'a> {
    frame: Frame<'a>,
    notice: Notice,
}

/// Asks whether it was really not the reader.
pub(crate) fn report(core: &Core, purpose: &str, token: &str, look: Look) -> Reply {
    let page = ReportPage { frame: Frame::new(core, "This was not me".to_owned()), purpose, token };
    render(&page.frame, &page, StatusCode::OK, look)
}

/// Says what was done.
pub(crate) fn reported(core: &Core, voided: bool, look: Look) -> Reply {
    let text = if voided {
        "Thank you. The code is void: nobody can use it any more."
    } else {
        "Thank you, it is noted. The code had been used or was over before."
    };
    answer(core, Notice { is_error: false, text: text.to_owned() }, StatusCode::OK, look)
}

/// Says why nothing was done.
pub(crate) fn unreportable(core: &Core, refusal: Refusal, look: Look) -> Reply {
    let notice = match refusal {
        Refusal::SessionExpired => Notice {
            is_error: true,
            text: "This link is over, and so is the code that it came with: nobody can use it any more."
                .to_owned(),
        },
        other => Notice::refused(other),
    };
    with_refusal_headers(answer(core, notice, refusal.words().status, look), refusal)
}

pub(super) fn answer(core: &Core, notice: Notice, status: StatusCode, look: Look) -> Reply {
    let title = if notice.is_error { "Error" } else { "Done" };
    let page = ReportedPage { frame: Frame::new(core, title.to_owned()), notice };
    render(&page.frame, &page, status, look)
}
