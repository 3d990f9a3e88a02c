//! Columns of predictions and truths, where there is no model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, StringArray};
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Column, Error, Result, Role, Schema};
use tidemill_data::ReadOptions;
use tidemill_data::parse::{Missing, NumberFormat, Thousands, is_missing_word, plain_number};
use tidemill_eval::Answers;

use super::answered::no_rows;
use crate::error::EngineError;

/// Which columns hold what, where there is no model.
#[derive(Clone, Debug, Default)]
pub struct PredictionColumns {
    /// The column with the right answers.
    pub truth: String,
    /// The column with the predictions.
    pub predicted: String,
    /// The column with the weights.
    pub weight: Option<String>,
    /// What kind of prediction; inferred without it.
    pub task: Option<Task>,
    /// The class that counts as positive.
    pub positive: Option<String>,
}

impl PredictionColumns {
    /// The answers that these columns are: predictions of one source, and truths (and weights) of the same or, row
    /// for row, of another.
    pub(crate) fn answers(&self, predictions: &str, truths: Option<&str>) -> Result<Answers<'static>> {
        let known: Vec<&str> = std::iter::once(self.truth.as_str()).chain(self.weight.as_deref()).collect();
        let beside = std::iter::once(self.predicted.as_str());
        let (schema, columns) = match truths {
            None if known.contains(&self.predicted.as_str()) => {
                let problem =
                    format!("'{}' cannot be the prediction and the truth or weight", self.predicted);
                return Err(EngineError::usage(problem, "name two columns").into());
            }
            None => parts(&read(predictions, &known.into_iter().chain(beside).collect::<Vec<_>>())?),
            Some(truths) => {
                let (known, said) = (read(truths, &known)?, read(predictions, &[&self.predicted])?);
                if known.n_rows() != said.n_rows() {
                    let rows = [known.n_rows(), said.n_rows()];
                    let problem = format!("{truths} has {} rows, {predictions} {}", rows[0], rows[1]);
                    return Err(Error::data(problem, "give the predictions of these rows, in their order"));
                }
                let (mut schema, mut columns) = parts(&known);
                let (more, values) = parts(&said);
                // The truth may bear the same name in its own file.
                schema.extend(more.into_iter().map(|c| Column { name: PREDICTED.into(), ..c }));
                columns.extend(values);
                (schema, columns)
            }
        };
        let (mut schema, mut columns) = (schema, columns);
        let predicted = if truths.is_some() { PREDICTED } else { &self.predicted };
        if let Some(name) = &self.weight {
            columns[1] = numbers(&columns[1], name)?;
            schema[1] = Column::number(name).with_role(Role::Weight);
        }
        let all = Batch::new(Arc::new(Schema::new(schema)?), columns)?;
        check_shared(&all, &self.truth, predicted)?;
        let guessed = if self.positive.is_none() { positive(&all, &self.truth)? } else { None };
        let positive = self.positive.as_deref().or(guessed.as_deref());
        let of = |positive| Answers::of_columns(&all, &self.truth, predicted, self.task, positive);
        // Predicted classes beyond the two true ones leave none that could be positive.
        match (of(positive), &guessed) {
            (Err(_), Some(_)) => Ok(of(None)?),
            (answers, _) => Ok(answers?),
        }
    }
}

/// Of two true classes that are words, the one that `train` would take as positive.
fn positive(all: &Batch, truth: &str) -> Result<Option<String>> {
    let Ok(texts) = all.texts(all.schema().index(truth)?) else { return Ok(None) };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    texts.iter().flatten().for_each(|text| *counts.entry(text).or_default() += 1);
    let classes: Vec<(&str, u64)> = counts.into_iter().collect();
    let Ok(two) = <[(&str, u64); 2]>::try_from(classes) else { return Ok(None) };
    Ok(Some(two[tidemill_data::positive_class(two)].0.to_string()))
}

/// A column of weights as numbers; a source of texts has them as written.
fn numbers(column: &ArrayRef, name: &str) -> Result<ArrayRef> {
    let Some(texts) = column.as_string_opt::<i32>() else { return Ok(column.clone()) };
    let number = |(row, text): (usize, Option<&str>)| {
        let text = text.unwrap_or_default();
        plain_number(text).ok_or_else(|| {
            let problem = format!("weight '{name}' is '{text}' in row {row}");
            Error::data(problem, "weights are numbers from 0 up; correct or remove the row")
        })
    };
    let numbers = texts.iter().enumerate().map(number).collect::<Result<Vec<f64>>>()?;
    Ok(Arc::new(Float64Array::from(numbers)))
}

