//! Reading `tidemill.toml`: every error shows the line and, for a misspelt key, the nearest known one.

use std::path::Path;

use serde_json::Value;
use tidemill_core::recipe::{Changeable, ColumnSpec, Cost, Decision, Recipe, Spec, Task};
use tidemill_core::{Document, DocumentError, Error, Registry, Result, Slot, nearest};

use crate::builtin;
use crate::error::EngineError;
use crate::recipe::{contradictions, policy, schema, targets};

/// Reads and checks the recipe at `path`. Errors name the file and line and show it.
pub fn read(path: &Path, registry: &Registry) -> Result<Recipe> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    Ok(with_edges_located(parse(&text, &path.display().to_string(), registry)?, path))
}

/// As [`read`], from text; `file` is what errors call it.
pub fn parse(text: &str, file: &str, registry: &Registry) -> Result<Recipe> {
    read_document(text, file, registry).map_err(|e| EngineError::from(e).into())
}

fn read_document(text: &str, file: &str, registry: &Registry) -> Result<Recipe, DocumentError> {
    let (value, document) = Document::parse(text, file)?;
    if let Some(unknown) = schema::unknown_key(&value, &schema::recipe(registry)) {
        let hint = match nearest(&unknown.key, unknown.known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("known here: {}", unknown.known.join(", ")),
        };
        return Err(document.wrong(&unknown.path, format!("there is no key '{}'", unknown.key), &hint));
    }
    let mut recipe: Recipe = serde_path_to_error::deserialize(value).map_err(|e| {
        let path = e.path().to_string();
        document.wrong(&path, format!("'{path}': {}", e.inner()), "correct the value")
    })?;
    for (path, spec, table) in specs(&recipe) {
        check_spec(&path, &spec, table, registry).map_err(|(path, problem)| {
            document.wrong(&path, problem, "`tidemill schema` lists what can stand here")
        })?;
    }
    check_values(&recipe).map_err(|(path, problem)| document.wrong(path, problem, "correct the value"))?;
    check_changes(&recipe).map_err(|(path, problem)| document.wrong(&path, problem, "correct the value"))?;
    contradictions::check(&recipe)
        .map_err(|(path, problem)| document.wrong(&path, problem, "correct one of the two"))?;
    policy::settle(&mut recipe);
    Ok(recipe)
}

/// Refuses what a recipe cannot ask for, for one that the command line has added to.
///
/// # Errors
/// A value that is out of range, and two settings that contradict each other.
pub fn check(recipe: &Recipe) -> Result<()> {
    let option = |key: &str| match key {
        "data.targets" => "target".to_string(),
        key => key.rsplit('.').next().unwrap_or_default().replace('_', "-"),
    };
    check_values(recipe).map_err(|(key, problem)| {
        let remedy = format!("correct --{} or {key} in the recipe", option(key));
        EngineError::usage(format!("'{key}': {problem}"), remedy)
    })?;
    contradictions::check(recipe).map_err(|(_, problem)| {
        EngineError::usage(problem, "both stand on the command line or in the recipe").into()
    })
}

/// Where a `source` of the recipe lies: beside the recipe, or else in the current folder.
pub fn locate(source: &str, recipe: &Path) -> String {
    if let Some(table) = source.strip_prefix("sqlite:") {
        return format!("sqlite:{}", locate(table, recipe));
    }
    let beside = recipe.parent().map(|folder| folder.join(source));
    match beside {
        Some(path) if source != "-" && is_there(&path) => path.display().to_string(),
        _ => source.to_string(),
    }
}

/// The recipe with its file of edges, and the model that it starts from, where they lie; `recipe` is its own file.
pub fn with_edges_located(mut of: Recipe, recipe: &Path) -> Recipe {
    if let Some(edges) = of.graph.as_mut().and_then(|graph| graph.edges.as_mut()) {
        *edges = locate(edges, recipe);
    }
    if let Some(start) = &mut of.train.start {
        *start = locate(start, recipe);
    }
    of
}

