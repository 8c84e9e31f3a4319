//! Twilio Verify over sockets, on both frameworks: rate limits, and the options of calls and messages.
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
use async_trait::async_trait;
use serde_json::json;
use site::{Mounting, PLAIN, PSD2, Site, TO, approved, outcome, refused, text};
use verify_compat::twilio::{Carrier, LineType, Lookup, TwilioVerifyApi};
use verify_core::{Contact, Countries, FakeClock, MemoryStore};

/// A limit by that name with these buckets; its path.
fn limited(site: &Site, name: &str, buckets: &[(&str, &str)]) -> String {
    let limits = format!("Services/{PLAIN}/RateLimits");
    let made = site.post(&limits, &[("UniqueName", name), ("Description", "per ip")]);
    assert_eq!(made.status, 201, "{}", made.text());
    let path = format!("{limits}/{}", text(&made.json(), "sid"));
    for (max, interval) in buckets {
        let bucket = site.post(&format!("{path}/Buckets"), &[("Max", max), ("Interval", interval)]);
        assert_eq!(bucket.status, 201, "{}", bucket.text());
    }
    path
}

/// Starts for another number each time, so that only rate limits count.
fn start_for(site: &Site, number: u32, counted: &str) -> tests::http::Response {
    let fields = [("To", &*format!("+1501712{number:04}")), ("Channel", "sms"), ("RateLimits", counted)];
    site.post(&format!("Services/{PLAIN}/Verifications"), &fields)
}

fn twilio_rule_43_a_limit_has_a_name_of_its_own(mounting: Mounting) {
    let site = Site::open(mounting);
    let limits = format!("Services/{PLAIN}/RateLimits");
    for bad in ["end user", "ip/64", "", "ä"] {
        refused(&site.post(&limits, &[("UniqueName", bad)]), 400, 60209);
    }
    let path = limited(&site, "end_user-ip.v4", &[]);
    refused(&site.post(&limits, &[("UniqueName", "end_user-ip.v4")]), 400, 60208);
    let shown = site.get(&path).json();
    assert_eq!((&shown["unique_name"], &shown["description"]), (&json!("end_user-ip.v4"), &json!("per ip")));
    assert!(text(&shown["links"], "buckets").ends_with("/Buckets"));
    let updated = site.post(&path, &[("Description", "per address"), ("UniqueName", "other")]);
    assert_eq!((updated.status, &updated.json()["description"]), (200, &json!("per address")));
    assert_eq!(updated.json()["unique_name"], "end_user-ip.v4");
    // Of another service it is free, and once it is gone it is free again.
    assert_eq!(
        site.post(&format!("Services/{PSD2}/RateLimits"), &[("UniqueName", "end_user-ip.v4")]).status,
        201
    );
    assert_eq!(site.delete(&path).status, 204);
    refused(&site.get(&path), 404, 20404);
    limited(&site, "end_user-ip.v4", &[]);
    assert_eq!(site.get(&limits).json()["rate_limits"].as_array().unwrap().len(), 1);
    for number in 1..50 {
        limited(&site, &format!("n{number}"), &[]);
    }
    refused(&site.post(&limits, &[("UniqueName", "n50")]), 400, 60207);
}