/// What predictions from another file are called beside the truths.
const PREDICTED: &str = "the prediction";

/// These columns of a source, in this order.
fn read(source: &str, names: &[&str]) -> Result<Batch> {
    let source = tidemill_data::open(source, &ReadOptions::default())?;
    let places = names.iter().map(|name| source.schema().index(name)).collect::<Result<Vec<_>>>()?;
    let batches = source.scan()?.map(|batch| batch?.select(&places)).collect::<Result<Vec<_>>>()?;
    let first = batches.first().ok_or_else(no_rows)?;
    typed(&Batch::concat(first.schema(), &batches)?)
}

/// Columns of a file of texts as what they hold: numbers where every cell that says something is one, and nothing where a
/// cell means "no value", by the rules of `train`.
fn typed(batch: &Batch) -> Result<Batch> {
    let missing = Missing::default();
    let (mut columns, mut arrays) = parts(batch);
    let said = |array: &ArrayRef| -> Option<Vec<Option<String>>> {
        let texts = array.as_string_opt::<i32>()?;
        Some(texts.iter().map(|t| t.filter(|t| !missing.is(t)).map(|t| t.trim().to_string())).collect())
    };
    let all: Vec<Vec<Option<String>>> = arrays.iter().filter_map(&said).collect();
    let style = style(&all);
    // Truth and prediction name the same things: where either has identities, both are names.
    let named = all.iter().flatten().flatten().any(|text| is_identity(text));
    let words = shared_words(&arrays);
    // Beside classes or plain numbers a percentage is a probability; where all are percentages, they are points.
    let in_percent = |said: &[Option<String>]| said.iter().flatten().all(|text| text.ends_with('%'));
    let points = all.len() == arrays.len() && all.iter().all(|said| in_percent(said));
    for (column, array) in columns.iter_mut().zip(&mut arrays) {
        let Some(said) = said(array) else { continue };
        let plain = |named: bool| (!named).then(|| read_by(&said, &NumberFormat::default())).flatten();
        let numbers = plain(named && !has_fractions(&said))
            .or_else(|| style.as_ref().and_then(|style| read_by(&said, style)));
        match numbers.filter(|numbers| numbers.iter().any(Option::is_some)) {
            Some(numbers) => {
                let whole = if in_percent(&said) && !points { 100.0 } else { 1.0 };
                let numbers = numbers.into_iter().map(|x| x.map(|x| x / whole));
                *column = Column::number(&column.name).with_role(column.role);
                *array = Arc::new(numbers.collect::<Float64Array>());
            }
            None => {
                if let Some((row, cell)) = odd_one_out(&said, style.as_ref()) {
                    let problem =
                        format!("column '{}' holds numbers, but row {row} says '{cell}'", column.name);
                    return Err(Error::data(problem, "correct the cell, or leave it empty"));
                }
                *array = Arc::new(StringArray::from(with_words(said, array, &words)));
            }
        }
    }
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, batch.n_rows())
}

/// Whether a whole number is a name: with zeros in front, or with more digits than a 64-bit float keeps.
fn is_identity(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() > 1
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.starts_with('0') || digits.len() > 15)
}

/// Whether cells are numbers with decimals, such as probabilities beside classes that are codes.
fn has_fractions(said: &[Option<String>]) -> bool {
    said.iter().flatten().any(|text| text.contains('.'))
}

/// Words for "no value" that more than one column says: a class such as `None` is one in the truth and in the predictions.
fn shared_words(arrays: &[ArrayRef]) -> BTreeSet<String> {
    let words = |array: &ArrayRef| -> BTreeSet<String> {
        let texts = array.as_string_opt::<i32>().into_iter().flat_map(|texts| texts.iter().flatten());
        texts.map(|text| text.trim()).filter(|text| is_missing_word(text)).map(String::from).collect()
    };
    let mut seen = BTreeSet::new();
    let all = arrays.iter().map(words);
    all.flat_map(|words| words.into_iter().filter(|word| !seen.insert(word.clone())).collect::<Vec<_>>())
        .collect()
}

/// The cells of a column of names, these words being names as well.
fn with_words(said: Vec<Option<String>>, array: &ArrayRef, words: &BTreeSet<String>) -> Vec<Option<String>> {
    let Some(texts) = array.as_string_opt::<i32>() else { return said };
    let word = |text: Option<&str>| text.map(str::trim).filter(|t| words.contains(*t)).map(String::from);
    said.into_iter().zip(texts).map(|(cell, text)| cell.or_else(|| word(text))).collect()
}

