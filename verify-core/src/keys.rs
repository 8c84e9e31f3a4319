//! The application's keys: a ring, newest first, each with an id and sub-keys that are derived per purpose.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// HMAC-SHA-256 with its key schedule already done, so that using it costs the message and nothing else.
pub(crate) type Mac256 = Hmac<Sha256>;

const MIN_KEY_BYTES: usize = 32;
const MAX_ID_BYTES: usize = 16;

/// The keys of one application, newest first.
///
/// Everything that leaves the process is sealed or signed with the first key and names it; whatever any key of the
/// ring made is still accepted. To rotate, put a new key in front, wait until the longest clearance has run out,
/// then drop the last one: dropping a key ends everything that it sealed. Budgets that outlive a challenge are
/// counted under the *last* key, so that machines in the middle of a rollout count together.
///
/// Each purpose (tickets, clearances, codes, names in the store, …) has a sub-key of its own, derived with
/// HMAC-SHA-256, so that a value made for one purpose never verifies for another.
///
/// ```
/// use verify_core::KeyRing;
///
/// let hex = "8f".repeat(32);
/// assert!(KeyRing::parse(&format!("2026-11:{hex}")).is_ok());
/// assert!(KeyRing::parse("2026-11:8f8f").is_err(), "a short key does not start");
/// assert!(KeyRing::parse("").is_err(), "no key does not start");
/// ```
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[MasterKey]>,
}

/// One key of the ring, with its sub-keys ready for use.
pub(crate) struct MasterKey {
    pub(crate) id: Box<str>,
    pub(crate) ticket: XChaCha20Poly1305,
    pub(crate) outcome: XChaCha20Poly1305,
    handle: XChaCha20Poly1305,
    pub(crate) note: XChaCha20Poly1305,
    pub(crate) clearance: Mac256,
    pub(crate) code: Mac256,
    pub(crate) fact: Mac256,
    pub(crate) binding: Mac256,
    pub(crate) visitor: Mac256,
    pub(crate) work: Mac256,
    /// ALTCHA keys its signature with text, so this one is kept as text.
    pub(crate) work_signature: Zeroizing<String>,
}

impl KeyRing {
    /// Reads the ring from an environment variable in the form that [`KeyRing::parse`] takes.
    ///
    /// # Errors
    /// When the variable is not set or not text, and whatever [`KeyRing::parse`] refuses.
    pub fn from_env(variable: &str) -> Result<Self, KeyError> {
        let text = std::env::var(variable).map_err(|_| KeyError::NotSet { variable: variable.to_owned() })?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Reads `id:hex` pairs, separated by commas, newest first. An id is 1 to 16 letters, digits, dashes or
    /// underscores; a key is at least 32 bytes, hence 64 hexadecimal digits (`openssl rand -hex 32`).
    ///
    /// # Errors
    /// Names the entry (never the key) that is missing, malformed, short or there twice.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
            let position = index + 1;
            let (id, hex) = entry.split_once(':').ok_or(KeyError::Malformed { position })?;
            let fits = (1..=MAX_ID_BYTES).contains(&id.len());
            if !fits || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                return Err(KeyError::Malformed { position });
            }
            let secret =
                Zeroizing::new(crate::encoding::from_hex(hex).ok_or(KeyError::Malformed { position })?);
            if secret.len() < MIN_KEY_BYTES {
                return Err(KeyError::TooShort { id: id.to_owned() });
            }
            if keys.iter().any(|key| &*key.id == id) {
                return Err(KeyError::Duplicate { id: id.to_owned() });
            }
            keys.push(MasterKey::new(id, &secret).ok_or(KeyError::Malformed { position })?);
        }
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self { keys: keys.into() })
    }

    /// One throw-away key: every ticket and clearance dies with the process. Says so in the log.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    #[cfg(feature = "danger-development")]
    pub fn throw_away() -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new([0_u8; MIN_KEY_BYTES]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| KeyError::NoRandomness)?;
        tracing::warn!(
            target: "verify",
            "DEVELOPMENT KEY: made at random; every ticket and clearance ends with this process, and no other machine knows it"
        );
        let key = MasterKey::new("dev", secret.as_slice()).ok_or(KeyError::Empty)?;
        Ok(Self { keys: Arc::from([key]) })
    }

    /// The key that seals.
    pub(crate) fn newest(&self) -> &MasterKey {
        // A ring is never built empty; the fallback only spares the compiler a panic.
        self.keys.first().unwrap_or_else(|| unreachable_ring())
    }

    /// The key that budgets are counted under; see the type's documentation.
    pub(crate) fn oldest(&self) -> &MasterKey {
        self.keys.last().unwrap_or_else(|| unreachable_ring())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &MasterKey> {
        self.keys.iter()
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id.as_bytes() == id)
    }
}

