//! What two models cost, side by side.

use tidemill_report::number::{count, short};
use tidemill_report::words::Words;

use super::align;
use crate::facts::Costs;
use crate::format::size;

/// The size, operations and time per row of two models, under these titles.
pub(super) fn costs(words: &Words, titles: [&str; 2], costs: &Costs) -> String {
    let said = &words.story;
    let row = |name: &str, [a, b]: [String; 2]| [name.to_string(), a, b];
    let rows = [
        row(said.distill_cost_what, titles.map(String::from)),
        row(said.distill_cost_bytes, costs.bytes.map(size)),
        row(said.distill_cost_operations, costs.operations.map(|n| count(n as f64))),
        row(said.distill_cost_micros, costs.micros.map(short)),
    ];
    align::table(&rows, [false, true, true])
}
