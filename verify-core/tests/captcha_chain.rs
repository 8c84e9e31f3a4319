//! What follows when a captcha's vendor is down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/vendor.rs"]
mod vendor;

use std::sync::{Arc, Mutex};

use bank::{Bank, Outcome, Request, blocked, enter, headers_of, json_of, solved, text_of};
use serde_json::{Value, json};
use vendor::Vendor;
use verify_core::{
    CaptchaErrorKind, CaptchaFactor, Channel, CodeFactor, EventKind, Factor, Gate, Outage, Policy, Rejection,
    Reply, WorkFactor, all_of, any_of, first_of,
};

fn captcha(vendor: &Vendor, outage: Outage) -> CaptchaFactor {
    Factor::captcha(vendor_name(vendor), vendor.clone()).when_down(outage)
}

fn vendor_name(vendor: &Vendor) -> String {
    use verify_core::CaptchaVerifier;
    format!("by-{}", vendor.widget().kind())
}

fn work() -> WorkFactor {
    Factor::proof_of_work("work").cost(1).prefix("0")
}

fn code() -> CodeFactor {
    Factor::code("code").over([Channel::Sms])
}

fn feed() -> Request {
    Request::get("/feed").user("alice")
}

/// The factors that are offered, alternative by alternative.
fn offered(reply: &Reply) -> Vec<Vec<String>> {
    let factor = |leaf: &Value| leaf["factor"].as_str().unwrap().to_owned();
    let alternatives = json_of(reply)["alternatives"].as_array().unwrap().clone();
    alternatives.iter().map(|leaves| leaves.as_array().unwrap().iter().map(factor).collect()).collect()
}

fn challenge(reply: &Reply, factor: &str) -> Value {
    let alternatives = json_of(reply)["alternatives"].as_array().unwrap().clone();
    let leaves = alternatives.iter().flat_map(|leaves| leaves.as_array().unwrap());
    leaves.into_iter().find(|leaf| leaf["factor"] == factor).expect("it is offered").clone()
}

struct Shop {
    bank: Bank,
    events: Arc<Mutex<Vec<EventKind>>>,
}

impl Shop {
    fn new() -> Self {
        let events: Arc<Mutex<Vec<_>>> = Arc::default();
        let heard = Arc::clone(&events);
        let bank =
            Bank::with(|builder| builder.on_event(move |event| heard.lock().unwrap().push(event.kind)));
        Self { bank, events }
    }

    fn heard(&self) -> Vec<EventKind> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    fn check(&self, challenge: &Value, token: &str) -> Reply {
        self.bank.call("check", "alice", &json!({ "id": challenge["id"], "token": token }))
    }

    fn block(&self, gate: &Gate) -> Reply {
        blocked(gate, feed())
    }
}

#[test]
fn captcha_rule_26_closed_is_the_default_and_lets_nobody_in() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let gate = shop.bank.gate(Policy::new("feed").require(Factor::captcha("human", vendor.clone())));
    vendor.goes_down();
    let offer = challenge(&shop.block(&gate), "human");
    let reply = shop.check(&offer, "token");
    assert_eq!((reply.status().as_u16(), &json_of(&reply)["code"]), (503, &json!("unavailable")));
    assert_eq!(headers_of(&reply, "retry-after").len(), 1);
    assert!(shop.heard().is_empty(), "nobody has failed");
    assert_eq!(offered(&shop.block(&gate)), [["human"]]);
    let body = format!("a=1&challenge-id={}&challenge-answer=token", offer["id"].as_str().unwrap());
    let page = blocked(&gate, Request::new("POST", "/feed").user("alice").browser().form(body));
    assert_eq!((page.status().as_u16(), headers_of(&page, "retry-after").len()), (503, 1));
    vendor.says(Ok(()));
    assert_eq!(shop.check(&offer, "token").status(), 200, "the outage has burnt nothing");
}