#[expect(clippy::unreachable, reason = "both constructors refuse an empty ring")]
fn unreachable_ring() -> &'static MasterKey {
    unreachable!("a key ring holds at least one key")
}

impl MasterKey {
    fn new(id: &str, secret: &[u8]) -> Option<Self> {
        let root = Mac256::new_from_slice(secret).ok()?;
        let derive = |purpose: &str| -> Zeroizing<[u8; 32]> {
            let mut mac = root.clone();
            mac.update(b"verify/v1/");
            mac.update(purpose.as_bytes());
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        let mac = |purpose: &str| Mac256::new_from_slice(derive(purpose).as_slice()).ok();
        Some(Self {
            id: id.into(),
            ticket: XChaCha20Poly1305::new_from_slice(derive("ticket").as_slice()).ok()?,
            outcome: XChaCha20Poly1305::new_from_slice(derive("outcome").as_slice()).ok()?,
            handle: XChaCha20Poly1305::new_from_slice(derive("handle").as_slice()).ok()?,
            note: XChaCha20Poly1305::new_from_slice(derive("note").as_slice()).ok()?,
            clearance: mac("clearance")?,
            code: mac("code")?,
            fact: mac("fact")?,
            binding: mac("binding")?,
            visitor: mac("visitor")?,
            work: mac("work")?,
            work_signature: Zeroizing::new(crate::encoding::to_hex(derive("work-signature").as_slice())),
        })
    }

    /// Seals a code service's name for a challenge, for the store.
    pub(crate) fn seal_handle(&self, handle: &str) -> Option<Vec<u8>> {
        let nonce: [u8; 24] = crate::encoding::random().ok()?;
        let sealed = self.handle.encrypt(&XNonce::from(nonce), handle.as_bytes()).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Opens it again.
    pub(crate) fn open_handle(&self, sealed: &[u8]) -> Option<String> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        String::from_utf8(self.handle.decrypt(&XNonce::from(*nonce), sealed).ok()?).ok()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// Why a key ring does not start. No message holds key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The environment variable is missing or not text.
    #[error("set {variable} to `id:64 hex digits`, newest first, comma-separated (openssl rand -hex 32)")]
    NotSet {
        /// The variable that was asked for.
        variable: String,
    },
    /// There is no key at all.
    #[error("the key ring is empty: give at least one `id:64 hex digits`")]
    Empty,
    /// An entry is not `id:hex`.
    #[error(
        "key {position} is not `id:hex`: an id of 1 to 16 letters, digits, - or _, a colon, an even number of hex digits"
    )]
    Malformed {
        /// Which entry, counted from one.
        position: usize,
    },
    /// A key has fewer than 32 bytes.
    #[error("key `{id}` is too short: 32 bytes, hence 64 hex digits, are the least (openssl rand -hex 32)")]
    TooShort {
        /// The id of the key.
        id: String,
    },
    /// Two keys have the same id.
    #[error("key id `{id}` is there twice: give each key an id of its own")]
    Duplicate {
        /// The id that repeats.
        id: String,
    },
    /// The machine has no random bytes to give.
    #[error("no random bytes to be had from the operating system")]
    NoRandomness,
}
