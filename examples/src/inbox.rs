//! Who may look into the development inbox. It shows every code, so that is whoever sits at this machine.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;

/// The door of an inbox.
#[derive(Clone, Debug)]
pub struct Door {
    /// Whether everybody may come in.
    is_open: bool,
    /// A name that whoever started the program gave to this machine.
    name: Option<String>,
}

/// Everybody could read every code.
#[derive(Debug, thiserror::Error)]
#[error(
    "the inbox shows every code, and {address} is open to others: listen on 127.0.0.1, or say --danger-open-inbox"
)]
#[non_exhaustive]
pub struct OpenInbox {
    /// Where the program would have listened.
    pub address: SocketAddr,
}

/// What somebody is told who stays outside.
pub const OUTSIDE: &str = "ask for the inbox at localhost, or by the address of this machine";

impl Door {
    /// The door of a program that listens at this address. `danger_open` lets everybody in, who asks under whatever name.
    ///
    /// # Errors
    /// When others than this machine reach the address, and nobody said that they may.
    pub fn new(address: SocketAddr, danger_open: bool) -> Result<Self, OpenInbox> {
        if !danger_open && !address.ip().is_loopback() {
            return Err(OpenInbox { address });
        }
        Ok(Self { is_open: danger_open, name: None })
    }

    /// Lets in whoever asks under this name, too. Default: nobody but who asks at `localhost` or an address.
    #[must_use]
    pub fn named(self, host: &str) -> Self {
        Self { name: Some(host.to_owned()), ..self }
    }

    /// Whether whoever asks for this host, perhaps with a port, may come in. A page of somebody else's can give this machine a
    /// name of its own, and read what is shown under that (DNS rebinding); an address, and `localhost`, it cannot give.
    #[must_use]
    pub fn lets_in(&self, host: Option<&str>) -> bool {
        if self.is_open {
            return true;
        }
        let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else { return false };
        let host = host.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let is_named = |name: &str| host.eq_ignore_ascii_case(name);
        is_named("localhost")
            || self.name.as_deref().is_some_and(is_named)
            || address.parse::<IpAddr>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r75_an_address_that_others_reach_has_to_be_said_by_name() {
        let door = |address: &str, danger_open| Door::new(address.parse().unwrap(), danger_open);
        for here in ["127.0.0.1:3000", "127.9.9.9:3000", "[::1]:3000"] {
            assert!(door(here, false).is_ok(), "{here}");
        }
        for there in ["0.0.0.0:3000", "192.168.0.7:3000", "[::]:3000", "[2001:db8::1]:3000"] {
            let refused = door(there, false).unwrap_err().to_string();
            assert!(refused.contains(there) && refused.contains("--danger-open-inbox"), "{refused}");
            assert!(door(there, true).unwrap().lets_in(Some("rebound.example")), "{there}");
        }
    }

    #[test]
    fn r75_the_inbox_is_not_shown_under_a_name_that_somebody_else_gave() {
        let door = Door::new(([127, 0, 0, 1], 3000).into(), false).unwrap();
        for here in ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "192.168.0.7"] {
            assert!(door.lets_in(Some(here)), "{here}");
        }
        let others = ["rebound.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b"];
        for there in others.map(Some).into_iter().chain([None]) {
            assert!(!door.lets_in(there), "{there:?}");
        }
        let named = door.named("bank.test");
        assert!(named.lets_in(Some("Bank.test:3000")) && named.lets_in(Some("localhost")));
        assert!(!named.lets_in(Some("evil.bank.test")) && !named.lets_in(Some("rebound.example")));
    }
}
