//! Somebody else's server: answers what it is told, in that order, and keeps what it was asked.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use verify_core::{Fetch, FetchError, FetchErrorKind};

/// One answer, or the way in which there is none.
pub type Turn = Result<(u16, String), FetchErrorKind>;

/// What was asked, as text and whole.
type Asked = (String, Request<Bytes>);

#[derive(Clone, Debug, Default)]
pub struct Stub {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    pub fn then(&self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.lock().unwrap().extend(turns);
    }

    /// What was asked: the method, the URL, the credentials and the body.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(text, _)| text.clone()).collect()
    }

    /// A header field of what was asked, each time.
    pub fn headers(&self, name: &str) -> Vec<Option<String>> {
        let asked = self.asked.lock().unwrap();
        let value =
            |request: &Request<Bytes>| Some(request.headers().get(name)?.to_str().unwrap().to_owned());
        asked.iter().map(|(_, request)| value(request)).collect()
    }
}

#[async_trait]
impl Fetch for Stub {
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let credentials = request.headers()["authorization"].to_str().unwrap();
        let text = format!("{} {} {credentials} {body}", request.method(), request.uri());
        self.asked.lock().unwrap().push((text, request));
        let turn = self.turns.lock().unwrap().pop_front().expect("nothing more is asked");
        let (status, body) = turn?;
        Ok(Response::builder().status(status).header("retry-after", "33").body(body.into()).unwrap())
    }
}

pub fn ok(body: &str) -> Turn {
    status(200, body)
}

pub fn status(status: u16, body: &str) -> Turn {
    Ok((status, body.to_owned()))
}
