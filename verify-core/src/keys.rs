//! The application's keys: a ring, newest first, each with an id and sub-keys that are derived per purpose.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::mac::MacKey;
use crate::namer::Namer;
use crate::sealing::Sealer;

const MIN_KEY_BYTES: usize = 32;
const MAX_ID_BYTES: usize = 16;
/// The id of the entry that names facts and seals nothing.
const FACTS: &str = "facts";

/// The keys of one application, newest first.
///
/// Everything that leaves the process is sealed or signed with the first key and names it; whatever any key of the
/// ring made is still accepted.
///
/// # The key of facts
///
/// What has happened (tries, budgets, blocks, revocations, unused approvals) is kept in the store under names that are
/// keyed hashes. Their key must stay when the others come and go, or a block would end and a revoked clearance come back
/// with a rotation. It is the ring's only key at first. A ring of several has an entry of its own for it, with the
/// reserved id `facts`, and does not start without. That key seals and signs nothing that is sent. Whoever learns it and can read
/// the store can tell which entry is whose; whoever learns it and has the application's table of
/// [recovery codes](crate::AuthenticatorBook) can try all 2⁵⁰ for one of them, a day or so for hired machines: make new ones then.
///
/// # To rotate
///
/// 1. Where there was one key, `k1:AAAA`, say `k1:AAAA,facts:AAAA` from now on.
/// 2. Put the new key *behind* the one in use, `k1:AAAA,k2:BBBB,facts:AAAA`, and roll that out, so that every machine
///    accepts it.
/// 3. Put it in front, `k2:BBBB,k1:AAAA,facts:AAAA`, and roll that out, so that every machine uses it.
/// 4. When the longest clearance has run out, drop `k1`: dropping a key ends everything that it sealed. `facts` stays.
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
///
/// let new = "c4".repeat(32);
/// assert!(KeyRing::parse(&format!("new:{new},old:{hex}")).is_err(), "which of them names the facts?");
/// assert!(KeyRing::parse(&format!("new:{new},old:{hex},facts:{hex}")).is_ok());
/// ```
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[MasterKey]>,
    facts: Arc<MasterKey>,
}

/// One key of the ring, with its sub-keys ready for use.
pub(crate) struct MasterKey {
    pub(crate) id: KeyId,
    pub(crate) ticket: Sealer,
    pub(crate) entry: Sealer,
    pub(crate) outcome: Sealer,
    handle: Sealer,
    pub(crate) note: Sealer,
    pub(crate) message: Sealer,
    pub(crate) clearance: MacKey,
    pub(crate) code: MacKey,
    pub(crate) fact: MacKey,
    pub(crate) name: Namer,
    pub(crate) binding: MacKey,
    pub(crate) visitor: MacKey,
    pub(crate) work: MacKey,
    /// ALTCHA keys its signature with text, so this one is kept as text.
    pub(crate) work_signature: Zeroizing<String>,
    /// The second secret of the format, under which the one right key is signed.
    pub(crate) work_key: Zeroizing<String>,
}

/// The id of a key. It is short, so whoever needs one has a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId {
    bytes: [u8; MAX_ID_BYTES],
    length: u8,
}

impl KeyId {
    /// Nothing for what is too long to be one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; MAX_ID_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl std::ops::Deref for KeyId {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
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
    /// underscores; a key is at least 32 bytes, hence 64 hexadecimal digits (`openssl rand -hex 32`). The entry `facts`
    /// is the [key of facts](KeyRing#the-key-of-facts), wherever it stands; a ring of several keys needs it.
    ///
    /// # Errors
    /// Names the entry (never the key) that is missing, malformed, short or there twice.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<MasterKey> = Vec::new();
        let mut facts: Option<MasterKey> = None;
        let mut only = Zeroizing::new(Vec::new());
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
            if keys.iter().chain(&facts).any(|key| &*key.id == id) {
                return Err(KeyError::Duplicate { id: id.to_owned() });
            }
            let key = MasterKey::new(id, &secret).ok_or(KeyError::Malformed { position })?;
            if id == FACTS {
                facts = Some(key);
            } else {
                keys.push(key);
                only = secret;
            }
        }
        let facts = match (facts, keys.len()) {
            (_, 0) => return Err(KeyError::Empty),
            (Some(facts), _) => facts,
            (None, 1) => MasterKey::new(FACTS, &only).ok_or(KeyError::Empty)?,
            (None, _) => return Err(KeyError::NoFactsKey),
        };
        Ok(Self { keys: keys.into(), facts: Arc::new(facts) })
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
        let key = |id| MasterKey::new(id, secret.as_slice()).ok_or(KeyError::Empty);
        Ok(Self { keys: Arc::from([key("dev")?]), facts: Arc::new(key(FACTS)?) })
    }

    /// The key that seals.
    pub(crate) fn newest(&self) -> &MasterKey {
        // A ring is never built empty; the fallback only spares the compiler a panic.
        self.keys.first().unwrap_or_else(|| unreachable_ring())
    }

    /// The key under which the store's entries are named, whatever the rotation of the others.
    pub(crate) fn facts(&self) -> &MasterKey {
        &self.facts
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
        let root = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        let derive = |purpose: &str| -> Zeroizing<[u8; 32]> {
            let mut mac = root.clone();
            mac.update(b"verify/v1/");
            mac.update(purpose.as_bytes());
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        let mac = |purpose: &str| MacKey::new(&derive(purpose));
        Some(Self {
            id: KeyId::new(id)?,
            ticket: Sealer::new(&derive("ticket")),
            entry: Sealer::new(&derive("entry")),
            outcome: Sealer::new(&derive("outcome")),
            handle: Sealer::new(&derive("handle")),
            note: Sealer::new(&derive("note")),
            message: Sealer::new(&derive("message")),
            clearance: mac("clearance"),
            code: mac("code"),
            fact: mac("fact"),
            name: Namer::new(&derive("name")),
            binding: mac("binding"),
            visitor: mac("visitor"),
            work: mac("work"),
            work_signature: Zeroizing::new(crate::encoding::to_hex(derive("work-signature").as_slice())),
            work_key: Zeroizing::new(crate::encoding::to_hex(derive("work-key").as_slice())),
        })
    }

    /// Seals a code service's name for a challenge, for the store.
    pub(crate) fn seal_handle(&self, handle: &str) -> Option<Vec<u8>> {
        self.handle.seal(b"handle", handle.as_bytes()).ok()
    }

    /// Opens it again.
    pub(crate) fn open_handle(&self, sealed: &[u8]) -> Option<String> {
        std::str::from_utf8(&self.handle.open(b"handle", sealed)?).ok().map(str::to_owned)
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
    /// There are several keys, and none is named `facts`.
    #[error(
        "a ring of several keys needs an entry `facts:64 hex digits`, which stays when the others are rotated: give it the digits of the key that you began with"
    )]
    NoFactsKey,
    /// The machine has no random bytes to give.
    #[error("no random bytes to be had from the operating system")]
    NoRandomness,
}
