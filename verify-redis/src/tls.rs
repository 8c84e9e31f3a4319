//! Whom to trust over TLS, and with what to be trusted.

use redis::{Client, ConnectionInfo};

use crate::fault::Fault;

/// The certificates of a store; without any, the system's roots and no certificate of our own.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    #[cfg(feature = "tls")]
    certificates: Option<redis::TlsCertificates>,
}

impl Trust {
    /// A client for this address. Does not connect yet.
    pub(crate) fn client(&self, info: ConnectionInfo) -> Result<Client, Fault> {
        #[cfg(feature = "tls")]
        if matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. }) {
            choose_cryptography();
            if let Some(certificates) = &self.certificates {
                return Client::build_with_tls(info, certificates.clone())
                    .map_err(|_| Fault::misconfigured("the certificates or the key are not PEM"));
            }
        }
        Client::open(info).map_err(|error| Fault::from(&error))
    }

    /// The same for the nodes of a cluster.
    #[cfg(feature = "cluster")]
    pub(crate) fn of_cluster(
        &self,
        builder: redis::cluster::ClusterClientBuilder,
    ) -> redis::cluster::ClusterClientBuilder {
        #[cfg(feature = "tls")]
        if let Some(certificates) = &self.certificates {
            choose_cryptography();
            return builder.certs(certificates.clone());
        }
        builder
    }
}

#[cfg(feature = "tls")]
impl Trust {
    /// Trusts servers that this authority vouches for, and no others.
    pub(crate) fn set_root(&mut self, pem: Vec<u8>) {
        self.certificates().root_cert = Some(pem);
    }

    /// Shows this certificate to servers that ask for one.
    pub(crate) fn set_own(&mut self, client_cert: Vec<u8>, client_key: Vec<u8>) {
        self.certificates().client_tls = Some(redis::ClientTlsConfig { client_cert, client_key });
    }

    fn certificates(&mut self) -> &mut redis::TlsCertificates {
        self.certificates.get_or_insert(redis::TlsCertificates { client_tls: None, root_cert: None })
    }
}

/// The driver asks rustls for the cryptography of the process, which panics if several are compiled in and none was
/// chosen. An app that chose one before keeps it.
#[cfg(feature = "tls")]
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may be quicker, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
    }
}
