//! Twilio Verify over sockets, on both frameworks: what is more than the original, and its second tier.
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

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use site::{
    ACCOUNT, Mounting, OTHER, OTHER_TOKEN, PLAIN, PSD2, Site, TO, approved, basic, config, engine, outcome,
    pending, refused, text,
};
use verify_compat::twilio::{TwilioVerifyApi, WebhookConfig};
use verify_core::{
    Channel, Countries, CourierErrorKind, Engine, Fetch, FetchError, FetchErrorKind, KeyRing, Origin,
};

fn twilio_extra_header_fields_tell_what_is_left(mounting: Mounting) {
    let site = Site::open(mounting);
    let started = site.try_start(PLAIN, &[]);
    let told = |response: &tests::http::Response| {
        let left = response.header("verify-attempts-left").map(str::to_owned);
        (left.unwrap_or_default(), response.header("verify-expires-at").unwrap_or_default().to_owned())
    };
    let with = |left: &str| (left.to_owned(), "2026-01-01T00:10:00Z".to_owned());
    assert_eq!(told(&started), with("5"));
    for left in ["4", "3", "2", "1", "0"] {
        assert_eq!(told(&site.check(PLAIN, &site.wrong())), with(left));
        assert_eq!(told(&site.fetch(PLAIN, "%2B15017122661")), with(left));
    }
    assert_eq!(told(&site.check(PLAIN, &site.wrong())), with("0"));
    // A 404 says how it ended; the body is that of the original.
    let site = Site::open(mounting);
    let ended = |how: &str| {
        let sid = text(&site.start(PLAIN), "sid");
        match how {
            "expired" => site.pass(600),
            how => assert_eq!(site.update(PLAIN, &sid, how).status, 200),
        }
        let answer = site.check(PLAIN, &site.code());
        refused(&answer, 404, 20404);
        answer.header("verify-status").map(str::to_owned)
    };
    for how in ["approved", "canceled", "expired"] {
        assert_eq!(ended(how).as_deref(), Some(how));
    }
    let never = site
        .post(&format!("Services/{PLAIN}/VerificationCheck"), &[("To", "+420601123456"), ("Code", "1234")]);
    assert_eq!((never.status, never.header("verify-status")), (404, None));
}

fn twilio_extra_life_and_fresh_codes_are_settings_of_all_services_and_of_each(mounting: Mounting) {
    let change = |config: &mut verify_compat::twilio::Config| {
        config.settings.ttl_seconds = 120;
        config.settings.fresh_code = true;
        config.services[0].ttl_seconds = Some(1200);
        config.services[0].fresh_code = Some(false);
    };
    let site = Site::with(mounting, change, |builder| builder);
    site.start(PLAIN);
    let code = site.code();
    site.pass(1199);
    site.start(PLAIN);
    assert_eq!(site.code(), code);
    assert_eq!(outcome(&site.check(PLAIN, &code)), approved());
    // The others: two minutes, and a new code each time, which voids the one before.
    let service = site.service(&[("CodeLength", "10")]);
    let sid = text(&site.start(&service), "sid");
    let old = site.code();
    assert_eq!(text(&site.start(&service), "sid"), sid);
    assert_ne!(site.code(), old);
    assert_eq!(outcome(&site.check(&service, &old)), pending());
    assert_eq!(outcome(&site.check(&service, &site.code())), approved());
    site.start(&service);
    site.pass(120);
    refused(&site.check(&service, &site.code()), 404, 20404);
}

/// Somebody who takes webhooks.
#[derive(Clone, Debug, Default)]
struct Receiver {
    taken: Arc<Mutex<Vec<http::Request<Bytes>>>>,
    /// What the next ones are answered with, the first one last.
    answers: Arc<Mutex<Vec<u16>>>,
}

#[async_trait]
impl Fetch for Receiver {
    async fn fetch(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
        let mut answer = http::Response::new(Bytes::new());
        match self.answers.lock().unwrap().pop() {
            Some(0) => return Err(FetchErrorKind::Unsent.into()),
            Some(status) => *answer.status_mut() = http::StatusCode::from_u16(status).unwrap(),
            None => self.taken.lock().unwrap().push(request),
        }
        Ok(answer)
    }
}

