//! From columns of a table to [`Answers`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Array;
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Error as CoreError, Kind, Role, UNSEEN, Warning};

use crate::answers::positive_place;
use crate::{Answers, Error, Result};

/// The most classes that whole numbers are taken for when nobody says what they are.
const MOST_NUMBERED_CLASSES: usize = 20;

/// Spellings of no and of yes, for a flag beside a column that spells it otherwise.
const SPELLINGS: [[&str; 6]; 2] =
    [["false", "no", "n", "f", "0", "off"], ["true", "yes", "y", "t", "1", "on"]];

/// A column as classes.
struct Labels {
    names: Vec<String>,
    /// The place in `names`; `None` where the value is missing.
    codes: Vec<Option<u32>>,
}

impl Answers<'static> {
    /// The answers of a batch that a model has gone over: target, prediction and, where they are there,
    /// probability and weight, each found by its role. The classes are the model's, in its order; of two the second
    /// is positive until [`Answers::with_positive`] says otherwise.
    ///
    /// Rows that miss the target are left out with a warning; a class the model never saw is added to the classes,
    /// with a warning, and counts as wrong. Errors when a role is not there or a prediction is missing.
    pub fn of(batch: &Batch) -> Result<Self> {
        let truth = by_role(batch, Role::Target, "target")?;
        let predicted = by_role(batch, Role::Prediction, "prediction")?;
        if batch.schema().columns()[predicted].kind == Kind::Number {
            return numbers(batch, truth, predicted);
        }
        let model = labels(batch, predicted)?;
        let mut names = match batch.schema().role(Role::Probability) {
            // Its names are all classes; those of the prediction are the same.
            Some(at) => match &batch.schema().columns()[at].categories {
                Some(classes) => classes.names().iter().map(|n| n.to_string()).collect(),
                None => model.names.clone(),
            },
            None => model.names.clone(),
        };
        let n_model = names.len();
        let (truth_labels, mut warnings) = respelled(batch, truth, &names)?;
        for (label, rows) in used(&truth_labels) {
            if !names.contains(&label) {
                let message =
                    format!("{rows} rows are truly of '{label}', a class the model never saw: all wrong");
                warnings.push(Warning { code: "class_never_seen".into(), message });
                names.push(label);
            }
        }
        let answers = gathered(batch, (truth, truth_labels), (predicted, model), &names, warnings)?;
        with_probability(answers, batch, truth, n_model)
    }

    /// The answers of two columns, of which nothing is known but their names.
    ///
    /// The task, where it is not given: classes where the truth is text, a category or a flag, where it has at most
    /// two values, or where both columns are whole numbers of at most 20 values, each twice or more on average;
    /// numbers otherwise. Where the truth has two classes, predictions that are numbers from 0 to 1 and not the
    /// classes themselves are taken as the probability of the positive class, predicted from 0.5 up. The positive
    /// class, where it is not given, is the second in order (of numbers by size, else by letters).
    pub fn of_columns(
        batch: &Batch,
        truth: &str,
        predicted: &str,
        task: Option<Task>,
        positive: Option<&str>,
    ) -> Result<Self> {
        let (t, p) = (batch.schema().index(truth)?, batch.schema().index(predicted)?);
        let quantities = match task {
            Some(task) => !task.is_classes(),
            None => quantities(batch, t, p)?,
        };
        if quantities {
            return numbers(batch, t, p);
        }
        let truth_labels = labels(batch, t)?;
        if let Some(answers) = scores(batch, (t, &truth_labels), p, positive)? {
            return Ok(answers);
        }
        let true_names = class_order(used(&truth_labels).into_keys().collect());
        let (predicted_labels, warnings) = respelled(batch, p, &true_names)?;
        let predicted_names: Vec<String> = used(&predicted_labels).into_keys().collect();
        let stray = |n: &String| !true_names.contains(n);
        // Fractions beside classes that are whole numbers are no classes, either.
        let fractions =
            |names: &[String]| names.iter().filter_map(|n| n.parse::<f64>().ok()).any(|x| x.fract() != 0.0);
        if batch.schema().columns()[p].kind == Kind::Number
            && (!all_numbers(&true_names) || fractions(&predicted_names) && !fractions(&true_names))
            && predicted_names.iter().any(stray)
        {
            return Err(Error::NeitherLabelNorScore { truth: truth.into(), predicted: predicted.into() });
        }
        let names = class_order([true_names, predicted_names].concat());
        let answers = gathered(batch, (t, truth_labels), (p, predicted_labels), &names, warnings)?;
        match positive {
            Some(name) => answers.with_positive(name),
            None => Ok(answers),
        }
    }
}

