//! How to reproduce the result.

use tidemill_core::recipe::Spec;
use tidemill_report::{Align, Block, Cell, Section, Table, Text, number};

use super::{Words, file_name};
use crate::facts::{DataFacts, MasksOutcome, Outcome, PolicyOutcome, SplitFacts};
use crate::recipe::label;
use crate::report::text::{balance, doubts, note};

/// The section's place in the address.
pub(super) const ID: &str = "again";

/// Where a model came from, beyond what its metrics say.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The resolved recipe, and the name of its file.
    pub recipe: (&'a str, &'a str),
    /// The seed.
    pub seed: u64,
    /// The SHA-256 that names the model.
    pub model: &'a str,
}

/// What any training is made of.
struct Made<'a> {
    data: &'a DataFacts,
    split: &'a SplitFacts,
    chosen: &'a Spec,
    tidemill: &'static str,
}

pub(super) fn section(words: &'static Words, outcome: &Outcome, origin: &Origin<'_>) -> Section {
    let Outcome { data, split, chosen, tidemill, .. } = outcome;
    of(words, &Made { data, split, chosen, tidemill }, said(words, outcome), origin)
}

/// The same of a policy.
pub(super) fn of_policy(words: &'static Words, outcome: &PolicyOutcome, origin: &Origin<'_>) -> Section {
    let PolicyOutcome { data, split, chosen, tidemill, .. } = outcome;
    of(words, &Made { data, split, chosen, tidemill }, words.story.shipped.into(), origin)
}

/// The same of masks.
pub(super) fn of_masks(words: &'static Words, outcome: &MasksOutcome, origin: &Origin<'_>) -> Section {
    let MasksOutcome { data, split, chosen, tidemill, .. } = outcome;
    of(words, &Made { data, split, chosen, tidemill }, words.story.shipped.into(), origin)
}

fn of(words: &'static Words, made: &Made<'_>, said: String, origin: &Origin<'_>) -> Section {
    let (recipe, file) = origin.recipe;
    let commands = format!(
        "tidemill train {file}\ntidemill predict model.tidemill NEW.csv -o answers.csv\n\
         tidemill evaluate model.tidemill LABELLED.csv --report evaluation.html\n"
    );
    Section::new(ID, words.again)
        .lead(words.again_lead)
        .with(Block::Table(facts(words, made, origin)))
        .with(Block::Text(Text::plain(said)))
        .with(Block::Code { label: Text::plain(words.again_commands), text: commands })
        .with(Block::Details {
            summary: Text::plain(words.again_recipe),
            blocks: vec![Block::Code { label: Text::code(file), text: recipe.to_string() }],
        })
}

/// What the model in the file was fitted on.
fn said(words: &Words, outcome: &Outcome) -> String {
    let doubts = outcome.shipped.labels.iter().map(|facts| doubts(words, facts));
    doubts
        .chain(balance(words, outcome))
        .chain([note(words, outcome).to_string()])
        .collect::<Vec<_>>()
        .join(words.gap)
}

fn facts(words: &'static Words, made: &Made<'_>, origin: &Origin<'_>) -> Table {
    let mut table = Table::new(words.again_caption, &[(words.fact, Align::Left), (words.value, Align::Left)]);
    let sha = |text: &str| Cell::from(Text::code(text));
    let mut row = |what: &str, value: Cell| table.rows.push(vec![what.into(), value]);
    row(words.fact_source, Text::name(file_name(words, &made.data.source)).into());
    if let Some(found) = &made.data.sha256 {
        row(words.fact_sha, sha(found));
    }
    row(words.fact_rows, number::count(made.data.rows as f64).into());
    row(words.fact_split, words.reasoned(&made.split.why).into_owned().into());
    row(words.fact_train, number::count(made.split.train_rows as f64).into());
    row(words.fact_test, number::count(made.split.test_rows as f64).into());
    row(words.fact_learner, label(made.chosen).into());
    row(words.fact_seed, origin.seed.to_string().into());
    row(words.fact_version, format!("tidemill {}", made.tidemill).into());
    row(words.fact_model, sha(origin.model));
    table
}