#[test]
fn captcha_rule_26_open_passes_whoever_answers_and_counts_it() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let gate = shop.bank.gate(Policy::new("feed").require(captcha(&vendor, Outage::Open)));
    let offer = || challenge(&shop.block(&gate), "by-gatekeeper");
    vendor.goes_down();
    let answered = offer();
    assert_eq!(shop.check(&answered, "token").status(), 200);
    assert_eq!(shop.heard(), [EventKind::PassedUnchecked, EventKind::Verified]);
    assert_eq!(shop.check(&answered, "other").status(), 409, "a ticket counts once all the same");
    assert_eq!(
        shop.check(&offer(), "token").status(),
        200,
        "the page has one word for all who cannot load it"
    );
    shop.heard();
    // Wrong keys are no outage, and a token that is not good is none either.
    for (kind, status) in [
        (CaptchaErrorKind::Misconfigured, 500),
        (CaptchaErrorKind::Busy, 503),
        (CaptchaErrorKind::LowScore, 403),
        (CaptchaErrorKind::SolveAgain(Rejection::Host), 403),
    ] {
        vendor.says(Err(kind));
        assert_eq!(shop.check(&offer(), "another").status().as_u16(), status, "{kind:?}");
    }
    assert!(!shop.heard().contains(&EventKind::PassedUnchecked));
}

#[test]
fn captcha_rule_26_a_fallback_is_shown_once_the_vendor_was_asked_in_vain() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let gate = shop.bank.gate(Policy::new("feed").require(first_of((
        captcha(&vendor, Outage::Fallback),
        work(),
        code(),
    ))));
    let first = shop.block(&gate);
    assert_eq!(offered(&first), [["by-gatekeeper"]]);
    let offer = challenge(&first, "by-gatekeeper");
    vendor.rejects(Rejection::Invalid);
    assert_eq!(shop.check(&offer, "token").status(), 403);
    vendor.says(Err(CaptchaErrorKind::Misconfigured));
    assert_eq!(shop.check(&offer, "token").status(), 500, "wrong keys are no outage");
    vendor.says(Err(CaptchaErrorKind::Busy));
    assert_eq!(shop.check(&offer, "token").status(), 503, "and neither are too many questions of ours");
    assert_eq!(offered(&shop.block(&gate)), [["by-gatekeeper"]]);
    shop.heard();

    vendor.goes_down();
    let next = shop.check(&offer, "token");
    assert_eq!(next.status(), 403);
    assert_eq!(json_of(&next)["code"], "challenge_required");
    assert_eq!(headers_of(&next, "challenge-required"), ["feed"]);
    assert_eq!(offered(&next), [["work"], ["code"]], "the next challenge comes with the answer");
    assert_eq!(shop.heard(), [EventKind::FellBack]);
    assert_eq!(offered(&shop.block(&gate)), [["work"], ["code"]]);

    // As real as the first: wrong work is refused, right work counts once.
    let puzzle = challenge(&next, "work");
    assert_eq!(shop.check(&puzzle, "bm9uc2Vuc2U=").status(), 400);
    let done = shop.check(&puzzle, &solved(&puzzle));
    assert_eq!(done.status(), 200, "{done:?}");
    assert_eq!(shop.check(&puzzle, &solved(&puzzle)).status(), 409);
    let token = json_of(&done)["clearance"].as_str().unwrap().to_owned();
    assert!(matches!(enter(&gate, feed().header("challenge-clearance", &token)), Outcome::Allowed));

    // Half a minute later the vendor is tried anew.
    shop.bank.advance(30);
    assert_eq!(offered(&shop.block(&gate)), [["by-gatekeeper"]]);
    assert!(
        enter(&gate, feed().header("challenge-clearance", &token)).is_in(),
        "what was proven stays proven"
    );
}

