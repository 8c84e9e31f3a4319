//! Who the primary is, as the Sentinels say.

use std::time::Duration;

use redis::{Client, ConnectionAddr, ConnectionInfo, FromRedisValue, Value};
use tokio::time::timeout;

use crate::fault::Fault;
use crate::link::ask_once;
use crate::tls::Trust;

/// The Sentinels that watch one primary.
pub(crate) struct Sentinels {
    pub(crate) sentinels: Vec<Client>,
    /// What they call it.
    pub(crate) name: String,
    /// All but the address of the primary.
    pub(crate) template: ConnectionInfo,
    pub(crate) trust: Trust,
}

impl Sentinels {
    /// The primary of this moment: the first answer counts, and one that is silent does not use up all the time.
    pub(crate) async fn primary(&self, patience: Duration) -> Result<Client, Fault> {
        let command = redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name).to_owned();
        let share = patience / u32::try_from(self.sentinels.len()).unwrap_or(u32::MAX).saturating_add(1);
        let mut fault = Fault::misconfigured("no Sentinel is given");
        for sentinel in &self.sentinels {
            match timeout(share, ask_once(sentinel, &command)).await {
                Ok(Ok(Value::Nil)) => {
                    fault = Fault::misconfigured("the Sentinels watch no primary of this name");
                }
                Ok(Ok(reply)) => match <(String, u16)>::from_redis_value(reply.clone()) {
                    Ok((host, port)) => return self.trust.client(self.at(host, port)),
                    Err(_) => fault = Fault::unexpected(&reply).at_the_door(),
                },
                Ok(Err(refused)) => fault = refused,
                Err(_) => fault = Fault::timeout("a Sentinel does not answer in time"),
            }
        }
        Err(fault)
    }

    fn at(&self, host: String, port: u16) -> ConnectionInfo {
        let addr = match self.template.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        self.template.clone().set_addr(addr)
    }
}
