//! The Verification API of Twisto under races: real threads, over sockets, two processes' worth of engines on one Redis.
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
#[path = "twisto/site.rs"]
mod site;

use serve::{Mounting, together, wrong};
use server::Server;
use site::{Site, checked, sent};
use verify_compat::twisto::NotVerifiedKind;
use verify_core::FakeClock;

/// Two processes, as far as anybody can tell: an engine and a connection each.
fn two(mounting: Mounting, redis: &Server) -> [Site; 2] {
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    [(); 2].map(|()| Site::over(mounting, redis.store(), clock.clone(), phone.clone(), |_| {}))
}

/// Begins on the shared runtime, where the connections live.
fn begin(site: &Site, id: &str) {
    let to = verify_core::Contact::phone(site::TO).unwrap();
    let evaluation = verify_compat::twisto::Evaluation::new(id, site.engine.now(), to);
    server::wait(site.twisto.begin(&evaluation)).unwrap();
}

fn count(ids: &[u64], id: u64) -> usize {
    ids.iter().filter(|known| **known == id).count()
}

fn t20_of_parallel_codes_fifty_are_compared(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 0..6 {
        let id = format!("all-wrong-{round}");
        begin(&sites[0], &id);
        sites[0].send(&id);
        let code = sites[0].code();
        let ids = together(120, |number| checked(&sites[number % 2].verify(&id, &wrong(&code, number))));
        assert_eq!((count(&ids, 1), count(&ids, 3)), (50, 70), "{ids:?}");
        assert_eq!(checked(&sites[1].verify(&id, &code)), 3, "the right one comes too late");
    }
}

fn t20_the_right_code_among_fifty_wrong_ones_passes_or_comes_too_late(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 0..10 {
        let id = format!("one-right-{round}");
        begin(&sites[0], &id);
        sites[0].send(&id);
        let code = sites[0].code();
        let ids = together(51, |number| {
            let code = if number == 25 { code.clone() } else { wrong(&code, number) };
            checked(&sites[number % 2].verify(&id, &code))
        });
        let verified = server::wait(sites[0].twisto.require_verified(&id));
        match ids[25] {
            // What came after it is told that it is over, and was compared with nothing.
            0 => assert!(count(&ids, 0) == 1 && count(&ids, 1) <= 49 && verified.is_ok(), "{ids:?}"),
            3 => assert!(count(&ids, 1) == 50 && verified.is_err(), "{ids:?}"),
            _ => panic!("{ids:?}"),
        }
    }
}

fn t07_t20_the_right_code_is_right_among_forty_nine_wrong_ones(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 0..15 {
        let id = format!("within-{round}");
        begin(&sites[0], &id);
        sites[0].send(&id);
        let code = sites[0].code();
        let ids = together(50, |number| {
            let code = if number == 25 { code.clone() } else { wrong(&code, number) };
            checked(&sites[number % 2].verify(&id, &code))
        });
        assert!(ids[25] == 0 && count(&ids, 0) == 1 && count(&ids, 3) == 0, "{ids:?}");
    }
}

fn t02_t04_of_parallel_sends_two_leave_and_one_before_ten_seconds(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 0..15 {
        let id = format!("sends-{round}");
        begin(&sites[0], &id);
        let before = sites[0].phone.count();
        let ids = together(12, |number| sent(&sites[number % 2].send(&id)));
        assert_eq!((count(&ids, 0), count(&ids, 1)), (1, 11), "{ids:?}");
        sites[0].pass(10_000);
        let ids = together(12, |number| sent(&sites[number % 2].send(&id)));
        assert_eq!((count(&ids, 0), count(&ids, 2)), (1, 11), "{ids:?}");
        let messages = sites[0].phone.all();
        assert_eq!(messages.len() - before, 2);
        assert_eq!(messages[before].code, messages[before + 1].code);
    }
}

fn t21_one_of_many_gets_the_invoice(mounting: Mounting) {
    let redis = Server::start(&[]);
    let sites = two(mounting, &redis);
    for round in 0..15 {
        let id = format!("invoice-{round}");
        begin(&sites[0], &id);
        sites[0].send(&id);
        let code = sites[0].code();
        let ids = together(8, |number| checked(&sites[number % 2].verify(&id, &code)));
        assert!(count(&ids, 0) >= 1, "{ids:?}");
        let claims = together(8, |number| server::wait(sites[number % 2].twisto.claim_invoice(&id)));
        let claimed = claims.iter().filter(|claim| claim.is_ok()).count();
        assert_eq!(claimed, 1);
        let mut refused = claims.iter().filter_map(|claim| claim.as_ref().err());
        assert!(refused.all(|refused| refused.kind() == NotVerifiedKind::Claimed));
    }
}

on_both! {
    t20_of_parallel_codes_fifty_are_compared
    t20_the_right_code_among_fifty_wrong_ones_passes_or_comes_too_late
    t07_t20_the_right_code_is_right_among_forty_nine_wrong_ones
    t02_t04_of_parallel_sends_two_leave_and_one_before_ten_seconds
    t21_one_of_many_gets_the_invoice
}
