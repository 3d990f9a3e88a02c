//! Chat templates: from messages to the text that a model was tuned on.

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, ErrorKind, State, context};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use tidemill_core::Result;

use crate::bounded;
use crate::error::LanguageError;

/// Steps of a template, those that measure among them, before it is taken to loop for ever.
const FUEL: u64 = 10_000_000;

/// One message of a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, or what else the template knows.
    pub role: String,
    /// What was said.
    pub content: String,
    /// What else the template may ask for.
    #[serde(flatten)]
    pub rest: Map<String, serde_json::Value>,
}

impl Message {
    /// A message of a role.
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Message { role: role.into(), content: content.into(), rest: Map::new() }
    }
}

/// A model's chat template, in Jinja, with what transformers gives such templates.
///
/// `strftime_now` is not defined: an answer must not depend on the clock. Templates fall back to a fixed date.
pub(crate) struct Template {
    environment: Environment<'static>,
    source: String,
    bos: String,
    eos: String,
    /// Whether it has a place for tools.
    tools: bool,
    /// Whether it has the tags of calls.
    tags: bool,
}

impl Template {
    /// # Errors
    /// When the template is not valid.
    pub(crate) fn new(source: String, bos: Option<String>, eos: Option<String>) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(method);
        environment.add_function("raise_exception", raise);
        environment.add_filter("tojson", to_json);
        bounded::add_filters(&mut environment);
        let (tools, tags) = (source.contains("tools"), source.contains("<tool_call>"));
        bounded::compiled(&source).map_err(failed)?;
        let (bos, eos) = (bos.unwrap_or_default(), eos.unwrap_or_default());
        Ok(Template { environment, source, bos, eos, tools, tags })
    }

    /// Whether it says that calls of tools stand between `<tool_call>` and `</tool_call>`.
    pub(crate) fn tags(&self) -> bool {
        self.tags
    }

    /// The text of a chat in which these tools may be called; with `answer`, up to where the assistant's next message begins.
    ///
    /// # Errors
    /// When the template refuses the messages, or has no place for tools.
    pub(crate) fn apply(
        &self,
        messages: &[Message],
        tools: &[serde_json::Value],
        answer: bool,
    ) -> Result<String> {
        if !tools.is_empty() && !self.tools {
            return Err(LanguageError::NoTools.into());
        }
        let none = Value::from(());
        let context = context! {
            messages => messages,
            add_generation_prompt => answer,
            bos_token => self.bos,
            eos_token => self.eos,
            tools => if tools.is_empty() { none.clone() } else { Value::from_serialize(tools) },
            documents => none,
        };
        Ok(bounded::render(&self.environment, &self.source, context).map_err(failed)?)
    }
}

fn failed(e: minijinja::Error) -> LanguageError {
    let problem = match e.kind() {
        ErrorKind::OutOfFuel => "takes too many steps".into(),
        _ => e.to_string(),
    };
    LanguageError::Template(problem)
}

