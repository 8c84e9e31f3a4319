//! Services over the wire.

use verify_core::Reply;

use crate::twilio::call::Call;
use crate::twilio::fault::Fault;
use crate::twilio::inner::Inner;
use crate::twilio::listing::Page;
use crate::twilio::service::Service;
use crate::twilio::{ServiceConfig, reply, sid};

impl Inner {
    pub(crate) async fn create_service(&self, call: &Call) -> Result<Reply, Fault> {
        call.form.require("FriendlyName")?;
        let mut options = ServiceConfig { sid: sid::random("VA")?, ..ServiceConfig::default() };
        options.apply(&call.form)?;
        let now = self.now();
        let service = Service {
            account: call.account.clone(),
            declared: false,
            options,
            limits: Vec::new(),
            created: now,
            updated: now,
        };
        self.catalog.add_service(&service).await?;
        Ok(reply::created(&service.json(call)))
    }

    pub(crate) async fn list_services(&self, call: &Call) -> Result<Reply, Fault> {
        let page = Page::of(call)?;
        let services = self.catalog.services(&call.account).await?;
        Ok(page.of_all(
            call,
            "services",
            &services.iter().map(|service| service.json(call)).collect::<Vec<_>>(),
        ))
    }

    pub(crate) async fn update_service(&self, call: &Call, sid: &str) -> Result<Reply, Fault> {
        let now = self.now();
        let update = |service: &mut Service| {
            service.options.apply(&call.form)?;
            service.updated = now;
            Ok(())
        };
        let changed = self.catalog.change(&call.account, sid, update).await?;
        let service = changed.ok_or_else(|| call.not_found())?;
        Ok(reply::ok(&service.json(call)))
    }

    pub(crate) async fn delete_service(&self, service: &Service) -> Result<Reply, Fault> {
        self.catalog.remove_service(service).await?;
        Ok(reply::gone())
    }
}
