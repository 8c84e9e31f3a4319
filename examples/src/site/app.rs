//! The page on which a customer sets up an authenticator app. Its gates ask for what the customer has already, a code and the
//! app that is there, so that a stolen session alone adds no app and replaces none.

use askama::Template;
use serde::Deserialize;
use verify_core::{EnrolmentError, Gate, Subject};

use crate::site::{Answer, Site};

#[derive(Template)]
#[template(path = "app.html")]
struct Page<'a> {
    uri: &'a str,
    key: &'a str,
    token: &'a str,
    qr: &'a str,
    notice: Option<String>,
    replaces: bool,
}

#[derive(Template)]
#[template(path = "recovery.html")]
struct Recovery<'a> {
    codes: Vec<&'a str>,
    replaced: bool,
}

/// What the page sends back.
#[derive(Deserialize)]
struct Confirmation {
    token: String,
    code: String,
}

impl Site {
    /// What stands before `/app` beyond its own gate: the app that the customer has, if there is one. It comes second, so that a
    /// stolen session alone does not learn whether there is.
    #[must_use]
    pub fn second_gate(&self, subject: Option<&Subject<'_>>) -> Option<&Gate> {
        subject.filter(|subject| self.authenticators.has(subject)).map(|_| &self.app_again)
    }

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
        let replaces = self.authenticators.has(subject);
        Answer::page(status, &Page { uri, key: &key, token, qr: &qr, notice, replaces })
    }

    async fn confirm(&self, subject: &Subject<'_>, body: &[u8]) -> Answer {
        let Ok(Confirmation { token, code }) = serde_urlencoded::from_bytes(body) else {
            return Answer::refused(422, "the form has the fields `token` and `code`");
        };
        let secret = match self.engine.confirm_enrolment(subject, &token, &code).await {
            Ok(secret) => secret,
            Err(error) => return self.enrolment(subject, Some(&error)),
        };
        let recovery = match self.engine.recovery_codes(subject) {
            Ok(recovery) => recovery,
            Err(error) => return Answer::refused(500, &error.to_string()),
        };
        let replaced = self.authenticators.has(subject);
        self.authenticators.enrol(subject, secret, recovery.digests().iter().cloned());
        // What was proven with the app that has gone proves nothing any more.
        if replaced && self.engine.revoke(subject).await.is_err() {
            tracing::error!("the old app is gone, and what it proved counts on other machines until it ends");
        }
        // Here a bank tells its customer by another way, a letter or a mail, that an app was added or replaced (NIST SP
        // 800-63B-4, 4.6). The engine sends codes and no news, so that is left to its own post.
        Answer::page(200, &Recovery { codes: recovery.expose().collect(), replaced })
    }
}
