//! Enrolling an authenticator app: show it, have it confirmed by a code, and only then keep it.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::ceremony::mark_step;
use crate::clock::millis_of;
use crate::code::Typed;
use crate::encoding::{Reader, Writer, from_base64url, to_base64url};
use crate::engine::{Core, Engine};
use crate::facts::Who;
use crate::store::StoreError;
use crate::subject::Subject;
use crate::text::is_unprintable;
use crate::totp::TotpSecret;

/// How long an enrolment can be confirmed: time to find the phone and install an app.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// What stands unescaped in a label (RFC 3986, 2.3).
const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An authenticator app that is about to be enrolled; made by [`Engine::enrol`]. Its `Debug` is redacted.
///
/// Nothing is kept for it: the [token](Enrolment::token) holds it, sealed, until its page comes back with a code.
pub struct Enrolment {
    secret: TotpSecret,
    uri: Zeroizing<String>,
    token: Zeroizing<String>,
}

impl Engine {
    /// Begins to enrol an authenticator app for this subject. `account` is what the app lists the secret under, beside the
    /// site's name: a user name or a mail address, 1 to 64 characters on one line.
    ///
    /// Put the page for it behind a policy of the factors that the user has *now*, so that a stolen session alone adds none
    /// (NIST SP 800-63B-4, 4.1.2; OWASP ASVS 7.5.1), and tell the user by another way once it is done (4.6).
    ///
    /// ```
    /// use verify_core::{AuthenticatorBook, Engine, EnrolmentError, KeyRing, Origin, Subject};
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) { return output } }
    /// # }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { block_on(async {
    /// # let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32)))?;
    /// let book = AuthenticatorBook::new();
    /// let engine = Engine::builder(keys, Origin::parse("https://bank.example")?)
    ///     .authenticators(book.clone())
    ///     .build()?;
    ///
    /// let alice = Subject::user("alice");
    /// let enrolment = engine.enrol(&alice, "alice@example.com")?; // the page shows its key or QR code
    /// let token = enrolment.token().to_owned(); // and holds this in a hidden field
    /// # let shown = enrolment.secret().code_at(engine.now()).expose().to_owned();
    ///
    /// let wrong = engine.confirm_enrolment(&alice, &token, "000000").await;
    /// assert!(matches!(wrong, Err(EnrolmentError::WrongCode)));
    /// let secret = engine.confirm_enrolment(&alice, &token, &shown).await?;
    /// let recovery = engine.recovery_codes(&alice)?; // the next page shows them, once
    /// book.enrol(&alice, secret, recovery.digests().iter().cloned());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// When the account cannot be shown, or the machine gives no random bytes.
    pub fn enrol(&self, subject: &Subject<'_>, account: &str) -> Result<Enrolment, EnrolmentError> {
        let core = &self.core;
        if account.trim().is_empty() || account.chars().count() > 64 || account.chars().any(is_unprintable) {
            return Err(EnrolmentError::Account);
        }
        let secret = TotpSecret::generate().map_err(|_| EnrolmentError::NoRandomness)?;
        let expires_at = core.now().saturating_add(millis_of(LIFE));
        let token = seal(core, subject, &secret, expires_at).ok_or(EnrolmentError::NoRandomness)?;
        Ok(Enrolment { uri: uri(&core.site, account, &secret), secret, token })
    }

    /// Ends an enrolment with the code that the app shows: the secret to keep for this subject. The code is used up with it,
    /// so it answers no challenge afterwards.
    ///
    /// # Errors
    /// When the code is wrong, the token is older than 15 minutes, another subject's or none of ours, or the store failed.
    pub async fn confirm_enrolment(
        &self,
        subject: &Subject<'_>,
        token: &str,
        code: &str,
    ) -> Result<TotpSecret, EnrolmentError> {
        let core = &self.core;
        let secret = open(core, subject, token).ok_or(EnrolmentError::Expired)?;
        let typed = Typed::parse(code).ok_or(EnrolmentError::WrongCode)?;
        let step = secret.step_of(&typed, core.now(), 1).ok_or(EnrolmentError::WrongCode)?;
        if !mark_step(core, subject, &secret, step).await? {
            return Err(EnrolmentError::WrongCode);
        }
        Ok(secret)
    }
}

impl Enrolment {
    /// The secret, for whoever shows it in a form of their own.
    #[must_use]
    pub fn secret(&self) -> &TotpSecret {
        &self.secret
    }

