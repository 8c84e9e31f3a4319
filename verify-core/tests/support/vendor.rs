//! A captcha's vendor that says what the test wants, and writes down what it was asked.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of the harness")]

use std::sync::{Arc, Barrier, Mutex};

use async_trait::async_trait;
use verify_core::{
    CaptchaContext, CaptchaError, CaptchaErrorKind, CaptchaVerifier, Rejection, Widget, WidgetApi,
    WidgetSigns, WidgetSources,
};

/// What the vendor says, and what it was asked.
#[derive(Debug)]
struct Desk {
    verdict: Result<(), CaptchaErrorKind>,
    asked: Vec<Asked>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub token: String,
    pub host: String,
    pub action: String,
    pub binding: String,
    pub attempt: String,
}

/// The vendor. Clones share one desk.
#[derive(Clone, Debug)]
pub struct Vendor {
    widget: Widget,
    desk: Arc<Mutex<Desk>>,
    /// Nobody is answered before so many have asked.
    gathering: Option<Arc<Barrier>>,
}

impl Vendor {
    pub fn new() -> Self {
        Self::called("gatekeeper")
    }

    pub fn called(kind: &'static str) -> Self {
        let site = "https://gatekeeper.example";
        let widget = Widget::new(kind, "Gatekeeper", format!("key-of-{kind}"), format!("{site}/api.js"))
            .api(WidgetApi::Render("gatekeeper"))
            .signs(WidgetSigns::ActionAndBinding)
            .sources(WidgetSources::default().scripts([site]).frames([site]));
        Self {
            widget,
            desk: Arc::new(Mutex::new(Desk { verdict: Ok(()), asked: Vec::new() })),
            gathering: None,
        }
    }

    pub fn with(mut self, change: impl FnOnce(Widget) -> Widget) -> Self {
        self.widget = change(self.widget);
        self
    }

    /// Answers no question before there are so many.
    pub fn gathering(mut self, questions: usize) -> Self {
        self.gathering = Some(Arc::new(Barrier::new(questions)));
        self
    }

    pub fn says(&self, verdict: Result<(), CaptchaErrorKind>) {
        self.desk.lock().unwrap().verdict = verdict;
    }

    pub fn rejects(&self, rejection: Rejection) {
        self.says(Err(CaptchaErrorKind::SolveAgain(rejection)));
    }

    pub fn goes_down(&self) {
        self.says(Err(CaptchaErrorKind::Unavailable));
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.desk.lock().unwrap().asked.clone()
    }
}

#[async_trait]
impl CaptchaVerifier for Vendor {
    fn widget(&self) -> &Widget {
        &self.widget
    }

    async fn verify(&self, token: &str, context: &CaptchaContext<'_>) -> Result<(), CaptchaError> {
        if let Some(gathering) = &self.gathering {
            gathering.wait();
        }
        let mut desk = self.desk.lock().unwrap();
        desk.asked.push(Asked {
            token: token.to_owned(),
            host: context.host().to_owned(),
            action: context.action().to_owned(),
            binding: context.binding().to_owned(),
            attempt: context.attempt().to_owned(),
        });
        desk.verdict.map_err(CaptchaError::from)
    }
}
