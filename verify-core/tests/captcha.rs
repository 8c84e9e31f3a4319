//! Captchas in the engine: what counts once, what burns nothing, and who is told what.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "support/bank.rs"]
mod bank;
#[path = "support/feed.rs"]
mod feed;
#[path = "support/vendor.rs"]
mod vendor;

use std::thread;

use bank::{Bank, Outcome, Request, blocked, challenge_of, enter, headers_of, id_of, json_of, text_of};
use feed::{Shop, check, clearance, feed, human};
use serde_json::json;
use vendor::Vendor;
use verify_core::{CaptchaErrorKind, EventKind, Gate, Policy, Rejection};

const REJECTIONS: [(Rejection, &str); 6] = [
    (Rejection::Invalid, "invalid"),
    (Rejection::Expired, "expired"),
    (Rejection::Duplicate, "duplicate"),
    (Rejection::Host, "wrong_host"),
    (Rejection::Action, "wrong_action"),
    (Rejection::Binding, "wrong_binding"),
];

#[test]
fn captcha_rule_24_a_challenge_says_what_its_token_has_to_be_for() {
    let shop = Shop::new();
    let reply = blocked(&shop.gate, feed());
    let challenge = challenge_of(&reply);
    assert_eq!(
        (&challenge["type"], &challenge["factor"], &challenge["site_key"], &challenge["action"]),
        (&json!("gatekeeper"), &json!("human"), &json!("key-of-gatekeeper"), &json!("the_feed"))
    );
    let cdata = challenge["cdata"].as_str().unwrap();
    assert!(cdata.len() == 32 && cdata.bytes().all(|b| b.is_ascii_hexdigit()), "{cdata}");
    assert!(shop.vendor.asked().is_empty(), "a block asks nobody");

    let id = challenge["id"].as_str().unwrap();
    let token = clearance(&shop.check(id, "token-1"));
    let asked = shop.vendor.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (
            asked[0].token.as_str(),
            asked[0].host.as_str(),
            asked[0].action.as_str(),
            asked[0].binding.as_str()
        ),
        ("token-1", "bank.example", "the_feed", cdata)
    );
    assert_eq!(asked[0].attempt.len(), 36);
    assert_eq!(shop.heard(), [(EventKind::Verified, None)]);
    assert!(matches!(enter(&shop.gate, feed().header("challenge-clearance", &token)), Outcome::Allowed));
}

#[test]
fn captcha_rule_24_a_vendor_that_signs_less_is_told_less() {
    for (signs, members) in [
        (verify_core::WidgetSigns::Nothing, (false, false)),
        (verify_core::WidgetSigns::Action, (true, false)),
        (verify_core::WidgetSigns::ActionAndBinding, (true, true)),
    ] {
        let shop = Shop::of(Vendor::new().with(|widget| widget.signs(signs)));
        let challenge = challenge_of(&blocked(&shop.gate, feed()));
        let has = |member: &str| challenge.get(member).is_some();
        assert_eq!((has("action"), has("cdata")), members, "{challenge}");
    }
}

#[test]
fn captcha_rule_24_each_rejection_is_told_with_its_reason_and_passes_nobody() {
    let shop = Shop::new();
    let id = shop.ticket();
    for (rejection, reason) in REJECTIONS {
        shop.vendor.rejects(rejection);
        let reply = shop.check(&id, "token");
        let body = json_of(&reply);
        assert_eq!(
            (reply.status().as_u16(), &body["code"], &body["reason"], &body["recoverable"]),
            (403, &json!("challenge_failed"), &json!(reason), &json!(true)),
        );
        assert_eq!(shop.heard(), [(EventKind::Failed, Some(reason))]);
        assert!(reply.headers().get("challenge-clearance").is_none());
    }
    shop.vendor.says(Err(CaptchaErrorKind::LowScore));
    assert_eq!(json_of(&shop.check(&id, "token"))["reason"], "low_score");
    assert_eq!(shop.heard(), [(EventKind::Failed, Some("low_score"))]);
}

#[test]
fn captcha_rule_24_uniform_failures_tell_no_reason() {
    let vendor = Vendor::new();
    let bank = Bank::with(|builder| builder.uniform_failures());
    let gate = bank.gate(Policy::new("feed").require(human(&vendor)));
    vendor.rejects(Rejection::Host);
    let body = json_of(&check(&bank, "alice", &id_of(&blocked(&gate, feed())), "token"));
    assert_eq!((&body["code"], body.get("reason")), (&json!("challenge_failed"), None));
}

