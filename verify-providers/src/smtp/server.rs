//! Which server, by which TLS, with which credentials.

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;

use crate::smtp::session::{Fault, Stage};
use crate::smtp::{Secret, SmtpError};

/// How a certificate begins in PEM (RFC 7468, 5).
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where mail is handed over.
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    roots: Vec<Certificate>,
    credentials: Option<Credentials>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    /// TLS from the first byte (RFC 8314, 3).
    Implicit,
    /// STARTTLS, or nothing (RFC 3207).
    StartTls,
    /// STARTTLS where it is offered: this machine only.
    Offered,
}

impl Server {
    pub(super) fn parse(url: &str) -> Result<Self, SmtpError> {
        let uri: http::Uri = url.parse().map_err(|_| SmtpError::Url)?;
        let authority = uri.authority().ok_or(SmtpError::Url)?;
        let (host, port) = (authority.host(), authority.port_u16());
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let here = bare == "localhost" || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if bare.is_empty() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(SmtpError::Url);
        }
        let (security, usual) = match uri.scheme_str() {
            Some("smtps") => (Security::Implicit, 465),
            Some("smtp") if here => (Security::Offered, 587),
            Some("smtp") => (Security::StartTls, 587),
            _ => return Err(SmtpError::Url),
        };
        let credentials = match authority.as_str().rsplit_once('@') {
            None => None,
            Some((pair, _)) => {
                let (user, password) = pair.split_once(':').ok_or(SmtpError::Url)?;
                Some(Credentials::new(decoded(user)?.to_string(), decoded(password)?.to_string()))
            }
        };
        Ok(Self {
            tls: tls(bare, &[])?,
            host: bare.to_owned(),
            port: port.unwrap_or(usual),
            security,
            roots: Vec::new(),
            credentials,
        })
    }

    /// The same, trusting one more authority.
    pub(super) fn trusting(&self, pem: &[u8]) -> Result<Self, SmtpError> {
        // The parser takes a text without any certificate for one with none.
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(SmtpError::Certificate);
        }
        let mut roots = self.roots.clone();
        roots.push(Certificate::from_pem(pem).map_err(|_| SmtpError::Certificate)?);
        Ok(Self {
            tls: tls(&self.host, &roots)?,
            host: self.host.clone(),
            port: self.port,
            security: self.security,
            roots,
            credentials: self.credentials.clone(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// A new connection, over TLS and signed in.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Fault> {
        let at = |stage: Stage| move |error| Fault { stage, error };
        let me = ClientId::default();
        let implicit = (self.security == Security::Implicit).then(|| self.tls.clone());
        let address = (self.host.as_str(), self.port);
        let connected = AsyncSmtpConnection::connect_tokio1(address, None, &me, implicit, None).await;
        let mut connection = connected.map_err(at(Stage::Connect))?;
        let upgrade = match self.security {
            Security::Implicit => false,
            Security::StartTls => true,
            Security::Offered => connection.can_starttls(),
        };
        if upgrade {
            connection.starttls(self.tls.clone(), &me).await.map_err(at(Stage::Connect))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, credentials).await.map_err(at(Stage::SignIn))?;
        }
        Ok(connection)
    }
}

fn tls(host: &str, roots: &[Certificate]) -> Result<TlsParameters, SmtpError> {
    let builder = TlsParameters::builder(host.to_owned());
    let builder = roots.iter().cloned().fold(builder, |builder, root| builder.add_root_certificate(root));
    builder.build_rustls().map_err(|_| SmtpError::Certificate)
}

fn decoded(text: &str) -> Result<Secret, SmtpError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| SmtpError::Url)?;
    Ok(Secret::new(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_refused() {
        let read = |url: &str| Server::parse(url).map(|server| (server.host, server.port)).ok();
        let found = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(read("smtps://mail.example"), found("mail.example", 465));
        assert_eq!(read("smtp://u%40x:p%3Aw@mail.example:2525"), found("mail.example", 2525));
        assert_eq!(read("smtp://[::1]:25"), found("::1", 25));
        for bad in [
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://u@mail.example",
            "smtp://a/b",
            "smtp://a?b",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let plain = |url: &str| Server::parse(url).unwrap().security == Security::Offered;
        assert!(
            plain("smtp://127.0.0.1:25")
                && !plain("smtp://10.0.0.1:25")
                && !plain("smtp://localhost.example")
        );
    }
}
