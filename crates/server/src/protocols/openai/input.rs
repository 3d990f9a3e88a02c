//! Texts of a request, which callers may also give as tokens.

use serde_json::Value;

use super::fields::wrong;
use crate::fault::ApiError;

/// A text, or the tokens of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    Text(String),
    Tokens(Vec<u32>),
}

/// A text, a list of texts, a text's list of tokens, or a list of such lists; at most `most` texts.
pub(super) fn read(key: &str, value: Value, most: usize) -> Result<Vec<Input>, ApiError> {
    let list = match value {
        Value::String(text) => return Ok(vec![Input::Text(text)]),
        Value::Array(list) => list,
        _ => return Err(wrong(key, "is not a text, or a list of texts or tokens")),
    };
    if list.iter().all(Value::is_number) {
        return Ok(vec![tokens(key, &list)?]);
    }
    if list.len() > most {
        return Err(wrong(key, &format!("holds {} texts; at most {most} are read", list.len())));
    }
    let texts = list.iter().all(Value::is_string);
    let one = |item: Value| match item {
        Value::String(text) if texts => Ok(Input::Text(text)),
        Value::Array(list) => tokens(key, &list),
        _ => Err(wrong(key, "holds what is neither all texts nor all lists of tokens")),
    };
    list.into_iter().map(one).collect()
}

fn tokens(key: &str, list: &[Value]) -> Result<Input, ApiError> {
    if list.is_empty() {
        return Err(wrong(key, "holds an empty list"));
    }
    let id = |item: &Value| item.as_u64().and_then(|id| u32::try_from(id).ok());
    let ids: Option<Vec<u32>> = list.iter().map(id).collect();
    ids.map(Input::Tokens)
        .ok_or_else(|| wrong(key, "holds what is no token: tokens are whole numbers from 0 on"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_and_tokens_are_read_alone_and_in_lists() {
        let text = |text: &str| Input::Text(text.into());
        for (value, wanted) in [
            (json!("a"), vec![text("a")]),
            (json!(["a", "b"]), vec![text("a"), text("b")]),
            (json!([5, 6]), vec![Input::Tokens(vec![5, 6])]),
            (json!([[5], [6, 7]]), vec![Input::Tokens(vec![5]), Input::Tokens(vec![6, 7])]),
        ] {
            assert_eq!(read("prompt", value.clone(), 2).unwrap(), wanted, "{value}");
        }
        for value in [
            json!([]),
            json!([[]]),
            json!({ "a": 1 }),
            json!(7),
            json!(["a", [5]]),
            json!([5, "a"]),
            json!([1.5]),
            json!([-1]),
            json!(["a", "b", "c"]),
            json!([null]),
        ] {
            let fault = read("prompt", value.clone(), 2).unwrap_err();
            assert_eq!((fault.code, fault.column.as_deref()), ("invalid_value", Some("prompt")), "{value}");
        }
    }
}
