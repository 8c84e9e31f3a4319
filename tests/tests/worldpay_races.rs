//! Worldpay account verification under races: real threads, over sockets, with two engines over one Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../verify-redis/tests/support/server.rs"]
mod server;
#[path = "worldpay/site.rs"]
mod site;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use async_trait::async_trait;
use server::Server;
use site::{Mounting, ONE_TIME, PUBLIC, Running, api, faults, getting, link, posting, serve};
use tests::http::Response;
use tests::worldpay::{NUMBER, intelligent};
use verify_compat::worldpay::{Issuer, IssuerAnswer, IssuerError, IssuerInquiry};
use verify_core::FakeClock;
use verify_redis::RedisStore;

/// Counts how often anybody asks.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicUsize>);

#[async_trait]
impl Issuer for Counted {
    async fn verify(&self, _: &IssuerInquiry) -> Result<IssuerAnswer, IssuerError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(IssuerAnswer::approved())
    }
}

/// Two processes, as far as anybody can tell: an engine and a connection each, one on each framework.
fn two(redis: &Server, issuer: &Counted) -> [Running; 2] {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let clock = FakeClock::default();
    let sites = [Mounting::Tower, Mounting::Actix].map(|mounting| {
        let store = runtime.block_on(RedisStore::connect(&redis.url())).unwrap();
        serve(mounting, api(&clock, store, |builder| builder.issuer(issuer.clone())))
    });
    // The connections live in it, for as long as the test.
    std::mem::forget(runtime);
    sites
}

#[test]
fn worldpay_rule_11_of_many_with_one_reference_one_is_asked_about() {
    let (redis, issuer) = (Server::start(&[]), Counted::default());
    let sites = two(&redis, &issuer);
    for round in 0..200 {
        let barrier = Barrier::new(8);
        let body = intelligent(&format!("round-{round}")).to_string();
        let answers: Vec<Response> = thread::scope(|scope| {
            let asked: Vec<_> = (0..8)
                .map(|number| {
                    let (barrier, body, site) = (&barrier, &body, &sites[number % 2]);
                    scope.spawn(move || {
                        barrier.wait();
                        posting(ONE_TIME, body.as_str()).send(site.address).unwrap()
                    })
                })
                .collect();
            asked.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((made.len(), refused.len(), issuer.0.load(Ordering::SeqCst)), (1, 7, round + 1));
        for refused in refused {
            assert_eq!(
                faults(refused),
                [("$.transactionReference".to_owned(), "fieldHasInvalidValue".to_owned())]
            );
        }
        // Whichever made it, both answer for it.
        let href = link(&made[0].json());
        for site in &sites {
            let found = getting(href.strip_prefix(PUBLIC).unwrap()).send(site.address).unwrap();
            assert_eq!((found.status, &found.body), (200, &made[0].body));
        }
    }
    // W14: what lies in the store tells nothing of a card, and nothing of who asked.
    let keys: Vec<String> = redis.ask(&["KEYS", "*"]);
    assert!(keys.len() >= 400, "{}", keys.len());
    for key in keys.iter().take(100) {
        let value: Vec<u8> = redis.ask(&["GET", key]);
        let all = [key.as_bytes(), &value].concat();
        for secret in [NUMBER, "444433", "917", "1111", "merchant", "round-", "verified", "Sherlock"] {
            let found = all.windows(secret.len()).any(|window| window == secret.as_bytes());
            // Three digits may occur by chance.
            assert!(!found || secret.len() < 5, "{secret} lies in the store");
        }
    }
}
