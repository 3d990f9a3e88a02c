//! JSON in which no key comes twice: of two values one would be lost without a word.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::parse::FeedbackError;

/// The most characters that are shown of a key.
const SHOWN: usize = 80;

/// Reads a body.
///
/// # Errors
/// What is not JSON, with its line, and a key that comes twice in one object.
pub fn read(body: &[u8]) -> Result<Value, (FeedbackError, usize)> {
    let read = serde_json::from_slice::<Unique>(body);
    read.map(|Unique(value)| value).map_err(|e| {
        let error = match e.classify() {
            serde_json::error::Category::Data => FeedbackError::new("repeated_key", without_place(&e))
                .help("send each key once: of two values one would be lost"),
            _ => FeedbackError::new("malformed_json", format!("the body is not JSON: {}", malformed(&e))),
        };
        (error, e.line())
    })
}

/// What is wrong with a text that is not JSON, in words.
pub fn malformed(e: &serde_json::Error) -> String {
    let said = e.to_string();
    match said.contains("surrogate") || said.contains("hex escape") {
        true => "a \\u escape does not name a character: it needs four hexadecimal digits, and what lies beyond \\uffff needs two escapes, \
                 such as \\ud83d\\ude00"
            .into(),
        false => said,
    }
}

/// The message alone: where it is stands beside it.
fn without_place(e: &serde_json::Error) -> String {
    let said = e.to_string();
    said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said).to_string()
}

/// A value of which no object has a key twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Unique)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(yes.into())
    }
    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(n.into())
    }
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(n.into())
    }
    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(Number::from_f64(x).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if all.contains_key(&key) {
                let shown: String = key.chars().take(SHOWN).collect();
                return Err(A::Error::custom(format!("the key '{shown}' comes twice in one object")));
            }
            let Unique(value) = entries.next_value()?;
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_once_is_read_as_it_is() {
        for text in [
            "null",
            r#"[1, -2, 2.5, 18446744073709551615, true, "a\u00e9\ud83d\ude00"]"#,
            r#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}"#,
            "123456789012345678901234567890",
        ] {
            let wanted: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn keys_that_come_twice_and_half_characters_are_refused_with_their_line() {
        for (text, code, line, word) in [
            ("{\"a\": 1,\n\"a\": 1}", "repeated_key", 2, "'a' comes twice"),
            ("[{\"x\": {\"b\": 1, \"\\u0062\": 2}}]", "repeated_key", 1, "'b' comes twice"),
            ("{\"a\": \"\\ud800\"}", "malformed_json", 1, "two escapes"),
            ("\n{\"a\": \"\\udc00 \"}", "malformed_json", 2, "two escapes"),
            ("{\"a\": }", "malformed_json", 1, "expected value"),
        ] {
            let (error, at) = read(text.as_bytes()).unwrap_err();
            assert_eq!((error.code, at), (code, line), "{text}: {error}");
            assert!(error.message.contains(word), "{text}: {error}");
        }
    }
}
