//! The page to chat with a language model, what it sends, and callers who leave.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tidemill_engine::improve;
use tidemill_engine::language::{Message, Prompt};

use crate::language::{CHAT, chat, events, logged, served, served_with};
use crate::{Served, context};

/// What stands between two texts, the first time that it does.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let begin = text.find(from).unwrap() + from.len();
    &text[begin..begin + text[begin..].find(to).unwrap()]
}

/// All texts between `from` and `to`.
fn all_between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).map(|rest| rest.split(to).next().unwrap()).collect()
}

#[test]
fn the_page_is_one_document_that_runs_nothing_else() {
    let served = served();
    let page = served.get("/chat/llama");
    assert_eq!((page.status, served.get("/chat").status), (200, 200));
    let hash = |part: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(part));
    let (style, script) =
        (between(&page.body, "<style>", "</style>"), between(&page.body, "<script>", "</script>"));
    let policy = page.head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    let parts: BTreeMap<&str, &str> = policy.split("; ").map(|part| part.split_once(' ').unwrap()).collect();
    let hashed = |part: &str| format!("'sha256-{}'", hash(part));
    let wanted = [
        ("default-src", "'none'".to_string()),
        ("style-src", hashed(style)),
        ("script-src", hashed(script)),
        ("connect-src", "'self'".into()),
        ("img-src", "'self'".into()),
        ("frame-ancestors", "'none'".into()),
        ("base-uri", "'none'".into()),
        ("form-action", "'none'".into()),
    ];
    let wanted: BTreeMap<&str, &str> = wanted.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(parts, wanted);
    // No other place, no markup made of text, and nothing that the policy would refuse.
    let elsewhere = page.body.replace("http://www.w3.org/2000/svg", "");
    for never in ["http://", "https://", "innerHTML", "eval(", " style=\"", " onclick"] {
        assert!(!elsewhere.contains(never), "{never}");
    }
    assert_eq!((page.body.matches("<script").count(), page.body.matches("<style").count()), (1, 1));
}

