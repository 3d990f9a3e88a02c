//! A model with the API of OpenAI, asked which of two answers is better.

use std::time::Duration;

use serde_json::{Value, json};
use tidemill_core::{Error as CoreError, Result};
use ureq::Agent;

use crate::Error;

/// What it is told before prompt and answers.
const TASK: &str = "You compare two answers to a question. Say which one answers it better: correct, complete, helpful, and no longer \
                    than it must be. Do not let their order or length sway you. Reply with one letter, A or B, and nothing else.";
/// The longest reply that is read.
const LONGEST: u64 = 1 << 20;
/// How long a reply may take: a large model on a slow machine thinks for minutes.
const ANSWERS_WITHIN: Duration = Duration::from_secs(300);

/// A model that judges, at an address that a user named.
pub struct Judge {
    agent: Agent,
    address: String,
    model: String,
    key: Option<String>,
}

impl Judge {
    /// `address` is where the API begins (`http://localhost:8080/v1`); nothing is sent before [`Judge::better`].
    ///
    /// # Errors
    /// An address that is not `http://…`: this build speaks no TLS.
    pub fn new(address: &str, model: &str, key: Option<String>) -> Result<Self> {
        if !address.starts_with("http://") {
            let problem = format!("the judge's address '{address}' does not begin with http://");
            return Err(CoreError::data(
                problem,
                "name a model on this machine or behind a proxy that speaks TLS",
            ));
        }
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWERS_WITHIN));
        let agent = config.build().new_agent();
        let address = address.trim_end_matches('/').to_string();
        Ok(Judge { agent, address, model: model.into(), key })
    }

    /// Whether the first answer is better than the second; none where the judge says otherwise when they change places.
    ///
    /// # Errors
    /// When the judge cannot be reached, or replies neither A nor B.
    pub fn better(&self, prompt: &str, first: &str, second: &str) -> Result<Option<bool>> {
        let forwards = self.ask(prompt, first, second)?;
        let backwards = self.ask(prompt, second, first)?;
        Ok((forwards != backwards).then_some(forwards))
    }

    /// Whether A is better.
    fn ask(&self, prompt: &str, a: &str, b: &str) -> Result<bool> {
        let failed =
            |e: ureq::Error| CoreError::from(Error::System(format!("the judge at {}: {e}", self.address)));
        let question = format!(
            "Question:\n{prompt}\n\nAnswer A:\n{a}\n\nAnswer B:\n{b}\n\nWhich one is better, A or B?"
        );
        let body = json!({
            "model": self.model, "temperature": 0, "max_tokens": 8,
            "messages": [{ "role": "system", "content": TASK }, { "role": "user", "content": question }],
        });
        let mut request =
            self.agent.post(format!("{}/chat/completions", self.address)).content_type("application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = request.send(body.to_string()).map_err(failed)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(LONGEST).read_to_string().map_err(failed)?;
        let reply: Value = serde_json::from_str(&text).unwrap_or_default();
        if status != 200 {
            let message = reply["error"]["message"].as_str().unwrap_or("no message").to_string();
            return Err(Error::Request { status, message }.into());
        }
        let said = reply["choices"][0]["message"]["content"].as_str().unwrap_or_default();
        verdict(said).ok_or_else(|| {
            let problem = format!("the judge said '{said}', which is neither A nor B");
            CoreError::data(problem, "name a model that follows instructions")
        })
    }
}

/// The first word that is A or B alone.
fn verdict(said: &str) -> Option<bool> {
    let mut words = said.split(|c: char| !c.is_alphanumeric());
    words.find(|word| matches!(*word, "A" | "B")).map(|word| word == "A")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_first_letter_that_stands_alone_counts() {
        for (said, wanted) in
            [("A", Some(true)), (" B.", Some(false)), ("Answer: B", Some(false)), ("Both", None)]
        {
            assert_eq!(verdict(said), wanted, "{said}");
        }
    }

    /// A judge that prefers the answer with the word in its prompt, or always the first.
    fn serve(always_first: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let mut asked = Vec::new();
                let mut piece = [0; 4096];
                while !String::from_utf8_lossy(&asked).contains("better, A or B?") {
                    let n = stream.read(&mut piece).unwrap();
                    asked.extend_from_slice(&piece[..n]);
                }
                let asked = String::from_utf8_lossy(&asked).into_owned();
                let a =
                    asked.split("Answer A:").nth(1).unwrap().split("Answer B:").next().unwrap().to_string();
                let letter = if always_first || a.contains("good") { "A" } else { "B" };
                let body = json!({ "choices": [{ "message": { "content": letter } }] }).to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ";
                stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn answers_change_places_and_a_judge_that_goes_by_place_says_nothing() {
        let fair = Judge::new(&serve(false), "m", None).unwrap();
        assert_eq!(fair.better("q", "bad", "good").unwrap(), Some(false));
        let lazy = Judge::new(&serve(true), "m", None).unwrap();
        assert_eq!(lazy.better("q", "bad", "good").unwrap(), None);
        assert!(Judge::new("https://example.org/v1", "m", None).is_err());
    }
}
