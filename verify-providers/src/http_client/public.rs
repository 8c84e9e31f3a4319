//! Names that may lead to the public internet and nowhere else.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use verify_core::{FetchErrorKind, is_public_address};

/// Resolves names as the system does, and refuses those that lead inside. What it hands on is what is connected to, so a name
/// cannot be one thing when it is looked at and another when it is called.
#[derive(Debug)]
pub(super) struct PublicOnly;

/// A name leads into somebody's own network.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is not of the public internet")]
pub(super) struct Inside;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().any(|address| !is_public_address(address.ip())) {
                return Err(Inside.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// An address that is no name is asked about nowhere, so it is looked at here: as it is connected to, since `127.1`,
/// `0x7f000001` and `2130706433` are one address by then.
pub(super) fn refuse_inside(url: &reqwest::Url) -> Result<(), FetchErrorKind> {
    let host = url.host_str().ok_or(FetchErrorKind::Forbidden)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) if !is_public_address(address) => Err(FetchErrorKind::Forbidden),
        _ => Ok(()),
    }
}

/// Whether an exchange failed because its name leads inside.
pub(super) fn leads_inside(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<Inside>() {
            return true;
        }
        source = cause.source();
    }
    false
}
