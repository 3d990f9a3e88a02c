//! F1: precision and recall in one figure (van Rijsbergen 1979).

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// F1 of the positive class.
pub(super) const F1: Metric = Metric {
    name: "f1",
    title: "F1",
    about: "The harmonic mean of precision and recall of the positive class: high only when both are.",
    formula: "f1 = 2 hits / (support + rows predicted as it)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::F1, Average::Positive),
};

/// The mean over classes.
pub(super) const F1_MACRO: Metric = Metric {
    name: "f1_macro",
    title: "F1, macro",
    about: "F1 of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "f1_macro = mean over classes (2 hits / (support + rows predicted as it))",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::F1, Average::Macro),
};

/// Of all classes together.
pub(super) const F1_MICRO: Metric = Metric {
    name: "f1_micro",
    title: "F1, micro",
    about: "F1 of the counts of all classes together; where each row has one class it equals accuracy.",
    formula: "f1_micro = sum over classes (2 hits) / sum over classes (support + rows predicted as it)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::F1, Average::Micro),
};

/// The mean over classes, weighted by support.
pub(super) const F1_WEIGHTED: Metric = Metric {
    name: "f1_weighted",
    title: "F1, weighted",
    about: "F1 of each class that occurs, averaged by support: a common class counts for more.",
    formula: "f1_weighted = sum over classes (support * (2 hits / (support + rows predicted as it))) / sum of support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::F1, Average::Weighted),
};
