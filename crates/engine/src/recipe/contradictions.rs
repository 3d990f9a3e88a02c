//! Contradictions in a recipe, such as one column in two roles or a positive class of a number.

use tidemill_core::recipe::{Decision, Recipe, Task};
use tidemill_core::{Result as CoreResult, Role};
use tidemill_data::InferredSchema;

use crate::error::EngineError;

/// The key that contradicts another one, and both of them in words.
type Fault = (String, String);

/// A column that is named for something.
struct Named<'a> {
    key: &'static str,
    column: &'a str,
    what: &'static str,
    /// The role that `[columns]` may give it too.
    role: Role,
}

/// Refuses contradictions: the second key, and what is wrong.
pub(super) fn check(recipe: &Recipe) -> Result<(), Fault> {
    one_role(recipe)?;
    of_task(recipe)
}

/// Refuses what is said of classes where the rows show that the target is a number.
///
/// # Errors
/// `[decision]` or `[balance]` beside such a target.
pub(crate) fn check_task(recipe: &Recipe, plan: &InferredSchema) -> CoreResult<()> {
    if plan.task.is_some_and(Task::is_classes) {
        return Ok(());
    }
    let mut asked = recipe.clone();
    asked.data.task = plan.task;
    let Err((_, problem)) = of_task(&asked) else { return Ok(()) };
    let target = plan.target().map_or("the target", |target| &target.name);
    let problem = problem.replace(" (--task)", &format!(", since {}", plan.why_task));
    Err(EngineError::usage(problem, format!("or name another target than '{target}'")).into())
}

fn named(recipe: &Recipe) -> Vec<Named<'_>> {
    let data = &recipe.data;
    let single = [
        ("data.target", &data.target, "the target (--target)", Role::Target),
        ("data.key", &data.key, "the key (--key)", Role::Key),
        ("data.time", &data.time, "the time (--time)", Role::Time),
        ("data.group", &data.group, "the group (--group)", Role::Group),
        ("data.weight", &data.weight, "the weight (--weight)", Role::Weight),
        ("split.column", &recipe.split.column, "the column of the split", Role::Split),
    ];
    let single = single
        .into_iter()
        .filter_map(|(key, column, what, role)| Some(Named { key, column: column.as_deref()?, what, role }));
    let several = [
        ("data.targets", &data.targets, "a target (--target)", Role::Target),
        ("data.ignore", &data.ignore, "a column not to use (--ignore)", Role::Ignore),
    ];
    let several = several.into_iter().flat_map(|(key, columns, what, role)| {
        columns.iter().map(move |column| Named { key, column, what, role })
    });
    let point = data.point.iter().flatten();
    let point =
        point.map(|column| Named { key: "data.point", column, what: "a coordinate", role: Role::Feature });
    single.chain(several).chain(point).collect()
}

/// A column has one role.
fn one_role(recipe: &Recipe) -> Result<(), Fault> {
    let named = named(recipe);
    for (at, second) in named.iter().enumerate() {
        let first = named[..at].iter().find(|first| first.column == second.column && first.key != second.key);
        if let Some(first) = first {
            return Err((
                second.key.into(),
                format!(
                    "column '{}' is named as {} and as {}, and a column has one role: leave one of the two out, or name another column",
                    second.column, first.what, second.what
                ),
            ));
        }
        let told = recipe.columns.get(second.column).and_then(|spec| spec.role);
        let other = |told: &Role| *told != second.role && second.key != "data.point";
        if let Some(told) = told.filter(other) {
            return Err((
                format!("columns.{}.role", second.column),
                format!(
                    "column '{}' is {}, and also has another role ({}): leave one of the two out",
                    second.column,
                    second.what,
                    format!("{told:?}").to_lowercase()
                ),
            ));
        }
    }
    let known = recipe.forecast.iter().flat_map(|forecast| &forecast.known);
    let ahead =
        named.iter().filter(|n| n.role == Role::Target).find(|n| known.clone().any(|k| k == n.column));
    match ahead {
        Some(target) => Err((
            "forecast.known".into(),
            format!(
                "column '{}' is {}, and what is to be forecast is not known beforehand: leave it out of the list",
                target.column, target.what
            ),
        )),
        None => Ok(()),
    }
}

