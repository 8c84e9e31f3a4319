//! What differs between the vendors: addresses, scripts, fields, what they sign, and for how long.

use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use verify_core::{CaptchaContext, Widget, WidgetApi, WidgetSigns, WidgetSources};

use crate::siteverify::keys::{self, Secret, TestKeys};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    Turnstile,
    Hcaptcha,
    RecaptchaV2,
    RecaptchaV3,
    RecaptchaEnterprise,
}

impl Vendor {
    /// The name that people know.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Turnstile => "Cloudflare Turnstile",
            Self::Hcaptcha => "hCaptcha",
            Self::RecaptchaV2 | Self::RecaptchaV3 | Self::RecaptchaEnterprise => "Google reCAPTCHA",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::Hcaptcha => "hcaptcha",
            Self::RecaptchaV2 => "recaptcha",
            Self::RecaptchaV3 => "recaptcha_v3",
            Self::RecaptchaEnterprise => "recaptcha_enterprise",
        }
    }

    pub(super) fn verify_url(self, project: &str) -> String {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify".to_owned(),
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify".to_owned(),
            Self::RecaptchaV2 | Self::RecaptchaV3 => {
                "https://www.google.com/recaptcha/api/siteverify".to_owned()
            }
            Self::RecaptchaEnterprise => {
                format!("https://recaptchaenterprise.googleapis.com/v1/projects/{project}/assessments")
            }
        }
    }

    pub(super) fn test_keys(self) -> Option<TestKeys> {
        match self {
            Self::Turnstile => Some(keys::TURNSTILE),
            Self::Hcaptcha => Some(keys::HCAPTCHA),
            // The published pair is for v2, and works for whoever mistakes it for v3 too.
            Self::RecaptchaV2 | Self::RecaptchaV3 => Some(keys::RECAPTCHA),
            Self::RecaptchaEnterprise => None,
        }
    }

    /// In characters. Turnstile promises 2048; the others promise nothing and stay well below this.
    pub(super) const fn longest_token(self) -> usize {
        match self {
            Self::Turnstile => 2048,
            _ => 8192,
        }
    }

    /// As the vendors document it.
    pub(super) const fn token_lives(self) -> Duration {
        match self {
            Self::Turnstile => Duration::from_secs(300),
            _ => Duration::from_secs(120),
        }
    }

    /// Whether the vendor takes an idempotency key, so that a check may be repeated.
    pub(super) const fn knows_repetitions(self) -> bool {
        matches!(self, Self::Turnstile)
    }

    pub(super) const fn signs(self) -> WidgetSigns {
        match self {
            Self::Turnstile => WidgetSigns::ActionAndBinding,
            Self::RecaptchaV3 | Self::RecaptchaEnterprise => WidgetSigns::Action,
            Self::Hcaptcha | Self::RecaptchaV2 => WidgetSigns::Nothing,
        }
    }

    pub(super) fn widget(self, site_key: &str) -> Widget {
        let script = match self {
            Self::Turnstile => {
                "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit".to_owned()
            }
            // By default it takes reCAPTCHA's name as well, which may stand on the same page.
            Self::Hcaptcha => {
                "https://js.hcaptcha.com/1/api.js?render=explicit&recaptchacompat=off".to_owned()
            }
            Self::RecaptchaV2 => "https://www.google.com/recaptcha/api.js?render=explicit".to_owned(),
            Self::RecaptchaV3 => {
                format!("https://www.google.com/recaptcha/api.js?render={}", encoded(site_key))
            }
            Self::RecaptchaEnterprise => {
                format!("https://www.google.com/recaptcha/enterprise.js?render={}", encoded(site_key))
            }
        };
        let api = match self {
            Self::Turnstile => WidgetApi::Render("turnstile"),
            Self::Hcaptcha => WidgetApi::Render("hcaptcha"),
            Self::RecaptchaV2 => WidgetApi::Render("grecaptcha"),
            Self::RecaptchaV3 => WidgetApi::Execute("grecaptcha"),
            Self::RecaptchaEnterprise => WidgetApi::Execute("grecaptcha.enterprise"),
        };
        Widget::new(self.kind(), self.name(), site_key, script)
            .api(api)
            .signs(self.signs())
            .sources(self.sources())
            .longest_token(self.longest_token())
            .token_lives(self.token_lives())
    }

    /// As each vendor documents it for a Content-Security-Policy, and nothing more.
    fn sources(self) -> WidgetSources {
        const CLOUDFLARE: [&str; 1] = ["https://challenges.cloudflare.com"];
        const HCAPTCHA: [&str; 2] = ["https://hcaptcha.com", "https://*.hcaptcha.com"];
        let sources = WidgetSources::default();
        match self {
            Self::Turnstile => sources.scripts(CLOUDFLARE).frames(CLOUDFLARE),
            Self::Hcaptcha => {
                sources.scripts(HCAPTCHA).frames(HCAPTCHA).styles(HCAPTCHA).connections(HCAPTCHA)
            }
            Self::RecaptchaV2 | Self::RecaptchaV3 | Self::RecaptchaEnterprise => sources
                .scripts(["https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"])
                .frames(["https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"]),
        }
    }

    /// The body of a check, as all but Enterprise take it.
    pub(super) fn form(
        self,
        secret: &Secret,
        token: &str,
        widget: &Widget,
        context: &CaptchaContext<'_>,
    ) -> Bytes {
        let mut fields = vec![("secret", secret.expose()), ("response", token)];
        match self {
            // With it, a token that was solved for another of the account's keys is refused.
            Self::Hcaptcha => fields.push(("sitekey", widget.site_key())),
            Self::Turnstile if !context.attempt().is_empty() => {
                fields.push(("idempotency_key", context.attempt()));
            }
            _ => {}
        }
        let pairs: Vec<String> =
            fields.into_iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        pairs.join("&").into()
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
