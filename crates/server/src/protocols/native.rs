//! Our own protocol: rows in JSON, CSV or XML; answers in any of them.

use axum::http::{HeaderMap, HeaderValue};

use super::Protocol;
use crate::answers::{self, Answered, MaskForm};
use crate::fault::ApiError;
use crate::rows::{self, Columns, Explain, Format, Parsed};

/// The formats of a request and of its answer, and whether the address asks why.
#[derive(Clone, Copy)]
pub(crate) struct Native {
    sent: Format,
    charset: Option<&'static str>,
    wanted: Format,
    explain: Option<Explain>,
    masks: MaskForm,
}

impl Native {
    /// What the headers say of both, and the address: `?explain=shap`, `?mask=rle`.
    ///
    /// # Errors
    /// 415 and 406 for formats and charsets that are not read and not written; 400 for another explanation or form of masks.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, ApiError> {
        let sent = Format::of_request(headers)?;
        let asked = |key: &str| query.unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix(key));
        let explain = asked("explain=").map(Explain::of).transpose()?.flatten();
        let masks = asked("mask=").map(MaskForm::of).transpose()?.unwrap_or_default();
        let charset = rows::charset(headers)?;
        Ok(Native { sent, charset, wanted: Format::of_answer(headers, sent)?, explain, masks })
    }
}

impl Protocol for Native {
    fn decode(self, body: &[u8], columns: &Columns, most: usize) -> Result<Parsed, ApiError> {
        let parsed = rows::read_in(self.charset, body, self.sent, columns, most)?;
        Ok(Parsed { explain: parsed.explain.or(self.explain), ..parsed })
    }

    fn encode(self, answered: &Answered<'_>) -> (Vec<u8>, HeaderValue) {
        answers::write(answered, self.wanted, self.masks)
    }
}
