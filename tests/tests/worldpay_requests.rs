//! Worldpay account verification, what is not taken: W6 to W8, W15 and W16, over sockets on both mountings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "worldpay/site.rs"]
mod site;

use site::{Mounting, ONE_TIME, PASSWORD, SIX, Site, USERNAME};
use site::{basic, getting, link, posting, refused, signed};
use tests::http::{Request, Response};
use tests::worldpay::{self, FIVE, intelligent, six};

fn worldpay_rule_06_whoever_has_no_account_is_denied(mounting: Mounting) {
    let site = Site::open(mounting);
    let good = basic(USERNAME, PASSWORD);
    let bearer = good.replace("Basic", "Bearer");
    for given in
        [None, Some(""), Some("Basic"), Some("Basic %%%"), Some(&*bearer), Some(&*basic(USERNAME, "secret"))]
    {
        for request in [
            Request::get("/verifications/accounts"),
            Request::new("POST", ONE_TIME).body("{"),
            Request::new("PUT", "/cardVerifications"),
            Request::get(&format!("/verifications/accounts/{}", "0".repeat(64))),
        ] {
            let request =
                given.into_iter().fold(request, |request, value| request.header("authorization", value));
            let answer = site.send(&request);
            refused(&answer, 401, "accessDenied");
            assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));
            assert_eq!(answer.json()["message"], "Access to the requested resource has been denied");
        }
    }
    let twice = signed(getting("/verifications/accounts"));
    refused(&site.send(&twice), 401, "accessDenied");
    let lower = Request::get("/verifications/accounts").header("accept", FIVE);
    assert_eq!(site.send(&lower.header("authorization", &good.replace("Basic", "bAsIc"))).status, 200);
}

/// Of a POST, its Accept, its Content-Type, and the answer.
type Case = (Option<&'static str>, Option<&'static str>, u16, &'static str, Option<&'static str>);

fn worldpay_rule_07_media_types_name_the_version(mounting: Mounting) {
    const V4: &str = "application/vnd.worldpay.verifications.accounts-v4+json";
    const HAL: &str = "application/vnd.worldpay.verifications.accounts-v5.hal+json";
    const LOUD: &str = "APPLICATION/VND.WORLDPAY.VERIFICATIONS.ACCOUNTS-V5+JSON";
    const CHARSET: &str = "application/vnd.worldpay.verifications.accounts-v5+json; charset=utf-8";
    const SEVERAL: &str = "text/html, application/vnd.worldpay.verifications.accounts-v5+json;q=0.5";
    const REFUSED: &str = "application/vnd.worldpay.verifications.accounts-v5+json;q=0";
    let (accept, kind) = (Some("Accept"), Some("Content-Type"));
    let cases: [Case; 17] = [
        (Some(FIVE), Some(FIVE), 201, "", None),
        (Some(HAL), Some(HAL), 201, "", None),
        (Some(HAL), Some(FIVE), 201, "", None),
        (Some(LOUD), Some(LOUD), 201, "", None),
        (Some(CHARSET), Some(CHARSET), 201, "", None),
        (Some(SEVERAL), Some(FIVE), 201, "", None),
        (Some("*/*"), Some(FIVE), 201, "", None),
        (None, Some(FIVE), 400, "headerIsMissing", accept),
        (Some(V4), Some(FIVE), 406, "unsupportedAcceptHeader", None),
        (Some(worldpay::SIX), Some(worldpay::SIX), 406, "unsupportedAcceptHeader", None),
        (Some(REFUSED), Some(FIVE), 406, "unsupportedAcceptHeader", None),
        (Some("application/json"), Some(FIVE), 406, "unsupportedAcceptHeader", None),
        (Some(FIVE), None, 400, "headerIsMissing", kind),
        (Some(FIVE), Some(V4), 400, "headerHasInvalidValue", kind),
        (Some(FIVE), Some(worldpay::SIX), 400, "headerHasInvalidValue", kind),
        (Some(FIVE), Some("application/json"), 415, "unsupportedContentType", None),
        (Some(FIVE), Some("text/plain"), 415, "unsupportedContentType", None),
    ];
    let site = Site::open(mounting);
    for (count, (accept, kind, status, name, header)) in cases.into_iter().enumerate() {
        let mut request =
            signed(Request::new("POST", ONE_TIME)).body(intelligent(&format!("m{count}")).to_string());
        for (field, value) in [("accept", accept), ("content-type", kind)] {
            request = value.into_iter().fold(request, |request, value| request.header(field, value));
        }
        let answer = site.send(&request);
        if status == 201 {
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (201, Some(FIVE)),
                "{accept:?} {kind:?}"
            );
        } else {
            refused(&answer, status, name);
            assert_eq!(answer.json()["headerName"].as_str(), header, "{accept:?} {kind:?}");
        }
    }
    // Version 6 has two names for itself, and another one for a body that it does not take.
    for (count, kind) in [
        worldpay::SIX,
        "application/vnd.worldpay.cardverifications-v6+json",
        "application/vnd.worldpay.verifications.accounts-v6+json",
    ]
    .into_iter()
    .enumerate()
    {
        let body = six(&format!("six{count}")).to_string();
        let request =
            signed(Request::new("POST", SIX)).header("accept", kind).header("content-type", kind).body(body);
        assert_eq!(site.send(&request).status, 201);
    }
    let request = signed(Request::new("POST", SIX))
        .header("accept", worldpay::SIX)
        .header("content-type", "text/plain");
    refused(&site.send(&request), 415, "headerHasInvalidValue");
    let refused_five = signed(Request::new("POST", SIX)).header("accept", FIVE);
    refused(&site.send(&refused_five), 406, "unsupportedAcceptHeader");
    // Where the application wants it strict, anything is not good enough.
    let strict = Site::with(mounting, |builder| {
        let mut settings = verify_compat::worldpay::Settings::default();
        settings.strict_accept = true;
        builder.settings(settings).issuer(verify_compat::worldpay::IssuerSimulator::default())
    });
    let any = signed(Request::get("/verifications/accounts")).header("accept", "*/*");
    refused(&strict.send(&any), 406, "unsupportedAcceptHeader");
    assert_eq!(site.send(&any).status, 200);
}

