//! Who is asking, and how often: R69, R70 and H31.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use verify_core::{
    Backoff, ClientIp, FakeClock, ForwardedHeader, IpNet, Limit, LimitError, Limiter, RequestLimits, Source,
    Wait,
};

const MINUTE: Duration = Duration::from_secs(60);
const PROXY: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn networks(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|network| network.parse().unwrap()).collect()
}

fn behind_proxies() -> ClientIp {
    ClientIp::forwarded_by(networks(&["10.0.0.0/8", "fd00::/8"]))
}

/// The client's address when the peer is `PROXY`.
fn address(config: &ClientIp, lines: &[&[u8]]) -> String {
    config
        .address(Some(ip(PROXY)), |_| lines.iter().copied())
        .map_or_else(|| "none".to_owned(), |a| a.to_string())
}

fn limiter(limit: Limit) -> (Limiter, FakeClock) {
    let clock = FakeClock::default();
    (Limiter::new(limit, Arc::new(clock.clone())).unwrap(), clock)
}

/// How many of `tries` pass.
fn passes(limiter: &Limiter, source: &Source, tries: u32) -> u32 {
    (0..tries).map(|_| u32::from(limiter.check(source).is_ok())).sum()
}

#[test]
fn h31_x_forwarded_for_is_walked_from_the_right_to_the_first_untrusted() {
    for (lines, client) in [
        (&["203.0.113.9"][..], "203.0.113.9"),
        (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (&["198.51.100.1,203.0.113.9,10.0.0.2"], "203.0.113.9"),
        (&["198.51.100.1, 203.0.113.9", "10.9.9.9\t,\t10.0.0.2"], "203.0.113.9"),
        (&["203.0.113.9:4711"], "203.0.113.9"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]:4711, fd00::2"], "2001:db8::1"),
        (&["\"[2001:db8::1]:4711\""], "2001:db8::1"),
        (&["::ffff:203.0.113.9"], "203.0.113.9"),
        (&["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
        // Empty elements of a list are nothing (RFC 9110, 5.6.1.2).
        (&["", "203.0.113.9, , 10.0.0.2,"], "203.0.113.9"),
        // What stands left of the client is its own word, garbage included.
        (&["a\"b, \\, 203.0.113.9"], "203.0.113.9"),
        // Nobody but our own proxies: the peer.
        (&["10.0.0.3, 10.0.0.2"], PROXY),
        (&[""], PROXY),
        (&[], PROXY),
        // Not an address: the peer.
        (&["198.51.100.1, unknown"], PROXY),
        (&["198.51.100.1, _hidden, 10.0.0.2"], PROXY),
        (&["198.51.100.1, 203.0.113"], PROXY),
        (&["198.51.100.1, 203.0.113.9:"], PROXY),
        (&["198.51.100.1, 203.0.113.9:x"], PROXY),
        (&["198.51.100.1, 203.0.113.9:123456"], PROXY),
        (&["198.51.100.1, [2001:db8::1"], PROXY),
        (&["198.51.100.1, [203.0.113.9]"], PROXY),
        (&["198.51.100.1, [2001:db8::1]4711"], PROXY),
        (&["198.51.100.1, fe80::1%eth0"], PROXY),
        (&["198.51.100.1, 203.0.113.9 198.51.100.2"], PROXY),
        (&["198.51.100.1, 203.0.113.9\""], PROXY),
        (&["198.51.100.1, for=203.0.113.9"], PROXY),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(address(&behind_proxies(), &lines), client, "{lines:?}");
    }
    assert_eq!(address(&behind_proxies(), &[b"198.51.100.1, \xff\xfe"]), PROXY);
}

#[test]
fn h31_forwarded_is_read_as_rfc_7239_writes_it() {
    let config = behind_proxies().with_header(ForwardedHeader::Forwarded);
    for (line, client) in [
        ("for=203.0.113.9", "203.0.113.9"),
        ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
        ("for=203.0.113.9:80", "203.0.113.9"),
        ("for=\"203.0.113.9:_port\"", "203.0.113.9"),
        ("for=198.51.100.1, for=203.0.113.9;proto=http;by=10.0.0.2", "203.0.113.9"),
        ("proto=https ; for=203.0.113.9;, for=10.0.0.2", "203.0.113.9"),
        ("for=\", for=203.0.113.9", "203.0.113.9"),
        // A comma, a semicolon or an escaped quote in quotes separates nothing.
        ("for=203.0.113.9;host=\"a,for=198.51.100.1;x=\"", "203.0.113.9"),
        ("for=203.0.113.9;host=\"\\\",for=198.51.100.1;x=\\\"\"", "203.0.113.9"),
        ("for=unknown", PROXY),
        ("for=_hidden", PROXY),
        ("for=198.51.100.1, proto=https", PROXY),
        ("for=198.51.100.1;for=203.0.113.9", PROXY),
        ("for=203.0.113.9;proto", PROXY),
        ("for=203.0.113.9;proto=", PROXY),
        ("for=203.0.113.9;a b=c", PROXY),
        ("for=203.0.113.9;=c", PROXY),
        ("for = 203.0.113.9", PROXY),
        ("for=203.0.113.9\"", PROXY),
        ("for=\"203.0.113.9", PROXY),
        ("for=\"203.0.113.\\9\"", PROXY),
        ("203.0.113.9", PROXY),
    ] {
        assert_eq!(address(&config, &[line.as_bytes()]), client, "{line}");
    }
}

#[test]
fn h31_no_header_is_read_unless_the_peer_is_trusted() {
    let never = |name: &'static str| -> [&'static [u8]; 0] { panic!("read {name}") };
    let config = behind_proxies();
    assert_eq!(ClientIp::default().address(Some(ip(PROXY)), never), Some(ip(PROXY)));
    assert_eq!(config.address(Some(ip("203.0.113.9")), never), Some(ip("203.0.113.9")));
    assert_eq!(config.address(None, never), None);
    // A trusted network and a peer may both come as IPv4-mapped IPv6.
    let mapped = ClientIp::forwarded_by(networks(&["::ffff:10.0.0.0/104"]));
    for peer in ["10.0.0.1", "::ffff:10.0.0.1"] {
        let client = mapped.address(Some(ip(peer)), |_| [&b"203.0.113.9"[..]]);
        assert_eq!(client, Some(ip("203.0.113.9")), "{peer}");
    }
    assert_eq!(mapped.address(Some(ip("11.0.0.1")), never), Some(ip("11.0.0.1")));
}

#[test]
fn h31_the_configured_header_alone_is_read() {
    let read = |config: ClientIp| {
        let mut asked = Vec::new();
        config.address(Some(ip(PROXY)), |name| {
            asked.push(name);
            [&b"203.0.113.9"[..]]
        });
        asked
    };
    assert_eq!(read(behind_proxies()), ["x-forwarded-for"]);
    assert_eq!(read(ClientIp::trusted_hops(1)), ["x-forwarded-for"]);
    assert_eq!(read(behind_proxies().with_header(ForwardedHeader::Forwarded)), ["forwarded"]);
    assert_eq!(read(ClientIp::trusted_hops(1).with_header(ForwardedHeader::Forwarded)), ["forwarded"]);
    assert!(read(ClientIp::Peer.with_header(ForwardedHeader::Forwarded)).is_empty());
}

#[test]
fn r69_hops_are_counted_from_the_right() {
    let lines: &[&[u8]] = &[b"198.51.100.1, 203.0.113.9", b"192.0.2.7"];
    for (hops, client) in
        [(0, PROXY), (1, "192.0.2.7"), (2, "203.0.113.9"), (3, "198.51.100.1"), (4, PROXY), (255, PROXY)]
    {
        assert_eq!(address(&ClientIp::trusted_hops(hops), lines), client, "{hops} hops");
    }
    // An unreadable element among those counted may hide others: nothing left of it is taken.
    let broken: &[&[u8]] = &[b"198.51.100.1", b"203.0.113.9, 192.0.2.7\""];
    assert_eq!(address(&ClientIp::trusted_hops(2), broken), PROXY);
    // Behind a Unix socket there is no peer, and the header still counts.
    let client = ClientIp::trusted_hops(1).address(None, |_| lines.iter().copied());
    assert_eq!(client, Some(ip("192.0.2.7")));
    assert_eq!(ClientIp::trusted_hops(1).resolve(None, |_| [&b"unknown"[..]]), Source::UNKNOWN);
}

fn any_header() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let meaningful = proptest::sample::select(&b"\",;:=[]\\_ .0123456789abcdeffor"[..]);
    let byte = prop_oneof![4 => meaningful, 1 => any::<u8>()];
    proptest::collection::vec(proptest::collection::vec(byte, 0..60), 0..4)
}

proptest! {
    #[test]
    fn h31_no_header_panics(lines in any_header(), hops in 0..5_u8) {
        for config in [behind_proxies(), ClientIp::trusted_hops(hops)] {
            for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
                let config = config.clone().with_header(header);
                config.resolve(Some(ip(PROXY)), |_| lines.iter().map(Vec::as_slice));
            }
        }
    }

    #[test]
    fn h31_what_a_client_sends_never_changes_what_the_proxies_saw(
        spoofed in any_header(),
        client in any::<u32>().prop_filter("trusted", |n| n >> 24 != 10),
        own_line in any::<bool>(),
    ) {
        let client = IpAddr::from(client.to_be_bytes());
        for (header, seen) in [
            (ForwardedHeader::XForwardedFor, format!("{client}, 10.0.0.2")),
            (ForwardedHeader::Forwarded, format!("for={client};host=\"a,b\", for=10.0.0.2")),
        ] {
            let mut lines = spoofed.clone();
            match lines.last_mut() {
                Some(last) if !own_line => last.extend([b", ", seen.as_bytes()].concat()),
                _ => lines.push(seen.into_bytes()),
            }
            for config in [behind_proxies(), ClientIp::trusted_hops(2)] {
                let config = config.with_header(header);
                let found = config.address(Some(ip(PROXY)), |_| lines.iter().map(Vec::as_slice));
                prop_assert_eq!(found, Some(client));
            }
        }
    }

    #[test]
    fn r69_sources_are_equal_exactly_when_their_bytes_are(a in any::<u128>(), flip in 0..128_u32) {
        let b = a ^ (1 << flip);
        let (one, other) = (Source::from(IpAddr::from(a.to_be_bytes())), Source::from(IpAddr::from(b.to_be_bytes())));
        prop_assert_eq!(one == other, one.as_bytes() == other.as_bytes());
        let mapped = |n: u128| n >> 32 == 0xffff;
        if !mapped(a) && !mapped(b) {
            prop_assert_eq!(one == other, flip < 64);
        }
    }

    #[test]
    fn h10_a_told_wait_is_never_zero_and_never_early(seconds in any::<u64>(), nanos in 0..1_000_000_000_u32) {
        let exact = Duration::new(seconds, nanos);
        let told = Wait::at_least(exact).retry_after();
        prop_assert!(told >= Duration::from_secs(1));
        prop_assert!(told >= exact || told.as_secs() == u64::MAX);
        prop_assert_eq!(told.subsec_nanos(), 0);
    }
}

