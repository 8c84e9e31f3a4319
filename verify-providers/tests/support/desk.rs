//! A desk at every vendor: where a visitor solves its captcha, and the verifier that asks about it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::time::{Duration, SystemTime};

use verify_core::{
    CaptchaContext, CaptchaError, CaptchaErrorKind as Kind, CaptchaVerifier, Clock, Rejection, SystemClock,
};
use verify_providers::HttpClient;
use verify_providers::siteverify::{Siteverify, SiteverifyBuilder, Trust};

use crate::stub::{self, SECRET, SITE_KEY};

pub const HOST: &str = "bank.example";
pub const ACTION: &str = "feed";
pub const BINDING: &str = "0123456789abcdef0123456789abcdef";
pub const ATTEMPT: &str = "11111111-2222-4333-8444-555555555555";

pub fn client() -> HttpClient {
    HttpClient::new().unwrap()
}

pub fn half() -> Trust {
    Trust::at_least(0.5).unwrap()
}

/// Every vendor, by the name that the stub has for it.
pub fn builder(vendor: &str) -> SiteverifyBuilder {
    match vendor {
        "turnstile" => Siteverify::turnstile(client(), SITE_KEY, SECRET),
        "hcaptcha" => Siteverify::hcaptcha(client(), SITE_KEY, SECRET),
        "recaptcha" => Siteverify::recaptcha_v2(client(), SITE_KEY, SECRET),
        "recaptcha-v3" => Siteverify::recaptcha_v3(client(), SITE_KEY, SECRET, half()),
        "enterprise" => Siteverify::recaptcha_enterprise(client(), SITE_KEY, "project-1", SECRET, half()),
        other => panic!("no vendor {other}"),
    }
}

pub const VENDORS: [&str; 5] = ["turnstile", "hcaptcha", "recaptcha", "recaptcha-v3", "enterprise"];

pub struct Desk {
    pub stub: stub::Siteverify,
    pub vendor: &'static str,
    pub verifier: Siteverify,
}

impl Desk {
    pub fn of(vendor: &'static str) -> Self {
        Self::with(vendor, builder(vendor).deadline(Duration::from_millis(300)))
    }

    pub fn with(vendor: &'static str, builder: SiteverifyBuilder) -> Self {
        let stub = stub::Siteverify::start();
        let verifier = builder.verify_url(stub.url(vendor)).build().unwrap();
        Self { stub, vendor, verifier }
    }

    pub fn solve(&self) -> String {
        self.stub.solve(HOST, ACTION, BINDING)
    }

    pub async fn verify(&self, token: &str) -> Result<(), Kind> {
        self.ask(token).await.map_err(|error| error.kind())
    }

    pub async fn ask(&self, token: &str) -> Result<(), CaptchaError> {
        self.verifier.verify(token, &context(SystemClock::default().now())).await
    }
}

pub fn context(now: SystemTime) -> CaptchaContext<'static> {
    CaptchaContext::new(HOST, now).with_action(ACTION).with_binding(BINDING).with_attempt(ATTEMPT)
}

pub const fn again(rejection: Rejection) -> Result<(), Kind> {
    Err(Kind::SolveAgain(rejection))
}
