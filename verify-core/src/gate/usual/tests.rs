//! The usual answer beside the one that is written member by member.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::gate::Carry;
use crate::inquiry::Asking;
use crate::{
    AuthenticatorBook, BlockStatus, Card, CardContext, CardError, CardOutcome, CardRisk, CardVerifier,
    Channel, CodeHandle, CodeServiceError, Contact, Countries, Courier, CourierError, Decision, Delivery,
    Engine, EngineBuilder, Factor, KeyRing, Origin, PinOrder, PinService, Policy, Requirement, all_of,
    any_of,
};

/// Whoever would be asked to send, to call or to check a card: nobody is.
#[derive(Debug)]
struct Unasked;

#[async_trait]
impl Courier for Unasked {
    async fn deliver(&self, _: &Delivery) -> Result<(), CourierError> {
        unreachable!()
    }

    fn is_development(&self) -> bool {
        false
    }
}

#[async_trait]
impl PinService for Unasked {
    async fn call(&self, _: &PinOrder) -> Result<Option<CodeHandle>, CodeServiceError> {
        unreachable!()
    }
}

#[async_trait]
impl CardVerifier for Unasked {
    async fn verify(&self, _: &Card, _: &CardContext<'_>) -> Result<CardOutcome, CardError> {
        unreachable!()
    }
}

/// A request of a known user, or of a visitor whom nobody knows.
struct Head {
    method: &'static str,
    user: Option<Subject<'static>>,
    accept: Option<&'static str>,
}

impl Head {
    fn known() -> Self {
        Self { method: "GET", user: Some(Subject::user("alice")), accept: None }
    }
}

impl RequestView for Head {
    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &'static str {
        "/vault"
    }

    fn query(&self) -> Option<&str> {
        Some("tab=\"1\"")
    }

    fn headers<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let accept = self.accept.filter(|_| name == "accept");
        accept.into_iter().map(str::as_bytes)
    }

    fn route(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn peer(&self) -> Option<IpAddr> {
        None
    }

    fn subject(&self) -> Option<&Subject<'static>> {
        self.user.as_ref()
    }
}

fn engine(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Engine {
    let keys = KeyRing::parse(&format!("k_1-A:{}", "5a".repeat(32))).unwrap();
    let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .courier(Channel::Sms, Unasked)
        .courier(Channel::Email, Unasked)
        .pin_service(Unasked)
        .authenticators(AuthenticatorBook::new())
        .countries(Countries::any())
        .contacts(|_: &Subject<'_>, _: Channel| Contact::phone("+12025550123").ok());
    change(builder).build().unwrap()
}

fn gate(engine: &Engine, requirement: impl Into<Requirement>) -> Gate {
    engine.gate(Policy::new("ffffffffffffffff").require(requirement)).unwrap()
}

/// The body with its tickets and its name taken out, all of which are drawn anew for each.
fn text(reply: &Reply) -> String {
    let text = std::str::from_utf8(reply.body()).unwrap();
    let body: Value = serde_json::from_str(text).unwrap();
    let challenges = body["alternatives"].as_array().unwrap().iter().flat_map(|all| all.as_array().unwrap());
    let drawn = challenges.map(|challenge| &challenge["id"]).chain([&body["request_id"]]);
    drawn.fold(text.to_owned(), |text, drawn| {
        let drawn = drawn.as_str().unwrap();
        assert!(drawn.len() >= 16, "{drawn}");
        text.replace(drawn, &drawn.len().to_string())
    })
}

fn requirements() -> Vec<Requirement> {
    let (sms, mail) =
        (Factor::code("1970-01-01").over([Channel::Sms]), Factor::code("m").over([Channel::Email]));
    let (app, call) = (Factor::totp("app"), Factor::reverse_pin("call"));
    let card = Factor::card("card", Arc::new(Unasked)).requires([CardRisk::Cvc]);
    vec![
        (&sms).into(),
        (&app).into(),
        (&call).into(),
        (&card).into(),
        any_of((&mail, all_of((&app, &card)), all_of((&app, &sms)))),
    ]
}

#[test]
fn r13_it_is_the_answer_that_is_written_member_by_member() {
    let plain = |builder: EngineBuilder| builder;
    let stepped = |builder: EngineBuilder| builder.block_status(BlockStatus::StepUp).mount("/1970-01-01T00");
    let ways: [fn(EngineBuilder) -> EngineBuilder; 2] = [plain, stepped];
    for (way, requirement) in ways.iter().flat_map(|way| requirements().into_iter().map(move |r| (way, r))) {
        let gate = gate(&engine(way), requirement);
        let core = &gate.inner.core;
        let now = core.now();
        let asking = Asking::new(core, &Head::known(), now).unwrap();
        let written = gate.blocked(&asking, now, None, Carry::Nothing);
        let usual = Usual::of(&gate).unwrap();
        let answer = |met| usual.answer(&gate, &asking.subject, &asking.target, met, now).unwrap();
        let filled = answer(Met::default());
        assert_eq!(text(&filled), text(&written));
        assert_eq!((filled.status(), filled.version()), (written.status(), written.version()));
        assert!(filled.headers().iter().eq(written.headers()), "{filled:?} {written:?}");
        assert!(filled.headers().get("www-authenticate").is_some() == (filled.status() == 401));
        let stale = answer(Met { fresh: 0, stale: u64::MAX });
        assert_eq!(text(&stale), text(&written).replace("\"missing\"", "\"expired\""));
    }
}

#[test]
fn what_differs_more_is_written_each_time() {
    let work = Factor::proof_of_work("human");
    let code = Factor::code("code").over([Channel::Sms]);
    let usual = |requirement: Requirement| Usual::of(&gate(&engine(|builder| builder), requirement));
    assert!(usual((&work).into()).is_none(), "each has a puzzle of its own");
    assert!(usual(all_of((&work, &code))).is_none());
    let gate = gate(&engine(|builder| builder), &code);
    let core = &gate.inner.core;
    let usual = |head: Head| {
        let seen = crate::inquiry::Seen {
            source: core.source(&head),
            subject: head.user.clone(),
            has_proofs: false,
        };
        gate.usual(&head, core.now(), &seen.asker(core).unwrap())
    };
    assert!(usual(Head { method: "HEAD", ..Head::known() }).is_none(), "its length is another's");
    assert!(usual(Head { accept: Some("text/html"), ..Head::known() }).is_none(), "it is a page");
    assert!(!usual(Head::known()).unwrap().headers().contains_key("set-cookie"));
    let stranger = usual(Head { user: None, ..Head::known() }).unwrap();
    assert!(stranger.headers()["set-cookie"].to_str().unwrap().starts_with("__Host-visitor="));
    let Decision::Respond(decided) = gate.decide(&Head::known()) else { panic!("it is blocked") };
    assert_eq!(text(&decided), text(&stranger));
}
