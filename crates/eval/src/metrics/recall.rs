//! Recall: how much of a class is found.

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// Recall of the positive class.
pub(super) const RECALL: Metric = Metric {
    name: "recall",
    title: "Recall",
    about: "Of the rows that truly are of the positive class, the share that is predicted as it.",
    formula: "recall = hits / support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::Recall, Average::Positive),
};

/// The mean over classes.
pub(super) const RECALL_MACRO: Metric = Metric {
    name: "recall_macro",
    title: "Recall, macro",
    about: "Recall of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "recall_macro = mean over classes (hits / support)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Recall, Average::Macro),
};

/// Of all classes together.
pub(super) const RECALL_MICRO: Metric = Metric {
    name: "recall_micro",
    title: "Recall, micro",
    about: "Recall of the counts of all classes together; where each row has one class it equals accuracy.",
    formula: "recall_micro = sum over classes (hits) / sum over classes (support)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Recall, Average::Micro),
};

/// The mean over classes, weighted by support.
pub(super) const RECALL_WEIGHTED: Metric = Metric {
    name: "recall_weighted",
    title: "Recall, weighted",
    about: "Recall of each class that occurs, averaged by support: a common class counts for more.",
    formula: "recall_weighted = sum over classes (support * (hits / support)) / sum of support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Recall, Average::Weighted),
};