impl Receiver {
    /// The bodies of what was taken, once so many are: they come after the answers.
    fn bodies(&self, count: usize) -> Vec<Value> {
        for _ in 0..3000 {
            let taken = self.taken.lock().unwrap();
            if taken.len() >= count {
                return taken.iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect();
            }
            drop(taken);
            thread::yield_now();
            thread::park_timeout(Duration::from_millis(5));
        }
        panic!("{count} webhooks never came");
    }
}

const KEY: [u8; 32] = [7; 32];

fn twilio_extra_a_signed_webhook_tells_how_each_verification_ended(mounting: Mounting) {
    let receiver = Receiver::default();
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    let site = Site::with(
        mounting,
        |config| config.webhook = Some(WebhookConfig::new("https://app.example/hook?a=1", secret)),
        |builder| builder.fetch(receiver.clone()),
    );
    let first = text(&site.start(PLAIN), "sid");
    site.check(PLAIN, &site.wrong());
    site.check(PLAIN, &site.code());
    site.check(PLAIN, &site.code());
    let bodies = receiver.bodies(1);
    assert_eq!(
        bodies[0],
        json!({
            "type": "verification.approved",
            "timestamp": "2026-01-01T00:00:00Z",
            "data": {
                "sid": first, "service_sid": PLAIN, "account_sid": ACCOUNT, "status": "approved",
                "channel": "sms",
            },
        })
    );
    *receiver.answers.lock().unwrap() = vec![0];
    let second = text(&site.start(PLAIN), "sid");
    site.update(PLAIN, &second, "canceled");
    assert_eq!(receiver.bodies(2)[1]["data"]["status"], "canceled");
    site.start(PLAIN);
    for _ in 0..8 {
        site.check(PLAIN, &site.wrong());
    }
    let bodies = receiver.bodies(3);
    assert_eq!((bodies.len(), &bodies[2]["type"]), (3, &json!("verification.max_attempts_reached")));
    // One that its receiver refuses is lost; one that comes at a bad moment is not.
    site.pass(600);
    *receiver.answers.lock().unwrap() = vec![429, 400];
    site.start(PLAIN);
    site.check(PLAIN, &site.code());
    site.start(PLAIN);
    site.check(PLAIN, &site.code());
    let bodies = receiver.bodies(4);
    assert_eq!((bodies.len(), &bodies[3]["type"]), (4, &json!("verification.approved")));
    // As Standard Webhooks signs: id, moment and body, with the shared secret.
    let taken = receiver.taken.lock().unwrap();
    let mut ids = Vec::new();
    for request in taken.iter() {
        let field = |name: &str| request.headers()[name].to_str().unwrap();
        let body = std::str::from_utf8(request.body()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&KEY).unwrap();
        mac.update(format!("{}.{}.{body}", field("webhook-id"), field("webhook-timestamp")).as_bytes());
        assert_eq!(
            field("webhook-signature"),
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        );
        assert_eq!(request.uri(), "https://app.example/hook?a=1");
        assert!(!body.contains("1501712") && !ids.contains(&field("webhook-id").to_owned()));
        ids.push(field("webhook-id").to_owned());
    }
}

fn twilio_extra_a_courier_that_fails_is_told(mounting: Mounting) {
    let site = Site::open(mounting);
    site.phone.fail(Some(CourierErrorKind::Unavailable));
    let down = site.try_start(PLAIN, &[]);
    refused(&down, 503, 20503);
    assert!(down.header("retry-after").is_some());
    site.phone.fail(Some(CourierErrorKind::Refused));
    refused(&site.try_start(PLAIN, &[]), 400, 60200);
    site.phone.fail(None);
    assert_eq!(site.start(PLAIN)["send_code_attempts"].as_array().unwrap().len(), 3);
}