/// Whether there is a file, the file of a table or sheet (`book.xlsx?sheet=May`), or the folder that a pattern begins with.
pub(crate) fn is_there(path: &Path) -> bool {
    let text = path.display().to_string();
    let file = text.rfind("?sheet=").or_else(|| text.rfind("?table=")).map_or(&*text, |at| &text[..at]);
    let pattern = file.find(['*', '?', '[']).map(|at| Path::new(&file[..at + 1]));
    path.exists()
        || Path::new(file).exists()
        || pattern
            .and_then(Path::parent)
            .is_some_and(|folder| !folder.as_os_str().is_empty() && folder.exists())
}

/// Everything named by a kind, with its path, as the registry knows it (a column's `missing = { kind = "mean" }`
/// is the step `impute_mean`), and the table that such things stand under.
fn specs(recipe: &Recipe) -> Vec<(String, Spec, &'static str)> {
    let lists = [("steps", &recipe.steps, "[[steps]]"), ("learners", &recipe.learners, "[[learners]]")];
    let listed = lists.into_iter().flat_map(|(name, list, table)| {
        list.iter().enumerate().map(move |(i, s)| (format!("{name}[{i}]"), s.clone(), table))
    });
    let of_columns = recipe.columns.iter().flat_map(|(name, column)| {
        column_specs(column).map(move |(key, spec)| (format!("columns.{name}.{key}"), spec, "[[steps]]"))
    });
    let balance = recipe.balance.iter().map(|balance| {
        let spec = Spec { kind: balance.kind.clone(), params: balance.params.clone() };
        ("balance".to_string(), spec, "[balance]")
    });
    listed.chain(of_columns).chain(balance).collect()
}

/// The steps that a column's own table asks for, as (key in the table, step).
pub fn column_specs(column: &ColumnSpec) -> impl Iterator<Item = (&'static str, Spec)> {
    let slots =
        [(Slot::Missing, &column.missing), (Slot::Scale, &column.scale), (Slot::Encode, &column.encode)];
    let named = slots.into_iter().filter_map(|(slot, spec)| {
        let (spec, (key, prefix)) = (spec.as_ref()?, slot.key()?);
        Some((key, Spec { kind: format!("{prefix}{}", spec.kind), params: spec.params.clone() }))
    });
    let outliers = column.outliers.iter();
    named.chain(outliers.map(|p| ("outliers", Spec { kind: "outliers".into(), params: p.clone() })))
}

fn check_spec(
    path: &str,
    spec: &Spec,
    table: &'static str,
    registry: &Registry,
) -> Result<(), (String, String)> {
    let entry = registry.entry_among(&spec.kind, |entry| entry.sort.table() == table);
    let entry = entry.map_err(|e| (format!("{path}.kind"), e.to_string()))?;
    if entry.sort.table() != table {
        let (noun, own) = (entry.sort.noun(), entry.sort.table());
        let problem = format!("'{}' is {noun}: write it under {own}", spec.kind);
        return Err((format!("{path}.kind"), problem));
    }
    match registry.check(entry, Value::Object(spec.params.clone())) {
        Ok(_) => Ok(()),
        Err(e) if e.path.is_empty() => Err((path.to_string(), format!("'{}': {}", spec.kind, e.problem))),
        Err(e) => Err((format!("{path}.{}", e.path), format!("'{}': {}", e.path, e.problem))),
    }
}

fn check_values(recipe: &Recipe) -> Result<(), (&'static str, String)> {
    let test = recipe.split.test;
    if !(test > 0.0 && test < 1.0) {
        return Err((
            "split.test",
            format!("the share of test rows must lie between 0 and 1, not be {test}"),
        ));
    }
    if let Some(n) = recipe.folds.n.filter(|n| !(2..=1000).contains(n)) {
        return Err(("folds.n", format!("the number of folds must be 2 to 1000, not {n}")));
    }
    if let Some(n) = recipe.folds.repeats.filter(|n| !(1..=100).contains(n)) {
        return Err(("folds.repeats", format!("folds are repeated 1 to 100 times, not {n}")));
    }
    if let Some(n) = recipe.split.nested.filter(|n| !(2..=100).contains(n)) {
        return Err(("split.nested", format!("the number of outer folds must be 2 to 100, not {n}")));
    }
    check_graph(recipe)?;
    check_decision(&recipe.decision)?;
    check_labels(recipe)?;
    targets::check(recipe)?;
    policy::check(recipe)?;
    if recipe.train.trials == Some(0) {
        return Err(("train.trials", "at least one trial is needed".into()));
    }
    if let Some(limit) = &recipe.train.time_limit {
        duration(limit).map_err(|problem| ("train.time_limit", problem))?;
    }
    if let Some(metric) = &recipe.train.metric {
        tidemill_eval::metric(metric).map_err(|e| ("train.metric", e.to_string()))?;
    }
    Ok(())
}

