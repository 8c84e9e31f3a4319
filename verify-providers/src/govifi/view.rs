//! What a page sees.

use serde::Deserialize;

/// A session, as far as this project has use for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SessionView {
    session_id: Option<String>,
    /// `open`, `completed` and the like.
    pub status: String,
    /// `payment` or `wallet`.
    pub scope: Option<String>,
    /// From when on it is expired, as the server writes it.
    pub expires_at: Option<String>,
    /// What the payer has to satisfy before the confirmation; none where nothing has to be.
    pub challenge: Option<Challenge>,
}

impl SessionView {
    pub(super) fn is_of(&self, id: &str) -> bool {
        self.session_id.as_deref().is_none_or(|known| known == id)
    }
}

/// A challenge as a page may see it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Challenge {
    /// `hcaptcha`, `turnstile`, `sms`, `email`. Do not confirm to one that is not known.
    #[serde(rename = "type")]
    pub kind: String,
    /// The public key of a captcha.
    pub site_key: Option<String>,
    /// Where the code goes, masked.
    pub delivery_hint: Option<String>,
    /// Whether a code is out already: then a page that was loaded anew need not send again.
    #[serde(default)]
    pub code_sent: bool,
}
