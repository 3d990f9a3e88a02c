//! Tools that a model may call: read from requests, and found in what it says.
//!
//! Models write a call as JSON with a name and arguments (or parameters): between `<tool_call>` and `</tool_call>`, as the templates of
//! Qwen and Hermes teach it, one call or a list, or as all of the answer, as those of Llama 3 and Mistral do.

use serde_json::{Map, Value, json};
use tidemill_engine::language::Prompt;
use uuid::Uuid;

use super::fields::{Fields, wrong};
use crate::fault::ApiError;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// The tools of a request; none where it forbids to call them.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Value>, ApiError> {
    let tools = match fields.take("tools") {
        None => Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(wrong("tools", "is not a list")),
    };
    let named = |tool: &Value| tool["type"] == "function" && tool["function"]["name"].is_string();
    if !tools.iter().all(named) {
        return Err(wrong("tools", "holds what is not a function with a name"));
    }
    let forbidden = fields.choice("tool_choice")? == Some(json!("none"));
    fields.only("parallel_tool_calls", &[json!(true), json!(false)])?;
    Ok(if forbidden { Vec::new() } else { tools })
}

/// Whether a message of the assistant holds calls. Their arguments, which OpenAI writes as a text, become what the text says: templates
/// write them as JSON.
pub(super) fn said_before(message: &mut Map<String, Value>) -> bool {
    let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) else { return false };
    for call in calls.iter_mut() {
        let arguments = &mut call["function"]["arguments"];
        let read = arguments.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(read) = read.filter(Value::is_object) {
            *arguments = read;
        }
    }
    !calls.is_empty()
}

/// The names of the tools of a question.
pub(super) fn names(prompt: &Prompt) -> Vec<String> {
    let Prompt::Tools(_, tools) = prompt else { return Vec::new() };
    tools.iter().filter_map(|tool| tool["function"]["name"].as_str()).map(String::from).collect()
}

/// What an answer says, and the calls in it as OpenAI writes them. Without a call of a known tool the text stays as it is.
pub(super) fn calls(text: &str, known: &[String], id: Uuid) -> (String, Vec<Value>) {
    let (rest, written) = parts(text);
    let found: Option<Vec<(String, String)>> = written.iter().map(|call| call_of(call, known)).collect();
    let found = found.unwrap_or_default();
    if found.is_empty() {
        return (text.into(), Vec::new());
    }
    let calls = found.into_iter().enumerate().map(|(i, (name, arguments))| {
        json!({ "id": format!("call_{}_{i}", id.simple()), "type": "function",
                "function": { "name": name, "arguments": arguments } })
    });
    (rest, calls.collect())
}

/// The text around calls, and the calls.
fn parts(text: &str) -> (String, Vec<Value>) {
    let (mut rest, mut written, mut left) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = left.split_once(OPEN) {
        rest += before;
        // The end may be missing where the model ended its answer with the call.
        let (inside, others) = after.split_once(CLOSE).unwrap_or((after, ""));
        written.extend(json_of(inside));
        left = others;
    }
    if written.is_empty() && rest.is_empty() {
        return (String::new(), json_of(text));
    }
    (format!("{rest}{left}").trim().into(), written)
}

/// One JSON document or the items of a list; what is no JSON becomes null, which is no call.
fn json_of(text: &str) -> Vec<Value> {
    match serde_json::from_str(text.trim()) {
        Ok(Value::Array(list)) => list,
        other => vec![other.unwrap_or_default()],
    }
}

/// The name and the arguments, as a text.
fn call_of(call: &Value, known: &[String]) -> Option<(String, String)> {
    let name = call["name"].as_str().filter(|name| known.iter().any(|known| known == name))?;
    let arguments = [&call["arguments"], &call["parameters"]].into_iter().find(|value| value.is_object());
    Some((name.into(), arguments.map_or_else(|| "{}".into(), Value::to_string)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (String, Vec<(String, String)>) {
        let (rest, calls) = calls(text, &["weather".into(), "time".into()], Uuid::nil());
        let of = |call: &Value, key: &str| call["function"][key].as_str().unwrap().to_string();
        (rest, calls.iter().map(|call| (of(call, "name"), of(call, "arguments"))).collect())
    }

    #[test]
    fn calls_are_found_as_templates_teach_them() {
        let weather = ("weather".to_string(), r#"{"city":"Ulm"}"#.to_string());
        let hermes = "Let me look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Ulm\"}}\n</tool_call>\n<tool_call>{\"name\": \"time\", \"arguments\": {}}</tool_call>";
        assert_eq!(
            found(hermes),
            ("Let me look.".into(), vec![weather.clone(), ("time".into(), "{}".into())])
        );
        let smol = "<tool_call>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Ulm\"}}]";
        assert_eq!(found(smol), (String::new(), vec![weather.clone()]));
        let llama = "{\"name\": \"weather\", \"parameters\": {\"city\": \"Ulm\"}}";
        assert_eq!(found(llama), (String::new(), vec![weather]));
    }

    #[test]
    fn what_is_no_call_of_a_known_tool_stays_text() {
        for text in ["Hello", "{\"name\": \"rm\"}", "{\"a\": 1}", "<tool_call>oops</tool_call>", "[]", ""] {
            assert_eq!(found(text), (text.into(), Vec::new()));
        }
    }
}
