//! What a recipe says of single columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Spec;
use crate::{Kind, Role};

/// What is known about one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnSpec {
    /// What its values are: `number`, `flag`, `category`, `text`, `time`, `point` or `image` (of a file: paths below the file's folder).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How its values are written, where that is not plain: for a number any of `decimal_comma`,
    /// `thousands_comma`, `thousands_point`, `thousands_space`, `thousands_apostrophe`, `thousands_lakh`, `percent`, `currency`,
    /// `magnitude` (`1.2K`, `3 bn`), `clock` (`h:mm:ss`, as seconds), `stopwatch` (the same, where two parts are `m:ss`), `censored` (`<0.5`, `90+`, as its bound), `unit:kg`, joined by `+`; for a time
    /// `day_first`, `month_first`, `year`, `quarter`, `period` (`Jan 2018`, `2019-W02`, `1995-H1`), `unix_seconds`, `unix_millis` or a strftime pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Why the column was taken for what it is, as reports tell it; written by `train`, without any effect of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How missing values are filled: the steps named `impute_…`, without that prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Spec>,
    /// How outliers are found and treated: the parameters of the step `outliers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Map<String, Value>>,
    /// How numbers are scaled: the steps named `scale_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Spec>,
    /// How categories are encoded: the steps named `encode_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode: Option<Spec>,
    /// What becomes of names that differ only in case, spaces or accents, such as `Yes` and `YES`; without it, each is a name of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spellings: Option<Spellings>,
    /// How the prediction log keeps what callers send in this column; without it, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<Private>,
    /// Whether whoever is judged could change it, and which way: `tidemill explain --method counterfactual` looks for another answer among
    /// the columns that are marked. Where none is marked, every number, flag and category that is a feature may change, but for those
    /// that say `no`. Without effect on training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changeable: Option<Changeable>,
    /// Of a number that is `changeable`: the least and the greatest that it may become, such as `[18, 65]`; without it, what training
    /// saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_within: Option<[f64; 2]>,
}

/// Which way a column could be changed by whoever is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changeable {
    /// To any other value.
    Any,
    /// A number to a greater one, a flag from no to yes.
    Up,
    /// A number to a smaller one, a flag from yes to no.
    Down,
    /// Not at all, such as age or country of birth.
    No,
}

/// What becomes of the spellings of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spellings {
    /// Each is a name of its own.
    Keep,
    /// They are one name, written as most rows write it.
    Merge,
}

/// How a value is kept out of the prediction log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Private {
    /// Not at all. What is dropped cannot train later: `improve` sees a missing value.
    Drop,
    /// As a keyed hash (HMAC-SHA256 under the secret in the environment's `TIDEMILL_HASH_KEY`). With the same secret, `improve`
    /// knows the categories of training again; other values stay hashes.
    Hash,
    /// Encrypted for the [age](https://age-encryption.org) recipient of `[privacy]`: the server cannot read it back. With
    /// the identity's file, `improve` can.
    Seal,
}
