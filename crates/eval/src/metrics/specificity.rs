//! What is about the negative rows: specificity and the negative predictive value.

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// Of the negative rows.
pub(super) const SPECIFICITY: Metric = Metric {
    name: "specificity",
    title: "Specificity",
    about: "Of the rows that truly are negative, the share that is predicted as negative: this, not precision, is about the negative rows.",
    formula: "specificity = negative rows predicted as negative / negative rows",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::Specificity, Average::Positive),
};

/// The mean over classes.
pub(super) const SPECIFICITY_MACRO: Metric = Metric {
    name: "specificity_macro",
    title: "Specificity, macro",
    about: "Specificity of each class that occurs, all others being its negatives, averaged.",
    formula: "specificity_macro = mean over classes (other rows not predicted as it / other rows)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Specificity, Average::Macro),
};

/// Of the rows predicted as negative.
pub(super) const NEGATIVE_PREDICTIVE_VALUE: Metric = Metric {
    name: "negative_predictive_value",
    title: "Negative predictive value",
    about: "Of the rows predicted as negative, the share that truly is negative: what precision is for the positive class.",
    formula: "negative_predictive_value = negative rows predicted as negative / rows predicted as negative",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::NegativePredictive, Average::Positive),
};