#[test]
fn r69_a_source_is_an_ipv4_address_or_an_ipv6_64_and_tells_neither() {
    let source = |text: &str| Source::from(ip(text));
    assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
    assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    assert_ne!(source("::"), Source::UNKNOWN);
    assert_ne!(source("0.0.0.0"), Source::UNKNOWN);
    assert_eq!(source("192.0.2.1").as_bytes(), &[4, 192, 0, 2, 1, 0, 0, 0, 0]);
    assert_eq!(source("2001:db8::1").as_bytes(), &[6, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0]);
    let shown = format!("{:?} {:?} {:?}", source("192.0.2.1"), source("2001:db8::1"), Source::UNKNOWN);
    assert_eq!(shown, "Source(v4) Source(v6) Source(unknown)");
}

#[test]
fn r69_those_without_an_address_share_one_bucket() {
    let (limiter, _clock) = limiter(Limit::of(5).per(MINUTE));
    let nobody = || ClientIp::Peer.resolve(None, |_| [&b""[..]]);
    assert_eq!((0..100).filter(|_| limiter.check(&nobody()).is_ok()).count(), 5);
    assert_eq!(passes(&limiter, &Source::from(ip("192.0.2.1")), 100), 5);
}

#[test]
fn r70_a_million_sources_get_no_more_buckets_than_the_table_has() {
    let (limiter, _clock) = limiter(Limit::of(5).per(MINUTE));
    let passed: u32 =
        (0..1_000_000_u32).map(|n| passes(&limiter, &Source::from(IpAddr::from(n.to_be_bytes())), 1)).sum();
    // One bucket per source would let the whole million pass; at a frozen clock each bucket grants five.
    assert!(passed <= 65_536 * 5, "{passed}");
    assert!(passed > 65_536 * 4, "{passed}");
}

