//! Which address is the client's: the rule an operator chooses, and how it is applied to a request.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use crate::source::{Source, forwarded};

/// How the address of a client is found.
///
/// The default is the peer of the socket, which nobody can forge. Behind a reverse proxy that is the proxy's
/// address and all clients would share one bucket, so say which proxies are yours. A header is believed only as
/// far as your own proxies wrote it: it is read from the right, and what the client put on the left is never
/// reached. Whatever cannot be read (a malformed element, `unknown`, an obfuscated `_name`) leaves the peer's
/// address, which shares a bucket with others and never opens a new one.
///
/// ```
/// use verify_core::{ClientIp, IpNet, Source};
///
/// let mine: IpNet = "10.0.0.0/8".parse()?;
/// let client_ip = ClientIp::forwarded_by([mine]);
///
/// // The client claims to be 198.51.100.1; the proxy at 10.0.0.7 saw 203.0.113.9.
/// let lines = [&b"198.51.100.1, 203.0.113.9"[..]];
/// let source = client_ip.resolve("10.0.0.7".parse().ok(), |_name| lines);
/// assert_eq!(source, Source::from("203.0.113.9".parse::<std::net::IpAddr>()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientIp {
    /// The address at the other end of the socket; no header is read. The default, since it needs no trust.
    #[default]
    Peer,
    /// Made by [`ClientIp::forwarded_by`].
    #[non_exhaustive]
    Proxies {
        /// The networks whose word is taken.
        trusted: Arc<[IpNet]>,
        /// The header they write.
        header: ForwardedHeader,
    },
    /// Made by [`ClientIp::trusted_hops`].
    #[non_exhaustive]
    Hops {
        /// How many proxies stand in front.
        hops: u8,
        /// The header they write.
        header: ForwardedHeader,
    },
}

/// The header in which the trusted proxies note whom they speak for.
///
/// Read the one that your proxies *write*, and that one alone: a header which they pass through untouched is
/// the client's own word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, the default, because it is what nearly every proxy appends to unasked.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239; its `for` parameter is read.
    Forwarded,
}

impl ForwardedHeader {
    /// The header's name in lower case, as `http::HeaderMap` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl ClientIp {
    /// Believes `X-Forwarded-For` (see [`with_header`](Self::with_header)) when the peer is one of these
    /// networks, and walks it from the right to the first address that is not.
    ///
    /// If every element is a trusted proxy, or there is none, the peer it is. A peer without an address (a
    /// Unix socket) is in no network, so it is never believed: use [`trusted_hops`](Self::trusted_hops)
    /// there. Give the networks as narrow as they are; a network in which clients live lets these clients
    /// choose their address.
    #[must_use]
    pub fn forwarded_by(proxies: impl IntoIterator<Item = impl Into<IpNet>>) -> Self {
        let trusted = proxies.into_iter().map(|network| canonical(network.into())).collect();
        Self::Proxies { trusted, header: ForwardedHeader::default() }
    }

    /// For those who know only how many proxies stand in front: the client is the `hops`-th element of the
    /// header from the right. Zero is the same as [`ClientIp::Peer`].
    ///
    /// A header shorter than that leaves the peer. The peer is not examined, so this is safe only where
    /// nobody can reach the application around the proxies, and with the true count: one too many and the
    /// client chooses its address. Prefer [`forwarded_by`](Self::forwarded_by).
    #[must_use]
    pub const fn trusted_hops(hops: u8) -> Self {
        Self::Hops { hops, header: ForwardedHeader::XForwardedFor }
    }

    /// Reads another header than `X-Forwarded-For`. [`ClientIp::Peer`] reads none and stays as it is.
    #[must_use]
    pub fn with_header(self, header: ForwardedHeader) -> Self {
        match self {
            Self::Peer => Self::Peer,
            Self::Proxies { trusted, .. } => Self::Proxies { trusted, header },
            Self::Hops { hops, .. } => Self::Hops { hops, header },
        }
    }

    /// The limiter key of a request: [`address`](Self::address), made a [`Source`].
    pub fn resolve<'a, L>(&self, peer: Option<IpAddr>, lines: impl FnOnce(&'static str) -> L) -> Source
    where
        L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
    {
        Source::from(self.address(peer, lines))
    }

    /// The client's address, IPv4 where it is an IPv4-mapped IPv6 one; `None` if the peer has none and the
    /// header tells nothing.
    ///
    /// `lines` is asked, at most once, for all lines of the header with the given lower-case name, in the
    /// order received: `|name| headers.get_all(name).iter().map(HeaderValue::as_bytes)` with the `http`
    /// crate. Nothing is allocated, and no header makes it panic.
    pub fn address<'a, L>(
        &self,
        peer: Option<IpAddr>,
        lines: impl FnOnce(&'static str) -> L,
    ) -> Option<IpAddr>
    where
        L: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
    {
        let peer = peer.map(|peer| peer.to_canonical());
        let forwarded = match self {
            Self::Peer => None,
            Self::Proxies { trusted, header } => {
                let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
                peer.as_ref().filter(|peer| is_trusted(peer)).and_then(|_| {
                    forwarded::nodes(*header, lines(header.name()))
                        .find(|node| !node.as_ref().is_some_and(is_trusted))
                        .flatten()
                })
            }
            Self::Hops { hops, header } => {
                let mut nodes = forwarded::nodes(*header, lines(header.name()));
                (0..*hops).try_fold(None, |_, _| nodes.next().flatten().map(Some)).flatten()
            }
        };
        forwarded.or(peer)
    }
}

/// Addresses are compared as IPv4 where they can be, so a network of IPv4-mapped addresses has to be one of
/// IPv4.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    mapped
        .prefix_len()
        .checked_sub(96)
        .zip(mapped.addr().to_ipv4_mapped())
        .and_then(|(prefix, address)| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}