fn twilio_tier_attempts_are_listed_filtered_and_summed_up(mounting: Mounting) {
    let site = Site::open(mounting);
    let path = format!("Services/{PLAIN}/Verifications");
    site.start(PLAIN);
    let code = site.code();
    site.post(&path, &[("To", TO), ("Channel", "call")]);
    site.check(PLAIN, &code);
    site.pass(24 * 3600 - 10);
    site.post(&path, &[("To", "+420601123456"), ("Channel", "whatsapp")]);
    site.pay("1", "Acme");
    let list =
        |query: &str| site.get(&format!("Attempts{query}")).json()["attempts"].as_array().unwrap().clone();
    let all = list("");
    let channels: Vec<_> = all.iter().map(|attempt| text(attempt, "channel")).collect();
    assert_eq!(channels, ["sms", "whatsapp", "call", "sms"], "the newest first");
    let count = |query: &str| list(query).len();
    assert_eq!(count("?Channel=call"), 1);
    assert_eq!(count("?Status=converted"), 2);
    assert_eq!(count("?Status=unconverted"), 2);
    assert_eq!(count("?ChannelData.To=%2B420601123456"), 1);
    assert_eq!(count(&format!("?VerifyServiceSid={PSD2}")), 1);
    assert_eq!(count(&format!("?VerificationSid={}", text(&all[3], "verification_sid"))), 2);
    assert_eq!(count("?DateCreatedAfter=2026-01-01T12:00:00Z"), 2);
    assert_eq!(count("?DateCreatedBefore=2026-01-01T12:00:00Z"), 2);
    assert_eq!(count("?Country=US"), 0);
    assert_eq!((count("?Channel=rbm"), count("?DestinationPrefix=%2B1")), (0, 3));
    for bad in ["Channel=pigeon", "Status=maybe", "DateCreatedAfter=yesterday", "VerifyServiceSid=VA1"] {
        refused(&site.get(&format!("Attempts?{bad}")), 400, 60200);
    }
    let page = site.get("Attempts?PageSize=3&Status=unconverted&Page=0").json();
    assert!(page["meta"]["next_page_url"].is_null());
    let page = site.get("Attempts?PageSize=1&ChannelData.To=%2B15017122661").json();
    let next = text(&page["meta"], "next_page_url");
    assert!(next.ends_with("?PageSize=1&Page=1&ChannelData.To=%2B15017122661"), "{next}");
    let page = site.get("Attempts?PageSize=1&DestinationPrefix=%2B1501").json();
    let next = text(&page["meta"], "next_page_url");
    assert!(next.contains("&DestinationPrefix=%2B1501"), "{next}");
    let one = &all[2];
    assert_eq!(site.get(&format!("Attempts/{}", text(one, "sid"))).json(), *one);
    assert_eq!((&one["conversion_status"], &one["channel_data"]["to"]), (&json!("converted"), &json!(TO)));
    let summary = site.get("Attempts/Summary").json();
    let expected = json!({
        "total_attempts": 4, "total_converted": 2, "total_unconverted": 2, "conversion_rate_percentage": "50",
        "url": format!("http://localhost:{}/v2/Attempts/Summary", site.address.port()),
    });
    assert_eq!(summary, expected);
    assert_eq!(site.get("Attempts/Summary?Channel=call").json()["conversion_rate_percentage"], "100");
    assert_eq!(site.get("Attempts/Summary?DestinationPrefix=%2B420").json()["total_attempts"], 1);
    // Another account sees none of it.
    let ask = |path: &str| {
        let request = tests::http::Request::get(&format!("/v2/{path}"));
        request.header("authorization", &basic(OTHER, OTHER_TOKEN)).send(site.address).unwrap()
    };
    assert_eq!(ask("Attempts").json()["attempts"], json!([]));
    refused(&ask(&format!("Attempts/{}", text(one, "sid"))), 404, 20404);
    // A day later they are gone.
    site.pass(24 * 3600);
    assert_eq!(count(""), 0);
}

fn twilio_tier_many_attempts_are_all_there(mounting: Mounting) {
    let site = Site::open(mounting);
    for number in 0..120 {
        let to = format!("+1501712{number:04}");
        site.post(&format!("Services/{PLAIN}/Verifications"), &[("To", &to), ("Channel", "sms")]);
    }
    assert_eq!(site.get("Attempts/Summary").json()["total_attempts"], 120);
    let page = site.get("Attempts?PageSize=50&Page=2").json();
    assert_eq!(page["attempts"].as_array().unwrap().len(), 20);
    assert_eq!(page["attempts"][19]["channel_data"]["to"], "+15017120000");
}

fn twilio_tier_numbers_are_on_the_safe_list_or_not(mounting: Mounting) {
    let site = Site::open(mounting);
    let add = || site.post("SafeList/Numbers", &[("PhoneNumber", TO)]);
    let added = add();
    assert_eq!((added.status, text(&added.json(), "phone_number")), (201, TO.to_owned()));
    refused(&add(), 400, 60411);
    refused(&site.post("SafeList/Numbers", &[("PhoneNumber", "5017122661")]), 400, 60200);
    for path in ["SafeList/Numbers/%2B15017122661", "SafeList/Numbers/+15017122661"] {
        assert_eq!(site.get(path).json(), added.json());
    }
    let gone = site.delete("SafeList/Numbers/%2B15017122661");
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    refused(&site.get("SafeList/Numbers/%2B15017122661"), 404, 20404);
    refused(&site.delete("SafeList/Numbers/somebody"), 404, 20404);
}