/// What is said of classes, beside a task without them.
fn of_task(recipe: &Recipe) -> Result<(), Fault> {
    let data = &recipe.data;
    let (task, told) = match (data.task, &recipe.forecast) {
        (Some(task), Some(_)) if task != Task::Regression => {
            let problem = format!(
                "a forecast (--horizon) is of a number, and the task is {} (--task): leave one of the two out",
                task.word()
            );
            return Err(("data.task".into(), problem));
        }
        (_, Some(_)) => (Task::Regression, "a forecast (--horizon) is of a number".to_string()),
        (Some(task), None) => (task, format!("the task is {} (--task)", task.word())),
        (None, None) => return Ok(()),
    };
    let decides = recipe.decision != Decision::default();
    let asked = [
        (data.positive.is_some() && task != Task::Binary, "data.positive", "a positive class (--positive)"),
        (decides && task != Task::Binary, "decision", "a decision between two classes (--decide)"),
        (recipe.balance.is_some() && !task.is_classes(), "balance", "a balance of classes"),
    ];
    if let Some((_, key, what)) = asked.into_iter().find(|(said, ..)| *said && task != Task::Policy) {
        return Err((key.into(), format!("{what} is asked for, and {told}: leave one of the two out")));
    }
    let metric = recipe.train.metric.as_deref().and_then(|name| tidemill_eval::metric(name).ok());
    match metric.filter(|metric| !metric.tasks.contains(&task) && !matches!(task, Task::Policy | Task::Masks))
    {
        Some(metric) => Err((
            "train.metric".into(),
            format!(
                "{} (--metric) does not judge answers of this kind, and {told}: leave one of the two out",
                metric.name
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use tidemill_core::recipe::Recipe;

    fn fault(text: &str) -> Option<(String, String)> {
        let recipe: Recipe = toml::from_str(text).unwrap();
        check(&recipe).err()
    }

    #[test]
    fn a_column_has_one_role() {
        for (text, key, words) in [
            ("target = 'y'\ntime = 'y'", "data.time", ["--target", "--time"]),
            ("target = 'y'\nkey = 'y'", "data.key", ["--target", "--key"]),
            ("target = 'y'\ngroup = 'y'", "data.group", ["--target", "--group"]),
            ("target = 'y'\nweight = 'y'", "data.weight", ["--target", "--weight"]),
            ("target = 'y'\nignore = ['x', 'y']", "data.ignore", ["--target", "--ignore"]),
            ("targets = ['y', 'z']\nignore = ['z']", "data.ignore", ["--target", "--ignore"]),
            ("time = 't'\ngroup = 't'", "data.group", ["--time", "--group"]),
            ("key = 'k'\nignore = ['k']", "data.ignore", ["--key", "--ignore"]),
            ("target = 'y'\n[split]\ncolumn = 'y'", "split.column", ["--target", "split"]),
            ("target = 'y'\n[columns.y]\nrole = 'feature'", "columns.y.role", ["--target", "feature"]),
            ("ignore = ['x']\n[columns.x]\nrole = 'key'", "columns.x.role", ["--ignore", "key"]),
            (
                "target = 'y'\n[forecast]\nhorizon = '3'\nknown = ['y']",
                "forecast.known",
                ["--target", "known"],
            ),
        ] {
            let (found, problem) = fault(&format!("[data]\n{text}")).unwrap();
            assert_eq!(found, key, "{text}");
            assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
        }
        // A resolved recipe says each thing twice.
        let said_twice = "[data]\ntarget = 'y'\ntime = 't'\nignore = ['x', 'x']\n[columns.y]\nrole = 'target'\n[columns.t]\nrole = \
                          'time'\n[columns.x]\nrole = 'ignore'";
        assert_eq!(fault(said_twice), None);
    }

    #[test]
    fn a_number_has_no_classes() {
        for (text, key, words) in [
            ("[data]\ntask = 'regression'\npositive = 'yes'", "data.positive", ["--positive", "regression"]),
            ("[data]\ntask = 'multiclass'\npositive = 'a'", "data.positive", ["--positive", "multiclass"]),
            (
                "[data]\npositive = 'a'\n[forecast]\nhorizon = '3'",
                "data.positive",
                ["--positive", "--horizon"],
            ),
            ("[data]\ntask = 'binary'\n[forecast]\nhorizon = '3'", "data.task", ["--task", "--horizon"]),
            (
                "[data]\ntask = 'regression'\n[decision]\nmetric = 'f1'",
                "decision",
                ["--decide", "regression"],
            ),
            (
                "[data]\ntask = 'regression'\n[train]\nmetric = 'roc_auc'",
                "train.metric",
                ["--metric", "regression"],
            ),
        ] {
            let (found, problem) = fault(text).unwrap();
            assert_eq!(found, key, "{text}");
            assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
        }
        assert_eq!(fault("[data]\ntask = 'binary'\npositive = 'yes'\n[decision]\nmetric = 'f1'"), None);
        assert_eq!(fault("[data]\ntask = 'regression'\n[train]\nmetric = 'mae'"), None);
    }
}
