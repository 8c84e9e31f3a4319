//! Where resources are, as the root says by links (HAL).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Uri;
use serde::Deserialize;

use crate::worldpay::body::Terms;
use crate::worldpay::error::{WorldpayError, WorldpayErrorKind};

/// The resources that a verification is posted to.
#[derive(Debug)]
pub(super) struct Links(BTreeMap<&'static str, String>);

const RELATIONS: [&str; 4] = ["oneTime", "cardOnFile", "dynamicOneTime", "dynamicCardOnFile"];

#[derive(Deserialize)]
struct Root {
    #[serde(rename = "_links")]
    links: BTreeMap<String, serde_json::Value>,
}

impl Links {
    /// Reads the root. A relation is there under its short name, or under the address that a curie makes of it.
    pub(super) fn read(base_url: &str, body: &Bytes) -> Result<Self, WorldpayError> {
        let unreadable = || WorldpayError::unavailable("the root has no links to follow");
        let Root { links } = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let curie = links.get("curies").and_then(|curies| {
            let curies = curies.as_array()?;
            let own = curies.iter().find(|curie| curie["name"] == "verifications")?;
            own["href"].as_str()
        });
        let mut found = BTreeMap::new();
        for relation in RELATIONS {
            let long = curie.map(|curie| curie.replace("{rel}", relation));
            let link =
                links.get(&format!("verifications:{relation}")).or_else(|| links.get(long.as_deref()?));
            if let Some(href) = link.and_then(|link| link["href"].as_str()) {
                found.insert(relation, resolve(base_url, href)?);
            }
        }
        if found.is_empty() {
            return Err(unreadable());
        }
        Ok(Self(found))
    }

    /// Where to post a verification on these terms.
    pub(super) fn verify(&self, terms: &Terms) -> Result<&str, WorldpayError> {
        let relation = match (terms.amount.is_some(), terms.on_file) {
            (false, false) => "oneTime",
            (false, true) => "cardOnFile",
            (true, false) => "dynamicOneTime",
            (true, true) => "dynamicCardOnFile",
        };
        let link = self.0.get(relation).map(String::as_str);
        link.ok_or_else(|| {
            WorldpayError::of(WorldpayErrorKind::Misconfigured).with_source("the root lacks the resource")
        })
    }
}

/// The address that a link stands for, if it is one of the same server: credentials and cards go to no other.
pub(super) fn resolve(base_url: &str, href: &str) -> Result<String, WorldpayError> {
    let elsewhere =
        || WorldpayError::of(WorldpayErrorKind::Misconfigured).with_source("a link leads to another server");
    let origin = |text: &str| -> Option<(String, String)> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
        Some((scheme.to_ascii_lowercase(), authority.to_ascii_lowercase()))
    };
    let own = origin(base_url).ok_or_else(elsewhere)?;
    let whole = match href.strip_prefix('/') {
        Some(path) if !path.starts_with('/') => format!("{}://{}/{path}", own.0, own.1),
        _ => href.to_owned(),
    };
    // A template is no address, and what stands behind a fragment is not sent.
    let is_plain =
        whole.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'\\' | b'#'));
    match origin(&whole).filter(|theirs| is_plain && *theirs == own) {
        Some(_) => Ok(whole),
        None => Err(elsewhere()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_with_their_server() {
        let at = |href: &str| resolve("https://try.access.worldpay.com", href).ok();
        let good = "https://try.access.worldpay.com/verifications/accounts/x";
        for href in
            [good, "/verifications/accounts/x", "HTTPS://TRY.access.worldpay.com/verifications/accounts/x"]
        {
            assert!(at(href).is_some_and(|url| url.to_ascii_lowercase() == good), "{href}");
        }
        for href in [
            "http://try.access.worldpay.com/x",
            "https://evil.example/x",
            "//evil.example/x",
            "https://try.access.worldpay.com@evil.example/x",
            "https://try.access.worldpay.com:8443/x",
            "https://try.access.worldpay.com.evil.example/x",
            "/verifications/accounts/{resource}",
            "verifications/accounts/x",
            "/a b",
            "",
        ] {
            assert_eq!(at(href), None, "{href}");
        }
    }
}
