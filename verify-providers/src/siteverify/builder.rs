//! Setting a captcha up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use verify_core::Fetch;

use crate::siteverify::Siteverify;
use crate::siteverify::keys::Secret;
use crate::siteverify::score::Score;
use crate::siteverify::vendor::Vendor;
use crate::transport::is_private;

/// How a [`Siteverify`] is to be.
#[must_use]
pub struct SiteverifyBuilder {
    fetch: Arc<dyn Fetch>,
    vendor: Vendor,
    site_key: String,
    secret: Secret,
    project: String,
    url: Option<String>,
    hosts: Vec<String>,
    score: Score,
    deadline: Duration,
    allows_test_keys: bool,
}

impl SiteverifyBuilder {
    pub(super) fn new(
        fetch: impl Fetch,
        vendor: Vendor,
        site_key: String,
        secret: String,
        score: Score,
    ) -> Self {
        Self {
            fetch: Arc::new(fetch),
            vendor,
            site_key,
            secret: Secret::new(secret),
            project: String::new(),
            url: None,
            hosts: Vec::new(),
            score,
            deadline: Duration::from_secs(3),
            allows_test_keys: false,
        }
    }

    pub(super) fn in_project(mut self, project: &str) -> Self {
        project.clone_into(&mut self.project);
        self
    }

    /// Where the vendor is asked. Default: where the vendor documents it. Since the secret goes there, it is https, or this
    /// machine itself.
    pub fn verify_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Another host on which a token may be solved, besides that of the engine's origin: for one application under several
    /// names. Default: none.
    pub fn also_on(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// How long one question may take. Turnstile is asked once more if that passes, so twice this has to fit into the engine's
    /// deadline. Default: 3 seconds, of the engine's 10.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Takes the keys that the vendors publish for tests. With them everybody passes who knows them, whatever the host, so it
    /// says so in the log at each start. Default: they do not start.
    pub fn danger_allow_test_keys(mut self) -> Self {
        self.allows_test_keys = true;
        self
    }

    /// Checks everything and builds. Calls nobody yet.
    ///
    /// # Errors
    /// Says which setting makes no sense, and never repeats it.
    pub fn build(self) -> Result<Siteverify, SiteverifyError> {
        let vendor = self.vendor.name();
        let visible =
            |text: &str| (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !visible(&self.site_key) {
            return Err(SiteverifyError::SiteKey { vendor });
        }
        if !visible(self.secret.expose()) {
            return Err(SiteverifyError::Secret { vendor });
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-:.".contains(&b);
        if self.vendor == Vendor::RecaptchaEnterprise
            && !(visible(&self.project) && self.project.bytes().all(plain))
        {
            return Err(SiteverifyError::Project);
        }
        let keys = self.vendor.test_keys();
        let uses_test_keys = keys.is_some_and(|keys| keys.secrets.contains(&self.secret.expose()));
        let shows_test_keys = keys.is_some_and(|keys| keys.site_keys.contains(&self.site_key.as_str()));
        if (uses_test_keys || shows_test_keys) && !self.allows_test_keys {
            return Err(SiteverifyError::TestKeys { vendor });
        }
        if uses_test_keys {
            tracing::warn!(target: "verify", vendor, "PUBLIC TEST KEYS: this captcha keeps nobody out");
        }
        let url = self.url.unwrap_or_else(|| self.vendor.verify_url(&self.project));
        let url: Uri = url.parse().map_err(|_| SiteverifyError::VerifyUrl { vendor })?;
        if !is_private(&url) {
            return Err(SiteverifyError::VerifyUrl { vendor });
        }
        let widget = self.vendor.widget(&self.site_key).terms(self.score.terms());
        Ok(Siteverify {
            fetch: self.fetch,
            vendor: self.vendor,
            widget: if uses_test_keys { widget.with_test_keys() } else { widget },
            url,
            secret: self.secret,
            hosts: self.hosts,
            score: self.score,
            deadline: self.deadline,
            uses_test_keys,
        })
    }
}

impl fmt::Debug for SiteverifyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteverifyBuilder")
            .field("vendor", &self.vendor)
            .field("site_key", &self.site_key)
            .finish_non_exhaustive()
    }
}

/// A captcha that makes no sense. It never repeats a key.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteverifyError {
    /// The site key.
    #[error(
        "the site key of {vendor} is 1 to 512 visible ASCII characters: copy it from the vendor's console"
    )]
    SiteKey {
        /// The vendor.
        vendor: &'static str,
    },
    /// The secret or the API key.
    #[error("the secret of {vendor} is 1 to 512 visible ASCII characters: copy it from the vendor's console")]
    Secret {
        /// The vendor.
        vendor: &'static str,
    },
    /// The name of the Google Cloud project.
    #[error("a Google Cloud project has a name of letters, digits and dashes")]
    Project,
    /// One of the keys is a published one.
    #[error(
        "these are the keys that {vendor} publishes for tests, with which everybody passes: put in your own, or allow \
         them by name with `danger_allow_test_keys`"
    )]
    TestKeys {
        /// The vendor.
        vendor: &'static str,
    },
    /// The verify address.
    #[error(
        "the verify address of {vendor} is https, since the secret goes there; http is for this machine alone"
    )]
    VerifyUrl {
        /// The vendor.
        vendor: &'static str,
    },
}
