//! F-beta: F1 with a say in which of precision and recall matters more (van Rijsbergen 1979).

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// Precision counting for more.
pub(super) const F_HALF: Metric = Metric {
    name: "f0_5",
    title: "F0.5",
    about: "Precision and recall of the positive class in one figure, precision counting for more: where a false alarm is dear.",
    formula: "f0_5 = (1 + beta^2) hits / (beta^2 * support + rows predicted as it), beta = 0.5",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::FHalf, Average::Positive),
};

/// Recall counting for more.
pub(super) const F_TWO: Metric = Metric {
    name: "f2",
    title: "F2",
    about: "Precision and recall of the positive class in one figure, recall counting for more: where a miss is dear.",
    formula: "f2 = (1 + beta^2) hits / (beta^2 * support + rows predicted as it), beta = 2",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::FTwo, Average::Positive),
};

/// The mean over classes.
pub(super) const F_HALF_MACRO: Metric = Metric {
    name: "f0_5_macro",
    title: "F0.5, macro",
    about: "F0.5 of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "f0_5_macro = mean over classes (f0_5 of the class)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::FHalf, Average::Macro),
};

/// The mean over classes.
pub(super) const F_TWO_MACRO: Metric = Metric {
    name: "f2_macro",
    title: "F2, macro",
    about: "F2 of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "f2_macro = mean over classes (f2 of the class)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::FTwo, Average::Macro),
};