#[test]
fn captcha_rule_26_a_fallback_leads_in_line_and_on_the_page_too() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let chain = first_of((captcha(&vendor, Outage::Fallback), code()));
    let gate = shop.bank.gate(Policy::new("feed").require(chain));
    let offer = challenge(&shop.block(&gate), "by-gatekeeper");
    let id = offer["id"].as_str().unwrap();
    vendor.goes_down();
    let in_line = blocked(&gate, feed().header("challenge-id", id).header("challenge-answer", "token"));
    assert_eq!((in_line.status().as_u16(), offered(&in_line)), (403, vec![vec!["code".to_owned()]]));

    let held = format!("amount=1&challenge-id={id}&challenge-answer=token");
    let page = blocked(&gate, Request::new("POST", "/feed").user("alice").browser().form(held));
    let text = text_of(&page);
    assert_eq!(page.status(), 403);
    assert!(text.contains("Send a code by text message") && text.contains("cannot be reached"), "{text}");
    assert!(text.contains("name=\"amount\" value=\"1\""), "what was blocked goes on: {text}");

    let form = format!("challenge-id={id}&challenge-answer=token");
    let by_endpoint = shop.bank.ask(Request::new("POST", "/challenge/check").user("alice").form(form));
    assert_eq!(
        (by_endpoint.status().as_u16(), headers_of(&by_endpoint, "location")),
        (303, vec!["/feed".to_owned()])
    );
}

#[test]
fn captcha_rule_26_a_vendor_that_answers_again_is_offered_again() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let chain = first_of((captcha(&vendor, Outage::Fallback), work()));
    let gate = shop.bank.gate(Policy::new("feed").require(chain));
    for (token, verdict) in
        [("good", Ok(())), ("late", Err(CaptchaErrorKind::SolveAgain(Rejection::Expired)))]
    {
        let offer = challenge(&shop.block(&gate), "by-gatekeeper");
        vendor.goes_down();
        shop.check(&offer, "token-of-an-outage");
        assert_eq!(offered(&shop.block(&gate)), [["work"]]);
        vendor.says(verdict);
        shop.check(&offer, token);
        assert_eq!(offered(&shop.block(&gate)), [["by-gatekeeper"]]);
    }
}

#[test]
fn captcha_rule_26_a_visitors_word_that_nothing_loads_makes_us_ask_and_no_more() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let chain = first_of((captcha(&vendor, Outage::Fallback), work()));
    let gate = shop.bank.gate(Policy::new("feed").require(chain));
    let offer = challenge(&shop.block(&gate), "by-gatekeeper");
    let complain = || shop.bank.call("send", "alice", &json!({ "id": offer["id"] }));
    vendor.rejects(Rejection::Invalid);
    for _ in 0..50 {
        assert_eq!(json_of(&complain())["site_key"], "key-of-gatekeeper");
    }
    assert_eq!(vendor.asked().len(), 1, "asked once for all of them");
    assert_eq!(offered(&shop.block(&gate)), [["by-gatekeeper"]], "it is up, whoever says otherwise");
    vendor.goes_down();
    shop.bank.advance(5);
    complain();
    assert_eq!(offered(&shop.block(&gate)), [["work"]]);
    assert_eq!(shop.heard(), [EventKind::FellBack]);
    for _ in 0..50 {
        complain();
    }
    assert_eq!(vendor.asked().len(), 2, "what is known to be down is not asked");

    // Where nothing would follow from it, nobody is asked.
    let closed = Vendor::called("porter");
    let other = shop.bank.gate(Policy::new("other").require(captcha(&closed, Outage::Closed)));
    let id = challenge(&shop.block(&other), "by-porter")["id"].clone();
    shop.bank.call("send", "alice", &json!({ "id": id }));
    assert!(closed.asked().is_empty());
}

#[test]
fn captcha_rule_26_one_vendor_may_stand_in_for_another() {
    let (shop, first, second) = (Shop::new(), Vendor::called("one"), Vendor::called("two"));
    let (one, two) = (captcha(&first, Outage::Fallback), captcha(&second, Outage::Fallback));
    let gate = shop.bank.gate(Policy::new("feed").require(first_of((one, two, work()))));
    first.goes_down();
    let next = shop.check(&challenge(&shop.block(&gate), "by-one"), "token");
    assert_eq!(offered(&next), [["by-two"]]);
    second.goes_down();
    let last = shop.check(&challenge(&next, "by-two"), "token");
    assert_eq!(offered(&last), [["work"]]);
    first.says(Ok(()));
    shop.bank.advance(30);
    assert_eq!(offered(&shop.block(&gate)), [["by-one"]]);
}

