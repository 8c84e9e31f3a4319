//! Chains: captchas, and behind them what takes their place while their vendors are down.

use std::time::Duration;

use crate::captcha::Outage;
use crate::factor::Factor;
use crate::policy::{Node, Requirement};

/// One link of a chain.
pub(super) struct Link<'r> {
    pub(super) factor: &'r Factor,
    pub(super) within: Option<Duration>,
    /// What comes after it takes its place when its vendor is down.
    pub(super) gives_way: bool,
}

/// The links of a `first_of`, each of which can be reached.
pub(super) fn links(parts: &[Requirement]) -> Result<Vec<Link<'_>>, String> {
    let mut links: Vec<Link<'_>> = Vec::with_capacity(parts.len());
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        let Node::Leaf { factor, within } = &part.0 else {
            return Err(
                "a `first_of` takes factors: put it into the `all_of` or `any_of`, not the other way round"
                    .to_owned(),
            );
        };
        let name = factor.name();
        let gives_way = match factor {
            Factor::Captcha(captcha) => match captcha.outage {
                Outage::Fallback if index == last => {
                    return Err(format!("nothing comes after captcha `{name}` that could take its place"));
                }
                Outage::Closed | Outage::Open if index < last => {
                    return Err(format!(
                        "captcha `{name}` never gives way to what comes after it: `.when_down(Outage::Fallback)`"
                    ));
                }
                outage => outage == Outage::Fallback,
            },
            Factor::Code(_) | Factor::ReversePin(_) | Factor::Work(_) | Factor::Totp(_) | Factor::Card(_) => {
                false
            }
        };
        let is_captcha = matches!(factor, Factor::Captcha(_));
        if index == 0 && !is_captcha {
            return Err(format!(
                "`{name}` has no vendor that could be down, so what comes after it is never asked for; `any_of` lets people choose"
            ));
        }
        if is_captcha && links.iter().any(|before| !before.gives_way) {
            return Err(format!("captcha `{name}` comes after what is never down: put it in front"));
        }
        links.push(Link { factor, within: *within, gives_way });
    }
    Ok(links)
}

/// A captcha that gives way has to have something behind it.
pub(super) fn refuse_stranded(factor: &Factor) -> Result<(), String> {
    match factor {
        Factor::Captcha(captcha) if captcha.outage == Outage::Fallback => Err(format!(
            "captcha `{}` gives way when its vendor is down, and nothing takes its place: put it into a `first_of`",
            captcha.name
        )),
        _ => Ok(()),
    }
}
