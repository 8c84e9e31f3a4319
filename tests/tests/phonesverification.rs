//! PhonesVerification over sockets, on both frameworks: what is asked, and what is answered (P1 to P9).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "phonesverification/site.rs"]
mod site;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use site::{JSON, KEY, Mounting, NEEDED, NUMBER, SECRET, Site, XML, form, nearby, told, with};
use tests::http::{Request, Response};
use verify_compat::phonesverification::{AccountConfig, CallEnd};
use verify_core::{Fetch, FetchError};

const JSON_TYPES: [&str; 7] = [
    "application/json",
    "application/jsonrequest",
    "application/x-javascript",
    "text/json",
    "text/javascript",
    "text/x-javascript",
    "text/x-json",
];

fn object(fields: &[(&str, &str)]) -> Value {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The answer without what differs each time.
fn shape(response: &Response) -> Value {
    let mut body = response.json();
    body["Response"]["id"] = json!(0);
    body
}

fn phonesverification_rule_01_the_same_parameters_in_every_way_are_the_same_call(mounting: Mounting) {
    let site = Site::open(mounting);
    let fields = with(&[("brand", "Owl & Söhne")]);
    let first = site.ask(&Request::form(JSON, &form(&fields)));
    assert_eq!(told(&first).0, 0, "{}", first.text());
    let mut ways = vec![
        Request::new("POST", &format!("{JSON}?{}", form(&fields))),
        Request::form(&format!("{JSON}?{}", form(&fields[..2])), &form(&fields[2..])),
        Request::form(JSON, &form(&fields)).header("accept", "text/html"),
        Request::form(&format!("{JSON}?pin=999&number=12"), &form(&fields)),
    ];
    for kind in JSON_TYPES {
        for charset in ["", "; charset=utf-8", ";Charset=\"UTF-8\""] {
            let request = Request::new("POST", JSON).header("content-type", &format!("{kind}{charset}"));
            ways.push(request.body(object(&fields).to_string()));
        }
    }
    for (count, request) in ways.iter().enumerate() {
        assert_eq!(shape(&site.ask(request)), shape(&first), "{request:?}");
        site.rings(NUMBER);
        let (_, text) = site.handset.ringing().pop().unwrap();
        assert!(text.contains("Owl & Söhne"), "{count}: {text}");
    }
    let numbers = json!({ "apikey": KEY, "apisecret": 87_548_754, "number": 148_485_454_545_u64, "pin": 12345, "brand": null });
    assert_eq!(told(&site.ask(&Request::json(JSON, &numbers))).0, 0, "whole numbers are texts too");
}

fn phonesverification_rule_01_what_can_be_read_in_two_ways_is_no_call(mounting: Mounting) {
    let site = Site::open(mounting);
    let body = form(&NEEDED);
    for request in [
        Request::form(JSON, &format!("{body}&pin=54321")),
        Request::form(JSON, &format!("{body}&brand=%FF")),
        Request::new("POST", JSON).header("content-type", "text/plain").body(body.clone()),
        Request::new("POST", JSON).header("content-type", "application/xml").body(body.clone()),
        Request::new("POST", JSON).body(body.clone()),
        Request::form(JSON, &body).header("content-type", "text/json"),
        Request::new("POST", JSON).header("content-type", "application/json; charset=utf-16").body("{}"),
        Request::new("POST", JSON).header("content-type", "application/json").body("{\"apikey\":"),
        Request::new("POST", JSON).header("content-type", "application/json").body("[]"),
        Request::json(JSON, &json!({ "apikey": [KEY] })),
        Request::form(JSON, &format!("{body}&x={}", "x".repeat(100_000))),
    ] {
        let answer = site.ask(&request);
        assert_eq!(told(&answer), (4, Value::Null), "{request:?}");
        assert!(!answer.text().contains(SECRET), "{}", answer.text());
    }
    assert!(site.handset.ringing().is_empty());
}

fn phonesverification_rule_02_the_path_decides_and_not_accept(mounting: Mounting) {
    let site = Site::open(mounting);
    for accept in ["application/json", "application/xml", "text/html", "*/*", ""] {
        for pin in ["12345", "bad"] {
            let body = form(&with(&[("pin", pin)]));
            let ask = |path: &str| site.ask(&Request::form(path, &body).header("accept", accept));
            let (as_json, as_xml) = (ask(JSON), ask(XML));
            assert_eq!(as_json.header("content-type"), Some("application/json; charset=utf-8"));
            assert!(as_json.json().is_object(), "{accept}");
            assert_eq!(as_xml.header("content-type"), Some("application/xml; charset=utf-8"));
            assert!(as_xml.text().starts_with("<PhonesVerification "), "{accept}");
            assert_eq!((as_json.status, as_xml.status), (200, 200));
        }
    }
    // Nor does it matter how far it got: what is too long is not even read.
    let long = "x".repeat(70_000);
    assert_eq!(told(&site.ask(&Request::form(JSON, &long))), (4, Value::Null));
    let as_xml = site.ask(&Request::form(XML, &long));
    assert_eq!(as_xml.header("content-type"), Some("application/xml; charset=utf-8"));
    assert!(as_xml.text().contains("<Status>4</Status>"), "{}", as_xml.text());
    for (method, path, status) in [
        ("POST", "/app/api/json/tts/nothing", 404),
        ("POST", "/app/api/xml/sms/pinverification", 404),
        ("POST", "/app/api/tts/reversepinverification", 404),
        ("GET", JSON, 405),
        ("PUT", XML, 405),
    ] {
        let answer = site.ask(&Request::new(method, path));
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.text().contains("Command is invalid."), "{}", answer.text());
        assert_eq!(answer.text().starts_with('<'), path.contains("/xml/"), "answered in kind");
    }
}

