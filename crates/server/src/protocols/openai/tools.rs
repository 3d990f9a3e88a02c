//! Tools that a model may call: read from requests, and found in what it says.
//!
//! Models write a call as JSON with a name and arguments (or parameters): between `<tool_call>` and `</tool_call>`, as the templates of
//! Qwen and Hermes teach it, one call or a list, or as all of the answer, as those of Llama 3 and Mistral do.

use serde_json::{Map, Value, json};
use tidemill_engine::language::{Form, Prompt};
use uuid::Uuid;

use super::fields::{Fields, unsupported, wrong};
use crate::fault::ApiError;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// The tools of a request, and how they may be called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tools {
    /// The tools; none where the request forbids to call them.
    pub(super) tools: Vec<Value>,
    /// What the answer must be, where it must be a call.
    pub(super) call: Option<Form>,
    /// Whether there may be one call only.
    pub(super) single: bool,
}

/// What may be called.
enum Choice {
    Nothing,
    Anything,
    /// These functions may be, or with `required` must be.
    Allowed(Vec<String>, bool),
    /// Something must be.
    Required,
    /// This function must be.
    Named(String),
}

/// Reads them.
///
/// # Errors
/// 400 for tools that are no functions, and for a choice that is unknown or names none of them.
pub(super) fn read(fields: &mut Fields) -> Result<Tools, ApiError> {
    let tools = match fields.take("tools") {
        None => Vec::new(),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(wrong("tools", "is not a list")),
    };
    let named = |tool: &Value| tool["type"] == "function" && tool["function"]["name"].is_string();
    if !tools.iter().all(named) {
        return Err(wrong("tools", "holds what is not a function with a name"));
    }
    let parameters =
        |tool: &Value| tool["function"]["parameters"].is_null() || tool["function"]["parameters"].is_object();
    if !tools.iter().all(parameters) {
        return Err(wrong("tools", "holds a function whose 'parameters' are no JSON Schema"));
    }
    let single = fields.given_flag("parallel_tool_calls")? == Some(false);
    let call = |tools: &[Value], several: bool| {
        let functions = tools.iter().map(|tool| tool["function"].clone()).collect();
        Some(Form::Calls { functions, several })
    };
    let forced = |problem: &str| wrong("tool_choice", problem);
    Ok(match choice(fields)? {
        Choice::Nothing => Tools::default(),
        Choice::Anything => Tools { tools, call: None, single },
        Choice::Allowed(names, required) => {
            let is = |tool: &&Value| names.iter().any(|name| tool["function"]["name"] == **name);
            let allowed: Vec<Value> = tools.iter().filter(is).cloned().collect();
            if names.is_empty() || allowed.len() < names.len() {
                return Err(forced("allows no function, or one that is not among the 'tools'"));
            }
            let call = if required { call(&allowed, !single) } else { None };
            Tools { call, tools: allowed, single }
        }
        _ if tools.is_empty() => return Err(forced("asks for a call, and there are no 'tools'")),
        Choice::Required => Tools { call: call(&tools, !single), tools, single },
        Choice::Named(name) => {
            let named: Vec<Value> =
                tools.iter().filter(|tool| tool["function"]["name"] == *name).cloned().collect();
            if named.is_empty() {
                return Err(forced("names a function that is not among the 'tools'"));
            }
            Tools { call: call(&named, false), tools, single: true }
        }
    })
}

/// The functions that `allowed_tools` lists, and whether one of them must be called.
fn allowed(value: &Value) -> Result<Choice, ApiError> {
    const KEY: &str = "tool_choice.allowed_tools";
    let list = &value["allowed_tools"];
    let required = match list["mode"].as_str() {
        Some("auto") => false,
        Some("required") => true,
        _ => return Err(wrong(KEY, "has no 'mode', which is 'auto' or 'required'")),
    };
    let names = list["tools"].as_array().into_iter().flatten();
    let names = names.map(|tool| tool["function"]["name"].as_str().map(String::from));
    match names.collect::<Option<Vec<String>>>() {
        Some(names) => Ok(Choice::Allowed(names, required)),
        None => Err(wrong(KEY, "lists what is no function with a name")),
    }
}

