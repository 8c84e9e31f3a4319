//! Secrets, and the keys that the vendors publish for tests.

use std::fmt;

use http::HeaderValue;

/// A secret at a vendor. It goes into requests and nowhere else.
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        // The builder takes visible ASCII only, so that it always fits.
        let mut value = HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// What a vendor publishes for tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct TestKeys {
    pub(super) site_keys: &'static [&'static str],
    pub(super) secrets: &'static [&'static str],
    /// The tokens that go with them; empty where any token does.
    pub(super) tokens: &'static [&'static str],
    /// The host that an answer names in the place of ours.
    pub(super) host: &'static str,
}

/// <https://developers.cloudflare.com/turnstile/troubleshooting/testing/>
pub(super) const TURNSTILE: TestKeys = TestKeys {
    site_keys: &[
        "1x00000000000000000000AA",
        "2x00000000000000000000AB",
        "1x00000000000000000000BB",
        "2x00000000000000000000BB",
        "3x00000000000000000000FF",
    ],
    secrets: &[
        "1x0000000000000000000000000000000AA",
        "2x0000000000000000000000000000000AA",
        "3x0000000000000000000000000000000AA",
    ],
    tokens: &["XXXX.DUMMY.TOKEN.XXXX"],
    host: "example.com",
};

/// <https://docs.hcaptcha.com/#integration-testing-test-keys>
pub(super) const HCAPTCHA: TestKeys = TestKeys {
    site_keys: &[
        "10000000-ffff-ffff-ffff-000000000001",
        "20000000-ffff-ffff-ffff-000000000002",
        "30000000-ffff-ffff-ffff-000000000003",
    ],
    secrets: &["0x0000000000000000000000000000000000000000"],
    tokens: &[
        "10000000-aaaa-bbbb-cccc-000000000001",
        "20000000-aaaa-bbbb-cccc-000000000002",
        "30000000-aaaa-bbbb-cccc-000000000003",
    ],
    host: "dummy-key-pass",
};

/// <https://developers.google.com/recaptcha/docs/faq>
pub(super) const RECAPTCHA: TestKeys = TestKeys {
    site_keys: &["6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI"],
    secrets: &["6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe"],
    tokens: &[],
    host: "testkey.google.com",
};