fn check_graph(recipe: &Recipe) -> Result<(), (&'static str, String)> {
    let Some(graph) = &recipe.graph else { return Ok(()) };
    let of_rows = |learner: &Spec| builtin::entry(&learner.kind).is_some_and(|entry| entry.tied_rows);
    match graph.neighbors {
        Some(0) => Err(("graph.neighbors", "each row needs at least one neighbour".into())),
        Some(_) if graph.edges.is_some() || graph.neighbors_column.is_some() => {
            let problem = "the nearest rows are the neighbours, or those that are named: leave out this key, or edges and neighbors_column";
            Err(("graph.neighbors", problem.into()))
        }
        Some(_) if recipe.forecast.is_some() => {
            let problem = "a forecast ties its series by a file of edges, or by a column that lists neighbours: name edges or neighbors_column";
            Err(("graph.neighbors", problem.into()))
        }
        _ if recipe.forecast.is_some() && recipe.learners.iter().any(of_rows) => {
            let problem = "graph_net and label_propagation look at tied rows, and a forecast ties series: its learner of graphs is stcn, and \
                           all others read the neighbours' past";
            Err(("learners", problem.into()))
        }
        _ => Ok(()),
    }
}

fn check_changes(recipe: &Recipe) -> Result<(), (String, String)> {
    for (name, column) in &recipe.columns {
        let Some([low, high]) = column.change_within else { continue };
        let problem = if !(low < high && low.is_finite() && high.is_finite()) {
            "is the least and the greatest that a number may become, such as [18, 65]"
        } else if matches!(column.changeable, None | Some(Changeable::No)) {
            "needs `changeable = \"any\"`, \"up\" or \"down\" beside it"
        } else {
            continue;
        };
        return Err((format!("columns.{name}.change_within"), format!("'change_within' {problem}")));
    }
    Ok(())
}

fn check_labels(recipe: &Recipe) -> Result<(), (&'static str, String)> {
    let Some(labels) = &recipe.labels else { return Ok(()) };
    if !(0.0..=1.0).contains(&labels.weight) {
        return Err((
            "labels.weight",
            format!("the weight of a doubtful row is from 0 to 1, not {}", labels.weight),
        ));
    }
    if !(2..=1000).contains(&labels.folds) {
        return Err(("labels.folds", format!("the number of folds must be 2 to 1000, not {}", labels.folds)));
    }
    Ok(())
}

/// Metrics that can do with labels, but of which those that a threshold gives say nothing.
const OF_ORDER: [&str; 2] = ["roc_auc", "average_precision"];

fn check_decision(decision: &Decision) -> Result<(), (&'static str, String)> {
    if let Some(metric) = &decision.metric {
        let metric = tidemill_eval::metric(metric).map_err(|e| ("decision.metric", e.to_string()))?;
        if OF_ORDER.contains(&metric.name) {
            let problem = format!(
                "'{}' judges the order of rows, which no threshold changes; name a metric of labels such as f1",
                metric.name
            );
            return Err(("decision.metric", problem));
        }
        if metric.needs_probability || !metric.tasks.contains(&Task::Binary) {
            let problem =
                format!("'{}' does not judge the labels of two classes, such as f1 does", metric.name);
            return Err(("decision.metric", problem));
        }
    }
    if let Some(cost) = decision.cost {
        let sound = |x: f64| x >= 0.0 && x.is_finite();
        let both = [cost.false_positive, cost.false_negative];
        if !both.into_iter().all(sound) || both == [0.0, 0.0] {
            return Err(("decision.cost", "costs are numbers from 0 up, not both 0".into()));
        }
    }
    match decision.threshold {
        Some(at) if !(0.0..=1.0).contains(&at) => {
            Err(("decision.threshold", format!("is {at}, but must lie from 0 to 1")))
        }
        _ => Ok(()),
    }
}