fn worldpay_rule_08_a_get_may_have_any_content_type(mounting: Mounting) {
    let site = Site::open(mounting);
    let href = link(&site.verify(ONE_TIME, &intelligent("get")));
    for kind in ["application/hal+json", "text/plain", FIVE, "nonsense"] {
        for path in ["/verifications/accounts", &href] {
            assert_eq!(site.send(&getting(path).header("content-type", kind)).status, 200, "{kind} {path}");
        }
    }
}

fn worldpay_rule_15_each_answer_has_a_name(mounting: Mounting) {
    let site = Site::open(mounting);
    let named = |request: Request| site.send(&request).header("wp-correlationid").map(str::to_owned);
    for request in [
        getting("/verifications/accounts"),
        posting(ONE_TIME, intelligent("name").to_string()),
        posting(ONE_TIME, "{"),
        getting("/verifications/accounts/nothing"),
        Request::get("/verifications/accounts"),
    ] {
        assert_eq!(
            named(request.clone().header("wp-correlationid", "my-own-1")).as_deref(),
            Some("my-own-1")
        );
        let [one, other] = [(); 2].map(|()| named(request.clone()).unwrap());
        assert!(one.len() == 36 && one != other, "{one} {other}");
    }
    let long = posting(ONE_TIME, vec![b' '; 70_000]);
    assert_eq!(named(long.clone().header("wp-correlationid", "my-own-2")).as_deref(), Some("my-own-2"));
    assert!(named(long).is_some_and(|name| name.len() == 36));
}

fn worldpay_rule_16_a_resource_takes_its_own_method(mounting: Mounting) {
    let site = Site::open(mounting);
    let href = link(&site.verify(ONE_TIME, &intelligent("method")));
    let outcome = href.strip_prefix(site::PUBLIC).unwrap();
    for (path, allowed) in
        [("/verifications/accounts", "GET"), (ONE_TIME, "POST"), (SIX, "POST"), (outcome, "GET")]
    {
        for method in ["PUT", "DELETE", "PATCH", if allowed == "GET" { "POST" } else { "GET" }] {
            let answer: Response = site.send(&signed(Request::new(method, path)).header("accept", FIVE));
            refused(&answer, 405, "methodNotAllowed");
            assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        }
    }
}

on_both! {
    worldpay_rule_06_whoever_has_no_account_is_denied
    worldpay_rule_07_media_types_name_the_version
    worldpay_rule_08_a_get_may_have_any_content_type
    worldpay_rule_15_each_answer_has_a_name
    worldpay_rule_16_a_resource_takes_its_own_method
}
