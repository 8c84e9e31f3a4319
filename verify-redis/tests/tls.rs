//! TLS: whom the store trusts, and that it insists on it.
#![cfg(feature = "tls")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use verify_core::store::{Store, StoreErrorKind};
use verify_redis::RedisStoreBuilder;

use server::{Server, folder, free_port, key, patient, until, wait};

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// An authority and two certificates that it signed, for `localhost` and for a client.
struct Certificates(PathBuf);

impl Certificates {
    fn make() -> Self {
        let made = Self(folder());
        made.openssl(
            "req -x509 -newkey ec:ec.txt -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        );
        for (name, extension) in
            [("server", "subjectAltName=DNS:localhost"), ("client", "extendedKeyUsage=clientAuth")]
        {
            std::fs::write(made.0.join("extension.txt"), extension).unwrap();
            made.openssl(&format!(
                "req -newkey ec:ec.txt -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            made.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extension.txt \
                 -out {name}.pem"
            ));
        }
        made
    }

    fn openssl(&self, arguments: &str) {
        let curve = self.0.join("ec.txt");
        if !curve.exists() {
            std::fs::write(&curve, "").unwrap();
            self.openssl("ecparam -name prime256v1 -out ec.txt");
        }
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .expect("openssl is not installed: apt-get install openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// A server with these certificates, and its port for TLS.
    fn server(&self, clients: &str) -> (Server, u16) {
        self.server_with(clients, &[])
    }

    fn server_with(&self, clients: &str, more: &[&str]) -> (Server, u16) {
        let port = free_port();
        let path = |name: &str| self.0.join(name).to_str().unwrap().to_owned();
        let arguments = [
            "--tls-port".to_owned(),
            port.to_string(),
            "--tls-cert-file".to_owned(),
            path("server.pem"),
            "--tls-key-file".to_owned(),
            path("server.key"),
            "--tls-ca-cert-file".to_owned(),
            path("ca.pem"),
            "--tls-auth-clients".to_owned(),
            clients.to_owned(),
        ];
        (Server::start(&[&arguments.each_ref().map(String::as_str), more].concat()), port)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        std::fs::remove_dir_all::<&Path>(&self.0).ok();
    }
}

#[track_caller]
fn misconfigured(builder: RedisStoreBuilder) {
    let error = wait(builder.connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{error}");
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_others_are_not() {
    let certificates = Certificates::make();
    let (_server, port) = certificates.server("no");
    let at = |host: &str| patient(&format!("rediss://{host}:{port}"));
    let store = wait(at("localhost").root_certificate(certificates.read("ca.pem")).connect()).unwrap();
    assert_eq!(wait(store.add(&key(), 1, MINUTE)).unwrap(), 1);

    // An authority that the system does not know, a name that is not in the certificate, another authority.
    misconfigured(at("localhost"));
    misconfigured(at("127.0.0.1").root_certificate(certificates.read("ca.pem")));
    misconfigured(at("localhost").root_certificate(Certificates::make().read("ca.pem")));
    misconfigured(at("localhost").root_certificate("no certificate"));
}

#[test]
fn a_server_may_want_a_certificate_of_ours() {
    let certificates = Certificates::make();
    let (_server, port) = certificates.server("yes");
    let at = || patient(&format!("rediss://localhost:{port}")).root_certificate(certificates.read("ca.pem"));
    let own = at().client_certificate(certificates.read("client.pem"), certificates.read("client.key"));
    assert!(!format!("{own:?}").contains("PRIVATE"));
    let store = wait(own.connect()).unwrap();
    assert_eq!(wait(store.add(&key(), 1, MINUTE)).unwrap(), 1);
    assert!(wait(at().connect()).is_err());
    misconfigured(at().client_certificate("no certificate", "no key"));
}

#[test]
fn both_ends_have_to_speak_it() {
    let certificates = Certificates::make();
    let (server, port) = certificates.server("no");
    // A server without TLS waits for the end of the line.
    let plain = patient(&format!("rediss://localhost:{}", server.port()));
    let error = wait(plain.connect_deadline(SHORT).connect()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout, "{error}");
    assert!(wait(patient(&format!("redis://localhost:{port}")).connect()).is_err());
}

/// The nodes of a cluster tell their addresses, which have to be in their certificates.
#[cfg(feature = "cluster")]
#[test]
fn the_nodes_of_a_cluster_are_held_to_it_as_well() {
    let certificates = Certificates::make();
    let (server, port) =
        certificates.server_with("no", &["--cluster-enabled", "yes", "--tls-cluster", "yes"]);
    let _: () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let _: () = server.ask(&["CONFIG", "SET", "cluster-announce-hostname", "localhost"]);
    let _: () = server.ask(&["CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname"]);
    until("the cluster serves", || server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    let at = || patient(&format!("rediss-cluster://localhost:{port}"));
    let store = wait(at().root_certificate(certificates.read("ca.pem")).connect()).unwrap();
    assert_eq!(wait(store.add(&key(), 1, MINUTE)).unwrap(), 1);
    misconfigured(at());
    misconfigured(at().root_certificate(Certificates::make().read("ca.pem")));
}
