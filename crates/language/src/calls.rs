//! How a model writes calls of tools, as its chat template shows it, and the grammar of answers that are such calls.
//!
//! The template is asked: it writes a chat in which a tool was called, and what surrounds the call there is what the model was tuned to
//! write. Read are calls between `<tool_call>` and `</tool_call>` (Qwen, Hermes, SmolLM2) and calls that are all of the answer, as one JSON
//! object or a list of them (Llama 3, Mistral).

use std::fmt::Write;

use serde_json::{Deserializer, Value, json};

use crate::template::{Message, Template};
use crate::tokens::{Part, Tokens};

/// The name and the argument of the call that a template is asked to write.
const PROBE: &str = "tidemill_probe";
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// How a model writes a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Written {
    before: Vec<Part>,
    after: Vec<Part>,
    /// What the arguments are called.
    key: &'static str,
    /// Whether calls are the items of a list.
    list: bool,
}

/// The schema, with one space after commas and colons and none elsewhere, as Python writes JSON: blank space without end would
/// be valid, too.
pub(crate) fn spaced(schema: &Value) -> Value {
    let mut schema = if schema == &Value::Bool(true) { json!({}) } else { schema.clone() };
    if let Value::Object(keys) = &mut schema {
        let options = json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
        keys.entry("x-guidance").or_insert(options);
    }
    schema
}

/// A chat in which the assistant called a tool. Some templates want ids of nine letters and digits.
fn probe() -> [Message; 2] {
    let mut called = Message::new("assistant", "");
    let function = json!({ "name": PROBE, "arguments": { PROBE: 1 } });
    let call = json!({ "id": "probe0001", "type": "function", "function": function });
    called.rest.insert("tool_calls".into(), json!([call]));
    [Message::new("user", PROBE), called]
}

/// The tool of the probe, as a request describes it.
fn probed_tool() -> Value {
    let parameters = json!({ "type": "object", "properties": { PROBE: { "type": "integer" } } });
    json!({ "type": "function", "function": { "name": PROBE, "description": PROBE, "parameters": parameters } })
}

impl Written {
    /// As far as a template shows it.
    pub(crate) fn by(template: &Template, tokens: &Tokens, eos: &[u32]) -> Option<Self> {
        let (messages, tools) = (probe(), [probed_tool()]);
        let shown = || {
            let asked = template.apply(&messages[..1], &tools, true).ok()?;
            let whole = template.apply(&messages, &tools, false).ok()?;
            Written::of(whole.strip_prefix(&asked)?, tokens, eos)
        };
        shown().or_else(|| template.tags().then(|| Written::tagged(tokens)))
    }

    /// From what a template wrote after the question of the probe; none where that shows no form that is known here.
    fn of(answer: &str, tokens: &Tokens, eos: &[u32]) -> Option<Self> {
        let (from, to, key) = answer.match_indices('{').find_map(|(from, _)| {
            let mut documents = Deserializer::from_str(&answer[from..]).into_iter::<Value>();
            let call = documents.next()?.ok().filter(|call| call["name"] == PROBE)?;
            let key = ["arguments", "parameters"].into_iter().find(|key| call[*key].is_object())?;
            Some((from, from + documents.byte_offset(), key))
        })?;
        let mut before = &answer[..from];
        let mut after: Vec<Part> = tokens.parts(answer[to..].trim_end());
        if let Some(end) = after.iter().position(|part| matches!(part, Part::Special(id) if eos.contains(id)))
        {
            after.truncate(end);
        }
        let list = before.ends_with('[');
        if list {
            before = &before[..before.len() - 1];
            match after.first_mut() {
                Some(Part::Text(text)) if text.starts_with(']') => text.replace_range(..1, ""),
                _ => return None,
            }
        }
        let before = tokens.parts(before);
        // Brackets that are special tokens are no part of an answer's text.
        let around = [text(&before), text(&after)];
        let known = around == [OPEN, CLOSE] || around == ["", ""];
        known.then_some(Written { before, after, key, list })
    }

    /// Of a template that says in words that calls stand between `<tool_call>` and `</tool_call>`, but writes none.
    fn tagged(tokens: &Tokens) -> Self {
        let parts = |text: &str| tokens.parts(text);
        Written {
            before: parts("<tool_call>\n"),
            after: parts("\n</tool_call>"),
            key: "arguments",
            list: false,
        }
    }

    /// The grammar of one call of these functions, or of `several`: each function with its name and the schema of its parameters.
    pub(crate) fn grammar(&self, functions: &[Value], several: bool) -> String {
        let each: Vec<String> = (0..functions.len()).map(|i| format!("call{i}")).collect();
        let (tagged, more) = (!text(&self.before).is_empty(), several && self.list);
        let calls = match (self.list, more) {
            (true, true) => r#""[" call (", " call)* "]""#,
            (true, false) => r#""[" call "]""#,
            (false, _) => "call",
        };
        let start = if several && tagged && !self.list { r#"one ("\n" one)*"# } else { "one" };
        let mut grammar = format!(
            "start: {start}\none: {} {calls} {}\ncall: {}\n",
            lark(&self.before),
            lark(&self.after),
            each.join(" | ")
        );
        for (i, function) in functions.iter().enumerate() {
            let begin = format!("{{\"name\": {}, \"{}\": ", function["name"], self.key);
            let arguments = spaced(&parameters(function));
            // Writing into a text cannot fail.
            let _ = writeln!(
                grammar,
                "call{i}: {} arguments{i} \"}}\"\narguments{i}: %json {arguments}",
                literal(&begin)
            );
        }
        grammar
    }
}

/// The schema of a function's arguments, which are an object; a function without parameters takes none.
fn parameters(function: &Value) -> Value {
    match &function["parameters"] {
        Value::Object(keys) => {
            let mut keys = keys.clone();
            keys.entry("type").or_insert_with(|| json!("object"));
            Value::Object(keys)
        }
        _ => json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    }
}

/// What of parts is text, without blank space around it.
fn text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Special(_) => None,
    });
    texts.collect::<String>().trim().into()
}

/// Parts as a grammar names them.
fn lark(parts: &[Part]) -> String {
    let one = |part: &Part| match part {
        Part::Text(text) if text.is_empty() => String::new(),
        Part::Text(text) => literal(text),
        Part::Special(id) => format!("<[{id}]>"),
    };
    parts.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A text as JSON, and so grammars, write it.
fn literal(text: &str) -> String {
    Value::from(text).to_string()
}