fn twilio_rule_44_a_bucket_has_an_interval_of_its_own(mounting: Mounting) {
    let site = Site::open(mounting);
    let path = format!("{}/Buckets", limited(&site, "ip", &[("4", "60")]));
    refused(&site.post(&path, &[("Max", "5"), ("Interval", "60")]), 400, 60211);
    for (max, interval) in [("0", "61"), ("5", "0"), ("-1", "61"), ("many", "61")] {
        refused(&site.post(&path, &[("Max", max), ("Interval", interval)]), 400, 60200);
    }
    let bucket = site.post(&path, &[("Max", "9"), ("Interval", "3600")]).json();
    assert_eq!((&bucket["max"], &bucket["interval"]), (&json!(9), &json!(3600)));
    let one = format!("{path}/{}", text(&bucket, "sid"));
    let updated = site.post(&one, &[("Max", "10")]);
    assert_eq!((updated.status, &updated.json()["max"]), (200, &json!(10)));
    assert_eq!(site.get(&one).json(), updated.json());
    refused(&site.post(&one, &[("Interval", "60")]), 400, 60211);
    assert_eq!(site.get(&path).json()["buckets"].as_array().unwrap().len(), 2);
    for interval in 1..9 {
        assert_eq!(site.post(&path, &[("Max", "1"), ("Interval", &interval.to_string())]).status, 201);
    }
    refused(&site.post(&path, &[("Max", "1"), ("Interval", "9")]), 400, 60210);
    assert_eq!(site.delete(&one).status, 204);
    refused(&site.get(&one), 404, 20404);
}

fn twilio_rule_45_a_full_bucket_refuses_until_its_interval_is_over(mounting: Mounting) {
    let site = Site::open(mounting);
    let path = limited(&site, "ip", &[("2", "60"), ("3", "3600")]);
    let start = |number, value: &str| start_for(&site, number, &json!({ "ip": value }).to_string());
    site.pass(7);
    assert_eq!((start(1, "a").status, start(2, "a").status), (201, 201));
    site.pass(20);
    let third = start(3, "a");
    refused(&third, 429, 20429);
    assert_eq!(third.json()["message"], "Too many requests");
    assert_eq!(
        (third.header("retry-after"), third.header("twilio-reached-rate-limit")),
        (Some("40"), Some("ip"))
    );
    assert_eq!(start(4, "b").status, 201);
    site.pass(40);
    assert_eq!(start(5, "a").status, 201);
    // The other bucket is full now: three in an hour.
    let fourth = start(6, "a");
    refused(&fourth, 429, 20429);
    assert_eq!(fourth.header("retry-after"), Some("3540"));
    site.pass(3540);
    assert_eq!(start(7, "a").status, 201);
    // Another number holds at once.
    let buckets = site.get(&format!("{path}/Buckets")).json();
    let minute =
        buckets["buckets"].as_array().unwrap().iter().find(|bucket| bucket["interval"] == 60).unwrap();
    site.post(&format!("{path}/Buckets/{}", text(minute, "sid")), &[("Max", "1")]);
    refused(&start(8, "a"), 429, 20429);
}

