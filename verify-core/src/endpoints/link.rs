//! `link`: the page behind a link that stands for a code, and the button on it. Looking changes nothing; only the button does.

use bytes::Bytes;

use crate::ceremony::{Answered, Link, Opening};
use crate::decision::Reply;
use crate::endpoints::Endpoints;
use crate::endpoints::report::{field, unreferred};
use crate::inquiry::Asking;
use crate::offer;
use crate::page;
use crate::refusal::Refusal;
use crate::reply::{self, Look};
use crate::request::RequestView;

const MALFORMED: Refusal = Refusal::Invalid("the form is `token`, from the link of a mail, and nothing else");

impl Endpoints {
    /// The page with the button. It says the same to a link scanner as to a reader, and the store is asked nothing.
    pub(super) fn link_page(&self, request: &impl RequestView, look: Look) -> Reply {
        let token = request.query().and_then(field).unwrap_or_default();
        let look = Look { page: true, ..look };
        unreferred(match Link::open(&self.core, &token) {
            Ok(link) => {
                let subject = self.core.subject_of(request);
                let is_here = subject.is_some_and(|subject| link.is_of(&self.core, &subject));
                page::link(&self.core, link.purpose(), &token, is_here, look)
            }
            Err(refusal) => page::unopened(&self.core, refusal, look),
        })
    }

    /// What the button does.
    pub(super) async fn link(&self, asking: &mut Asking, body: &Bytes) -> Reply {
        asking.look.page = true;
        let core = &self.core;
        let done = async {
            core.within_shared_limit(&asking.source).await?;
            let text = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
            let link = Link::open(core, &field(text).ok_or(MALFORMED)?)?;
            let opening = link.act(core, &asking.subject, asking.source).await?;
            Ok((link, opening))
        };
        unreferred(match done.await {
            Ok((link, Opening::Here(answered))) => {
                let Answered { proof, .. } = *answered;
                asking.prove(proof, link.factor());
                let cleared = offer::clear(asking);
                reply::with_headers(reply::see_other(link.return_to(), asking.look), cleared.headers)
            }
            Ok((_, Opening::Elsewhere)) => page::opened_elsewhere(core, asking.look),
            Ok((_, Opening::NotHere)) => page::not_here(core, asking.look),
            Err(refusal) => page::unopened(core, self.core.told(refusal), asking.look),
        })
    }
}