fn phonesverification_rule_03_a_success_has_the_form_of_the_sample(mounting: Mounting) {
    let site = Site::open(mounting);
    site.at(1_465_200_137_100);
    let answer = site.call(&[]);
    let text = answer.text();
    let order = [
        "\"Response\":{\"id\":",
        "\"PhoneNumber\":\"148485454545\"",
        "\"Price\":0.015",
        "\"Created\":\"2016-06-06T08:02:17.1\"",
        "\"VerificationType\":\"PhoneReversePinVerification\"",
        "\"ErrorMessage\":\"\"",
        "\"Status\":0",
    ];
    let places: Vec<_> =
        order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"))).collect();
    assert!(places.is_sorted(), "as printed: {text}");
    let (_, first) = told(&answer);
    assert!(first["id"].as_u64().unwrap() > 0 && first["Price"].is_f64());
    let (_, second) = told(&site.call(&[("number", "+1 (848) 545-454.546")]));
    assert!(second["id"].as_u64() > first["id"].as_u64(), "no number is used twice");
    assert_eq!(second["PhoneNumber"], "1848545454546");
}

fn phonesverification_rule_04_xml_is_well_formed_and_says_nil(mounting: Mounting) {
    let site = Site::open(mounting);
    let ask = |more: &[(&str, &str)]| site.ask(&Request::form(XML, &form(&with(more)))).text();
    const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema-instance";
    let success = ask(&[("brand", "A&B <x>")]);
    let document = roxmltree::Document::parse(&success).unwrap();
    let root = document.root_element();
    let names: Vec<&str> = root.children().map(|node| node.tag_name().name()).collect();
    assert_eq!(names, ["ErrorMessage", "Response", "Status"]);
    assert_eq!(root.lookup_namespace_uri(Some("i")), Some(SCHEMA));
    let of =
        |name: &str| root.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
    assert_eq!((of("Status"), of("PhoneNumber"), of("Price")), (Some("0"), Some(NUMBER), Some("0.015")));
    assert!(of("id").unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!((of("ErrorMessage"), of("VerificationType")), (None, Some("PhoneReversePinVerification")));

    let failure = ask(&[("apisecret", "wrong")]);
    assert!(failure.contains("<Response i:nil=\"true\"/>"), "{failure}");
    let document = roxmltree::Document::parse(&failure).unwrap();
    let response = document.descendants().find(|node| node.has_tag_name("Response")).unwrap();
    assert_eq!(response.attribute((SCHEMA, "nil")), Some("true"));
    for hostile in [
        "</ErrorMessage>",
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>",
        "\u{0}\u{1b}",
        "]]>",
        "&lt;",
    ] {
        for name in ["pin", "brand", "callbackurl", "number", "apikey", "<x>"] {
            let answer = ask(&[(name, hostile)]);
            assert!(roxmltree::Document::parse(&answer).is_ok(), "{name}={hostile:?}: {answer}");
        }
    }
    site.rings(NUMBER);
    let texts: Vec<String> = site.handset.ringing().into_iter().map(|(_, text)| text).collect();
    assert!(texts.iter().any(|text| text.contains("A&B <x>")), "{texts:?}");
}

fn phonesverification_rule_05_each_missing_parameter_is_missing(mounting: Mounting) {
    let site = Site::open(mounting);
    for (name, _) in NEEDED {
        let rest: Vec<_> = NEEDED.into_iter().filter(|(other, _)| *other != name).collect();
        for fields in [rest.clone(), [rest, vec![(name, "")]].concat()] {
            let answer = site.ask(&Request::form(JSON, &form(&fields)));
            assert_eq!(told(&answer), (2, Value::Null), "{fields:?}");
            assert_eq!(answer.json()["ErrorMessage"], "Parameters Missing");
        }
    }
    assert_eq!(told(&site.ask(&Request::new("POST", JSON))).0, 2);
    assert_eq!(
        told(&site.ask(&Request::form(JSON, "apikey=a&apisecret=b&number=c"))).0,
        2,
        "before anything else"
    );
}

fn phonesverification_rule_06_wrong_credentials_are_told_in_the_seeds_words(mounting: Mounting) {
    let site = Site::open(mounting);
    for (key, secret) in
        [(KEY, "wrong"), ("wrong", SECRET), (SECRET, KEY), (KEY, "8754875"), (KEY, " 87548754")]
    {
        let answer = site.call(&[("apikey", key), ("apisecret", secret), ("pin", "bad")]);
        assert_eq!(told(&answer), (3, Value::Null), "{key} {secret}");
        let text = "Unable to authenticate user. Please try with valid ApiKey/ApiSecret.";
        assert_eq!((answer.status, &answer.json()["ErrorMessage"]), (200, &json!(text)));
    }
}

fn phonesverification_rule_07_a_pin_is_up_to_eight_digits_and_dialled_as_it_is(mounting: Mounting) {
    let site = Site::open(mounting);
    for bad in ["12a4", "123456789", "１２３", "-123", "1.5", " 123", "0x12", "１"] {
        assert_eq!(told(&site.call(&[("pin", bad)])), (4, Value::Null), "{bad}");
    }
    assert_eq!(told(&site.call(&[("pin", "")])).0, 2);
    for good in ["1", "12345678", "00123456", "0"] {
        assert_eq!(told(&site.call(&[("pin", good)])).0, 0, "{good}");
        site.end(&CallEnd::dialled(good));
    }
    let strict = Site::with(mounting, |builder| {
        let mut settings = nearby();
        settings.pin_min = 4;
        builder.account(AccountConfig::new(KEY, SECRET)).settings(settings)
    });
    assert_eq!((told(&strict.call(&[("pin", "123")])).0, told(&strict.call(&[("pin", "1234")])).0), (4, 0));
}

fn phonesverification_rule_08_a_brand_is_counted_in_characters(mounting: Mounting) {
    let site = Site::open(mounting);
    for good in ["phonesverification", &"ü".repeat(20), &"\u{1f989}".repeat(20), "A&B <x>"] {
        assert_eq!(told(&site.call(&[("brand", good)])).0, 0, "{good}");
    }
    for bad in [&"a".repeat(21) as &str, &"ü".repeat(21), "a\nb", "a\u{0}b"] {
        assert_eq!(told(&site.call(&[("brand", bad)])), (4, Value::Null), "{bad:?}");
    }
}

fn phonesverification_rule_09_no_call_is_placed_unless_the_status_is_zero(mounting: Mounting) {
    let site = Site::open(mounting);
    for (more, status) in [
        (("number", "12"), 4),
        (("number", "1234567890123456"), 4),
        (("number", "148485454545,148485454546"), 4),
        (("number", "tel:148485454545"), 4),
        (("number", "0148485454545"), 4),
        (("pin", "x"), 4),
        (("callbackurltype", "ftp"), 4),
        (("callbackurl", "file:///etc/passwd"), 4),
        (("apisecret", "x"), 3),
        (("apikey", ""), 2),
    ] {
        assert_eq!(told(&site.call(&[more])).0, status, "{more:?}");
    }
    // A call that is placed rings before anything else that was asked for could.
    site.call(&[]);
    site.rings(NUMBER);
    assert_eq!(site.handset.ringing().len(), 1);
}

/// Our readings, which are settings.
fn readings_that_are_settings(mounting: Mounting) {
    let site = Site::with(mounting, |builder| {
        let mut settings = nearby();
        settings.http_status = true;
        settings.path = "/voice/reverse".to_owned();
        builder.account(AccountConfig::new(KEY, SECRET)).settings(settings)
    });
    let ask =
        |more: &[(&str, &str)]| site.ask(&Request::form("/app/api/json/voice/reverse", &form(&with(more))));
    let statuses = [ask(&[]), ask(&[("pin", "")]), ask(&[("apisecret", "x")]), ask(&[("pin", "x")])];
    assert_eq!(statuses.map(|answer| answer.status), [200, 400, 401, 400]);
    assert_eq!(site.ask(&Request::form(JSON, &form(&NEEDED))).status, 404);
}

/// Everybody's server, which says that it has heard: the samples name one that is somebody else's.
#[derive(Clone, Debug, Default)]
struct Nowhere(Arc<Mutex<Vec<String>>>);

#[async_trait::async_trait]
impl Fetch for Nowhere {
    async fn fetch(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, FetchError> {
        self.0.lock().unwrap().push(request.uri().to_string());
        Ok(http::Response::default())
    }

    fn is_public_only(&self) -> bool {
        true
    }
}

/// The sample parameters of the original's page, by the query of a POST.
fn the_samples_work_as_printed(mounting: Mounting) {
    let nowhere = Nowhere::default();
    let site = Site::with(mounting, |builder| {
        builder.account(AccountConfig::new(KEY, SECRET)).fetch(nowhere.clone())
    });
    let sample = "apikey=qd4cr4gd&apisecret=87548754&number=148485454545&pin=12345&callbackurl=www.abc.com/getcallback.aspx\
        &callbackurltype=https&brand=phonesverification";
    for path in [JSON, XML] {
        let output = std::process::Command::new("curl")
            .args(["-s", "-X", "POST", &format!("http://{}{path}?{sample}", site.address)])
            .output()
            .expect("curl is there: apt-get install curl");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("PhoneReversePinVerification") && text.contains("148485454545"), "{text}");
    }
    site.rings(NUMBER);
    let called = nowhere.0.lock().unwrap().clone();
    assert!(
        called.iter().all(|url| url.starts_with("https://www.abc.com/getcallback.aspx?status=Sent&")),
        "{called:?}"
    );
}

on_both! {
    phonesverification_rule_01_the_same_parameters_in_every_way_are_the_same_call
    phonesverification_rule_01_what_can_be_read_in_two_ways_is_no_call
    phonesverification_rule_02_the_path_decides_and_not_accept
    phonesverification_rule_03_a_success_has_the_form_of_the_sample
    phonesverification_rule_04_xml_is_well_formed_and_says_nil
    phonesverification_rule_05_each_missing_parameter_is_missing
    phonesverification_rule_06_wrong_credentials_are_told_in_the_seeds_words
    phonesverification_rule_07_a_pin_is_up_to_eight_digits_and_dialled_as_it_is
    phonesverification_rule_08_a_brand_is_counted_in_characters
    phonesverification_rule_09_no_call_is_placed_unless_the_status_is_zero
    readings_that_are_settings
    the_samples_work_as_printed
}
