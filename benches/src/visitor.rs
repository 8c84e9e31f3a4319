//! A request as a server holds it, without a server: reading it costs nothing.

use std::borrow::Cow;
use std::net::IpAddr;

use verify_core::{RequestView, Subject};

use crate::world::USER;

/// A request of [`USER`] from somewhere.
#[derive(Clone, Debug)]
pub struct Visitor {
    from: IpAddr,
    cookie: Option<String>,
}

impl Visitor {
    /// Without a clearance.
    pub fn from(from: IpAddr) -> Self {
        Self { from, cookie: None }
    }

    /// With a clearance, as a browser carries it.
    pub fn with(clearance: &str) -> Self {
        Self { from: [127, 0, 0, 1].into(), cookie: Some(format!("__Host-clearance={clearance}")) }
    }
}

impl RequestView for Visitor {
    fn method(&self) -> &'static str {
        "GET"
    }

    fn path(&self) -> &'static str {
        "/vault"
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let value = match name {
            "x-user" => Some(USER),
            "cookie" => self.cookie.as_deref(),
            _ => None,
        };
        value.map(str::as_bytes).into_iter()
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        Some(self.from)
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        None
    }
}
