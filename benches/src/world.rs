//! An engine with a courier that is there at once, and visitors who have got through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use verify_core::{
    Budgets, Channel, Contact, Countries, Courier, CourierError, Delivery, Engine, EngineBuilder, Factor,
    Gate, KeyRing, Origin, Policy, RequestLimits, Subject,
};
use verify_tower::{ChallengeLayer, EndpointService};

/// Who asks, wherever one visitor will do.
pub const USER: &str = "12025550123";

/// An application with one engine.
#[derive(Debug)]
pub struct World {
    /// Its engine.
    pub engine: Engine,
    phones: Phones,
}

/// What has arrived, for whoever reads it.
#[derive(Clone, Debug, Default)]
struct Phones(Arc<Mutex<HashMap<String, String>>>);

#[async_trait]
impl Courier for Phones {
    async fn deliver(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(delivery.to().expose().to_owned(), delivery.code().expose().to_owned());
        Ok(())
    }

    fn is_development(&self) -> bool {
        false
    }

    fn is_instant(&self) -> bool {
        true
    }
}

impl Default for World {
    fn default() -> Self {
        Self::with(|builder| builder)
    }
}

impl World {
    /// An engine without limits of requests, and with what `change` makes of it. Users are telephone numbers.
    pub fn with(change: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let phones = Phones::default();
        let keys = KeyRing::parse(&format!("k1:{}", "5a".repeat(32))).unwrap();
        let builder = Engine::builder(keys, Origin::parse("https://bank.example").unwrap())
            .courier(Channel::Sms, phones.clone())
            .countries(Countries::any())
            .contacts(|subject: &Subject<'_>, _: Channel| Contact::phone(&format!("+{}", subject.id())).ok())
            .subject(|head| Some(Subject::user(head.header("x-user")?)))
            .budgets(Budgets::default().per_source([]))
            .limits(RequestLimits::unlimited());
        Self { engine: change(builder).build().unwrap(), phones }
    }

    /// A gate that asks for a code by text message.
    pub fn gate(&self) -> Gate {
        self.engine.gate(Policy::new("vault").require(code())).unwrap()
    }

    /// The code that has arrived last, for that user.
    pub fn code(&self, user: &str) -> String {
        let codes = self.phones.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.get(&format!("+{user}")).cloned().unwrap_or_default()
    }

    /// Blocks, sends and answers as that user would over the wire: the clearance.
    pub async fn clearance(&self, gate: &Gate, user: &str) -> String {
        let inner = tower::service_fn(|_: http::Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
        });
        let request = http::Request::get("/vault").header("x-user", user).body(Full::default()).unwrap();
        let blocked = tower::Layer::layer(&ChallengeLayer::from(gate.clone()), inner).oneshot(request);
        let body = blocked.await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        let id = &problem["alternatives"][0][0]["id"];
        self.post("send", user, &json!({ "id": id })).await;
        let checked = self.post("check", user, &json!({ "id": id, "code": self.code(user) })).await;
        checked["clearance"].as_str().expect("the code is right").to_owned()
    }

    /// Asks an endpoint.
    pub async fn post(&self, endpoint: &str, user: &str, body: &Value) -> Value {
        let request = http::Request::post(format!("/challenge/{endpoint}"))
            .header("x-user", user)
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(body.to_string()))
            .unwrap();
        let answer = EndpointService::new(&self.engine).oneshot(request).await.unwrap();
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }
}

/// The factor that is asked for.
pub fn code() -> verify_core::CodeFactor {
    Factor::code("step-up").over([Channel::Sms])
}
