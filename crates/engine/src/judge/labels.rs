//! Columns of predictions and true values, without a model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array, StringArray};
use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Column, Context, Error, Kind, Result, Role, Schema};
use tidemill_data::parse::{Format, Missing, NumberFormat, is_missing_word, one_each, unquoted};
use tidemill_data::{InferredColumn, ReadOptions, infer};
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
    /// for row, of another. They are read by the rules of `train`.
    ///
    /// # Errors
    /// Columns that are not there or are one; files of different rows; cells that cannot be read; no row to judge by.
    pub(crate) fn answers(
        &self,
        predictions: &str,
        truths: Option<&str>,
        context: &Context,
    ) -> Result<Answers<'static>> {
        let known: Vec<&str> = std::iter::once(self.truth.as_str()).chain(self.weight.as_deref()).collect();
        let twice = truths.is_none() && known.contains(&self.predicted.as_str());
        if twice || self.weight.as_ref() == Some(&self.truth) {
            let name = if twice { &self.predicted } else { &self.truth };
            let problem = format!("'{name}' is named twice (--truth, --pred, --weight)");
            return Err(EngineError::usage(problem, "name another column for each").into());
        }
        let mut given = match truths {
            None => {
                let all: Vec<&str> = known.into_iter().chain([self.predicted.as_str()]).collect();
                read(predictions, &all, context)?
            }
            Some(truths) => {
                let mut known = read(truths, &known, context)?;
                let said = read(predictions, &[&self.predicted], context)?;
                let rows = [&known, &said].map(|given| given.first().map_or(0, |g| g.array.len()));
                if rows[0] != rows[1] {
                    let problem = format!("{truths} has {} rows, {predictions} {}", rows[0], rows[1]);
                    return Err(Error::data(problem, "give the predictions of these rows, in their order"));
                }
                known.extend(said);
                known
            }
        };
        let predicted = if truths.is_some() { PREDICTED } else { &self.predicted };
        let weight = self.weight.is_some().then(|| given.remove(1));
        let mut columns = typed(&given)?;
        if columns[0].1.null_count() == columns[0].1.len() {
            return Err(no_rows());
        }
        // The truth may bear the same name in its own file.
        columns[1].0.name = predicted.to_string();
        one_spelling(&mut columns, context);
        if let Some(weight) = weight {
            let column = Column::number(&weight.column.name).with_role(Role::Weight);
            columns.push((column, weight.weights()?));
        }
        let (schema, columns): (Vec<Column>, Vec<ArrayRef>) = columns.into_iter().unzip();
        let all = Batch::new(Arc::new(Schema::new(schema)?), columns)?;
        check_shared(&all, &self.truth, predicted)?;
        let answers = self.judged(&all, predicted)?;
        // Not a single row says anything where none has a truth, or all weigh nothing.
        if answers.total_weight() > 0.0 { Ok(answers) } else { Err(no_rows()) }
    }

    fn judged(&self, all: &Batch, predicted: &str) -> Result<Answers<'static>> {
        let guessed = if self.positive.is_none() { positive(all, &self.truth)? } else { None };
        let positive = self.positive.as_deref().or(guessed.as_deref());
        let of = |positive| Answers::of_columns(all, &self.truth, predicted, self.task, positive);
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

/// Words of yes and no that truth and prediction write in several ways, as one each; it is said.
fn one_spelling(columns: &mut [(Column, ArrayRef)], context: &Context) {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    // The truth comes first, and its spellings go before those of the predictions.
    for (at, (_, array)) in columns.iter().enumerate() {
        let weight = if at == 0 { array.len() as u64 + 1 } else { 1 };
        for text in array.as_string_opt::<i32>().into_iter().flatten().flatten() {
            *counts.entry(text).or_default() += weight;
        }
    }
    let counts: Vec<(&str, u64)> = counts.into_iter().collect();
    let Some(kept) = one_each(&counts) else { return };
    let ways = counts.iter().zip(&kept).filter(|((name, _), kept)| name != *kept);
    let told: Vec<String> = ways.map(|((name, _), kept)| format!("'{name}' is taken as '{kept}'")).collect();
    let kept: BTreeMap<String, String> =
        counts.iter().zip(&kept).map(|((name, _), kept)| (name.to_string(), kept.to_string())).collect();
    for (_, array) in columns {
        let Some(texts) = array.as_string_opt::<i32>() else { continue };
        let texts: StringArray = texts.iter().map(|text| text.map(|text| kept[text].as_str())).collect();
        *array = Arc::new(texts);
    }
    context.warn("spellings_merged", format!("one class is written in several ways: {}", told.join(", ")));
}

/// What predictions from another file are called beside the truths.
const PREDICTED: &str = "the prediction";

/// A column as its source has it, and how it is written by the rules of `train`.
struct Given {
    column: Column,
    array: ArrayRef,
    written: InferredColumn,
}

