//! Precision: how far a predicted class can be trusted. It is about the rows *predicted* as the class; that it says how
//! many negative rows are found is a common error (that is specificity).

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// Precision of the positive class.
pub(super) const PRECISION: Metric = Metric {
    name: "precision",
    title: "Precision",
    about: "Of the rows predicted as the positive class, the share that truly are of it.",
    formula: "precision = hits / rows predicted as it",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::Precision, Average::Positive),
};

/// The mean over classes.
pub(super) const PRECISION_MACRO: Metric = Metric {
    name: "precision_macro",
    title: "Precision, macro",
    about: "Precision of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "precision_macro = mean over classes (hits / rows predicted as it)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Precision, Average::Macro),
};

/// Of all classes together.
pub(super) const PRECISION_MICRO: Metric = Metric {
    name: "precision_micro",
    title: "Precision, micro",
    about: "Precision of the counts of all classes together; where each row has one class it equals accuracy.",
    formula: "precision_micro = sum over classes (hits) / sum over classes (rows predicted as it)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Precision, Average::Micro),
};

/// The mean over classes, weighted by support.
pub(super) const PRECISION_WEIGHTED: Metric = Metric {
    name: "precision_weighted",
    title: "Precision, weighted",
    about: "Precision of each class that occurs, averaged by support: a common class counts for more.",
    formula: "precision_weighted = sum over classes (support * (hits / rows predicted as it)) / sum of support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Precision, Average::Weighted),
};
