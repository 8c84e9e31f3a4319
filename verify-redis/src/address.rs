//! Where Redis is, from a URL.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::fault::Fault;

/// A silent connection is probed after this long, so that routers on the way do not forget it.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// What was sent and not acknowledged for this long ends the connection, where the kernel can do that. Else a machine
/// that vanished is waited for by a quarter of an hour.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// What a URL leads to.
#[derive(Clone)]
pub(crate) enum Address {
    /// One server.
    Server(Box<ConnectionInfo>),
    /// A cluster, by some of its nodes.
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, Fault> {
        let cluster = [("redis-cluster://", "redis"), ("rediss-cluster://", "rediss")];
        match cluster.iter().find_map(|(prefix, scheme)| Some((scheme, url.strip_prefix(prefix)?))) {
            Some((scheme, rest)) => Ok(Self::Cluster(nodes(scheme, rest)?)),
            None => Ok(Self::Server(Box::new(server(url)?))),
        }
    }
}

/// One server's address, and how to behave on the connection.
pub(crate) fn server(url: &str) -> Result<ConnectionInfo, Fault> {
    if url.contains('#') {
        // The driver knows `#insecure`, which switches the check of certificates off.
        return Err(Fault::misconfigured(
            "the URL has a fragment (`#`), and none means anything here; in a password it is written `%23`",
        ));
    }
    if !cfg!(feature = "tls") && (url.starts_with("rediss://") || url.starts_with("valkeys://")) {
        return Err(Fault::misconfigured("TLS needs the feature `tls` of verify-redis"));
    }
    let info = url.into_connection_info().map_err(|_| {
        Fault::misconfigured(
            "the address is not a URL of the form `redis://user:password@host:6379/0`, with `rediss:` for TLS \
             and special characters of the password percent-encoded",
        )
    })?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let redis = info.redis_settings().clone().set_skip_set_lib_name();
    // Over RESP3 the driver tells when a connection is lost; otherwise only the next call finds out, and fails.
    let chosen = url.rsplit_once('?').is_some_and(|(_, query)| query.contains("protocol="));
    let redis = if chosen { redis } else { redis.set_protocol(ProtocolVersion::RESP3) };
    Ok(info.set_redis_settings(redis).set_tcp_settings(alive(tcp)))
}

fn alive(tcp: TcpSettings) -> TcpSettings {
    let tcp = tcp.set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    tcp
}

/// `user:password@host:port,host:port/…`: the same with each of the hosts.
fn nodes(scheme: &str, rest: &str) -> Result<Vec<ConnectionInfo>, Fault> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    hosts.split(',').map(|host| server(&format!("{scheme}://{user}{host}{tail}"))).collect()
}

#[cfg(test)]
mod tests {
    use redis::ConnectionAddr;

    use super::*;

    fn hosts(url: &str) -> Vec<String> {
        match Address::parse(url).unwrap() {
            Address::Server(info) => vec![info.addr().to_string()],
            Address::Cluster(infos) => infos.iter().map(|info| info.addr().to_string()).collect(),
        }
    }

    #[test]
    fn finds_one_server_or_the_nodes_of_a_cluster() {
        assert_eq!(hosts("redis://10.0.0.1"), ["10.0.0.1:6379"]);
        assert_eq!(hosts("valkey://[2001:db8::1]:7000/3"), ["2001:db8::1:7000"]);
        assert_eq!(hosts("redis-cluster://a:1,b,[::1]:3"), ["a:1", "b:6379", "::1:3"]);
        assert!(
            matches!(Address::parse("unix:///run/redis.sock"), Ok(Address::Server(_))) || cfg!(not(unix))
        );
    }

    #[test]
    fn every_node_gets_the_same_credentials_and_settings() {
        let Address::Cluster(infos) =
            Address::parse("redis-cluster://app:p%40ss,word@a:1,b:2/?protocol=resp2").unwrap()
        else {
            panic!("not a cluster");
        };
        assert_eq!(infos.len(), 2);
        for info in infos {
            let redis = info.redis_settings();
            assert_eq!((redis.username(), redis.password()), (Some("app"), Some("p@ss,word")));
            assert_eq!(redis.protocol(), ProtocolVersion::RESP2);
            assert!(info.tcp_settings().nodelay());
            assert!(matches!(info.addr(), ConnectionAddr::Tcp(..)));
        }
    }

    #[test]
    fn speaks_resp3_unless_told_otherwise() {
        let protocol = |url| server(url).unwrap().redis_settings().protocol();
        assert_eq!(protocol("redis://host"), ProtocolVersion::RESP3);
        assert_eq!(protocol("redis://host?protocol=resp3"), ProtocolVersion::RESP3);
        assert_eq!(protocol("redis://host?protocol=2"), ProtocolVersion::RESP2);
        assert_eq!(protocol("redis://:protocol=2@host"), ProtocolVersion::RESP3);
    }

    #[test]
    fn refuses_what_is_no_address_without_repeating_it() {
        for url in [
            "",
            "hunter2",
            "localhost:6379",
            "http://app:hunter2@host/",
            "redis://app:hunter2@host/nought",
            "redis://app:hunter2@host:port",
            "redis://:hunter2@0.0.0.0",
            "redis://app:hunter2@host#insecure",
            "rediss://app:hunter2@host/#insecure",
            "redis-cluster://",
            "redis-cluster://app:hunter2@a,,b",
            "redis-cluster://a,b/#insecure",
            "redis://app:hunter2@host?protocol=resp9",
        ] {
            let Err(fault) = Address::parse(url) else { panic!("{url} is taken") };
            assert_eq!(fault.kind(), verify_core::store::StoreErrorKind::Misconfigured, "{url}");
            assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn says_which_feature_tls_needs() {
        for url in ["rediss://host", "valkeys://host", "rediss-cluster://host"] {
            let Err(fault) = Address::parse(url) else { panic!("{url} is taken") };
            assert!(fault.to_string().contains("feature `tls`"), "{fault}");
        }
    }
}
