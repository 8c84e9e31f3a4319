//! Which addresses are anybody's, and which lead into somebody's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether this is an address of the public internet, as far as addresses tell: not of this machine, of a private or
/// link-local network, for multicast, documentation or anything else that is set aside (RFC 6890 and the registries that it
/// began). Ask it of every address before calling a URL that somebody else has chosen, and of the very address that is
/// connected to, since a name may resolve to another one a moment later.
///
/// An address of the old kind inside one of the new kind is looked at for itself where it is mapped (RFC 4291, 2.5.5.2), and
/// refused in a tunnel or behind a translator (6to4, Teredo, RFC 6052), where it is not ours to say where it leads.
///
/// ```
/// use verify_core::is_public_address;
///
/// assert!(is_public_address("93.184.215.14".parse()?));
/// for inside in ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7", "fe80::1", "64:ff9b::a00:7"] {
///     assert!(!is_public_address(inside.parse()?), "{inside}");
/// }
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let set_aside = match address.octets() {
        // This network, private use, shared by carriers, this machine, link-local.
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => {
            true
        }
        // Protocol assignments, relays of 6to4, benchmarks, documentation.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            true
        }
        // Multicast, reserved, broadcast.
        [224..=255, ..] => true,
        _ => false,
    };
    !set_aside
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments (Teredo, ORCHID and the like), documentation, 6to4.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Nothing else is handed out so far.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phonesverification_rule_17_what_is_set_aside_is_not_public() {
        let inside = "0.0.0.0 0.1.2.3 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.8.8.8 169.254.169.254 172.16.0.1 \
            172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.9 \
            224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 \
            64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:20::1 2001:db8::1 2002:7f00:1::1 3fff::1 5f00::1 fc00::1 \
            fd12:3456::1 fe80::1 fec0::1 ff02::1";
        for text in inside.split_whitespace() {
            assert!(!is_public_address(text.parse().unwrap()), "{text}");
        }
        let outside = "1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.0.0.1 128.0.0.1 169.253.0.1 172.15.0.1 \
            172.32.0.1 192.0.1.1 192.167.0.1 198.17.0.1 198.20.0.1 203.0.112.1 223.255.255.255 ::ffff:1.1.1.1 \
            2001:200::1 2606:4700::1111 2a00:1450::1 3ffe::1";
        for text in outside.split_whitespace() {
            assert!(is_public_address(text.parse().unwrap()), "{text}");
        }
    }
}