/// Refuses classes of which the truth and the predictions share none: every answer would be wrong.
fn check_shared(all: &Batch, truth: &str, predicted: &str) -> Result<()> {
    let (truth, said) = (all.schema().index(truth)?, all.schema().index(predicted)?);
    let (Ok(known), Ok(given)) = (all.texts(truth), all.texts(said)) else { return Ok(()) };
    let classes = |texts: &StringArray| -> BTreeMap<String, String> {
        let texts = texts.iter().flatten().take(100_000).map(str::trim);
        texts.map(|text| (text.to_lowercase(), text.to_string())).collect()
    };
    let (known, given) = (classes(known), classes(given));
    if known.is_empty() || given.is_empty() || known.keys().any(|class| given.contains_key(class)) {
        return Ok(());
    }
    let shown = |all: &BTreeMap<String, String>| {
        all.values().take(3).map(|class| format!("'{class}'")).collect::<Vec<_>>().join(", ")
    };
    let problem = format!(
        "no predicted class is among the true ones: the truth has {}, the predictions {}",
        shown(&known),
        shown(&given)
    );
    Err(Error::data(problem, "name the columns of one question, and write its classes in one way"))
}

/// The numbers of cells that are all written in one way; `None` where one of them is not.
fn read_by(said: &[Option<String>], format: &NumberFormat) -> Option<Vec<Option<f64>>> {
    said.iter().map(|text| text.as_ref().map_or(Some(None), |text| format.parse(text).map(Some))).collect()
}

/// The first cell that is no number where nine of ten are, and not all of these are whole: such a column holds no classes.
fn odd_one_out<'a>(said: &'a [Option<String>], style: Option<&NumberFormat>) -> Option<(usize, &'a str)> {
    let plain = NumberFormat::default();
    let number = |text: &str| plain.parse(text).or_else(|| style.and_then(|style| style.parse(text)));
    let cells = || said.iter().enumerate().filter_map(|(row, text)| Some((row + 1, text.as_deref()?)));
    let mut odd = cells().filter(|(_, text)| number(text).is_none());
    let first = odd.next()?;
    let mostly = 10 * (1 + odd.count()) <= cells().count();
    let fractions = cells().filter_map(|(_, text)| number(text)).any(|x| x.fract() != 0.0);
    (mostly && fractions).then_some(first)
}

/// How numbers are written that are not plain: the first way that reads every column that any of them reads. A file is written
/// in one way, so that `1,234` beside `0,5` has decimals.
fn style(columns: &[Vec<Option<String>>]) -> Option<NumberFormat> {
    let dressed = NumberFormat { percent: true, currency: true, ..NumberFormat::default() };
    let of = |decimal_comma, thousands| NumberFormat { decimal_comma, thousands, ..dressed.clone() };
    let styles = [
        of(false, None),
        of(false, Some(Thousands::Comma)),
        of(true, None),
        of(true, Some(Thousands::Point)),
        of(false, Some(Thousands::Space)),
        of(true, Some(Thousands::Space)),
        of(false, Some(Thousands::Apostrophe)),
    ];
    // No group of thousands begins with a zero.
    let grouped = |text: &str| !text.trim_start_matches(|c: char| !c.is_ascii_digit()).starts_with("0,");
    let reads = |style: &NumberFormat, column: &[Option<String>]| {
        let sound = style.thousands != Some(Thousands::Comma) || column.iter().flatten().all(|t| grouped(t));
        sound && read_by(column, style).is_some()
    };
    let odd = columns.iter().filter(|column| read_by(column, &NumberFormat::default()).is_none());
    let numbers: Vec<_> = odd.filter(|column| styles.iter().any(|style| reads(style, column))).collect();
    let fits = |style: &NumberFormat| numbers.iter().all(|column| reads(style, column));
    styles.iter().find(|style| !numbers.is_empty() && fits(style)).cloned()
}

