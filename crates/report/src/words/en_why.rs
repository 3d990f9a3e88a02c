//! English: other answers and what leads to them, and how answers go along with columns.

use super::catalogue;

catalogue! {
    /// The sentences about counterfactuals and effects, of one language. The comment of each is its English text.
    pub(super) Why {}

    // A page about explanations.
    kicker = "Explanation",
    lead = "Rows of {source}.",

    // Other answers.
    other = "Other answers, and what leads to them",
    other_lead = "The smallest changes to a row that lead to {wanted}: those with the fewest columns first, then the nearest.",
    wanted_head = "{target}: what would have to change for {wanted} (rows: {rows}).",
    wanted_other = "another answer",
    wanted_class = "“{class}”",
    wanted_range = "{target} {range}",
    may = "May change: {columns}.",
    may_unmarked = "May change: {columns}. The recipe marks no column as changeable, so every column was tried. Only you know what can change in life: mark it (changeable = \"any\" under [columns.NAME]) or name it with --columns.",
    held = "Held as they are: {columns}.",
    up = "{column} (up)",
    down = "{column} (down)",
    and_more = "{columns} and {n} more",
    checked = "Numbers stay within what training saw, and the model itself was asked about everything that is offered.",
    row = "Row {row}{key}: {target} = {answer}{chance}",
    row_title = "Row {row}: {answer}{chance}",
    key = " ({key})",
    chance = " with {p}",
    already = "This is the wanted answer already.",
    offer = "if {changes}: {answer}{chance}",
    change = "“{column}” were {to} instead of {from}",
    and = " and ",
    none_complete = "No way found: all changes of up to {n} columns to usual values were tried ({asked} changed rows).",
    none_partly = "No way found: the most promising changes of up to {n} columns to usual values were tried ({asked} changed rows), but not all.",
    none_to_try = "Nothing to try: no column that may change has another value.",
    more_rows = "and {n} rows more; -o FILE writes all of them",
    changes = "what would have to change",
    answer = "answer then",
    distance = "distance",
    distance_note = "Distance: a number counts by how far it moves, in median absolute deviations; a category or a flag counts 1.",

    // Effects.
    effects = "How the answer depends on each column",
    effects_head = "{target}: how {what} depends on each column (asked on {asked} of {rows} rows).",
    effects_lead = "What the model would predict if every row had this value: on average (the strong line; partial dependence) and for single rows (thin lines). Beside it, how the prediction changes among rows that really are near that value (accumulated local effects, 0 on average). Shown is {what}, from {asked} of {rows} rows.",
    of_class = "the probability of “{of}”",
    of_number = "“{of}”",
    rises = "Along “{column}”, {what} rises from {low} (at {from}) to {high} (at {to}).",
    falls = "Along “{column}”, {what} falls from {low} (at {from}) to {high} (at {to}).",
    peaks = "Along “{column}”, {what} is highest at {to} ({high}) and lowest at {from} ({low}).",
    flat = "“{column}” hardly moves {what}.",
    disagrees = "Careful: “{column}” is correlated with other columns. Giving all rows one value of it makes up rows that never occur; rows that really are near that value say something else (accumulated local effects).",
    on_average = "on average",
    single_rows = "single rows",
    near = "{column}, among nearby rows",
    near_axis = "change of {what}",
    no_change = "average",
    pairs = "Columns that work together",
    pairs_lead = "Of the strongest columns, the pairs that interact most.",
    together = "“{first}” and “{second}” work together: {share} of how both move {what} is more than the sum of what each does.",
    apart = "“{first}” and “{second}” hardly work together ({share}).",
    pair_value = "{column} = {value}",
    passed_over = "Not looked at: {columns} (no number, flag or category, or empty in these rows).",
}
