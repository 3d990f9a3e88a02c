//! `/v1/embeddings`: texts in, vectors out, as numbers or as base64 of 32-bit floats.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fields::{Fields, wrong};
use super::input::{self, Input};
use crate::fault::ApiError;

/// What a request wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Texts {
    /// The name of the model.
    pub(crate) model: String,
    /// The texts.
    pub(crate) texts: Vec<Input>,
    /// The width that is asked for.
    pub(crate) dimensions: Option<usize>,
    /// Whether vectors are written in base64.
    base64: bool,
}

/// The most texts of a request, as OpenAI has it.
const TEXTS: usize = 2048;

impl Texts {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 for what is missing, of a wrong type or not known.
    pub(crate) fn of(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let missing = |key: &str| {
            ApiError::bad("missing_required_parameter", format!("'{key}' is missing")).in_column(key)
        };
        let model = fields.text("model")?.ok_or_else(|| missing("model"))?;
        let texts = input::read("input", fields.take("input").ok_or_else(|| missing("input"))?, TEXTS)?;
        if texts.contains(&Input::Text(String::new())) {
            return Err(wrong("input", "holds an empty text"));
        }
        let base64 = match fields.text("encoding_format")?.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => return Err(wrong("encoding_format", "is not 'float' or 'base64'")),
        };
        let dimensions = fields.count("dimensions", 1)?;
        fields.text("user")?;
        fields.end(&["model", "input", "encoding_format", "dimensions", "user"])?;
        Ok(Texts { model, texts, dimensions, base64 })
    }

    /// The answer: vectors of this width, row-major.
    pub(crate) fn answer(&self, vectors: &[f32], width: usize, n_tokens: usize) -> Value {
        let written = |vector: &[f32]| -> Value {
            if !self.base64 {
                return vector.to_vec().into();
            }
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            STANDARD.encode(bytes).into()
        };
        let rows = vectors.chunks_exact(width.max(1)).enumerate();
        let data: Value = rows
            .map(|(i, vector)| json!({ "object": "embedding", "index": i, "embedding": written(vector) }))
            .collect();
        json!({ "object": "list", "data": data, "model": self.model,
                "usage": { "prompt_tokens": n_tokens, "total_tokens": n_tokens } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Python 3.11: `base64.b64encode(struct.pack("<2f", 1.0, -0.5))`.
    #[test]
    fn base64_is_that_of_little_endian_floats() {
        let texts = Texts::of(br#"{ "model": "m", "input": ["a"], "encoding_format": "base64" }"#).unwrap();
        assert_eq!(texts.answer(&[1.0, -0.5], 2, 3)["data"][0]["embedding"], "AACAPwAAAL8=");
        let texts = Texts::of(br#"{ "model": "m", "input": "a" }"#).unwrap();
        let answer = texts.answer(&[1.0, -0.5], 2, 3);
        assert_eq!(
            (&answer["data"][0]["embedding"], &answer["usage"]["total_tokens"]),
            (&json!([1.0, -0.5]), &json!(3))
        );
        let tokens = Texts::of(br#"{ "model": "m", "input": [[1, 2], [3]] }"#).unwrap();
        assert_eq!(tokens.texts, [Input::Tokens(vec![1, 2]), Input::Tokens(vec![3])]);
        assert_eq!(
            Texts::of(br#"{ "model": "m", "input": ["a", ""] }"#).unwrap_err().column.unwrap(),
            "input"
        );
    }
}
