//! Twilio Verify over sockets, on both frameworks: who may call, errors, ids, and services.
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

use serde_json::{Value, json};
use site::{ACCOUNT, Mounting, OTHER, PLAIN, PSD2, Site, TOKEN, basic, form, refused, text};
use tests::http::{Request, Response};

fn twilio_rule_01_without_the_right_name_and_password_nobody_is_let_in(mounting: Mounting) {
    let site = Site::open(mounting);
    let path = format!("/v2/Services/{PLAIN}");
    let ask = |authorization: Option<String>| {
        let request = Request::get(&path);
        let request = match authorization {
            Some(value) => request.header("authorization", &value),
            None => request,
        };
        request.send(site.address).unwrap()
    };
    assert_eq!(ask(Some(basic(ACCOUNT, TOKEN))).status, 200);
    for bad in [None, Some(basic(ACCOUNT, "other")), Some(basic(OTHER, TOKEN)), Some("Basic".to_owned())] {
        let answer = ask(bad);
        refused(&answer, 401, 20003);
        assert_eq!(answer.json()["message"], "Authenticate");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
    }
    // Each account sees its own and nothing else, and is not told that there is more.
    refused(&ask(Some(basic(OTHER, "other"))), 404, 20404);
    let list = Request::get("/v2/Services").header("authorization", &basic(OTHER, "other"));
    assert_eq!(list.send(site.address).unwrap().json()["services"], json!([]));
}

fn twilio_rule_02_every_fault_has_exactly_four_members(mounting: Mounting) {
    let site = Site::open(mounting);
    // `refused` looks at the members of each.
    refused(&site.get("Services/VA0"), 404, 20404);
    refused(&site.get("Nothing/Here"), 404, 20404);
    refused(&site.get(&format!("Services/{PLAIN}/Entities")), 404, 20404);
    refused(&site.post("Services", &[("FriendlyName", "")]), 400, 60200);
    refused(&site.post("Services", &[]), 400, 20001);
    refused(&site.delete("Services"), 405, 20004);
    let long = site.post("Services", &[("FriendlyName", &"x".repeat(70_000))]);
    refused(&long, 413, 20001);
    let missing = site.get(&format!("Services/{PLAIN}/Verifications/VE{}", "0".repeat(32)));
    let path = format!("/v2/Services/{PLAIN}/Verifications/VE{}", "0".repeat(32));
    assert_eq!(missing.json()["message"], format!("The requested resource {path} was not found"));
}

/// Every text in a body that stands under such a name.
fn named(body: &Value, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                if wanted(name) {
                    found.extend(value.as_str().map(str::to_owned));
                }
                named(value, wanted, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, wanted, found)),
        _ => {}
    }
}

/// One resource of each kind.
fn one_of_each(site: &Site) -> Vec<Value> {
    let limits = format!("Services/{PLAIN}/RateLimits");
    let limit = site.post(&limits, &[("UniqueName", "ip")]).json();
    let buckets = format!("{limits}/{}/Buckets", text(&limit, "sid"));
    let bucket = site.post(&buckets, &[("Max", "5"), ("Interval", "60")]).json();
    let verification = site.start(PLAIN);
    let check = site.check(PLAIN, &site.code()).json();
    let attempts = site.get("Attempts").json();
    let safe = site.post("SafeList/Numbers", &[("PhoneNumber", "+15017122661")]).json();
    let service = site.get(&format!("Services/{PLAIN}")).json();
    let bodies = vec![service, limit, bucket, verification, check, attempts, safe];
    for body in &bodies {
        assert!(body["code"].is_null(), "{body}");
    }
    bodies
}

fn twilio_rule_03_every_date_is_in_whole_seconds_with_a_z(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut dates = Vec::new();
    for body in one_of_each(&site) {
        named(&body, &|name| name.starts_with("date_") || name == "time", &mut dates);
    }
    assert!(dates.len() >= 12, "{dates:?}");
    for date in dates {
        let shape: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00Z", "{date}");
    }
}

