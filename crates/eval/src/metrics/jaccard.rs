//! The Jaccard index (Jaccard 1912).

use super::average::{Average, Ratio, averaged};
use super::{BINARY, CLASSES, Metric};

/// Overlap of the positive class.
pub(super) const JACCARD: Metric = Metric {
    name: "jaccard",
    title: "Jaccard index",
    about: "Of the rows that are of the positive class or predicted as it, the share that is both.",
    formula: "jaccard = hits / (support + rows predicted as it - hits)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: BINARY,
    compute: |answers| averaged(answers, Ratio::Jaccard, Average::Positive),
};

/// The mean over classes.
pub(super) const JACCARD_MACRO: Metric = Metric {
    name: "jaccard_macro",
    title: "Jaccard index, macro",
    about: "The Jaccard index of each class that occurs, averaged: a rare class counts as much as a common one.",
    formula: "jaccard_macro = mean over classes (hits / (support + rows predicted as it - hits))",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: |answers| averaged(answers, Ratio::Jaccard, Average::Macro),
};
