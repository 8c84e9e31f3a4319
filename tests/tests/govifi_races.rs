//! The hosted sessions of GoViFi under races: real threads, over sockets, two processes' worth of engines on one Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "served/serve.rs"]
mod serve;
#[path = "../../verify-redis/tests/support/server.rs"]
mod server;
#[path = "govifi/site.rs"]
mod site;

use serde_json::{Value, json};
use serve::{Mounting, together, wrong};
use server::Server;
use site::{Doorman, Site, World, sms};
use tests::http::Response;

fn two(mounting: Mounting, redis: &Server) -> [Site; 2] {
    let (world, doorman) = (World::default(), Doorman::new("hcaptcha"));
    [(); 2].map(|()| Site::over(mounting, redis.store(), &world, &doorman, |_| {}))
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn told(answers: &[Response]) -> Vec<String> {
    answers.iter().map(|answer| format!("{} {}", answer.status, answer.text())).collect()
}

fn g02_of_parallel_sends_one_delivers_and_all_answer_alike(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for _ in 0..15 {
        let session = sites[0].session("sms");
        let before = sites[0].phone.count();
        let answers = together(10, |number| sites[number % 2].send(&session));
        assert!(
            answers.iter().all(|answer| (answer.status, &answer.body) == (200, &answers[0].body)),
            "{:?}",
            told(&answers)
        );
        assert_eq!(sites[0].phone.count() - before, 1);
    }
}

fn g13_of_parallel_confirmations_with_one_key_one_is_paid_and_one_captcha_asked_about(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 1..=15 {
        let session = sites[0].session("hcaptcha");
        let answer = json!({ "type": "hcaptcha", "token": session.token() });
        let request = session.confirm(answer).header("idempotency-key", "k");
        let answers = together(10, |number| sites[number % 2].ask(&request));
        // Whoever is too early to hear the outcome hears that it is under way, and never another one.
        assert_eq!(count(&answers, 200) + count(&answers, 409), 10, "{:?}", told(&answers));
        let paid: Vec<&Response> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(!paid.is_empty() && paid.iter().all(|answer| answer.body == paid[0].body));
        assert_eq!(sites[1].ask(&request).body, paid[0].body);
        assert_eq!((sites[0].till.payments(), sites[0].doorman.asked.lock().unwrap().len()), (round, round));
    }
}

fn g14_of_parallel_confirmations_one_is_paid(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 1..=15 {
        let session = sites[0].session(if round % 2 == 0 { "sms" } else { "none" });
        sites[0].send(&session);
        let answer = if round % 2 == 0 { sms(&sites[0].code()) } else { Value::Null };
        let answers = together(4, |number| {
            let request = session.confirm(answer.clone());
            sites[number % 2].ask(&match number {
                0 | 1 => request,
                _ => request.header("idempotency-key", &format!("k{number}")),
            })
        });
        assert_eq!(sites[0].till.payments(), round, "{:?}", told(&answers));
        assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 3), "{:?}", told(&answers));
    }
}

fn g18_of_parallel_wrong_codes_five_are_compared(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for _ in 0..10 {
        let session = sites[0].session("sms");
        sites[0].send(&session);
        let code = sites[0].code();
        let answers = together(20, |number| sites[number % 2].confirm(&session, sms(&wrong(&code, number))));
        let another = answers.iter().filter(|answer| answer.json()["recoverable"] == true).count();
        assert_eq!((count(&answers, 403), another), (20, 4), "{:?}", told(&answers));
        assert_eq!(sites[1].confirm(&session, sms(&code)).status, 403, "the right one comes too late");
    }
    assert_eq!(sites[0].till.payments(), 0);
}

fn g18_the_right_code_is_right_among_four_wrong_ones(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 1..=20 {
        let session = sites[0].session("sms");
        sites[0].send(&session);
        let code = sites[0].code();
        let answers = together(5, |number| {
            let code = if number == 2 { code.clone() } else { wrong(&code, number) };
            sites[number % 2].confirm(&session, sms(&code))
        });
        assert_eq!((answers[2].status, sites[0].till.payments()), (200, round), "{:?}", told(&answers));
        assert_eq!(count(&answers, 200), 1, "{:?}", told(&answers));
    }
}

fn g10_of_an_end_and_a_payment_one_takes_place(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for _ in 0..20 {
        let session = sites[0].session("none");
        let before = sites[0].till.payments();
        let answers = together(2, |number| match number {
            0 => sites[0].confirm(&session, Value::Null),
            _ => {
                let path = format!("/v1/hosted-sessions/{}/expire", session.id);
                sites[1].ask(&tests::http::Request::new("POST", &path).header("authorization", site::ADMIN))
            }
        });
        assert_eq!(count(&answers, 200), 1, "{:?}", told(&answers));
        assert_eq!(sites[0].till.payments() - before, usize::from(answers[0].status == 200));
    }
}

on_both! {
    g02_of_parallel_sends_one_delivers_and_all_answer_alike
    g13_of_parallel_confirmations_with_one_key_one_is_paid_and_one_captcha_asked_about
    g14_of_parallel_confirmations_one_is_paid
    g18_of_parallel_wrong_codes_five_are_compared
    g18_the_right_code_is_right_among_four_wrong_ones
    g10_of_an_end_and_a_payment_one_takes_place
}