#[test]
fn r70_fifty_threads_at_a_frozen_clock_never_exceed_the_burst() {
    const BURST: u32 = 25;
    let source = Source::from(ip("192.0.2.1"));
    for round in 0..200 {
        let (limiter, _clock) = limiter(Limit::of(BURST).per(MINUTE));
        let (passed, start) = (AtomicU32::new(0), Barrier::new(50));
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    start.wait();
                    passed.fetch_add(passes(&limiter, &source, 10), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(passed.into_inner(), BURST, "round {round}");
    }
}

#[test]
fn a_bucket_refills_evenly_up_to_the_burst() {
    let (limiter, clock) = limiter(Limit::of(5).per(MINUTE));
    let source = Source::from(ip("192.0.2.1"));
    assert_eq!(passes(&limiter, &source, 10), 5);
    clock.advance(Duration::from_millis(11_999));
    assert_eq!(passes(&limiter, &source, 10), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(passes(&limiter, &source, 10), 1);
    clock.advance(Duration::from_secs(36));
    assert_eq!(passes(&limiter, &source, 10), 3);
    clock.advance(MINUTE * 1000);
    assert_eq!(passes(&limiter, &source, 10), 5);
}

#[test]
fn a_clock_that_is_set_back_neither_locks_out_nor_unlocks() {
    let (source, modest) = (Source::UNKNOWN, Source::from(ip("192.0.2.1")));
    for back in [1, 59, 61, 3600, 86_400 * 400] {
        let (limiter, clock) = limiter(Limit::of(5).per(MINUTE));
        clock.advance(Duration::from_secs(7200));
        assert_eq!((passes(&limiter, &source, 10), passes(&limiter, &modest, 1)), (5, 1));
        clock.turn_back(Duration::from_secs(back));
        assert_eq!((passes(&limiter, &source, 10), passes(&limiter, &modest, 10)), (0, 4), "{back} s back");
        clock.advance(MINUTE);
        let refilled = passes(&limiter, &source, 10);
        assert!(if back > 60 { refilled == 5 } else { refilled <= 5 }, "{back} s back: {refilled}");
        clock.advance(MINUTE);
        assert!(limiter.check(&source).is_ok(), "{back} s back: still locked two minutes later");
    }
}

#[test]
fn a_clock_that_swings_grants_one_burst_per_swing_at_most() {
    let (limiter, clock) = limiter(Limit::of(5).per(MINUTE));
    let source = Source::from(ip("192.0.2.1"));
    assert_eq!(passes(&limiter, &source, 10), 5);
    for _ in 0..1000 {
        clock.turn_back(Duration::from_secs(3600));
        assert_eq!(passes(&limiter, &source, 10), 0);
        clock.advance(Duration::from_secs(3600));
        assert!(passes(&limiter, &source, 10) <= 5);
    }
    // Far past the range of nanoseconds, time stands still instead of wrapping round.
    for _ in 0..2 {
        clock.advance(Duration::from_secs(400 * 365 * 86_400));
        assert!(passes(&limiter, &source, 10) <= 5);
    }
    assert_eq!(passes(&limiter, &source, 10), 0);
}

#[test]
fn h10_the_wait_is_told_coarsely() {
    for (exact_millis, told) in [
        (0, 1),
        (1, 1),
        (1_001, 2),
        (3_000, 5),
        (12_000, 15),
        (59_001, 60),
        (60_001, 120),
        (3_600_000, 3600),
        (3_600_001, 7200),
    ] {
        let wait = Wait::at_least(Duration::from_millis(exact_millis));
        assert_eq!(wait.retry_after(), Duration::from_secs(told), "{exact_millis} ms");
    }
    let (limiter, clock) = limiter(Limit::of(1).per(MINUTE * 10));
    let source = Source::from(ip("192.0.2.1"));
    limiter.check(&source).unwrap();
    clock.advance(Duration::from_secs(432));
    let wait = limiter.check(&source).unwrap_err();
    assert_eq!(wait.retry_after(), Duration::from_secs(300), "168 s are left");
    assert_eq!(wait.to_string(), "too many requests: try again in 300 seconds");
    clock.advance(wait.retry_after());
    assert!(limiter.check(&source).is_ok());
}

#[test]
fn a_limit_that_cannot_be_kept_is_refused_when_built() {
    let build = |limit| Limiter::new(limit, Arc::new(FakeClock::default())).map(|_| ());
    assert_eq!(build(Limit::of(0).per(MINUTE)), Err(LimitError::ZeroCount));
    assert_eq!(build(Limit::of(5).per(Duration::ZERO)), Err(LimitError::ZeroPeriod));
    assert_eq!(build(Limit::of(5).per(Duration::MAX)), Err(LimitError::PeriodTooLong));
    assert_eq!(build(Limit::of(u32::MAX).per(Duration::from_nanos(1))), Ok(()));
    assert_eq!(build(Limit::of(u32::MAX).per(Limit::LONGEST_PERIOD)), Ok(()));
}

#[test]
fn unlimited_is_said_by_name() {
    let limits = RequestLimits::unlimited();
    assert!(limits.challenges().is_unlimited() && limits.blocked().is_unlimited());
    let (limiter, _clock) = limiter(limits.blocked());
    assert_eq!(passes(&limiter, &Source::UNKNOWN, 10_000), 10_000);
    let limits = RequestLimits::default();
    assert_eq!(limits.challenges(), Limit::of(60).per(MINUTE));
    assert_eq!(limits.blocked(), Limit::of(300).per(MINUTE));
}

#[test]
fn back_off_doubles_up_to_its_bound() {
    let seconds: Vec<_> = (0..10).map(|times| Backoff::default().wait(times).as_secs()).collect();
    assert_eq!(seconds, [0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(Backoff::new(Duration::from_nanos(1), Duration::MAX).wait(u32::MAX), Duration::MAX);
    assert_eq!(Backoff::new(Duration::ZERO, Duration::MAX).wait(u32::MAX), Duration::ZERO);
    assert_eq!(Backoff::new(MINUTE, Duration::from_secs(1)).wait(1), Duration::from_secs(1));
}