/// These columns of a source, in this order.
fn read(source: &str, names: &[&str], context: &Context) -> Result<Vec<Given>> {
    let source = tidemill_data::open(source, &ReadOptions::default())?;
    let plan = infer(&*source, &as_features(source.schema(), names), context)?;
    let places = names.iter().map(|name| source.schema().index(name)).collect::<Result<Vec<_>>>()?;
    let batches = source.scan()?.map(|batch| batch?.select(&places)).collect::<Result<Vec<_>>>()?;
    let first = batches.first().ok_or_else(no_rows)?;
    let batch = Batch::concat(first.schema(), &batches)?;
    let columns = batch.schema().columns().iter().zip(batch.columns()).zip(&places);
    Ok(columns
        .map(|((column, array), place)| Given {
            column: column.clone(),
            array: array.clone(),
            written: plan.columns[*place].clone(),
        })
        .collect())
}

/// A recipe for which these columns are features, and all others are not used.
fn as_features(schema: &Schema, names: &[&str]) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.ignore = schema.names().filter(|name| !names.contains(name)).map(String::from).collect();
    for name in names {
        recipe.columns.entry(name.to_string()).or_default().role = Some(Role::Feature);
    }
    recipe
}

impl Given {
    /// The cells of a column of texts, and nothing where one means "no value".
    fn said(&self) -> Option<Vec<Option<String>>> {
        let texts = self.array.as_string_opt::<i32>()?;
        let missing =
            Missing::new(self.written.missing.iter().cloned()).but(self.written.values.iter().cloned());
        let cell = |text: &str| (!missing.is(text)).then(|| unquoted(text.trim()).to_string());
        Some(texts.iter().map(|text| text.and_then(cell)).collect())
    }

    /// How numbers are written in it.
    fn format(&self) -> NumberFormat {
        match &self.written.format {
            Format::Number(format) if self.written.kind == Kind::Number => format.clone(),
            _ => NumberFormat::default(),
        }
    }

    /// Its numbers; `None` where it holds names. A cell that is none where the column holds numbers is an error.
    fn numbers(&self, said: &[Option<String>], named: bool) -> Result<Option<Vec<Option<f64>>>> {
        let format = self.format();
        let read = |text: &Option<String>| text.as_ref().map(|text| format.parse(text));
        let odd = || said.iter().enumerate().find(|(_, text)| read(text) == Some(None));
        let fractions = || said.iter().filter_map(|text| read(text)?).any(|x| x.fract() != 0.0);
        if said.iter().all(Option::is_none) || (named && !fractions()) {
            return Ok(None);
        }
        match odd() {
            None => Ok(Some(said.iter().map(|text| read(text).flatten()).collect())),
            Some((row, Some(cell))) if self.written.kind == Kind::Number => {
                let problem =
                    format!("column '{}' holds numbers, but row {} says '{cell}'", self.column.name, row + 1);
                Err(Error::data(problem, "correct the cell, or leave it empty"))
            }
            Some(_) => Ok(None),
        }
    }

    /// A column of weights; each row has one.
    fn weights(&self) -> Result<ArrayRef> {
        let Some(said) = self.said() else { return Ok(self.array.clone()) };
        let format = self.format();
        let number = |(row, text): (usize, &Option<String>)| {
            text.as_ref().and_then(|text| format.parse(text)).ok_or_else(|| {
                let cell = text.as_deref().unwrap_or_default();
                let problem = format!("weight '{}' is '{cell}' in row {}", self.column.name, row + 1);
                Error::data(problem, "weights are numbers from 0 up; correct or remove the row")
            })
        };
        let numbers = said.iter().enumerate().map(number).collect::<Result<Vec<f64>>>()?;
        Ok(Arc::new(Float64Array::from(numbers)))
    }
}

/// Truth and prediction as what they hold: numbers where every cell that says something is one, and names elsewhere.
fn typed(given: &[Given]) -> Result<Vec<(Column, ArrayRef)>> {
    let all: Vec<Option<Vec<Option<String>>>> = given.iter().map(Given::said).collect();
    let cells = || all.iter().flatten().flatten().flatten();
    // Truth and prediction name the same things: where either has identities, both are names.
    let named = cells().any(|text| is_identity(text));
    let words = shared_words(given.iter().map(|given| &given.array));
    check_units(given)?;
    // Beside classes or plain numbers a percentage is a probability; where all are percentages, they are points.
    let points = given.iter().all(|given| given.format().percent);
    let typed = |(given, said): (&Given, &Option<Vec<Option<String>>>)| {
        let Some(said) = said else { return Ok((given.column.clone(), given.array.clone())) };
        let column = &given.column;
        Ok(match given.numbers(said, named)? {
            Some(numbers) => {
                let whole = if given.format().percent && !points { 100.0 } else { 1.0 };
                let numbers: Float64Array = numbers.into_iter().map(|x| x.map(|x| x / whole)).collect();
                (Column::number(&column.name).with_role(column.role), Arc::new(numbers) as ArrayRef)
            }
            None => {
                let names = StringArray::from(with_words(said.clone(), &given.array, &words));
                (column.clone(), Arc::new(names) as ArrayRef)
            }
        })
    };
    given.iter().zip(&all).map(typed).collect()
}