    /// The key in groups of four, for people who cannot scan: base32.
    #[must_use]
    pub fn key(&self) -> Zeroizing<String> {
        let text = self.secret.to_base32();
        let mut key = Zeroizing::new(String::with_capacity(text.len() * 5 / 4 + 1));
        for (index, letter) in text.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                key.push(' ');
            }
            key.push(letter);
        }
        key
    }

    /// The `otpauth` URI, which apps take from a link or a QR code.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What the page keeps in a hidden field and gives back with the code: the enrolment, sealed, good for 15 minutes and for
    /// this subject.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The URI as a QR code: an SVG drawing of black squares on white, with the quiet zone that scanners need. It holds no
    /// script and loads nothing, so it can stand in the page.
    ///
    /// # Errors
    /// When the URI does not fit into a QR code, which no account of 64 characters brings about.
    #[cfg(feature = "qr")]
    pub fn qr_svg(&self) -> Result<Zeroizing<String>, EnrolmentError> {
        let drawn = fast_qr::QRBuilder::new(self.uri.as_bytes())
            .ecl(fast_qr::ECL::M)
            .build()
            .map_err(|_| EnrolmentError::Account)?;
        let (size, quiet) = (drawn.size, 4);
        let side = size + 2 * quiet;
        let mut path = Zeroizing::new(String::with_capacity(size * size * 6));
        for (y, row) in drawn.data.chunks(size).take(size).enumerate() {
            for (x, module) in row.iter().enumerate() {
                if module.value() {
                    // Writing to a string does not fail.
                    let _ = write!(path, "M{},{}h1v1h-1z", x + quiet, y + quiet);
                }
            }
        }
        Ok(Zeroizing::new(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" \
             aria-label=\"QR code for an authenticator app\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path fill=\"#000\" d=\"{}\"/></svg>",
            path.as_str()
        )))
    }
}

fn uri(site: &str, account: &str, secret: &TotpSecret) -> Zeroizing<String> {
    let escaped = |text: &str| utf8_percent_encode(text, LABEL).to_string();
    let (site, account) = (escaped(site), escaped(account));
    let mut uri = Zeroizing::new(String::with_capacity(256));
    // Writing to a string does not fail.
    let _ = write!(
        uri,
        "otpauth://totp/{site}:{account}?secret={}&issuer={site}&{}",
        secret.to_base32().as_str(),
        secret.parameters()
    );
    uri
}

/// The version of the sealed form, which sets it apart from tickets under the same key.
const VERSION: &str = "e1";

fn seal(
    core: &Core,
    subject: &Subject<'_>,
    secret: &TotpSecret,
    expires_at: u64,
) -> Option<Zeroizing<String>> {
    let key = core.keys.newest();
    let mut plain = Writer::with_capacity(64);
    plain.fixed(&Who::of(core.keys.facts(), subject).whole).u64(expires_at).field(secret.expose());
    let plain = Zeroizing::new(plain.finish());
    let head = format!("{VERSION}.{}.", key.id);
    let sealed = key.ticket.seal(head.as_bytes(), &plain).ok()?;
    Some(Zeroizing::new(format!("{head}{}", to_base64url(&sealed))))
}

fn open(core: &Core, subject: &Subject<'_>, token: &str) -> Option<TotpSecret> {
    if token.len() > 512 {
        return None;
    }
    let mut parts = token.splitn(3, '.');
    let (VERSION, id, body) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
    let key = core.keys.find(id.as_bytes())?;
    let plain = key.ticket.open(format!("{VERSION}.{id}.").as_bytes(), &from_base64url(body)?)?;
    let mut reader = Reader::new(&plain);
    let (owner, expires_at): ([u8; 16], u64) = (reader.array()?, reader.u64()?);
    let secret = TotpSecret::from_bytes(reader.field()?).ok()?;
    reader.end()?;
    (owner == Who::of(core.keys.facts(), subject).whole && core.now() < expires_at).then_some(secret)
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment([redacted])")
    }
}

/// An authenticator that could not be enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentError {
    /// What the app is to list it under cannot be shown.
    #[error("the account is 1 to 64 printable characters on one line")]
    Account,
    /// The code is not what the app shows now: its clock may be wrong, or the code was used already.
    #[error("the code is not right: wait for the next one, and see that the phone's clock is right")]
    WrongCode,
    /// The token is too old, another subject's or none of ours.
    #[error("that took too long or was begun elsewhere: begin once more")]
    Expired,
    /// The machine gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The store did not answer.
    #[error("the store failed, and nothing was enrolled: try again")]
    Store(#[from] StoreError),
}
