//! The page on which a customer sets up an authenticator app. Its gate asks for a code first, so that a stolen session alone
//! adds no app.

use askama::Template;
use serde::Deserialize;
use verify_core::{EnrolmentError, Subject};

use crate::site::{Answer, Site};

#[derive(Template)]
#[template(path = "app.html")]
struct Page<'a> {
    uri: &'a str,
    key: &'a str,
    token: &'a str,
    qr: &'a str,
    notice: Option<String>,
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct Recovery<'a> {
    codes: Vec<&'a str>,
}

/// What the page sends back.
#[derive(Deserialize)]
struct Confirmation {
    token: String,
    code: String,
}

impl Site {
    /// `/app`: GET shows an enrolment, POST confirms it with a code of the app.
    pub async fn app(&self, method: &str, subject: Option<Subject<'static>>, body: &[u8]) -> Answer {
        let Some(subject) = subject else { return Answer::refused(403, "sign in first") };
        match method {
            "GET" | "HEAD" => self.enrolment(&subject, None),
            "POST" => self.confirm(&subject, body).await,
            _ => Answer { allow: Some("GET, HEAD, POST"), ..Answer::refused(405, "ask with GET or POST") },
        }
    }

    fn enrolment(&self, subject: &Subject<'_>, notice: Option<&EnrolmentError>) -> Answer {
        let enrolment = match self.engine.enrol(subject, &format!("{}@example.com", subject.id())) {
            Ok(enrolment) => enrolment,
            Err(error) => return Answer::refused(500, &error.to_string()),
        };
        let qr = enrolment.qr_svg().unwrap_or_default();
        let notice = notice.map(|error| format!("That did not work: {error}."));
        let status = if notice.is_some() { 422 } else { 200 };
        let (uri, token, key) = (enrolment.uri(), enrolment.token(), enrolment.key());
        Answer::page(status, &Page { uri, key: &key, token, qr: &qr, notice })
    }

    async fn confirm(&self, subject: &Subject<'_>, body: &[u8]) -> Answer {
        let Ok(Confirmation { token, code }) = serde_urlencoded::from_bytes(body) else {
            return Answer::refused(422, "the form has the fields `token` and `code`");
        };
        let secret = match self.engine.confirm_enrolment(subject, &token, &code).await {
            Ok(secret) => secret,
            Err(error) => return self.enrolment(subject, Some(&error)),
        };
        match self.engine.recovery_codes(subject) {
            Ok(recovery) => {
                self.authenticators.enrol(subject, secret, recovery.digests().iter().cloned());
                Answer::page(200, &Recovery { codes: recovery.expose().collect() })
            }
            Err(error) => Answer::refused(500, &error.to_string()),
        }
    }
}