/// Truth and prediction are in one unit.
fn check_units(given: &[Given]) -> Result<()> {
    let unit = |format: NumberFormat| format.unit.or(format.units);
    let units = given.iter().filter_map(|g| Some((&g.column.name, unit(g.format())?))).collect::<Vec<_>>();
    match units.as_slice() {
        [(one, first), (other, second)] if first.to_lowercase() != second.to_lowercase() => Err(Error::data(
            format!("'{one}' is in {first}, and '{other}' in {second}"),
            "give both in one unit",
        )),
        _ => Ok(()),
    }
}

/// Whether a whole number is a name: with zeros in front, or with more digits than a 64-bit float keeps.
fn is_identity(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() > 1
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.starts_with('0') || digits.len() > 15)
}

/// Words for "no value" that more than one column says: a class such as `None` is one in the truth and in the predictions.
fn shared_words<'a>(arrays: impl Iterator<Item = &'a ArrayRef>) -> BTreeSet<String> {
    let words = |array: &ArrayRef| -> BTreeSet<String> {
        let texts = array.as_string_opt::<i32>().into_iter().flat_map(|texts| texts.iter().flatten());
        texts.map(|text| text.trim()).filter(|text| is_missing_word(text)).map(String::from).collect()
    };
    let mut seen = BTreeSet::new();
    let all = arrays.map(words);
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

#[cfg(test)]
mod tests {
    use arrow_array::types::Float64Type;
    use tidemill_core::Warning;

    use super::*;

    /// The columns of such lines as they are read: the numbers of each, or nothing where it holds names.
    fn read_lines(lines: &str) -> Vec<Option<Vec<f64>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.csv");
        std::fs::write(&path, lines).unwrap();
        let columns = columns(&path.display().to_string()).unwrap();
        let numbers = |(_, array): (Column, ArrayRef)| {
            let numbers = array.as_primitive_opt::<Float64Type>()?;
            Some(numbers.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
        };
        columns.into_iter().map(numbers).collect()
    }

    fn columns(path: &str) -> Result<Vec<(Column, ArrayRef)>> {
        typed(&read(path, &["y", "p"], &Context::default())?)
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
        let e = columns(&path.display().to_string()).err().unwrap();
        assert!(e.to_string().contains("row 7 says 'oops'"), "{e}");
        // Classes stay what they are, and so does the file beside them.
        assert_eq!(read_lines("y;p\n<=50K;0,25\n>50K;0,75\n"), [None, Some(vec![0.25, 0.75])]);
        // What `train` takes for a number is one here: lengths of time, bounds, units.
        for (lines, y, p) in [
            ("y,p\n1:30,1:30\n2:45,1:30\n", [5400.0, 9900.0], [5400.0, 5400.0]),
            ("y,p\n<5,4.5\n7,6\n", [5.0, 7.0], [4.5, 6.0]),
            ("y,p\n5 kg,4.5\n7 kg,6\n", [5.0, 7.0], [4.5, 6.0]),
            ("y,p\n1.2K,1000\n950,900\n", [1200.0, 950.0], [1000.0, 900.0]),
        ] {
            assert_eq!(read_lines(lines), [Some(y.to_vec()), Some(p.to_vec())], "{lines:?}");
        }
    }

    #[test]
    fn evaluate_says_what_it_merges_and_refuses_what_it_cannot_judge() {
        let judged = |lines: &str| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("e.csv");
            std::fs::write(&path, lines).unwrap();
            let columns =
                PredictionColumns { truth: "y".into(), predicted: "p".into(), ..Default::default() };
            let context = Context::default();
            columns
                .answers(&path.display().to_string(), None, &context)
                .map(|answers| (answers, context.warnings()))
        };
        for (lines, words) in [
            ("y,p\nYes,yes\nNo,no\nYes,no\n", "'yes' is taken as 'Yes'"),
            ("y,p\nTrue,1\nFalse,false\nTrue,true\n", "'1' is taken as 'True'"),
        ] {
            let (answers, warnings) = judged(lines).unwrap();
            let Answers::Classes(classes) = &answers else { panic!("classes") };
            assert_eq!(classes.names().len(), 2);
            let said: Vec<&Warning> = warnings.iter().chain(answers.warnings()).collect();
            assert!(said.iter().any(|w| w.message.contains(words)), "{said:?}");
        }
        // Names that differ in case alone are two names.
        let (answers, _) = judged("y,p\nOslo,Oslo\noslo,Rome\nRome,oslo\n").unwrap();
        let Answers::Classes(classes) = &answers else { panic!("classes") };
        assert_eq!(classes.names().len(), 3);
        for (lines, words) in [
            ("y,p\n,1.5\nNA,2.5\n", "no row with a known target"),
            ("y,p\n5 kg,4 g\n7 kg,6 g\n", "'y' is in kg, and 'p' in g"),
            ("y,q\n1,2\n", "'p'"),
        ] {
            let e = judged(lines).err().unwrap().to_string();
            assert!(e.contains(words), "{lines:?}: {e}");
        }
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
            columns.answers(&path.display().to_string(), None, &Context::default())
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
