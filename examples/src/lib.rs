//! The demo bank: one site, served by axum (`bank`) and by actix-web (`bank-actix`), which share everything but the
//! wiring; and the gateway, which serves the APIs of hosted verification services.

pub mod captcha;
pub mod gateway;
pub mod inbox;
pub mod options;
pub mod post;
pub mod site;
pub mod stop;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/captcha.md")]
struct Captchas;