fn choice(fields: &mut Fields) -> Result<Choice, ApiError> {
    const KEY: &str = "tool_choice";
    let Some(value) = fields.take(KEY) else { return Ok(Choice::Anything) };
    match (value.as_str(), value["type"].as_str(), value["function"]["name"].as_str()) {
        (Some("none"), ..) => Ok(Choice::Nothing),
        (Some("auto"), ..) => Ok(Choice::Anything),
        (Some("required"), ..) => Ok(Choice::Required),
        (None, Some("function"), Some(name)) => Ok(Choice::Named(name.into())),
        (None, Some("allowed_tools"), _) => allowed(&value),
        (None, Some("custom"), _) => Err(unsupported(
            KEY,
            "is supported as 'none', 'auto', 'required', 'allowed_tools' and a function's name",
        )),
        _ => Err(wrong(KEY, "is not 'none', 'auto', 'required' or a function with its name")),
    }
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

/// What an answer says, and the calls in it as OpenAI writes them, at most `most`. Without a call of a known tool the text stays as it is.
pub(super) fn calls(text: &str, known: &[String], most: usize, id: Uuid) -> (String, Vec<Value>) {
    let (rest, written) = parts(text);
    let found: Option<Vec<(String, String)>> = written.iter().map(|call| call_of(call, known)).collect();
    let mut found = found.unwrap_or_default();
    found.truncate(most);
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
        let (rest, calls) = calls(text, &["weather".into(), "time".into()], usize::MAX, Uuid::nil());
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
        let (_, first) = calls(hermes, &["weather".into(), "time".into()], 1, Uuid::nil());
        assert_eq!((first.len(), &first[0]["function"]["name"]), (1, &json!("weather")));
        let llama = "{\"name\": \"weather\", \"parameters\": {\"city\": \"Ulm\"}}";
        assert_eq!(found(llama), (String::new(), vec![weather]));
    }

    #[test]
    fn a_choice_says_what_may_be_called() {
        let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
        let read = |choice: Value, tools: Value, several: Value| {
            let body = json!({ "tool_choice": choice, "tools": tools, "parallel_tool_calls": several });
            read(&mut Fields::of(body.to_string().as_bytes()).unwrap())
        };
        let both = json!([tool("weather"), tool("time")]);
        let form = |names: &[&str], several: bool| {
            Some(Form::Calls {
                functions: names.iter().map(|name| json!({ "name": name })).collect(),
                several,
            })
        };
        let allowed = |mode: &str, names: &[&str]| {
            let tools: Vec<Value> = names.iter().map(|name| tool(name)).collect();
            json!({ "type": "allowed_tools", "allowed_tools": { "mode": mode, "tools": tools } })
        };
        let named = json!({ "type": "function", "function": { "name": "time" } });
        for (choice, several, tools, call) in [
            (json!("none"), Value::Null, 0, None),
            (json!("auto"), json!(false), 2, None),
            (Value::Null, Value::Null, 2, None),
            (json!("required"), Value::Null, 2, form(&["weather", "time"], true)),
            (json!("required"), json!(false), 2, form(&["weather", "time"], false)),
            (named.clone(), json!(true), 2, form(&["time"], false)),
            (allowed("auto", &["time"]), Value::Null, 1, None),
            (allowed("required", &["time"]), Value::Null, 1, form(&["time"], true)),
        ] {
            let found = read(choice.clone(), both.clone(), several).unwrap();
            assert_eq!((found.tools.len(), &found.call), (tools, &call), "{choice}");
        }
        let unknown = json!({ "type": "function", "function": { "name": "rm" } });
        for (choice, tools, code) in [
            (json!("required"), json!([]), "invalid_value"),
            (named, Value::Null, "invalid_value"),
            (unknown, both.clone(), "invalid_value"),
            (json!("sometimes"), both.clone(), "invalid_value"),
            (json!({ "type": "function" }), both.clone(), "invalid_value"),
            (allowed("auto", &["rm"]), both.clone(), "invalid_value"),
            (json!({ "type": "custom" }), both.clone(), "unsupported_parameter"),
            (json!({ "type": "allowed_tools" }), both.clone(), "invalid_value"),
        ] {
            let fault = read(choice.clone(), tools, Value::Null).unwrap_err();
            let column = fault.column.as_deref().unwrap_or_default();
            assert!(fault.code == code && column.starts_with("tool_choice"), "{choice}: {fault:?}");
        }
        let odd = json!([{ "type": "function", "function": { "name": "f", "parameters": "x" } }]);
        assert_eq!(read(json!("auto"), odd, Value::Null).unwrap_err().column.as_deref(), Some("tools"));
        let fault = read(json!("auto"), both, json!("yes")).unwrap_err();
        assert_eq!(fault.column.as_deref(), Some("parallel_tool_calls"));
    }

    #[test]
    fn what_is_no_call_of_a_known_tool_stays_text() {
        for text in ["Hello", "{\"name\": \"rm\"}", "{\"a\": 1}", "<tool_call>oops</tool_call>", "[]", ""] {
            assert_eq!(found(text), (text.into(), Vec::new()));
        }
    }
}