#[test]
fn captcha_rule_03_a_token_that_does_not_pass_burns_nothing() {
    let shop = Shop::new();
    let (id, other) = (shop.ticket(), shop.ticket());
    for kind in [
        CaptchaErrorKind::SolveAgain(Rejection::Invalid),
        CaptchaErrorKind::LowScore,
        CaptchaErrorKind::Misconfigured,
        CaptchaErrorKind::Unavailable,
    ] {
        shop.vendor.says(Err(kind));
        // A ticket wears out after twenty answers that its vendor refuses.
        for _ in 0..9 {
            assert_ne!(shop.check(&id, "token").status(), 200);
        }
    }
    shop.vendor.says(Ok(()));
    assert_eq!(shop.check(&id, "token").status(), 200, "the same token, the same ticket");
    // Brought again, the spent token leaves the other ticket as it was.
    assert_eq!(shop.check(&other, "token").status(), 409);
    assert_eq!(shop.check(&other, "another-token").status(), 200);
}

#[test]
fn captcha_rule_02_a_token_counts_once_whatever_ticket_it_comes_with() {
    let shop = Shop::new();
    let id = shop.ticket();
    assert_eq!(shop.check(&id, "token").status(), 200);
    let asked = shop.vendor.asked().len();
    for id in [id, shop.ticket()] {
        let again = shop.check(&id, "token");
        assert_eq!((again.status().as_u16(), &json_of(&again)["code"]), (409, &json!("already_used")));
    }
    let eve = id_of(&blocked(&shop.gate, Request::get("/feed").user("eve")));
    assert_eq!(check(&shop.bank, "eve", &eve, "token").status(), 409);
    assert_eq!(shop.vendor.asked().len(), asked, "what is known to be spent is not asked about");
}

#[test]
fn captcha_rule_02_a_ticket_counts_once_whatever_token_it_comes_with() {
    let shop = Shop::new();
    let id = shop.ticket();
    assert_eq!(shop.check(&id, "one").status(), 200);
    assert_eq!(shop.check(&id, "two").status(), 409);
    let status = json_of(&shop.bank.call("status", "alice", &json!({ "id": id })));
    assert_eq!((&status["type"], &status["status"]), (&json!("gatekeeper"), &json!("closed")));
}