#[test]
fn captcha_rule_12_what_was_earned_elsewhere_stands_in_for_no_vendor() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let human = captcha(&vendor, Outage::Fallback);
    let chain = shop.bank.gate(Policy::new("feed").require(first_of((human, work(), code()))));
    let cheap = shop.bank.gate(Policy::new("cheap").require(work()));
    let puzzle = challenge(&shop.block(&cheap), "work");
    let done = shop.check(&puzzle, &solved(&puzzle));
    let token = json_of(&done)["clearance"].as_str().unwrap().to_owned();
    assert!(enter(&cheap, feed().header("challenge-clearance", &token)).is_in());
    let reply = blocked(&chain, feed().header("challenge-clearance", &token));
    assert_eq!(offered(&reply), [["by-gatekeeper"]]);
    // Nor is a ticket of that policy one of this.
    let other = challenge(&shop.block(&cheap), "work");
    let answer = feed()
        .header("challenge-id", other["id"].as_str().unwrap())
        .header("challenge-answer", solved(&other));
    assert_eq!(blocked(&chain, answer).status(), 410);

    // A code is a code wherever it was typed.
    let vault = shop.bank.gate(Policy::new("vault").require(code()));
    let token = shop.bank.clearance(&vault, "alice");
    assert!(enter(&chain, feed().header("challenge-clearance", &token)).is_in());
}

#[test]
fn captcha_rule_26_a_chain_nests_in_all_of_and_any_of() {
    let (shop, vendor) = (Shop::new(), Vendor::new());
    let human = captcha(&vendor, Outage::Fallback);
    let chain = || first_of((&human, work()));
    let both = shop.bank.gate(Policy::new("both").require(all_of((chain(), code()))));
    let either = shop.bank.gate(Policy::new("either").require(any_of((chain(), code()))));
    assert_eq!(offered(&shop.block(&both)), [["by-gatekeeper", "code"]]);
    assert_eq!(offered(&shop.block(&either)), [vec!["by-gatekeeper"], vec!["code"]]);
    vendor.goes_down();
    shop.check(&challenge(&shop.block(&both), "by-gatekeeper"), "token");
    let mut fallen = offered(&shop.block(&both));
    fallen.iter_mut().for_each(|leaves| leaves.sort_unstable());
    assert_eq!(fallen, [["code", "work"]]);
    assert_eq!(offered(&shop.block(&either)), [["work"], ["code"]]);
}

#[test]
fn r01_a_chain_that_cannot_work_does_not_build() {
    let bank = Bank::new();
    let vendor = Vendor::new();
    let of = |outage| captcha(&vendor, outage);
    let refused = |requirement: verify_core::Requirement, cure: &str| {
        let error = bank.engine.gate(Policy::new("p").require(requirement)).unwrap_err().to_string();
        assert!(error.contains(cure), "{error}");
    };
    refused(first_of((of(Outage::Closed), work())), "when_down(Outage::Fallback)");
    refused(first_of((of(Outage::Open), work())), "when_down(Outage::Fallback)");
    refused(first_of([of(Outage::Fallback)]), "nothing comes after");
    refused(of(Outage::Fallback).into(), "put it into a `first_of`");
    refused(any_of((of(Outage::Fallback), work())), "put it into a `first_of`");
    refused(code().after(of(Outage::Fallback)).into(), "put it into a `first_of`");
    refused(first_of((work(), code())), "any_of");
    refused(first_of((work(), of(Outage::Closed))), "any_of");
    refused(
        first_of((of(Outage::Fallback), work(), captcha(&Vendor::called("late"), Outage::Closed))),
        "in front",
    );
    refused(first_of((of(Outage::Fallback), all_of((work(), code())))), "takes factors");
    refused(first_of(Vec::<verify_core::Requirement>::new()), "empty");
    for kind in ["code", "proof_of_work", "Upper", "da-sh", ""] {
        let odd = Factor::captcha("odd", Vendor::called(kind));
        assert!(bank.engine.gate(Policy::new("p").require(odd)).is_err(), "{kind}");
    }
}
