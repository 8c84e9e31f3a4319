//! Twilio Verify under races: real threads, over sockets, with two engines over one store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "twilio/phone.rs"]
mod phone;
#[path = "twilio/site.rs"]
mod site;

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use site::{Mounting, PLAIN, PSD2, Site, engine, text, wrong};
use tests::http::Response;
use verify_compat::resources::{MemoryResources, Resources, ResourcesError};
use verify_compat::twilio::TwilioVerifyApi;
use verify_core::{FakeClock, MemoryStore};

/// Resources that are somewhere else: between reading and writing, others have their turn.
#[derive(Clone, Debug, Default)]
struct Remote(MemoryResources);

impl Remote {
    async fn linger() {
        for _ in 0..20 {
            thread::yield_now();
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Resources for Remote {
    async fn get(&self, name: &str) -> Result<Option<Bytes>, ResourcesError> {
        let found = self.0.get(name).await;
        Self::linger().await;
        found
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, ResourcesError> {
        let found = self.0.list(prefix).await;
        Self::linger().await;
        found
    }

    async fn insert(&self, name: &str, value: Bytes) -> Result<bool, ResourcesError> {
        self.0.insert(name, value).await
    }

    async fn replace(&self, name: &str, old: &[u8], new: Bytes) -> Result<bool, ResourcesError> {
        self.0.replace(name, old, new).await
    }

    async fn put(&self, name: &str, value: Bytes) -> Result<(), ResourcesError> {
        self.0.put(name, value).await
    }

    async fn remove(&self, prefix: &str) -> Result<(), ResourcesError> {
        self.0.remove(prefix).await
    }
}

/// Two processes, as far as anybody can tell: an engine each, and everything that is kept in common.
fn two(mounting: Mounting) -> [Site; 2] {
    let clock = FakeClock::default();
    two_over(mounting, &clock, &clock)
}

/// The same, over a store with a clock of its own.
fn two_over(mounting: Mounting, clock: &FakeClock, of_store: &FakeClock) -> [Site; 2] {
    let phone = phone::Phone::default();
    let (resources, store) = (Remote::default(), MemoryStore::builder().clock(of_store.clone()).build());
    [(); 2].map(|()| {
        let engine = engine(clock, &phone, |builder| builder.store(store.clone()));
        let api = TwilioVerifyApi::new(&engine, site::config(), resources.clone()).unwrap();
        Site::around(mounting, api, clock.clone(), phone.clone(), store.clone())
    })
}

/// Asks so often at the same moment, at both in turn.
fn together(sites: &[Site; 2], times: usize, ask: impl Fn(&Site, usize) -> Response + Sync) -> Vec<Response> {
    let barrier = Barrier::new(times);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..times)
            .map(|number| {
                let (barrier, ask, site) = (&barrier, &ask, &sites[number % 2]);
                scope.spawn(move || {
                    barrier.wait();
                    ask(site, number)
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

fn count(answers: &[Response], status: u16, code: u64) -> usize {
    answers
        .iter()
        .filter(|answer| (answer.status, answer.json()["code"].as_u64()) == (status, Some(code)))
        .count()
}

fn evaluated(answers: &[Response]) -> Vec<bool> {
    let compared = answers.iter().filter(|answer| answer.status == 201);
    compared.map(|answer| answer.json()["valid"].as_bool().unwrap()).collect()
}

fn twilio_rule_52_of_200_checks_five_are_compared_and_one_is_approved(mounting: Mounting) {
    let sites = two(mounting);
    for round in 0..12 {
        sites[0].start(PLAIN);
        let code = sites[0].code();
        let answers = together(&sites, 200, |site, number| match round % 3 {
            // All wrong; all right; so few wrong ones that a right one must get in.
            0 => site.check(PLAIN, &wrong(&code)),
            1 => site.check(PLAIN, &code),
            _ => site.check(PLAIN, &if number % 50 == 0 { wrong(&code) } else { code.clone() }),
        });
        let compared = evaluated(&answers);
        let approved = compared.iter().filter(|valid| **valid).count();
        assert!(compared.len() <= 5, "{compared:?}");
        let refused = count(&answers, 429, 60202) + count(&answers, 404, 20404);
        assert_eq!(compared.len() + refused, 200);
        match round % 3 {
            0 => assert_eq!((compared.len(), approved), (5, 0)),
            1 => assert_eq!((compared.len(), approved), (1, 1)),
            _ => assert_eq!(approved, 1),
        }
        sites[0].pass(600);
    }
}

fn twilio_rule_53_of_100_starts_there_is_one_verification_and_one_code(mounting: Mounting) {
    let sites = two(mounting);
    for _ in 0..12 {
        let before = sites[0].phone.count();
        let answers = together(&sites, 100, |site, _| site.try_start(PLAIN, &[]));
        let sids: BTreeSet<String> = answers
            .iter()
            .filter(|answer| answer.status == 201)
            .map(|answer| text(&answer.json(), "sid"))
            .collect();
        assert_eq!(sids.len(), 1);
        let refused = count(&answers, 429, 60203);
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count() + refused, 100);
        let sent = sites[0].phone.all();
        let codes: BTreeSet<&str> = sent[before..].iter().map(|taken| taken.code.as_str()).collect();
        assert_eq!((codes.len(), sent.len() - before), (1, 100 - refused));
        assert!(sent.len() - before <= 5);
        assert_eq!(sites[1].fetch(PLAIN, "%2B15017122661").json()["sid"], *sids.first().unwrap());
        assert_eq!(evaluated(&[sites[1].check(PLAIN, &sites[0].code())]), [true]);
    }
}

fn twilio_rule_35_52_of_parallel_checks_of_many_pairs_only_the_own_one_is_approved(mounting: Mounting) {
    let sites = two(mounting);
    for round in 0..10 {
        let sid = text(&sites[0].pay("10.00", "Acme").json(), "sid");
        let code = sites[0].code();
        let answers = together(&sites, 20, |site, number| {
            // Fewer others than would lock it, so that the own one gets in.
            let amount = if number % 5 == 0 { "99.00" } else { "10.00" };
            let fields =
                [("VerificationSid", &*sid), ("Code", &*code), ("Amount", amount), ("Payee", "Acme")];
            site.post(&format!("Services/{PSD2}/VerificationCheck"), &fields)
        });
        let approved: Vec<usize> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| answer.json()["valid"] == true)
            .map(|(number, _)| number)
            .collect();
        assert!(approved.len() == 1 && !approved[0].is_multiple_of(5), "round {round}: {approved:?}");
        assert!(evaluated(&answers).len() <= 5);
        sites[0].pass(600);
    }
}

fn twilio_rule_29_30_of_a_check_a_cancel_and_an_approval_one_ends_it(mounting: Mounting) {
    let sites = two(mounting);
    for _ in 0..40 {
        let sid = text(&sites[0].start(PLAIN), "sid");
        let code = sites[0].code();
        let answers = together(&sites, 6, |site, number| match number % 3 {
            0 => site.check(PLAIN, &code),
            1 => site.update(PLAIN, &sid, "canceled"),
            _ => site.update(PLAIN, &sid, "approved"),
        });
        let said: BTreeSet<String> = answers
            .iter()
            .filter(|answer| answer.status < 300)
            .map(|answer| text(&answer.json(), "status"))
            .collect();
        // A second cancel of the same may say so too; nobody hears of two ends.
        assert_eq!(said.len(), 1, "{said:?}");
    }
}

fn twilio_rule_43_44_of_parallel_limits_of_one_name_one_is_made(mounting: Mounting) {
    let sites = two(mounting);
    let path = format!("Services/{PLAIN}/RateLimits");
    let made = together(&sites, 20, |site, _| site.post(&path, &[("UniqueName", "ip")]));
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(count(&made, 400, 60208), 19);
    let limit = made.iter().find(|answer| answer.status == 201).unwrap().json();
    let buckets = format!("{path}/{}/Buckets", text(&limit, "sid"));
    sites[0].post(&buckets, &[("Max", "3"), ("Interval", "60")]);
    // And a bucket lets no more through than it says, whoever asks first.
    for value in ["a", "b", "c"] {
        let counted = format!(r#"{{"ip":"{value}"}}"#);
        let started = together(&sites, 30, |site, number| {
            let fields =
                [("To", &*format!("+1501712{number:04}")), ("Channel", "sms"), ("RateLimits", &counted)];
            site.post(&format!("Services/{PLAIN}/Verifications"), &fields)
        });
        let allowed = started.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((allowed, count(&started, 429, 20429)), (3, 27));
    }
}

fn twilio_rule_08_of_parallel_changes_of_one_service_none_is_lost(mounting: Mounting) {
    let sites = two(mounting);
    for round in 0..60 {
        let service = sites[round % 2].service(&[]);
        let path = format!("Services/{service}");
        let changes = [
            ("FriendlyName", "Eagle Bank"),
            ("TtsName", "Oul"),
            ("CodeLength", "8"),
            ("DtmfInputRequired", "false"),
            ("CustomCodeEnabled", "true"),
            ("Whatsapp.From", "+12345"),
        ];
        let answers = together(&sites, 6, |site, number| site.post(&path, &changes[number..=number]));
        assert!(answers.iter().all(|answer| answer.status == 200));
        let held = sites[1 - round % 2].get(&path).json();
        let held = [
            held["friendly_name"] == "Eagle Bank",
            held["tts_name"] == "Oul",
            held["code_length"] == 8,
            held["dtmf_input_required"] == false,
            held["custom_code_enabled"] == true,
            held["whatsapp"]["from"] == "+12345",
        ];
        assert_eq!(held, [true; 6], "round {round}");
        // And a change brings nothing back that somebody else deletes.
        let answers = together(&sites, 6, |site, number| match number {
            0 => site.delete(&path),
            _ => site.post(&path, &changes[number..=number]),
        });
        assert_eq!(answers[0].status, 204);
        assert_eq!((sites[0].get(&path).status, sites[1].get(&path).status), (404, 404), "round {round}");
    }
}

fn twilio_rule_44_of_parallel_limits_and_buckets_no_more_are_made_than_may_be(mounting: Mounting) {
    let sites = two(mounting);
    for round in 0..8 {
        let service = sites[round % 2].service(&[]);
        let limits = format!("Services/{service}/RateLimits");
        let made =
            together(&sites, 60, |site, number| site.post(&limits, &[("UniqueName", &format!("n{number}"))]));
        assert_eq!(
            (made.len() - count(&made, 400, 60207), count(&made, 400, 60207)),
            (50, 10),
            "round {round}"
        );
        assert_eq!(
            sites[0].get(&format!("{limits}?PageSize=100")).json()["rate_limits"].as_array().unwrap().len(),
            50
        );
        let limit = made.iter().find(|answer| answer.status == 201).unwrap().json();
        let buckets = format!("{limits}/{}/Buckets", text(&limit, "sid"));
        let same = together(&sites, 12, |site, _| site.post(&buckets, &[("Max", "1"), ("Interval", "60")]));
        assert_eq!(count(&same, 400, 60211), 11, "round {round}");
        let made = together(&sites, 20, |site, number| {
            site.post(&buckets, &[("Max", "1"), ("Interval", &(100 + number).to_string())])
        });
        assert_eq!(count(&made, 400, 60210), 11, "round {round}");
    }
}

fn twilio_rule_45_no_window_is_thrown_away_by_whoever_is_ahead(mounting: Mounting) {
    let (clock, of_store) = (FakeClock::default(), FakeClock::default());
    let sites = two_over(mounting, &clock, &of_store);
    let path = format!("Services/{PLAIN}/RateLimits");
    let limit = text(&sites[0].post(&path, &[("UniqueName", "ip")]).json(), "sid");
    sites[0].post(&format!("{path}/{limit}/Buckets"), &[("Max", "3"), ("Interval", "60")]);
    for round in 0..60 {
        let allowed = |part: usize| {
            let started = together(&sites, 8, |site, number| {
                let to = format!("+1501{:07}", (round * 10 + part) * 100 + number);
                let fields = [("To", &*to), ("Channel", "sms"), ("RateLimits", r#"{"ip":"a"}"#)];
                site.post(&format!("Services/{PLAIN}/Verifications"), &fields)
            });
            let refused = count(&started, 429, 20429);
            assert!(started.iter().all(|start| start.status == 201 || start.header("retry-after").is_some()));
            8 - refused
        };
        assert_eq!(allowed(0), 3, "round {round}");
        // By the engines' clock it is over. The store ends it, and nobody else.
        clock.advance(Duration::from_secs(60));
        assert_eq!(allowed(1), 0, "round {round}");
        of_store.advance(Duration::from_secs(60));
        assert_eq!(allowed(2), 3, "round {round}");
        clock.advance(Duration::from_secs(60));
        of_store.advance(Duration::from_secs(60));
    }
}

on_both! {
    twilio_rule_45_no_window_is_thrown_away_by_whoever_is_ahead
    twilio_rule_08_of_parallel_changes_of_one_service_none_is_lost
    twilio_rule_44_of_parallel_limits_and_buckets_no_more_are_made_than_may_be
    twilio_rule_52_of_200_checks_five_are_compared_and_one_is_approved
    twilio_rule_53_of_100_starts_there_is_one_verification_and_one_code
    twilio_rule_35_52_of_parallel_checks_of_many_pairs_only_the_own_one_is_approved
    twilio_rule_29_30_of_a_check_a_cancel_and_an_approval_one_ends_it
    twilio_rule_43_44_of_parallel_limits_of_one_name_one_is_made
}