/// Python's methods of texts and dictionaries, none of which may make too much.
fn method(
    state: &State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, minijinja::Error> {
    bounded::allow_method(value, name, args)?;
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn raise(message: String) -> Result<String, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

/// As Python's `json.dumps` writes it: with spaces after commas and colons, and nothing escaped for HTML.
fn to_json(value: Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    bounded::weigh(&value)?;
    let indent: Option<usize> = options.get("indent")?;
    // The other options of transformers' filter change nothing here.
    let _: Option<Value> = options.get("ensure_ascii")?;
    let _: Option<Value> = options.get("separators")?;
    let _: Option<Value> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let mut out = Vec::new();
    let written = match indent {
        Some(n) => {
            let spaces = " ".repeat(n.min(64));
            let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut out, formatter))
        }
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)),
    };
    let bad = |problem: String| minijinja::Error::new(ErrorKind::BadSerialization, problem);
    written.map_err(|e| bad(e.to_string()))?;
    Ok(Value::from_safe_string(String::from_utf8(out).map_err(|e| bad(e.to_string()))?))
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(source: &str) -> Result<String> {
        let template = Template::new(source.into(), Some("<s>".into()), None)?;
        template.apply(&[Message::new("user", "Tom & \"Jo\"")], &[], true)
    }

    #[test]
    fn blocks_leave_no_lines_and_text_is_not_escaped() {
        let source = "{{ bos_token }}\n{% for m in messages %}\n  {% if m.role == 'user' %}\n[{{ m['content'].strip() }}]\n  {% endif %}\n{% endfor %}";
        assert_eq!(applied(source).unwrap(), "<s>\n[Tom & \"Jo\"]\n");
    }

    /// By Python 3.11: `json.dumps({"a": [1, "é<"], "b": None}, ensure_ascii=False)`.
    #[test]
    fn json_is_that_of_python() {
        let source = "{{ {'a': [1, 'é<'], 'b': none} | tojson }}";
        assert_eq!(applied(source).unwrap(), r#"{"a": [1, "é<"], "b": null}"#);
    }

    #[test]
    fn tools_come_where_the_template_has_them() {
        let tools = [serde_json::json!({ "type": "function", "function": { "name": "f" } })];
        let applied = |source: &str| Template::new(source.into(), None, None)?.apply(&[], &tools, true);
        let source = "{% if tools %}{% for t in tools %}{{ t | tojson }}{% endfor %}{% endif %}";
        assert_eq!(applied(source).unwrap(), r#"{"type": "function", "function": {"name": "f"}}"#);
        assert_eq!(applied("{{ messages }}").unwrap_err().code(), "no_tools");
    }

    #[test]
    fn a_template_can_refuse_and_cannot_hang() {
        let error = applied("{{ raise_exception('roles must alternate') }}").unwrap_err();
        assert!(error.to_string().contains("roles must alternate"), "{error}");
        let error = applied("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
        assert!(error.unwrap_err().to_string().contains("too many steps"));
    }

    /// Each of these took all memory, or the whole stack, where only steps were counted.
    #[test]
    fn a_template_cannot_exhaust_memory() {
        let doubled = |by: &str| {
            format!("{{% set ns = namespace(x='ab') %}}{{% for i in range(60) %}}{by}{{% endfor %}}")
        };
        let straight = "{% set x = x ~ x %}".repeat(60);
        let raw = format!("{{% for i in range(9999) %}}{}{{% endfor %}}", "long text ".repeat(1000));
        for source in [
            doubled("{% set ns.x = ns.x ~ ns.x %}"),
            doubled("{% set ns.x = ns.x + ns.x %}"),
            doubled("{% set ns.x = ns.x * 2 %}"),
            doubled("{% set ns.x = ns.x.replace('ab', 'abab') %}"),
            doubled("{% set ns.x = ns.x | replace('a', ns.x) %}"),
            doubled("{% set ns.x = [ns.x, ns.x] | join %}"),
            doubled("{% set ns.x = '-'.join([ns.x, ns.x]) %}"),
            doubled("{% set ns.x = [ns.x, ns.x] %}"),
            doubled("{% set ns.x = [0] + [ns.x] + [ns.x] %}"),
            doubled("{% set ns.x = {'a': ns.x, 'b': ns.x} %}"),
            doubled("{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}"),
            doubled("{% set ns.x = '%s%s' | format(ns.x, ns.x) %}"),
            format!("{{% set x = 'ab' %}}{straight}"),
            "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}".into(),
            "{{ 'a' * 99999999 }}".into(),
            "{{ 'a' | indent(width=999999999, first=true) }}".into(),
            "{{ '%999999999d' | format(1) }}".into(),
            "{{ [0] * 99999999 }}".into(),
            "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = m(ns.x) %}{% endfor %}".into(),
            format!("{{% set x %}}{raw}{raw}{raw}{{% endset %}}"),
        ] {
            let error = applied(&source).unwrap_err();
            assert_eq!(error.code(), "chat_template", "{source}: {error}");
        }
        // What stays within measure is as it was.
        let source = "{% set ns = namespace(x='a', l=[]) %}{% for i in range(9) %}{% set ns.x = ns.x ~ (i + 1) %}\
                      {% set ns.l = ns.l + [i * 2] %}{% endfor %}{{ ns.x }} {{ ns.l }} {{ 3 * 2.5 }} {{ 'ab' * 2 }} {{ none }}";
        assert_eq!(applied(source).unwrap(), "a123456789 [0, 2, 4, 6, 8, 10, 12, 14, 16] 7.5 abab None");
    }
}
