//! The page for somebody who has proven everything, and whose form waits all the same.

use askama::Template;
use http::StatusCode;

use crate::decision::Reply;
use crate::engine::PolicyInfo;
use crate::form::Form;
use crate::inquiry::Asking;
use crate::page::{Frame, Notice, render};
use crate::reply::with_visitor;

#[derive(Template)]
#[template(path = "ready.html")]
struct ReadyPage<'a> {
    frame: Frame<'a>,
    purpose: &'a str,
    notice: Option<Notice>,
    target: &'a str,
    fields: &'a [(String, String)],
}

/// Nothing is missing: the visitor says whether the form is to be sent.
pub(crate) fn ready(asking: &Asking, policy: &PolicyInfo, notice: Option<Notice>, form: &Form) -> Reply {
    let page = ReadyPage {
        frame: Frame::new(&asking.core, "You are verified".to_owned()),
        purpose: &policy.purpose,
        notice,
        target: &asking.target,
        fields: &form.fields,
    };
    with_visitor(render(&page.frame, &page, StatusCode::OK, asking.look), asking)
}
