//! The replay's HTTP client: the same door as everyone's.

use std::net::SocketAddr;

use serde_json::Value;
use tidemill_core::{Error as CoreError, Result};
use ureq::Agent;

use crate::Error;

pub(super) struct Client {
    agent: Agent,
    base: String,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        Client { agent, base: format!("http://{address}") }
    }

    /// Sends a document; an answer that is not a success is an error.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let failed = |e: ureq::Error| CoreError::from(Error::System(format!("a request of the replay: {e}")));
        let request = self.agent.post(format!("{}{path}", self.base)).content_type("application/json");
        let mut response = request.send(body.to_string()).map_err(failed)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().map_err(failed)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status != 200 {
            let message = answer["error"]["message"].as_str().unwrap_or("no message").to_string();
            return Err(Error::Request { status, message }.into());
        }
        Ok(answer)
    }
}