fn twilio_auto_reaches_addresses_too(mounting: Mounting) {
    let site = Site::open(mounting);
    let fields = [("To", "a@example.com"), ("Channel", "auto")];
    let started = site.post(&format!("Services/{PLAIN}/Verifications"), &fields);
    assert_eq!((started.status, &started.json()["channel"]), (201, &json!("email")), "{}", started.text());
    assert!(site.phone.last("a@example.com").is_some());
}

fn twilio_channels_without_a_courier_are_refused(mounting: Mounting) {
    let (clock, phone) = (verify_core::FakeClock::default(), phone::Phone::default());
    let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
    let calls_only: Engine = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
        .clock(clock.clone())
        .courier(Channel::Voice, phone.clone())
        .countries(Countries::any())
        .build()
        .unwrap();
    let api = TwilioVerifyApi::builder(&calls_only).config(config()).build().unwrap();
    let store = verify_core::MemoryStore::default();
    let site = Site::around(mounting, api, clock, phone, store);
    let start = |to: &str, channel: &str| {
        site.post(&format!("Services/{PLAIN}/Verifications"), &[("To", to), ("Channel", channel)])
    };
    refused(&start(TO, "sms"), 400, 60223);
    refused(&start(TO, "whatsapp"), 400, 60223);
    refused(&start("a@example.com", "email"), 400, 60217);
    assert_eq!(start(TO, "auto").json()["channel"], "call");
    let payment = [("To", TO), ("Channel", "auto"), ("Amount", "1"), ("Payee", "Acme")];
    refused(&site.post(&format!("Services/{PSD2}/Verifications"), &payment), 400, 60223);
}

#[test]
fn twilio_configurations_that_make_no_sense_do_not_start() {
    let (clock, phone) = (verify_core::FakeClock::default(), phone::Phone::default());
    let engine = engine(&clock, &phone, |builder| builder);
    let build = |change: &dyn Fn(&mut verify_compat::twilio::Config)| {
        let mut config = config();
        change(&mut config);
        TwilioVerifyApi::builder(&engine).config(config).build().map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(build(&|_| {}), Ok(()));
    let refused = |change: &dyn Fn(&mut verify_compat::twilio::Config), says: &str| {
        let error = build(change).unwrap_err();
        assert!(error.contains(says), "{error}");
    };
    refused(&|config| config.accounts.clear(), "no account");
    refused(&|config| config.services[0].sid = "VA1".to_owned(), "`VA1`");
    refused(&|config| config.services[1].sid = config.services[0].sid.clone(), "twice");
    refused(&|config| config.services[0].account_sid = Some(format!("AC{}", "9".repeat(32))), "account");
    refused(&|config| config.services[0].code_length = 3, "CodeLength");
    refused(&|config| config.settings.ttl_seconds = 119, "ttl_seconds");
    refused(&|config| config.settings.attempts_hours = 721, "attempts_hours");
    refused(&|config| config.settings.auto = vec!["pigeon".to_owned()], "auto");
    refused(&|config| config.settings.public_url = Some("/here".to_owned()), "public_url");
    refused(&|config| config.danger_short_tokens = false, "short");
    let hook = |url: &'static str, secret: &'static str| {
        move |config: &mut verify_compat::twilio::Config| {
            config.webhook = Some(WebhookConfig::new(url, secret))
        }
    };
    refused(&hook("/hook", "whsec_"), "absolute");
    refused(&hook("https://app.example/", "short"), "whsec_");
    refused(
        &hook("https://app.example/", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ".fetch(..)",
    );
}

on_both! {
    twilio_extra_header_fields_tell_what_is_left
    twilio_extra_life_and_fresh_codes_are_settings_of_all_services_and_of_each
    twilio_extra_a_signed_webhook_tells_how_each_verification_ended
    twilio_extra_a_courier_that_fails_is_told
    twilio_tier_attempts_are_listed_filtered_and_summed_up
    twilio_tier_many_attempts_are_all_there
    twilio_tier_numbers_are_on_the_safe_list_or_not
    twilio_auto_reaches_addresses_too
    twilio_channels_without_a_courier_are_refused
}