fn twilio_rule_04_every_id_is_its_prefix_and_32_digits(mounting: Mounting) {
    let site = Site::open(mounting);
    let mut ids = Vec::new();
    for body in one_of_each(&site) {
        named(&body, &|name| name == "sid" || name.ends_with("_sid"), &mut ids);
    }
    for prefix in ["AC", "VA", "VE", "VL", "RK", "BL", "GN"] {
        assert!(ids.iter().any(|id| id.starts_with(prefix)), "{prefix} in {ids:?}");
    }
    for id in ids {
        let (prefix, digits) = id.split_at(2);
        assert!(prefix.bytes().all(|byte| byte.is_ascii_uppercase()), "{id}");
        assert!(digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}

fn twilio_rule_05_a_service_has_its_defaults_and_seven_links(mounting: Mounting) {
    let site = Site::open(mounting);
    let made = site.post("Services", &[("FriendlyName", "Owl Bank")]);
    assert_eq!(made.status, 201);
    let service = made.json();
    assert_eq!(service["code_length"], 6);
    assert_eq!(service["friendly_name"], "Owl Bank");
    assert_eq!((&service["psd2_enabled"], &service["dtmf_input_required"]), (&json!(false), &json!(true)));
    assert_eq!(
        service["totp"],
        json!({ "issuer": "Owl Bank", "time_step": 30, "code_length": 6, "skew": 1 })
    );
    let links: Vec<&str> = service["links"].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "access_tokens",
        "entities",
        "messaging_configurations",
        "rate_limits",
        "verification_checks",
        "verifications",
        "webhooks",
    ];
    assert_eq!(links, expected);
    let sid = text(&service, "sid");
    assert_eq!(text(&service, "url"), format!("http://localhost:{}/v2/Services/{sid}", site.address.port()));
    let full = site.post(
        "Services",
        &[
            ("FriendlyName", "All"),
            ("CodeLength", "8"),
            ("LookupEnabled", "true"),
            ("SkipSmsToLandlines", "true"),
            ("DtmfInputRequired", "false"),
            ("TtsName", "Owl"),
            ("Psd2Enabled", "true"),
            ("DoNotShareWarningEnabled", "true"),
            ("CustomCodeEnabled", "True"),
            ("Push.IncludeDate", "true"),
            ("Totp.TimeStep", "60"),
            ("Totp.Issuer", "Owl"),
            ("DefaultTemplateSid", &format!("HJ{}", "a".repeat(32))),
            ("Whatsapp.From", "whatsapp:+1234567890"),
            ("Passkeys.RelyingParty.Id", "bank.example"),
            ("Passkeys.RelyingParty.Origins", "https://bank.example,https://www.bank.example"),
            ("Passkeys.UserVerification", "preferred"),
            ("VerifyEventSubscriptionEnabled", "true"),
        ],
    );
    assert_eq!(full.status, 201, "{}", full.text());
    let full = full.json();
    let told = |place: &str| full.pointer(place).unwrap().clone();
    assert_eq!((told("/code_length"), told("/totp/time_step")), (json!(8), json!(60)));
    assert_eq!((told("/psd2_enabled"), told("/dtmf_input_required")), (json!(true), json!(false)));
    assert_eq!(told("/passkeys/relying_party/origins").as_array().unwrap().len(), 2);
    assert_eq!(told("/whatsapp/from"), "whatsapp:+1234567890");
    for (name, value) in [
        ("Totp.TimeStep", "19"),
        ("Totp.Skew", "3"),
        ("Psd2Enabled", "yes"),
        ("DefaultTemplateSid", "HJ1"),
        ("Passkeys.UserVerification", "always"),
    ] {
        let refusal = site.post("Services", &[("FriendlyName", "x"), (name, value)]);
        refused(&refusal, 400, 60200);
        assert!(refusal.text().contains(name), "the message names the parameter");
    }
}

fn twilio_rule_06_a_code_has_4_to_10_digits(mounting: Mounting) {
    let site = Site::open(mounting);
    for (length, status) in [("3", 400), ("4", 201), ("10", 201), ("11", 400), ("six", 400), ("-6", 400)] {
        let made = site.post("Services", &[("FriendlyName", "Owl Bank"), ("CodeLength", length)]);
        assert_eq!(made.status, status, "{length}");
        if status == 400 {
            refused(&made, 400, 60200);
        }
    }
}

fn twilio_rule_07_a_name_has_at_most_30_characters_and_4_digits(mounting: Mounting) {
    let site = Site::open(mounting);
    for (name, fits) in [
        ("Owl 1234", true),
        ("Owl 12345", false),
        ("Owl １２３４５", false),
        ("Owl ١٢٣45", false),
        (&*"ä".repeat(30), true),
        (&*"a".repeat(31), false),
        ("", false),
        ("two\nlines", false),
    ] {
        let made = site.post("Services", &[("FriendlyName", name)]);
        match fits {
            true => assert_eq!(made.status, 201, "{name}"),
            false => refused(&made, 400, 60200),
        }
    }
}

fn twilio_rule_08_an_update_changes_what_it_names_and_a_deleted_service_is_gone(mounting: Mounting) {
    let site = Site::open(mounting);
    let sid = site.service(&[("CodeLength", "8"), ("TtsName", "Owl")]);
    let path = format!("Services/{sid}");
    let before = site.get(&path).json();
    site.pass(5);
    let updated = site.post(&path, &[("FriendlyName", "Eagle Bank")]);
    assert_eq!(updated.status, 200);
    let mut expected = before;
    expected["friendly_name"] = json!("Eagle Bank");
    expected["totp"]["issuer"] = json!("Eagle Bank");
    expected["date_updated"] = json!("2026-01-01T00:00:05Z");
    assert_eq!(updated.json(), expected);
    assert_eq!(site.get(&path).json(), expected);
    refused(&site.post(&path, &[("CodeLength", "3")]), 400, 60200);
    assert_eq!(site.get(&path).json(), expected, "what was refused changed nothing");
    let gone = site.delete(&path);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    refused(&site.get(&path), 404, 20404);
    refused(&site.delete(&path), 404, 20404);
    refused(&site.try_start(&sid, &[]), 404, 20404);
}

/// Fetches an absolute URL that an answer has named, at the host that it names.
fn follow(site: &Site, url: &str) -> Response {
    let host = format!("http://localhost:{}", site.address.port());
    let target = url.strip_prefix(&host).unwrap_or_else(|| panic!("{url} is not at {host}"));
    Request::get(target).header("authorization", &basic(ACCOUNT, TOKEN)).send(site.address).unwrap()
}

fn twilio_rule_09_lists_come_in_pages_that_name_each_other(mounting: Mounting) {
    let site = Site::open(mounting);
    let own = site.service(&[]);
    let mut page = site.get("Services?PageSize=1").json();
    let (mut seen, first) = (Vec::new(), page["meta"]["first_page_url"].clone());
    loop {
        let meta = &page["meta"];
        assert_eq!((&meta["key"], &meta["page_size"]), (&json!("services"), &json!(1)));
        assert_eq!(meta["page"], seen.len());
        assert_eq!(meta["first_page_url"], first);
        assert_eq!(meta["previous_page_url"].is_null(), seen.is_empty());
        seen.push(text(&page["services"][0], "sid"));
        let Some(next) = meta["next_page_url"].as_str() else { break };
        page = follow(&site, next).json();
    }
    seen.sort();
    let mut expected = vec![PLAIN.to_owned(), PSD2.to_owned(), own];
    expected.sort();
    assert_eq!(seen, expected);
    let whole = site.get("Services");
    assert_eq!(whole.status, 200);
    assert_eq!(whole.json()["meta"]["page_size"], 50);
    assert!(whole.json()["meta"]["next_page_url"].is_null());
    let beyond = site.get("Services?PageSize=1000&Page=99");
    assert_eq!((beyond.status, &beyond.json()["services"]), (200, &json!([])));
    for bad in ["PageSize=0", "PageSize=1001", "Page=-1", "PageSize=many"] {
        refused(&site.get(&format!("Services?{bad}")), 400, 60200);
    }
}

fn twilio_rule_54_plus_and_percent_20_are_one_and_json_may_be_spaced(mounting: Mounting) {
    let site = Site::open(mounting);
    let limits = format!("Services/{PSD2}/RateLimits");
    let limit = text(&site.post(&limits, &[("UniqueName", "ip")]).json(), "sid");
    site.post(&format!("{limits}/{limit}/Buckets"), &[("Max", "2"), ("Interval", "60")]);
    // As the clients for Python and for Node write the same call.
    let python = "To=%2B15017122661&Channel=sms&Amount=%E2%82%AC39.99&Payee=Acme+Inc.\
                  &RateLimits=%7B%22ip%22%3A+%22127.0.0.1%22%7D";
    let node = "To=%2B15017122661&Channel=sms&Amount=%E2%82%AC39.99&Payee=Acme%20Inc.\
                &RateLimits=%7B%22ip%22%3A%22127.0.0.1%22%7D";
    let path = format!("Services/{PSD2}/Verifications");
    let (first, second) = (site.post_raw(&path, python), site.post_raw(&path, node));
    assert_eq!((first.status, second.status), (201, 201), "{}", second.text());
    assert_eq!(first.json()["sid"], second.json()["sid"]);
    assert_eq!(second.json()["payee"], "Acme Inc.");
    refused(&site.post_raw(&path, python), 429, 20429);
    let broken = form(&[("To", "+15017122661"), ("Channel", "sms"), ("RateLimits", "{")]);
    refused(&site.post_raw(&format!("Services/{PLAIN}/Verifications"), &broken), 400, 60200);
}

on_both! {
    twilio_rule_01_without_the_right_name_and_password_nobody_is_let_in
    twilio_rule_02_every_fault_has_exactly_four_members
    twilio_rule_03_every_date_is_in_whole_seconds_with_a_z
    twilio_rule_04_every_id_is_its_prefix_and_32_digits
    twilio_rule_05_a_service_has_its_defaults_and_seven_links
    twilio_rule_06_a_code_has_4_to_10_digits
    twilio_rule_07_a_name_has_at_most_30_characters_and_4_digits
    twilio_rule_08_an_update_changes_what_it_names_and_a_deleted_service_is_gone
    twilio_rule_09_lists_come_in_pages_that_name_each_other
    twilio_rule_54_plus_and_percent_20_are_one_and_json_may_be_spaced
}