/// Reads a decision as the command line says it: a metric of labels (`f1`), costs (`cost:fn=10`, `cost:fn=10,fp=2`) or a threshold
/// (`0.3`).
pub fn decision(text: &str) -> Result<Decision, String> {
    let wrong = || {
        format!(
            "'{text}' is no decision: write a metric such as f1, costs such as cost:fn=10,fp=1, or a threshold"
        )
    };
    let decision = if let Some(costs) = text.strip_prefix("cost:") {
        let mut cost = Cost { false_positive: 1.0, false_negative: 1.0 };
        for part in costs.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let value: f64 = value.trim().parse().map_err(|_| wrong())?;
            match name.trim() {
                "fn" | "false_negative" => cost.false_negative = value,
                "fp" | "false_positive" => cost.false_positive = value,
                _ => return Err(wrong()),
            }
        }
        Decision { cost: Some(cost), ..Decision::default() }
    } else if let Ok(threshold) = text.parse::<f64>() {
        Decision { threshold: Some(threshold), ..Decision::default() }
    } else {
        tidemill_eval::metric(text).map_err(|e| e.to_string())?;
        Decision { metric: Some(text.into()), ..Decision::default() }
    };
    check_decision(&decision).map_err(|(_, problem)| problem)?;
    Ok(decision)
}