/// The vendor answers nobody before all have asked, so that none of them could have seen what another one left.
#[test]
fn captcha_rule_02_of_fifty_parallel_uses_one_passes() {
    for (one_ticket, one_token) in [(true, true), (true, false), (false, true)] {
        let shop = Shop::of(Vendor::new().gathering(50));
        for round in 0..20 {
            let first = shop.ticket();
            let uses: Vec<(String, String)> = (0..50)
                .map(|n| {
                    let ticket = if one_ticket { first.clone() } else { shop.ticket() };
                    let token = if one_token { 0 } else { n };
                    (ticket, format!("token-{round}-{token}"))
                })
                .collect();
            let passed: usize = thread::scope(|scope| {
                let tries: Vec<_> = uses
                    .iter()
                    .map(|(id, token)| {
                        let shop = &shop;
                        scope.spawn(move || {
                            let status = shop.check(id, token).status().as_u16();
                            assert!(matches!(status, 200 | 409), "{status}");
                            usize::from(status == 200)
                        })
                    })
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert_eq!(passed, 1, "round {round}, one ticket: {one_ticket}, one token: {one_token}");
        }
    }
}

#[test]
fn captcha_rule_05_a_ticket_of_another_subject_or_policy_is_refused_before_anybody_is_asked() {
    let shop = Shop::new();
    let other = shop.bank.gate(Policy::new("other").require(&shop.human));
    let id = shop.ticket();
    assert_eq!(check(&shop.bank, "eve", &id, "token").status(), 410);
    let in_line = feed().header("challenge-id", &id).header("challenge-answer", "token");
    assert_eq!(blocked(&other, in_line.clone()).status(), 410, "of another policy");
    shop.bank.advance(601);
    assert_eq!(blocked(&shop.gate, in_line).status(), 410, "expired");
    assert!(shop.vendor.asked().is_empty());
}

#[test]
fn captcha_rule_05_no_two_challenges_have_one_binding() {
    let shop = Shop::new();
    let other = shop.bank.gate(Policy::new("other").require(&shop.human));
    let of = |gate: &Gate, path: &str, user: &str| {
        let challenge = challenge_of(&blocked(gate, Request::get(path).user(user)));
        challenge["cdata"].as_str().unwrap().to_owned()
    };
    let mut all = vec![
        of(&shop.gate, "/feed", "alice"),
        of(&shop.gate, "/feed", "alice"),
        of(&shop.gate, "/elsewhere", "alice"),
        of(&shop.gate, "/feed", "eve"),
        of(&other, "/feed", "alice"),
    ];
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 5);
}

#[test]
fn captcha_rule_09_what_cannot_be_a_token_is_refused_before_anybody_is_asked() {
    let shop = Shop::of(Vendor::new().with(|widget| widget.longest_token(2048)));
    let id = shop.ticket();
    for token in ["", " ", "to ken", "tök", "a\nb", &"x".repeat(2049)] {
        let reply = shop.check(&id, token);
        assert_eq!((reply.status().as_u16(), &json_of(&reply)["code"]), (400, &json!("validation_error")));
    }
    for body in [json!({ "id": id, "code": "123456" }), json!({ "id": id, "token": 1 }), json!({ "id": id })]
    {
        assert_eq!(shop.bank.call("check", "alice", &body).status(), 400);
    }
    assert!(shop.vendor.asked().is_empty());
    assert_eq!(shop.check(&id, &"x".repeat(2048)).status(), 200);
}

#[test]
fn captcha_rule_27_wrong_keys_are_the_operators_and_never_the_visitors() {
    let shop = Shop::new();
    shop.vendor.says(Err(CaptchaErrorKind::Misconfigured));
    let id = shop.ticket();
    let reply = shop.check(&id, "token");
    assert_eq!((reply.status().as_u16(), &json_of(&reply)["code"]), (500, &json!("misconfigured")));
    assert!(shop.heard().is_empty(), "nobody has failed");
    let page = blocked(
        &shop.gate,
        Request::new("POST", "/feed")
            .user("alice")
            .browser()
            .form(format!("a=1&challenge-id={id}&challenge-answer=token")),
    );
    assert_eq!(page.status(), 500);
    assert!(text_of(&page).contains("not your fault"), "{}", text_of(&page));
}

#[test]
fn captcha_rule_28_public_test_keys_have_one_token_for_everybody() {
    let shop = Shop::of(Vendor::new().with(verify_core::Widget::with_test_keys));
    let id = shop.ticket();
    assert_eq!(shop.check(&id, "DUMMY").status(), 200);
    assert_eq!(shop.check(&id, "DUMMY").status(), 409, "a ticket counts once all the same");
    assert_eq!(shop.check(&shop.ticket(), "DUMMY").status(), 200);
}

#[test]
fn a_captcha_is_answered_in_line_and_by_form() {
    let shop = Shop::new();
    let id = shop.ticket();
    let answer = feed().header("challenge-id", &id).header("challenge-answer", "in-line");
    assert!(matches!(enter(&shop.gate, answer.clone()), Outcome::Passed(_)));
    assert_eq!(blocked(&shop.gate, answer).status(), 409);

    let form = |id: &str, token: &str| {
        Request::new("POST", "/challenge/check")
            .user("alice")
            .form(format!("challenge-id={id}&challenge-answer={token}"))
    };
    let done = shop.bank.ask(form(&shop.ticket(), "short"));
    assert_eq!((done.status().as_u16(), headers_of(&done, "location")), (303, vec!["/feed".to_owned()]));

    let held = Request::new("POST", "/feed").user("alice").browser();
    let body =
        format!("amount=1&g-recaptcha-response=mine&challenge-id={}&challenge-answer=held", shop.ticket());
    match enter(&shop.gate, held.form(body)) {
        Outcome::Passed(passage) => assert_eq!(passage.body, "amount=1&g-recaptcha-response=mine"),
        other => panic!("{other:?}"),
    }
    // Nothing travels for a captcha: programs get it once more, pages look anew.
    let id = shop.ticket();
    let sent = json_of(&shop.bank.call("send", "alice", &json!({ "id": id })));
    assert_eq!(sent["site_key"], "key-of-gatekeeper");
    let looks = Request::new("POST", "/challenge/send").user("alice").form(format!("challenge-id={id}"));
    assert_eq!(shop.bank.ask(looks).status(), 303);
}

#[test]
fn captcha_rule_29_twenty_wrong_tokens_wear_a_ticket_out_and_the_vendor_hears_no_more() {
    let shop = Shop::new();
    shop.vendor.says(Err(CaptchaErrorKind::SolveAgain(Rejection::Invalid)));
    let ticket = shop.ticket();
    for n in 0..20 {
        assert_eq!(shop.check(&ticket, &format!("junk-{n}")).status(), 403);
    }
    let asked = shop.vendor.asked();
    shop.vendor.says(Ok(()));
    assert_eq!(json_of(&shop.check(&ticket, "token"))["reason"], "locked");
    assert_eq!(shop.vendor.asked(), asked, "nobody was asked");
    assert_eq!(shop.check(&shop.ticket(), "token").status(), 200, "another ticket is not worn");
}
