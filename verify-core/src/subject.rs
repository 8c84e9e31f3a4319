//! Who a challenge is for: whatever the application says, or an opaque visitor.

use std::borrow::Cow;
use std::fmt;

use crate::encoding::{Reader, Writer};
use crate::mac::Mac;

/// Who a challenge, a ticket and a clearance belong to.
///
/// The application decides what a subject is. Budgets are counted for the user (and tenant); tickets and
/// clearances are bound to all parts, so that nothing made for one session, tenant or epoch is worth anything to
/// another (NIST SP 800-63B-4, 5.1). Raise the epoch (say, to the moment of the last password change) and every
/// clearance of that user ends at once, without a lookup.
///
/// ```
/// use verify_core::Subject;
///
/// let subject = Subject::user("alice").session("9c1f").tenant("acme").epoch(3);
/// assert_eq!(subject.id(), "alice");
/// assert!(!format!("{subject:?}").contains("alice"), "a subject is personal data");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    kind: Kind,
    id: Cow<'a, str>,
    session: Option<Cow<'a, str>>,
    tenant: Option<Cow<'a, str>>,
    epoch: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    User = 1,
    Visitor = 2,
}

impl<'a> Subject<'a> {
    /// A user that the application has identified, by an id that never changes hands. Without a [session](Self::session), what
    /// this user proves outlives logout: it counts in every session of theirs until its age is over.
    #[must_use]
    pub fn user(id: impl Into<Cow<'a, str>>) -> Self {
        Self { kind: Kind::User, id: id.into(), session: None, tenant: None, epoch: 0 }
    }

    /// Somebody who is known only by the opaque cookie that the engine has issued.
    pub(crate) fn visitor(id: impl Into<Cow<'a, str>>) -> Self {
        Self { kind: Kind::Visitor, ..Self::user(id) }
    }

    /// Binds to one session: another session of the same user has to satisfy its own challenges.
    #[must_use]
    pub fn session(mut self, session: impl Into<Cow<'a, str>>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Binds to one tenant: the same id in another tenant is another subject, also for budgets.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<Cow<'a, str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// A number that the application raises to end everything that was issued before. Default: 0.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// The user's id, or the visitor's opaque one.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session, where one was given.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The tenant, where one was given.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The [epoch](Self::epoch).
    #[must_use]
    pub fn epoch_number(&self) -> u64 {
        self.epoch
    }

    /// Whether this is an anonymous visitor, known only by a cookie.
    #[must_use]
    pub fn is_visitor(&self) -> bool {
        matches!(self.kind, Kind::Visitor)
    }

    /// The epoch of a subject without a session: beside who it is, all that there is to it.
    pub(crate) fn epoch_alone(&self) -> Option<u64> {
        self.session.is_none().then_some(self.epoch)
    }

    /// The same subject, borrowed from this one.
    pub(crate) fn borrowed(&self) -> Subject<'_> {
        Subject {
            kind: self.kind,
            id: Cow::Borrowed(&self.id),
            session: self.session.as_deref().map(Cow::Borrowed),
            tenant: self.tenant.as_deref().map(Cow::Borrowed),
            epoch: self.epoch,
        }
    }

    /// The same subject with a life of its own.
    #[must_use]
    pub fn into_owned(self) -> Subject<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Subject {
            kind: self.kind,
            id: Cow::Owned(self.id.into_owned()),
            session: self.session.map(own),
            tenant: self.tenant.map(own),
            epoch: self.epoch,
        }
    }

    /// Writes all parts, for what is kept sealed.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.byte(self.kind as u8).field(self.id.as_bytes()).u64(self.epoch);
        for part in [&self.session, &self.tenant] {
            writer.byte(u8::from(part.is_some())).field(part.as_deref().unwrap_or_default().as_bytes());
        }
    }

    /// Reads them back.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Subject<'static>> {
        let kind = match reader.byte()? {
            1 => Kind::User,
            2 => Kind::Visitor,
            _ => return None,
        };
        let (id, epoch) = (Cow::Owned(reader.text()?.to_owned()), reader.u64()?);
        let mut part = || {
            let (is_there, text) = (reader.byte()? == 1, reader.text()?);
            Some(is_there.then(|| Cow::Owned(text.to_owned())))
        };
        let (session, tenant) = (part()?, part()?);
        Some(Subject { kind, id, session, tenant, epoch })
    }

    /// Feeds who this is (kind, tenant, id) to a MAC: the name that budgets are counted under.
    pub(crate) fn feed_identity(&self, mac: &mut Mac<'_>) {
        self.feed(mac, None, 0);
    }

    /// Feeds all parts to a MAC: what tickets and clearances are bound to.
    pub(crate) fn feed_all(&self, mac: &mut Mac<'_>) {
        self.feed(mac, self.session.as_deref(), self.epoch);
    }

    /// Absent and empty differ, and no two neighbouring parts can be shifted into each other: what ends a part is in no UTF-8. In
    /// few bytes, since each request with a clearance is hashed anew.
    fn feed(&self, mac: &mut Mac<'_>, session: Option<&str>, epoch: u64) {
        const HAS_EPOCH: u8 = 4;
        const END: u8 = 0xff;
        const ABSENT: u8 = 0xfe;
        if epoch == 0 {
            mac.update(&[self.kind as u8]);
        } else {
            mac.update(&[self.kind as u8 | HAS_EPOCH]);
            mac.update(&epoch.to_be_bytes());
        }
        for part in [Some(&*self.id), self.tenant.as_deref(), session] {
            match part {
                Some(text) => {
                    mac.update(text.as_bytes());
                    mac.update(&[END]);
                }
                None => mac.update(&[ABSENT]),
            }
        }
    }
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::User => "Subject(user, [redacted])",
            Kind::Visitor => "Subject(visitor, [redacted])",
        })
    }
}
