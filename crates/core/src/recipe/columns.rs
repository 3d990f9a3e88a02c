//! The settings of single columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Spec;
use crate::{Kind, Role};

/// Settings of one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnSpec {
    /// The kind of its values: `number`, `flag`, `category`, `text`, `time`, `point` or `image` (in a file, paths are relative to the
    /// file's folder).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it is used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The format of its values, if it is not plain. For a number, any of `decimal_comma`, `thousands_comma`, `thousands_point`,
    /// `thousands_space`, `thousands_apostrophe`, `thousands_lakh`, `percent`, `currency`, `magnitude` (`1.2K`, `3 bn`), `clock`
    /// (`h:mm:ss`, as seconds), `stopwatch` (the same, but with two parts it is `m:ss`), `censored` (`<0.5`, `90+`, as its bound),
    /// `about` (`~5`, `ca. 5`, `5.1 ± 0.2`), `degrees` (`52°31'N`), `fraction` (`1 1/4`, `2½`), `marks` (of footnotes: `4.2*`, `17†`,
    /// `8.1 [2]`), `unit:kg`, `units:kg` (any unit of mass, converted to kg; with
    /// `units:in`, `5'11"` is 71), joined by `+`. For a time, `day_first`, `month_first`, `year`, `quarter`, `period` (`Jan 2018`,
    /// `2019-W02`, `1995-H1`, `201801`), `unix_seconds`, `unix_millis`, `unix_micros`, `unix_nanos`, `excel_days` or a strftime pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Why the column has its kind and role, as shown in reports. Written by `train`; has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How missing values are filled: the steps named `impute_…`, without that prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Spec>,
    /// How outliers are detected and treated: the parameters of the step `outliers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Map<String, Value>>,
    /// How numbers are scaled: the steps named `scale_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Spec>,
    /// How categories are encoded: the steps named `encode_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode: Option<Spec>,
    /// What to do with names that differ only in case, spaces or accents, such as `Yes` and `YES`. By default, each is a separate name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spellings: Option<Spellings>,
    /// How the prediction log stores what clients send in this column. By default, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<Private>,
    /// Whether the column can be changed by the person or thing concerned, and in which direction:
    /// `tidemill explain --method counterfactual` looks for another prediction among the marked columns. If none is marked, all numeric,
    /// flag and category features may change, except those marked `no`. Has no effect on training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changeable: Option<Changeable>,
    /// For a number that is `changeable`: the smallest and the largest value it may take, such as `[18, 65]`. By default, the training
    /// range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_within: Option<[f64; 2]>,
}

/// In which direction a column could be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changeable {
    /// To any other value.
    Any,
    /// A number to a larger one, a flag from no to yes.
    Up,
    /// A number to a smaller one, a flag from yes to no.
    Down,
    /// Not at all, such as age or country of birth.
    No,
}

/// How the spellings of a name are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spellings {
    /// Each is a separate name.
    Keep,
    /// They are one name, spelt as in most rows.
    Merge,
}

/// How a value is kept out of the prediction log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Private {
    /// It is not stored. Dropped values cannot be used for training later: `improve` sees a missing value.
    Drop,
    /// Stored as a keyed hash (HMAC-SHA256 under the secret in the environment variable `TIDEMILL_HASH_KEY`). With the same secret,
    /// `improve` recognises the categories of training; other values stay hashes.
    Hash,
    /// Encrypted for the [age](https://age-encryption.org) recipient in `[privacy]`: the server cannot decrypt it. With the identity file,
    /// `improve` can.
    Seal,
}
