//! Which captcha guards the feed.

use std::str::FromStr;

use verify_core::Factor;
use verify_core::altcha::v1;
use verify_providers::HttpClient;
use verify_providers::siteverify::{Siteverify, SiteverifyBuilder, SiteverifyError};

use crate::options::Work;

/// What a visitor of the feed has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Captcha {
    /// The built-in proof of work, in the ALTCHA format. The default.
    #[default]
    Altcha,
    /// Cloudflare Turnstile, with `TURNSTILE_SITE_KEY` and `TURNSTILE_SECRET`.
    Turnstile,
    /// hCaptcha, with `HCAPTCHA_SITE_KEY` and `HCAPTCHA_SECRET`.
    Hcaptcha,
    /// reCAPTCHA v2, with `RECAPTCHA_SITE_KEY` and `RECAPTCHA_SECRET`.
    Recaptcha,
}

impl FromStr for Captcha {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "altcha" => Ok(Self::Altcha),
            "turnstile" => Ok(Self::Turnstile),
            "hcaptcha" => Ok(Self::Hcaptcha),
            "recaptcha" => Ok(Self::Recaptcha),
            _ => Err("a captcha is `altcha`, `turnstile`, `hcaptcha` or `recaptcha`".to_owned()),
        }
    }
}

impl Captcha {
    /// The factor, with its vendor's keys from the environment; a variable that ends in `_VERIFY_URL` says where the vendor is
    /// asked, and `CAPTCHA_ALLOW_TEST_KEYS=1` takes the keys that the vendors publish for tests.
    ///
    /// # Errors
    /// When a key is missing or makes no sense.
    pub fn factor(self, work: Work) -> Result<Factor, Box<dyn std::error::Error>> {
        self.factor_from(work, |name| std::env::var(name).ok())
    }

    fn factor_from(
        self,
        work: Work,
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<Factor, Box<dyn std::error::Error>> {
        type Make = fn(HttpClient, String, String) -> SiteverifyBuilder;
        let (prefix, make): (&str, Make) = match self {
            Self::Altcha => {
                let human = Factor::proof_of_work("human");
                return Ok(match work {
                    Work::First => human.first_format(v1::Algorithm::Sha256, 20_000).into(),
                    Work::Second => human.into(),
                });
            }
            Self::Turnstile => ("TURNSTILE", Siteverify::turnstile),
            Self::Hcaptcha => ("HCAPTCHA", Siteverify::hcaptcha),
            Self::Recaptcha => ("RECAPTCHA", Siteverify::recaptcha_v2),
        };
        let variable = |name: &str| {
            let name = format!("{prefix}_{name}");
            read(&name)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| format!("set {name} in the environment"))
        };
        let mut builder = make(HttpClient::new()?, variable("SITE_KEY")?, variable("SECRET")?);
        if let Ok(url) = variable("VERIFY_URL") {
            builder = builder.verify_url(url);
        }
        if read("CAPTCHA_ALLOW_TEST_KEYS").as_deref() == Some("1") {
            builder = builder.danger_allow_test_keys();
        }
        let verifier = builder.build().map_err(|error| match error {
            SiteverifyError::TestKeys { .. } => {
                format!("{error}; this bank takes them with CAPTCHA_ALLOW_TEST_KEYS=1")
            }
            error => error.to_string(),
        })?;
        Ok(Factor::captcha("human", verifier).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE_KEY: &str = "1x00000000000000000000AA";
    const SECRET: &str = "1x0000000000000000000000000000000AA";

    fn kind(captcha: &str, variables: &[(&str, &str)]) -> Result<&'static str, String> {
        let read = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let captcha: Captcha = captcha.parse()?;
        captcha
            .factor_from(Work::default(), read)
            .map(|factor| factor.kind())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn captcha_rule_28_test_keys_open_no_bank_unless_it_says_so() {
        assert_eq!(kind("altcha", &[]), Ok("proof_of_work"));
        assert!(kind("none", &[]).is_err());
        assert_eq!(kind("turnstile", &[]), Err("set TURNSTILE_SITE_KEY in the environment".to_owned()));
        let keys = [("TURNSTILE_SITE_KEY", SITE_KEY), ("TURNSTILE_SECRET", SECRET)];
        let refused = kind("turnstile", &keys).unwrap_err();
        assert!(refused.contains("CAPTCHA_ALLOW_TEST_KEYS=1") && !refused.contains(SECRET), "{refused}");
        for allowed in ["0", "yes", ""] {
            let with = [keys[0], keys[1], ("CAPTCHA_ALLOW_TEST_KEYS", allowed)];
            assert!(kind("turnstile", &with).is_err(), "{allowed:?}");
        }
        let with = [keys[0], keys[1], ("CAPTCHA_ALLOW_TEST_KEYS", "1")];
        assert_eq!(kind("turnstile", &with), Ok("turnstile"));
        let away = [with[0], with[1], with[2], ("TURNSTILE_VERIFY_URL", "http://elsewhere.example/")];
        assert!(kind("turnstile", &away).is_err(), "the secret would travel in the clear");
        let own = [("HCAPTCHA_SITE_KEY", "own"), ("HCAPTCHA_SECRET", "own")];
        assert_eq!(kind("hcaptcha", &own), Ok("hcaptcha"));
        let own = [("RECAPTCHA_SITE_KEY", "own"), ("RECAPTCHA_SECRET", "own")];
        assert_eq!(kind("recaptcha", &own), Ok("recaptcha"));
    }
}
