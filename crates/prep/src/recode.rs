//! Codes of one list of category names seen as codes of another.

use std::sync::Arc;

use tidemill_core::Categories;

/// For each code of `input` (its code for unseen values last) the code of the same name in `names`, or the code of
/// unseen values there. Learned once at bind, so that each row costs one look-up.
pub(crate) fn recode(input: &Categories, names: &Categories) -> Vec<u32> {
    let known = input.names().iter().map(|name| names.code(name));
    known.chain([names.unseen()]).collect()
}

/// How often each code comes, and (last) how often none does. Codes of unseen values are not counted.
pub(crate) fn count(codes: &arrow_array::UInt32Array, n_names: usize) -> (Vec<usize>, usize) {
    use arrow_array::Array;
    let mut counts = vec![0; n_names + 1];
    if codes.null_count() == 0 {
        codes.values().iter().for_each(|&code| counts[(code as usize).min(n_names)] += 1);
    } else {
        codes.iter().flatten().for_each(|code| counts[(code as usize).min(n_names)] += 1);
    }
    counts.truncate(n_names);
    (counts, codes.null_count())
}

/// The names as strings, for saving.
pub(crate) fn strings(names: &[Arc<str>]) -> Vec<String> {
    names.iter().map(|n| n.to_string()).collect()
}
