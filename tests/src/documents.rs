//! The documents whose snippets are compiled, and run where they can be. The page of captchas and the README at the root are
//! with the examples, those of the crates with their crates.

#[doc = include_str!("../../docs/authenticator.md")]
struct Authenticators;

#[doc = include_str!("../../docs/couriers.md")]
struct Couriers;

#[doc = include_str!("../../docs/govifi.md")]
struct HostedSessions;

#[doc = include_str!("../../docs/operations.md")]
struct Operations;

#[doc = include_str!("../../docs/phonesverification.md")]
struct ReversePins;

#[doc = include_str!("../../docs/presets.md")]
struct Presets;

#[doc = include_str!("../../docs/psd2.md")]
struct Payments;

#[doc = include_str!("../../docs/sessions.md")]
struct Sessions;

#[doc = include_str!("../../docs/twilio.md")]
struct Twilio;

#[doc = include_str!("../../docs/twisto.md")]
struct Twisto;

#[doc = include_str!("../../docs/worldpay.md")]
struct Worldpay;