fn parts(batch: &Batch) -> (Vec<Column>, Vec<ArrayRef>) {
    (batch.schema().columns().to_vec(), batch.columns().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of such lines as they are read: the numbers of each, or nothing where it holds names.
    fn read_lines(lines: &str) -> Vec<Option<Vec<f64>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.csv");
        std::fs::write(&path, lines).unwrap();
        let batch = read(&path.display().to_string(), &["y", "p"]).unwrap();
        let numbers = |at| batch.numbers(at).ok().map(|x| x.iter().map(|x| x.unwrap_or(f64::NAN)).collect());
        (0..2).map(numbers).collect()
    }

    #[test]
    fn evaluate_reads_numbers_as_the_world_writes_them() {
        for (lines, y, p) in [
            ("y;p\n-3,54;-3,5\n1,25;0,75\n", [-3.54, 1.25], [-3.5, 0.75]),
            ("y;p\n1.234,5;1234\n7,25;8\n", [1234.5, 7.25], [1234.0, 8.0]),
            ("y,p\n\"1,234.5\",1200\n8,9.5\n", [1234.5, 8.0], [1200.0, 9.5]),
            ("y\tp\n1 234,5\t1 200\n8\t9\n", [1234.5, 8.0], [1200.0, 9.0]),
            ("y;p\n1'234.5;1'200\n8;9\n", [1234.5, 8.0], [1200.0, 9.0]),
            // What could be thousands alone has decimals beside them.
            ("y;p\n1,234;0,5\n2,345;0,25\n", [1.234, 2.345], [0.5, 0.25]),
            ("y;p\n0,234;0,5\n0,345;0,7\n", [0.234, 0.345], [0.5, 0.7]),
        ] {
            assert_eq!(read_lines(lines), [Some(y.to_vec()), Some(p.to_vec())], "{lines:?}");
        }
        for (lines, y, p) in [
            ("y,p\n\"$1,234.50\",1300\n$900.00,950\n", [1234.5, 900.0], [1300.0, 950.0]),
            ("y;p\n1.234,50 €;1.300,00 €\n(900,00 €);950,00 €\n", [1234.5, -900.0], [1300.0, 950.0]),
            ("y,p\n12%,13.5%\n8 %,9%\n", [12.0, 8.0], [13.5, 9.0]),
        ] {
            assert_eq!(read_lines(lines), [Some(y.to_vec()), Some(p.to_vec())], "{lines:?}");
        }
        assert_eq!(read_lines("y,p\nyes,75%\nno,12.5 %\n"), [None, Some(vec![0.75, 0.125])]);
        assert_eq!(read_lines("y;p\nyes;75,5 %\nno;12%\n"), [None, Some(vec![0.755, 0.12])]);
        // One cell that is no number makes no classes of all others.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.csv");
        let rows: String = (0..20)
            .map(|i| format!("{i}.5,{}\n", if i == 6 { "oops".into() } else { i.to_string() + ".25" }))
            .collect();
        std::fs::write(&path, format!("y,p\n{rows}")).unwrap();
        let e = read(&path.display().to_string(), &["y", "p"]).unwrap_err();
        assert!(e.to_string().contains("row 7 says 'oops'"), "{e}");
        // Classes stay what they are, and so does the file beside them.
        assert_eq!(read_lines("y;p\n<=50K;0,25\n>50K;0,75\n"), [None, Some(vec![0.25, 0.75])]);
        assert_eq!(read_lines("y,p\n1:30,1:30\n2:45,1:30\n"), [None, None]);
    }

    #[test]
    fn identities_and_classes_called_none_stay_as_they_are_written() {
        assert_eq!(read_lines("y,p\n01234,1234\n1234,01234\n"), [None, None]);
        assert_eq!(read_lines("y,p\n9007199254740993,9007199254740992\n"), [None, None]);
        assert_eq!(read_lines("y,p\n01,0.5\n02,0.25\n"), [None, Some(vec![0.5, 0.25])]);
        let judged = |lines: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("e.csv");
            std::fs::write(&path, lines).unwrap();
            let columns =
                PredictionColumns { truth: "y".into(), predicted: "p".into(), ..Default::default() };
            columns.answers(&path.display().to_string(), None)
        };
        let rows = "None,None\nMild,None\nNone,Mild\nMild,Mild\n,Mild\n";
        let answers = judged(&format!("y,p\n{rows}")).unwrap();
        let Answers::Classes(classes) = &answers else { panic!("classes") };
        assert_eq!((classes.names().len(), answers.n_rows()), (2, 4));
        let e = judged("y,p\n<=50K,<=50K.\n>50K,>50K.\n").err().unwrap();
        assert!(
            e.to_string().contains("the truth has '<=50K', '>50K', the predictions '<=50K.', '>50K.'"),
            "{e}"
        );
    }
}
