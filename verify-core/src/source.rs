//! Who is asking: the address of the client, found without believing the client, and the key limiters count by.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

pub use self::client_ip::{ClientIp, ForwardedHeader};
pub use ipnet::IpNet;

pub(crate) use doubt::doubt;

mod client_ip;
mod doubt;
mod forwarded;

const UNKNOWN: u8 = 0;
const V4: u8 = 4;
const V6: u8 = 6;

/// The party that a limiter counts: one IPv4 address, one IPv6 /64, or everybody without an address.
///
/// An IPv6 customer is handed a /64 at least, so a limit per IPv6 address would be no limit at all. An
/// IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as the IPv4 address it carries, so that a dual-stack
/// socket gives nobody a second bucket. All requests without an address share one source: not to know who is
/// asking must never mean "no limit".
///
/// An address is personal data. `Debug` therefore prints the family alone, and there is no `Display`.
///
/// ```
/// use std::net::IpAddr;
/// use verify_core::Source;
///
/// let one: IpAddr = "2001:db8::1".parse()?;
/// let neighbour: IpAddr = "2001:db8::ffff:1".parse()?;
/// assert_eq!(Source::from(one), Source::from(neighbour));
/// assert_eq!(Source::from(None), Source::UNKNOWN);
/// assert_eq!(format!("{:?}", Source::from(one)), "Source(v6)");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    bytes: [u8; 9],
}

impl Source {
    /// The one source that all requests without an address share.
    pub const UNKNOWN: Self = Self { bytes: [UNKNOWN, 0, 0, 0, 0, 0, 0, 0, 0] };

    /// A stable encoding, for a keyed hash or the key of a shared limiter.
    ///
    /// One byte of family (0 unknown, 4, 6), then eight bytes: the IPv4 address and four zeros, or the upper
    /// half of the IPv6 address. Different sources never encode alike, and the encoding does not change
    /// between releases. It is the address in the clear: hash it with a key before it is stored or logged.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 9] {
        &self.bytes
    }

    /// Whether this is the shared source of those without an address.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.family() == UNKNOWN
    }

    const fn family(&self) -> u8 {
        let [family, ..] = self.bytes;
        family
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        let bytes = match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                [V4, a, b, c, d, 0, 0, 0, 0]
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h] = upper_half(address);
                [V6, a, b, c, d, e, f, g, h]
            }
        };
        Self { bytes }
    }
}

impl From<Option<IpAddr>> for Source {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::UNKNOWN, Self::from)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.family() {
            V4 => "Source(v4)",
            V6 => "Source(v6)",
            _ => "Source(unknown)",
        })
    }
}

const fn upper_half(address: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = address.octets();
    [a, b, c, d, e, f, g, h]
}