/// Reads a duration such as `90s`, `10m`, `1.5h`, `7d`, `2w`.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("'{text}' is not a duration: write 90s, 10m, 2h, 7d or 2w");
    let unit = text.trim().chars().last().ok_or_else(wrong)?;
    let secs = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        'w' => 604_800.0,
        _ => return Err(wrong()),
    };
    let number: f64 = text.trim().trim_end_matches(unit).trim().parse().map_err(|_| wrong())?;
    std::time::Duration::try_from_secs_f64(number * secs).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let e = parse(text, "r.toml", &builtin::registry()).unwrap_err();
        format!("{e} | {}", e.remedy().unwrap_or_default())
    }

    #[test]
    fn a_misspelt_key_shows_its_line_and_the_nearest_known_one() {
        let text = error("[data]\nsource = \"a.csv\"\ntraget = \"y\"\n");
        assert!(text.starts_with("r.toml, line 3: there is no key 'traget'"), "{text}");
        assert!(text.contains("did you mean 'target'?") && text.contains("traget = \"y\""), "{text}");
    }

    #[test]
    fn a_parameter_of_a_learner_is_found_by_line() {
        let text = error("[[learners]]\nkind = \"ridge\"\n\n[[learners]]\nkind = \"ridge\"\nalpa = 2.0\n");
        assert!(text.contains("line 6") && text.contains("did you mean 'alpha'?"), "{text}");
        let text = error("[[learners]]\nkind = \"rigde\"\n");
        assert!(text.contains("line 2") && text.contains("ridge"), "{text}");
        let text = error("[[learners]]\nkind = \"ridge\"\nalpha = \"much\"\n");
        assert!(text.contains("line 3"), "{text}");
    }

    #[test]
    fn how_far_a_column_may_change_is_checked() {
        let text = error("[columns.age]\nchangeable = \"up\"\nchange_within = [65, 18]\n");
        assert!(text.contains("line 3") && text.contains("the least and the greatest"), "{text}");
        let text = error("[columns.age]\nchange_within = [18, 65]\n");
        assert!(text.contains("line 2") && text.contains("changeable"), "{text}");
        let text = error("[columns.age]\nchangeable = \"upward\"\n");
        assert!(text.contains("line 2"), "{text}");
    }

    #[test]
    fn a_built_in_in_the_wrong_place_is_sent_to_its_own() {
        let text = error("[[learners]]\nkind = \"impute_mean\"\n");
        assert!(
            text.starts_with("r.toml, line 2: 'impute_mean' is a step: write it under [[steps]]"),
            "{text}"
        );
        let text = error("[[steps]]\nkind = \"ridge\"\n");
        assert!(text.contains("line 2: 'ridge' is a learner: write it under [[learners]]"), "{text}");
        let text = error("[balance]\nkind = \"scale_robust\"\n");
        assert!(text.contains("line 2: 'scale_robust' is a step: write it under [[steps]]"), "{text}");
        // The nearest name of the right sort is offered.
        let text = error("[[learners]]\nkind = \"rigde\"\n");
        assert!(text.contains("did you mean 'ridge'?"), "{text}");
    }

    #[test]
    fn repairs_of_single_columns_are_checked_as_their_steps_are() {
        let text = error("[columns.age]\noutliers = { detect = \"irq\" }\n");
        assert!(text.contains("line 2") && text.contains("iqr"), "{text}");
        let text = error("[columns.age]\noutliers = { detct = \"iqr\" }\n");
        assert!(text.contains("line 2") && text.contains("did you mean 'detect'?"), "{text}");
        let text = error("[[steps]]\nkind = \"expression\"\nnew = { ratio = \"price / \" }\n");
        assert!(text.contains("line 3") && text.contains("at character 9"), "{text}");
        let text = error("[balance]\nkind = \"smote\"\nn_neighbours = 3\n");
        assert!(text.contains("line 3") && text.contains("did you mean 'n_neighbors'?"), "{text}");
        let text = error("[balance]\nkind = \"smote\"\nratio = 2.0\n");
        assert!(text.contains("line 3") && text.contains("at most at 1"), "{text}");
        let read = parse("[balance]\nkind = \"smote\"\ncorrect = false\n", "r.toml", &builtin::registry());
        assert!(read.is_ok_and(|recipe| recipe.balance.is_some_and(|b| !b.correct && b.params.is_empty())));
    }

    #[test]
    fn values_are_checked_before_any_work() {
        assert!(error("[split]\ntest = 1.5\n").contains("line 2"));
        assert!(error("[train]\nmetric = \"acuracy\"\n").contains("accuracy"));
        assert!(error("[train]\ntime_limit = \"soon\"\n").contains("10m"));
        assert!(error("[columns.age]\nmissing = { kind = \"meen\" }\n").contains("impute_mean"));
        assert!(error("[data\n").contains("line 1"));
    }

    #[test]
    fn decisions_of_the_command_line() {
        assert_eq!(decision("f1").unwrap().metric.as_deref(), Some("f1"));
        assert_eq!(decision("0.3").unwrap().threshold, Some(0.3));
        let cost = decision("cost:fn=10").unwrap().cost.unwrap();
        assert_eq!((cost.false_negative, cost.false_positive), (10.0, 1.0));
        let cost = decision("cost:fp=2,fn=7").unwrap().cost.unwrap();
        assert_eq!((cost.false_negative, cost.false_positive), (7.0, 2.0));
        for wrong in ["", "f3", "cost:fn", "cost:x=1", "cost:fn=-1", "1.5", "log_loss"] {
            assert!(decision(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s").unwrap().as_secs(), 90);
        assert_eq!(duration("1.5h").unwrap().as_secs(), 5400);
        assert_eq!(duration("2w"), duration("14d"));
        assert!(duration("").is_err() && duration("10").is_err() && duration("-1s").is_err());
    }

    #[test]
    fn a_source_lies_beside_its_recipe_whatever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("data/out")).unwrap();
        for name in ["data/a.csv", "data/b.xlsx", "x.db"] {
            std::fs::write(at(name), "x").unwrap();
        }
        let out = at("data/out");
        let found = |source: &str| {
            locate(source, &out.join("tidemill.toml")).replace(&out.display().to_string(), "HERE")
        };
        for (source, wanted) in [
            ("../a.csv", "HERE/../a.csv"),
            ("../*.csv", "HERE/../*.csv"),
            ("../b.xlsx?sheet=May", "HERE/../b.xlsx?sheet=May"),
            ("sqlite:../../x.db?table=t", "sqlite:HERE/../../x.db?table=t"),
        ] {
            assert_eq!(found(source), wanted);
        }
        for elsewhere in ["-", "a.csv", "no/*.csv", "sqlite:x.db?table=t", "no.xlsx?sheet=May"] {
            assert_eq!(found(elsewhere), elsewhere);
        }
    }
}