/// Two columns of numbers.
fn numbers(batch: &Batch, truth: usize, predicted: usize) -> Result<Answers<'static>> {
    let (t, p) = (batch.numbers(truth)?, batch.numbers(predicted)?);
    let (rows, warnings) = with_truth(batch, truth, |row| t.is_valid(row) && !t.value(row).is_nan());
    if let Some(&row) = rows.iter().find(|&&row| p.is_null(row)) {
        return Err(missing(batch, predicted, row));
    }
    let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<f64>>();
    let answers = Answers::numbers(pick(t.values()), pick(p.values()))?.with_warnings(warnings);
    weighted(answers, batch, &rows)
}

/// Classes of two columns, all among `names`.
fn gathered(
    batch: &Batch,
    (truth_at, truth): (usize, Labels),
    (predicted_at, predicted): (usize, Labels),
    names: &[String],
    warnings: Vec<Warning>,
) -> Result<Answers<'static>> {
    let places: BTreeMap<&str, u32> = names.iter().zip(0..).map(|(n, i)| (n.as_str(), i)).collect();
    let place = |labels: &Labels, row: usize| {
        labels.codes[row].and_then(|c| places.get(labels.names[c as usize].as_str()).copied())
    };
    let (rows, left_out) = with_truth(batch, truth_at, |row| truth.codes[row].is_some());
    let lost = |row: &usize| missing(batch, predicted_at, *row);
    let t = rows.iter().map(|row| place(&truth, *row).ok_or_else(|| lost(row)));
    let p = rows.iter().map(|row| place(&predicted, *row).ok_or_else(|| lost(row)));
    let (t, p) = (t.collect::<Result<Vec<u32>>>()?, p.collect::<Result<Vec<u32>>>()?);
    let answers = Answers::classes(t, p, names)?.with_warnings(left_out).with_warnings(warnings);
    weighted(answers, batch, &rows)
}

/// Probabilities of the positive one of two true classes; `None` where the predictions are no such thing.
fn scores(
    batch: &Batch,
    (truth_at, truth): (usize, &Labels),
    predicted: usize,
    positive: Option<&str>,
) -> Result<Option<Answers<'static>>> {
    if batch.schema().columns()[predicted].kind != Kind::Number {
        return Ok(None);
    }
    let values = batch.numbers(predicted)?;
    let mut names = class_order(used(truth).into_keys().collect());
    if names.iter().all(|n| n == "0" || n == "1") {
        names = vec!["0".into(), "1".into()];
    }
    let is_label = |x: f64| names.contains(&x.to_string());
    let all = |test: &dyn Fn(f64) -> bool| values.iter().flatten().all(test);
    let flags = flag_places(&names).is_some() && all(&|x| x == 0.0 || x == 1.0);
    if names.len() != 2 || flags || all(&is_label) || !all(&|x| (0.0..=1.0).contains(&x)) {
        return Ok(None);
    }
    let shared: Vec<Arc<str>> = names.iter().map(|n| Arc::from(n.as_str())).collect();
    let place = positive.map_or(Ok(1), |name| positive_place(&shared, name))?;
    let (rows, mut warnings) = with_truth(batch, truth_at, |row| truth.codes[row].is_some());
    if let Some(&row) = rows.iter().find(|&&row| values.is_null(row)) {
        return Err(missing(batch, predicted, row));
    }
    let column = &batch.schema().columns()[predicted].name;
    warnings.push(Warning {
        code: "predictions_are_probabilities".into(),
        message: format!(
            "'{column}' holds numbers from 0 to 1: taken as the probability of '{}', predicted from 0.5 up",
            names[place]
        ),
    });
    let codes = rows.iter().filter_map(|&row| {
        let name = &truth.names[truth.codes[row]? as usize];
        names.iter().position(|n| n == name).map(|i| i as u32)
    });
    let yes: Vec<f64> = rows.iter().map(|&row| values.value(row)).collect();
    let other = 1 - place as u32;
    let predicted = yes.iter().map(|&p| if p >= 0.5 { place as u32 } else { other });
    let probability = yes.iter().flat_map(|&p| if place == 1 { [1.0 - p, p] } else { [p, 1.0 - p] });
    let answers = Answers::classes(codes.collect::<Vec<_>>(), predicted.collect::<Vec<_>>(), &names)?
        .with_positive(&names[place])?
        .with_probability(probability.collect::<Vec<_>>())?
        .with_warnings(warnings);
    weighted(answers, batch, &rows).map(Some)
}

