//! Lists, a page at a time.

use serde_json::{Value, json};
use verify_core::Reply;

use crate::twilio::call::{Call, encode};
use crate::twilio::fault::Fault;
use crate::twilio::reply;

/// Which page is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    size: usize,
    number: usize,
}

impl Page {
    /// `PageSize` is 1 to 1000 and 50 by default; `Page` counts from zero. A `PageToken` is not needed to find the page.
    pub(crate) fn of(call: &Call) -> Result<Self, Fault> {
        let number = |name, range, default| {
            let number = call.query.number(name, range)?.unwrap_or(default);
            Ok::<_, Fault>(usize::try_from(number).unwrap_or(usize::MAX))
        };
        Ok(Self { size: number("PageSize", 1..=1000, 50)?, number: number("Page", 0..=u32::MAX, 0)? })
    }

    /// Which of all items are on it: how many come before, and how many it has at most.
    pub(crate) fn window(self) -> (usize, usize) {
        (self.number.saturating_mul(self.size), self.size)
    }

    /// The answer: the items of this page, and the addresses of its neighbours. `filters` go into those as they came.
    pub(crate) fn reply(
        self,
        call: &Call,
        key: &str,
        items: &[Value],
        more: bool,
        filters: &[&str],
    ) -> Reply {
        let path = call.path.iter().map(|segment| encode(segment)).collect::<Vec<_>>().join("/");
        let mut kept = String::new();
        for name in filters {
            for value in call.query.all(name) {
                kept.push_str(&format!("&{}={}", encode(name), encode(value)));
            }
        }
        let url = |number: usize| call.url(&format!("{path}?PageSize={}&Page={number}{kept}", self.size));
        let body = json!({
            key: items,
            "meta": {
                "page": self.number,
                "page_size": self.size,
                "first_page_url": url(0),
                "previous_page_url": self.number.checked_sub(1).map(url),
                "url": url(self.number),
                "next_page_url": more.then(|| url(self.number.saturating_add(1))),
                "key": key,
            },
        });
        reply::ok(&body)
    }

    /// A page of a list that is at hand as a whole.
    pub(crate) fn of_all(self, call: &Call, key: &str, all: &[Value]) -> Reply {
        let (before, size) = self.window();
        let more = all.len() > before.saturating_add(size);
        let shown = all.get(before..).unwrap_or_default();
        self.reply(call, key, shown.get(..size).unwrap_or(shown), more, &[])
    }
}
