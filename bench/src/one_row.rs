//! One row through a whole model (read text, prepare, logistic regression or 500 boosted trees), against a
//! scikit-learn pipeline of the same steps on a one-row DataFrame.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Batch, Cell, Context, Fitted, Row as Cells};
use tidemill_engine::builtin;
use tidemill_engine::model;
use tidemill_engine::verbs::train;
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 2000;
const NUMBERS: usize = 10;

/// The time of one answer, from cells as text to class and probabilities.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let logistic = Spec::new("logistic").with("c", 1.0);
    Ok(vec![
        compare("one-row predict in process", "logistic", logistic)?,
        compare("one-row predict in process, 500 trees", "trees", many_trees())?,
    ])
}

/// 500 boosted trees.
pub(crate) fn many_trees() -> Spec {
    Spec::new("boosted_trees").with("n_trees", 500).with("early_stopping", 0)
}

/// Trains a learner on the table: the table, the model file, and the rows as a caller gives them.
pub(crate) fn trained(learner: &str, spec: Spec, context: &Context) -> Outcome<(String, PathBuf, Batch)> {
    let folder = peer::work_folder()?;
    let path = folder.join("one-row.csv").display().to_string();
    std::fs::write(&path, table()?)?;
    let mut recipe = Recipe { learners: vec![spec], ..Recipe::default() };
    recipe.data.target = Some("y".into());
    let job = train::Job {
        words: &tidemill_engine::report::words::EN,
        source: path.clone(),
        recipe,
        recipe_file: None,
        out: folder.join(format!("one-row-{learner}")),
    };
    let model = train::train(&job, context)?.model;
    let batch = tidemill_data::open(&path, &tidemill_data::ReadOptions::default())?.collect()?;
    // As a request comes: without the answer.
    let batch = batch.select(&batch.schema().places(|column| column.name != "y"))?;
    Ok((path, model, batch))
}

fn compare(name: &str, learner: &str, spec: Spec) -> Outcome<Row> {
    let context = Context::new(0, 1, Arc::new(builtin::registry()));
    let (path, model, batch) = trained(learner, spec, &context)?;
    let (peer_secs, theirs) = peer::timed("one_row", &[&path, "y", learner], 1)?;
    let opened = model::open(&model, &context)?;
    let rows = (0..ROWS).map(|i| Cells::of(&batch, i)).collect::<Result<Vec<_>, _>>()?;
    let mut run = opened.model.chain.clone().bind(batch.schema())?;
    let classes = &opened.model.intake()?.plan().classes;
    let mut answers = Vec::new();
    let (block_secs, ()) = peer::median_secs(|| {
        answers.clear();
        for row in &rows {
            let mut row = row.clone();
            run.row(&mut row)?;
            answers.push(predicted(&row));
        }
        Ok(())
    })?;
    let copying = time_of_copying(&rows);
    let theirs: Vec<&str> = theirs.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let same =
        answers.iter().zip(&theirs).filter(|(ours, theirs)| classes[**ours as usize] == **theirs).count();
    if (same as f64) < 0.98 * ROWS as f64 {
        return Err(format!("one row: only {same} of {ROWS} answers are the same").into());
    }
    Ok(Row {
        name: name.into(),
        peer: "scikit-learn pipeline".into(),
        ours_secs: (block_secs - copying) / ROWS as f64,
        peer_secs,
        goal_at_least: 300.0,
        reach: 1000.0,
        same_answer: format!("{same} of {ROWS} classes the same"),
    })
}

/// A caller makes its row itself; making ours anew for every answer is no part of answering.
fn time_of_copying(rows: &[Cells]) -> f64 {
    let start = Instant::now();
    rows.iter().for_each(|row| drop(std::hint::black_box(row.clone())));
    start.elapsed().as_secs_f64()
}

fn predicted(row: &Cells) -> u32 {
    let code = row.cells.iter().find_map(|cell| match cell {
        Cell::Code(code) => Some(*code),
        _ => None,
    });
    code.unwrap_or(u32::MAX)
}

/// Numbers with gaps, two columns of names, and a class that depends on all of them.
fn table() -> Result<String, std::fmt::Error> {
    let mut random = Random::new(5, 0);
    let mut text = String::new();
    for i in 0..NUMBERS {
        write!(text, "x{i},")?;
    }
    text += "town,colour,y\n";
    for _ in 0..ROWS {
        let mut signal = random.normal();
        for i in 0..NUMBERS {
            let x = random.normal();
            signal += x * (i as f64 - 4.0) / 2.0;
            if random.unit() < 0.05 {
                text += ",";
            } else {
                write!(text, "{:.4},", 10.0 * x + i as f64)?;
            }
        }
        let (town, colour) = (random.below(8), random.below(4));
        signal += town as f64 / 4.0 - colour as f64;
        writeln!(text, "town{town},colour{colour},{}", if signal > 0.0 { "yes" } else { "no" })?;
    }
    Ok(text)
}