fn twilio_rule_46_a_refused_start_delivers_nothing_and_uses_nothing(mounting: Mounting) {
    let site = Site::open(mounting);
    limited(&site, "ip", &[("1", "60")]);
    let counted = [("RateLimits", r#"{"ip":"a"}"#)];
    assert_eq!(site.try_start(PLAIN, &counted).status, 201);
    for _ in 0..10 {
        refused(&site.try_start(PLAIN, &counted), 429, 20429);
    }
    assert_eq!(site.phone.count(), 1);
    for _ in 0..4 {
        site.start(PLAIN);
    }
    assert_eq!(site.phone.count(), 5);
    // And a start that its number refuses counts against no bucket.
    limited(&site, "session", &[("1", "60")]);
    for _ in 0..3 {
        refused(&site.try_start(PLAIN, &[("RateLimits", r#"{"session":"s"}"#)]), 429, 60203);
    }
    assert_eq!(start_for(&site, 9, r#"{"session":"s"}"#).status, 201);
}

fn twilio_rule_47_an_empty_limit_and_an_unknown_name_refuse_nobody(mounting: Mounting) {
    let site = Site::open(mounting);
    limited(&site, "empty", &[]);
    limited(&site, "ip", &[("1", "60")]);
    for number in 0..5 {
        assert_eq!(start_for(&site, number, r#"{"empty":"a","unknown":"b"}"#).status, 201);
    }
    for bad in ["[]", "1", "\"ip\"", r#"{"ip":{}}"#, r#"{"ip":null}"#] {
        refused(&start_for(&site, 6, bad), 400, 60200);
    }
}

fn twilio_rule_48_checks_count_against_no_bucket(mounting: Mounting) {
    let site = Site::open(mounting);
    limited(&site, "ip", &[("2", "60")]);
    let counted = [("RateLimits", r#"{"ip":"a"}"#)];
    assert_eq!(site.try_start(PLAIN, &counted).status, 201);
    let path = format!("Services/{PLAIN}/VerificationCheck");
    for _ in 0..4 {
        let fields = [("To", TO), ("Code", &*site.wrong()), ("RateLimits", r#"{"ip":"a"}"#)];
        assert_eq!(site.post(&path, &fields).status, 201);
    }
    assert_eq!(site.try_start(PLAIN, &counted).status, 201);
}

fn twilio_a_number_abroad_is_refused_for_its_country_and_counts_nowhere(mounting: Mounting) {
    let (clock, phone) = (FakeClock::default(), phone::Phone::default());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let engine = site::engine(&clock, &phone, |builder| {
        builder.store(store.clone()).countries(Countries::only(["US"]).unwrap())
    });
    let api = TwilioVerifyApi::builder(&engine).config(site::config()).build().unwrap();
    let site = Site::around(mounting, api, clock, phone, store);
    limited(&site, "ip", &[("1", "60")]);
    let counted = r#"{"ip":"a"}"#;
    let abroad = [("To", "+420601123456"), ("Channel", "sms"), ("RateLimits", counted)];
    for _ in 0..3 {
        let refusal = site.post(&format!("Services/{PLAIN}/Verifications"), &abroad);
        refused(&refusal, 403, 60605);
        assert_eq!(refusal.json()["message"], "Verification delivery attempt blocked");
    }
    assert_eq!(site.phone.count(), 0);
    assert_eq!(site.try_start(PLAIN, &[("RateLimits", counted)]).status, 201, "the first of its minute");
}

fn twilio_rule_49_a_call_says_its_code_after_a_key_and_never_else(mounting: Mounting) {
    let site = Site::open(mounting);
    let call = |service: &str, more: &[(&str, &str)]| {
        let fields = [&[("To", TO), ("Channel", "call")], more].concat();
        assert_eq!(site.post(&format!("Services/{service}/Verifications"), &fields).status, 201);
        site.phone.last(TO).unwrap()
    };
    let taken = call(PLAIN, &[("Locale", "de"), ("SendDigits", "ww42#")]);
    let spoken = taken.code.chars().map(String::from).collect::<Vec<_>>().join(", ");
    assert!(taken.heard(true).contains(&spoken));
    // The voice mail presses none.
    let left = taken.heard(false);
    assert!(!left.bytes().any(|byte| byte.is_ascii_digit()), "{left}");
    assert!(left.contains("Owl Bank") && left.contains("press any key"), "{left}");
    assert_eq!((taken.language.as_deref(), taken.dialled.as_deref()), (Some("de"), Some("ww42#")));
    let at_once = site.service(&[("DtmfInputRequired", "false"), ("TtsName", "Oul Bank")]);
    let taken = call(&at_once, &[]);
    assert!(taken.key_prompt.is_none() && taken.heard(false).contains("Oul Bank"));
    assert_eq!(outcome(&site.check(&at_once, &taken.code)), approved());
    refused(&site.try_start(PLAIN, &[("Locale", "klingon")]), 400, 60200);
}

fn twilio_rule_50_the_warning_stands_in_text_messages_only(mounting: Mounting) {
    const WARNING: &str = "Don't share this code with anyone; our employees will never ask for the code";
    let site = Site::open(mounting);
    let service = site.service(&[("DoNotShareWarningEnabled", "true")]);
    for (to, channel, warns) in
        [(TO, "sms", true), (TO, "call", false), (TO, "whatsapp", false), ("a@example.com", "email", false)]
    {
        site.post(&format!("Services/{service}/Verifications"), &[("To", to), ("Channel", channel)]);
        assert_eq!(site.phone.last(to).unwrap().text.contains(WARNING), warns, "{channel}");
    }
    site.start(PLAIN);
    assert!(!site.phone.last(TO).unwrap().text.contains(WARNING));
    // The other parameters of messages.
    site.try_start(PLAIN, &[("AppHash", "FA+9qCX9VSu"), ("CustomFriendlyName", "Eagle Bank")]);
    let message = site.phone.last(TO).unwrap().text;
    assert!(message.ends_with("\n\nFA+9qCX9VSu") && message.contains("Eagle Bank"), "{message}");
    let call = [("To", TO), ("Channel", "call"), ("AppHash", "FA+9qCX9VSu")];
    refused(&site.post(&format!("Services/{PLAIN}/Verifications"), &call), 400, 60602);
    refused(&site.try_start(PLAIN, &[("TemplateSid", &format!("HJ{}", "a".repeat(32)))]), 400, 60228);
    refused(&site.try_start(PLAIN, &[("CustomMessage", "hello")]), 400, 60243);
}

/// Every number that ends in 1 is a landline.
#[derive(Debug)]
struct Lines;

#[async_trait]
impl Lookup for Lines {
    async fn carrier(&self, number: &Contact) -> Option<Carrier> {
        let line = if number.expose().ends_with('1') { LineType::Landline } else { LineType::Mobile };
        let mut carrier = Carrier::new(line);
        carrier.name = Some("Owl Telecom".to_owned());
        carrier.country = Some("US".to_owned());
        Some(carrier)
    }
}

fn twilio_rule_51_no_text_message_goes_to_a_landline(mounting: Mounting) {
    let site = Site::with(mounting, |_| {}, |builder| builder.lookup(Lines));
    refused(&site.post("Services", &[("FriendlyName", "x"), ("SkipSmsToLandlines", "true")]), 400, 60200);
    let service = site.service(&[("LookupEnabled", "true"), ("SkipSmsToLandlines", "true")]);
    let path = format!("Services/{service}/Verifications");
    let start = |to: &str, channel: &str| site.post(&path, &[("To", to), ("Channel", channel)]);
    let landline = start("+15017122661", "sms");
    refused(&landline, 403, 60205);
    assert_eq!(landline.json()["message"], "SMS is not supported by landline phone number");
    assert_eq!(site.phone.count(), 0);
    let called = start("+15017122661", "call");
    assert_eq!(called.status, 201);
    let carrier = json!({
        "carrier": {
            "mobile_country_code": null, "type": "landline", "error_code": null,
            "mobile_network_code": null, "name": "Owl Telecom",
        },
    });
    assert_eq!(called.json()["lookup"], carrier);
    assert_eq!(start("+15017122662", "sms").status, 201);
    assert_eq!(start("+15017122671", "auto").json()["channel"], "whatsapp");
    // A service that looks nothing up is told nothing.
    assert_eq!(site.start(PLAIN)["lookup"], json!({}));
}

on_both! {
    twilio_rule_43_a_limit_has_a_name_of_its_own
    twilio_rule_44_a_bucket_has_an_interval_of_its_own
    twilio_rule_45_a_full_bucket_refuses_until_its_interval_is_over
    twilio_rule_46_a_refused_start_delivers_nothing_and_uses_nothing
    twilio_rule_47_an_empty_limit_and_an_unknown_name_refuse_nobody
    twilio_rule_48_checks_count_against_no_bucket
    twilio_a_number_abroad_is_refused_for_its_country_and_counts_nowhere
    twilio_rule_49_a_call_says_its_code_after_a_key_and_never_else
    twilio_rule_50_the_warning_stands_in_text_messages_only
    twilio_rule_51_no_text_message_goes_to_a_landline
}