/// Adds the probability column of the rows that have a truth; classes the model never saw get 0.
fn with_probability(
    answers: Answers<'static>,
    batch: &Batch,
    truth: usize,
    n_model: usize,
) -> Result<Answers<'static>> {
    let Some(at) = batch.schema().role(Role::Probability) else { return Ok(answers) };
    let Answers::Classes(classes) = &answers else { return Ok(answers) };
    let k = classes.names.len();
    let values = batch.probabilities(at)?;
    if values.len() != batch.n_rows() * n_model {
        let found = values.len();
        return Err(Error::Lengths { what: "probabilities", found, wanted: batch.n_rows() * n_model });
    }
    let mut probability = Vec::with_capacity(answers.n_rows() * k);
    for row in (0..batch.n_rows()).filter(|&row| !is_missing(batch, truth, row)) {
        probability.extend_from_slice(&values[row * n_model..(row + 1) * n_model]);
        probability.extend(std::iter::repeat_n(0.0, k - n_model));
    }
    answers.with_probability(probability)
}

fn weighted(answers: Answers<'static>, batch: &Batch, rows: &[usize]) -> Result<Answers<'static>> {
    match batch.weights()? {
        Some(weights) => answers.with_weights(rows.iter().map(|&row| weights[row]).collect::<Vec<_>>()),
        None => Ok(answers),
    }
}

/// The rows whose truth is known, and a warning about the others.
fn with_truth(batch: &Batch, truth: usize, known: impl Fn(usize) -> bool) -> (Vec<usize>, Vec<Warning>) {
    let rows: Vec<usize> = (0..batch.n_rows()).filter(|&row| known(row)).collect();
    let lacking = batch.n_rows() - rows.len();
    let name = &batch.schema().columns()[truth].name;
    let warning = (lacking > 0).then(|| Warning {
        code: "truth_missing".into(),
        message: format!("{lacking} of {} rows miss '{name}' and are left out", batch.n_rows()),
    });
    (rows, warning.into_iter().collect())
}

fn is_missing(batch: &Batch, at: usize, row: usize) -> bool {
    batch.column(at).is_null(row) || batch.numbers(at).is_ok_and(|values| values.value(row).is_nan())
}

fn missing(batch: &Batch, at: usize, row: usize) -> Error {
    Error::Value {
        what: format!("'{}'", batch.schema().columns()[at].name),
        row: row + 1,
        found: "missing".into(),
        wanted: "a prediction".into(),
    }
}

fn by_role(batch: &Batch, role: Role, word: &str) -> Result<usize> {
    batch.schema().role(role).ok_or_else(|| {
        let problem = format!("no column has the role '{word}'");
        CoreError::data(problem, "name the column of true values, and predict before judging").into()
    })
}

/// Whether two columns hold numbers rather than classes.
fn quantities(batch: &Batch, truth: usize, predicted: usize) -> Result<bool> {
    let kinds = [truth, predicted].map(|at| batch.schema().columns()[at].kind);
    if kinds != [Kind::Number, Kind::Number] {
        return Ok(false);
    }
    let truth = used(&labels(batch, truth)?);
    let predicted = used(&labels(batch, predicted)?);
    let rows: usize = truth.values().sum();
    let whole = |names: &BTreeMap<String, usize>| {
        names.keys().all(|n| n.parse::<f64>().is_ok_and(|x| x.fract() == 0.0))
    };
    let few = truth.len() <= MOST_NUMBERED_CLASSES && 2 * truth.len() <= rows;
    let classes = whole(&truth) && (truth.len() <= 2 || (few && whole(&predicted)));
    Ok(!classes)
}

/// A column as classes, in a first order of its own.
fn labels(batch: &Batch, at: usize) -> Result<Labels> {
    let column = &batch.schema().columns()[at];
    Ok(match column.kind {
        Kind::Category => {
            let categories = column.categories()?;
            let mut names: Vec<String> = categories.names().iter().map(|n| n.to_string()).collect();
            names.push(UNSEEN.into());
            let codes = batch.codes(at)?.iter().collect();
            let mut labels = Labels { names, codes };
            if !used(&labels).contains_key(UNSEEN) {
                labels.names.pop();
            }
            labels
        }
        Kind::Flag => Labels {
            names: vec!["false".into(), "true".into()],
            codes: batch.flags(at)?.iter().map(|flag| flag.map(u32::from)).collect(),
        },
        Kind::Number => {
            let values = batch.numbers(at)?;
            // A negative zero is written as a zero.
            let written = |x: f64| (!x.is_nan()).then(|| (x + 0.0).to_string());
            coded(values.iter().map(|x| x.and_then(written)))
        }
        Kind::Text => coded(batch.texts(at)?.iter().map(|text| text.map(String::from))),
        found => {
            let wanted = "a class or a number".into();
            return Err(CoreError::WrongKind { column: column.name.clone(), found, wanted }.into());
        }
    })
}

/// Written values as codes, in the order in which they first come.
fn coded(values: impl Iterator<Item = Option<String>>) -> Labels {
    let mut places: BTreeMap<String, u32> = BTreeMap::new();
    let mut names = Vec::new();
    let mut code = |name: String| match places.get(&name) {
        Some(&place) => place,
        None => {
            let place = names.len() as u32;
            names.push(name.clone());
            places.insert(name, place);
            place
        }
    };
    let codes = values.map(|value| value.map(&mut code)).collect();
    Labels { names, codes }
}

/// How many rows each name that occurs has.
fn used(labels: &Labels) -> BTreeMap<String, usize> {
    let mut rows = vec![0usize; labels.names.len()];
    labels.codes.iter().flatten().for_each(|&c| rows[c as usize] += 1);
    labels.names.iter().cloned().zip(rows).filter(|(_, rows)| *rows > 0).collect()
}

fn all_numbers(names: &[String]) -> bool {
    names.iter().all(|n| n.parse::<f64>().is_ok())
}

/// Numbers by size, no before yes, anything else by letters; each once. Where all are 0 or 1, both.
fn class_order(mut names: Vec<String>) -> Vec<String> {
    if !names.is_empty() && names.iter().all(|n| n == "0" || n == "1") {
        return vec!["0".into(), "1".into()];
    }
    if !names.is_empty() && names.iter().all(|n| n == "false" || n == "true") {
        return vec!["false".into(), "true".into()];
    }
    names.sort();
    names.dedup();
    if all_numbers(&names) {
        let number = |n: &String| n.parse::<f64>().unwrap_or(f64::NAN);
        names.sort_by(|a, b| number(a).total_cmp(&number(b)));
    } else if flag_places(&names).as_deref() == Some(&[true, false]) {
        names.reverse();
    }
    names
}

/// The labels of a column in the spelling of these classes, where both are spellings of no and yes: `0` and `1` beside `no` and `yes`.
/// A warning says so.
fn respelled(batch: &Batch, at: usize, model: &[String]) -> Result<(Labels, Vec<Warning>)> {
    let labels = labels(batch, at)?;
    let known = |n: &String| model.contains(n);
    if labels.names.iter().all(known) {
        return Ok((labels, Vec::new()));
    }
    let (from, to) = (flag_places(&labels.names), flag_places(model));
    let (Some(from), Some(to)) = (from, to) else { return Ok((labels, Vec::new())) };
    let names: Option<Vec<String>> =
        from.iter().map(|&yes| to.iter().position(|&y| y == yes).map(|at| model[at].clone())).collect();
    let Some(names) = names else { return Ok((labels, Vec::new())) };
    let ways: Vec<String> = labels
        .names
        .iter()
        .zip(&names)
        .filter(|(own, name)| own != name)
        .map(|(own, name)| format!("'{own}' is taken as '{name}'"))
        .collect();
    let column = &batch.schema().columns()[at].name;
    let message = format!("'{column}' writes the classes in another way: {}", ways.join(", "));
    let warning = Warning { code: "respelled".into(), message };
    Ok((Labels { names, codes: labels.codes }, vec![warning]))
}

/// Whether each name means yes; `None` where one means neither.
fn flag_places(names: &[String]) -> Option<Vec<bool>> {
    let meaning = |name: &String| {
        let folded = name.to_lowercase();
        SPELLINGS.iter().position(|words| words.contains(&folded.as_str())).map(|yes| yes == 1)
    };
    names.iter().map(meaning).collect()
}