#[test]
fn every_word_of_the_page_has_its_chinese() {
    let page = served().get("/chat/llama").body;
    let words = between(&page, "const CHINESE = {", "\n};");
    let known: Vec<&str> = words.lines().filter_map(|line| Some(between_quotes(line)?.0)).collect();
    let script = between(&page, "<script>", "</script>");
    let body = &page[page.find("<body").unwrap()..];
    let mut said = all_between(script, "t('", "'");
    said.extend(all_between(body, " data-t>", "<"));
    said.extend(all_between(between(script, "const FATES = {", "}"), ": '", "'"));
    said.extend(all_between(between(script, "const ENDS = {", "}"), ": '", "'"));
    assert!(said.len() > 30 && known.len() >= said.len() / 2, "{} {}", said.len(), known.len());
    // What ends in `t('` is not always a translation.
    let missing: Vec<&&str> =
        said.iter().filter(|text| text.starts_with(char::is_uppercase) && !known.contains(text)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for line in words.lines().filter(|line| line.contains("': '")) {
        let (_, chinese) = between_quotes(line).unwrap();
        assert!(chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{line}");
    }
}

/// Of a line `'English': 'Chinese',` the two texts.
fn between_quotes(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix('\'')?.strip_suffix("',")?.split_once("': '")
}

#[test]
fn what_the_page_sends_is_what_the_api_takes() {
    let served = served();
    let models = served.get("/v1/models").json();
    assert_eq!(models["data"][0]["task"], "generation");
    let page = served.get("/chat/llama").body;
    for sent in
        ["'/v1/chat/completions'", "'/v1/feedback'", "'accept'", "'reject'", "'correction'", "'preference'"]
    {
        assert!(page.contains(sent), "{sent}");
    }
    // As `body` and `word` of the page write them.
    let asked = json!({ "model": "llama", "messages": [{ "role": "system", "content": "Be brief." },
        { "role": "user", "content": "Hi" }], "temperature": 1.5, "max_tokens": 6, "n": 2, "stream": true });
    let streamed = events(&served.post(CHAT, &asked.to_string()));
    let mut ids: BTreeMap<u64, Value> = BTreeMap::new();
    for choice in streamed.iter().flat_map(|event| event["choices"].as_array().unwrap()) {
        let id =
            ids.entry(choice["index"].as_u64().unwrap()).or_insert_with(|| choice["prediction_id"].clone());
        assert_eq!(*id, choice["prediction_id"], "each piece names its answer");
    }
    for word in [
        json!({ "prediction_id": ids[&0], "kind": "accept" }),
        json!({ "prediction_id": ids[&0], "kind": "reject" }),
        json!({ "prediction_id": ids[&0], "kind": "correction", "value": "Hello!" }),
        json!({ "prediction_id": ids[&1], "kind": "preference", "value": ids[&0] }),
    ] {
        let answer = served.post("/v1/feedback", &word.to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.json()["feedback"][0]["fate"].is_string());
    }
}

#[test]
fn what_users_prefer_is_there_to_tune_on() {
    let served = served();
    let id = |answer: &Value, i: usize| answer["choices"][i]["prediction_id"].clone();
    let prefer = |better: &Value, worse: &Value| {
        let word = json!({ "prediction_id": better, "kind": "preference", "value": worse });
        assert_eq!(served.post("/v1/feedback", &word.to_string()).status, 200);
    };
    let two: Vec<Value> = (0..3)
        .map(|seed| served.post(CHAT, &chat(json!({ "n": 2, "temperature": 1.5, "seed": 10 * seed }))).json())
        .collect();
    prefer(&id(&two[0], 0), &id(&two[0], 1));
    prefer(&id(&two[1], 0), &id(&two[1], 1));
    // The latest word on two answers counts.
    prefer(&id(&two[1], 1), &id(&two[1], 0));
    let job = improve::Job { model: served.folder.path().join("llama"), ..improve::Job::default() };
    let store = &served.running.app.store;
    let told = improve::language::preferences(&job, store, &context()).unwrap();
    assert_eq!((told.preferences.len(), told.unusable), (2, 0));
    let text =
        |answer: &Value, i: usize| answer["choices"][i]["message"]["content"].as_str().unwrap().to_string();
    for (found, answer, better) in [(&told.preferences[0], &two[0], 0), (&told.preferences[1], &two[1], 1)] {
        assert_eq!(found.prompt, Prompt::Chat(vec![Message::new("user", "Hi")]));
        assert_eq!((&found.chosen, &found.rejected), (&text(answer, better), &text(answer, 1 - better)));
    }
    let improved = improve::language::improve(&job, store, &context()).unwrap();
    assert!(improved.verdict.contains("3 preferences are not used here"), "{}", improved.verdict);
}

/// A tiny model that would go on for thousands of tokens.
fn talkative() -> Served {
    served_with(|folder| {
        let file = folder.join("llama/config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        config["max_position_embeddings"] = json!(8192);
        std::fs::write(&file, config.to_string()).unwrap();
    })
}

const MANY: u64 = 4000;

/// Asks for answers of [`MANY`] tokens each.
fn asked(served: &Served, stream: bool) -> TcpStream {
    let body = chat(json!({ "max_tokens": MANY, "n": 4, "stream": stream }));
    let mut connection = TcpStream::connect(served.address()).unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).unwrap();
    connection
}

/// A figure of the model.
fn figure(served: &Served, name: &str) -> u64 {
    let metrics = served.get("/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

const BUSY: &str = "tidemill_in_flight{model=\"llama\"}";
const LEFT: &str = "tidemill_requests_total{model=\"llama\",outcome=\"cancelled\"}";
const TOKENS: &str = "tidemill_generated_tokens_total{model=\"llama\"}";

/// The work for whoever left ends at once, is counted, and the next one has the turn.
fn ends(served: &Served) {
    until("the work goes on for nobody", || figure(served, LEFT) == 1 && figure(served, BUSY) == 0);
    let tokens = figure(served, TOKENS);
    assert!(tokens < MANY, "{tokens} of {} tokens were generated", 4 * MANY);
    let next = served.post(CHAT, &chat(json!({})));
    assert_eq!(next.status, 200, "{}", next.body);
    assert_eq!(figure(served, TOKENS), tokens + 6, "nothing but the next answer was generated since");
}

#[test]
fn a_reader_who_leaves_in_the_middle_of_a_stream_stops_the_work() {
    let served = talkative();
    let mut connection = asked(&served, true);
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("\"content\":\"") {
        let mut piece = [0; 256];
        let n = connection.read(&mut piece).unwrap();
        assert!(n > 0);
        heard.extend_from_slice(&piece[..n]);
    }
    drop(connection);
    ends(&served);
    let kept = logged(&served);
    // Four answers were generated together, of which the first at least had begun; then came the next one.
    assert!((2..=5).contains(&kept.len()), "what was sent is in the log, and what never began is not");
    let text: String = serde_json::from_str(&kept[0].prediction).unwrap();
    assert!(!text.is_empty());
}

#[test]
fn a_caller_who_leaves_while_an_answer_is_made_stops_the_work() {
    let served = talkative();
    let connection = asked(&served, false);
    until("the answer never began", || figure(&served, BUSY) == 1);
    drop(connection);
    ends(&served);
}
