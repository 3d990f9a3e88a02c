//! What two columns add together: a map of pairs.

use tidemill_report::{Figure, PairMap};

use super::{Words, cut, fill, name, plain};
use crate::explain::Explained;
use crate::format::short;

/// How many columns the map shows.
const SHOWN: usize = 10;

/// The map of the columns that matter most; none where nobody asked, or where no two columns do anything together.
pub(super) fn figure(words: &'static Words, explained: &Explained) -> Option<Figure> {
    let (found, said) = (explained.interactions.as_ref()?, &words.insight);
    let first = found.pairs.first()?;
    let n = explained.columns.len().min(SHOWN);
    let chart = PairMap {
        title: said.pairs_title.into(),
        names: explained.columns.iter().take(n).map(|column| cut(column, 40)).collect(),
        values: (1..n).map(|row| (0..row).map(|column| found.of(row, column)).collect()).collect(),
    };
    let alone = (0..explained.columns.len()).max_by(|a, b| found.of(*a, *a).total_cmp(&found.of(*b, *b)))?;
    let values = [
        ("first", name(first.columns[0].as_str())),
        ("second", name(first.columns[1].as_str())),
        ("value", plain(short(first.mean_absolute))),
        ("column", name(explained.columns[alone].as_str())),
        ("alone", plain(short(found.of(alone, alone)))),
    ];
    Some(Figure::whole(words, &chart).note(fill(said.pairs_note, &values)))
}
