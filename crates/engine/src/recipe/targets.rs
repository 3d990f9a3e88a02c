//! The settings of a recipe for several targets, and the recipe of each target alone.

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Error, Result, Role, Schema};

/// The most targets of one model: a model file has room for the parts of so many.
pub const MOST: usize = 16;

/// The recipe of a training whose targets are settled: one in `target`, or two and more in `targets`. A `target` such as `a,b` that no
/// column bears and whose parts are columns stands for these.
///
/// # Errors
/// What [`check`] refuses.
pub fn settled(asked: &Recipe, schema: &Schema) -> Result<Recipe> {
    let mut recipe = asked.clone();
    let data = &mut recipe.data;
    if let Some(joined) = data.target.as_ref().filter(|name| data.targets.is_empty() && name.contains(',')) {
        let parts: Vec<&str> = joined.split(',').map(str::trim).collect();
        if schema.position(joined).is_none() && parts.iter().all(|name| schema.position(name).is_some()) {
            data.targets = parts.into_iter().map(String::from).collect();
            data.target = None;
        }
    }
    check(&recipe).map_err(|(key, problem)| Error::parameter(key, problem))?;
    if let [only] = recipe.data.targets.as_slice() {
        recipe.data.target = Some(only.clone());
        recipe.data.targets.clear();
    }
    Ok(recipe)
}

/// Refuses what cannot hold of several targets: the key, and what is wrong with it.
pub(super) fn check(recipe: &Recipe) -> Result<(), (&'static str, String)> {
    const KEY: &str = "data.targets";
    let data = &recipe.data;
    let targets = data.targets.as_slice();
    if targets.is_empty() {
        return Ok(());
    }
    if let Some(target) = &data.target {
        let problem =
            format!("stands beside target = \"{target}\": say either; a target more goes into the list");
        return Err((KEY, problem));
    }
    if targets.len() > MOST {
        return Err((
            KEY,
            format!("names {} columns, and a model has at most {MOST} targets", targets.len()),
        ));
    }
    for (i, name) in targets.iter().enumerate() {
        if targets[..i].contains(name) {
            return Err((KEY, format!("names '{name}' twice: name each target once")));
        }
        if let Some(other) = other_role(recipe, name) {
            return Err((KEY, format!("'{name}' is also {other}: it can only be one of them")));
        }
    }
    if targets.len() == 1 {
        return Ok(());
    }
    // What says something of one target alone.
    if data.task.is_some() {
        return Err((
            "data.task",
            "is that of one target: leave it out, it is found for each of several".into(),
        ));
    }
    if data.positive.is_some() {
        let problem = "is a class of one target: leave it out, or train that target alone";
        return Err(("data.positive", problem.into()));
    }
    if recipe.forecast.is_some() {
        let problem = "forecasts one target: name it in target, and train another model for the next";
        return Err(("forecast", problem.into()));
    }
    Ok(())
}

/// What else a column is named for.
fn other_role(recipe: &Recipe, name: &str) -> Option<&'static str> {
    let data = &recipe.data;
    let is = |named: &Option<String>| named.as_deref() == Some(name);
    let role = recipe.columns.get(name).and_then(|column| column.role);
    [
        (is(&data.key), "the key"),
        (is(&data.time), "the time"),
        (is(&data.group), "the group"),
        (is(&data.weight), "the weight"),
        (is(&recipe.split.column), "the column of the split"),
        (data.ignore.iter().any(|ignored| ignored == name), "ignored"),
        (data.point.iter().flatten().any(|column| column == name), "a coordinate"),
        (role.is_some_and(|role| role != Role::Target), "given another role in [columns]"),
    ]
    .into_iter()
    .find_map(|(holds, other)| holds.then_some(other))
}

/// Refuses what a recipe asks of every target and cannot have of one that is a number.
///
/// # Errors
/// `[decision]`, `[balance]` or `[labels]` beside such a target.
pub(crate) fn check_task(recipe: &Recipe, target: &str, task: Task) -> Result<()> {
    if task.is_classes() {
        return Ok(());
    }
    let asked = [
        (recipe.decision != Default::default(), "decision"),
        (recipe.balance.is_some(), "balance"),
        (recipe.labels.is_some(), "labels"),
    ];
    match asked.into_iter().find(|(said, _)| *said) {
        None => Ok(()),
        Some((_, key)) => {
            let problem = format!(
                "is about classes, and the target '{target}' is a number: leave it out, or train the targets of classes by themselves"
            );
            Err(Error::parameter(key, problem))
        }
    }
}

/// The recipe of the target at this place alone: the other targets are columns not to use.
pub(crate) fn alone(recipe: &Recipe, place: usize) -> Recipe {
    let mut own = recipe.clone();
    for (i, name) in std::mem::take(&mut own.data.targets).into_iter().enumerate() {
        if i == place {
            own.data.target = Some(name);
        } else {
            own.columns.shift_remove(&name);
            own.data.ignore.push(name);
        }
    }
    own
}

/// The recipe of all targets again, with everything in it on which the resolved recipes of each agree.
pub(crate) fn together(asked: &Recipe, each: &[Recipe]) -> Recipe {
    let mut recipe = asked.clone();
    let Some((first, others)) = each.split_first() else { return recipe };
    let agreed = |same: &dyn Fn(&Recipe) -> bool| others.iter().all(same);
    recipe.data.source.clone_from(&first.data.source);
    recipe.data.delimiter.clone_from(&first.data.delimiter);
    recipe.data.encoding.clone_from(&first.data.encoding);
    (recipe.data.header, recipe.data.skip) = (first.data.header, first.data.skip);
    if agreed(&|r| r.data.point == first.data.point && r.data.coordinates == first.data.coordinates) {
        recipe.data.point.clone_from(&first.data.point);
        recipe.data.coordinates = first.data.coordinates;
    }
    if agreed(&|r| r.split == first.split) {
        recipe.split = first.split.clone();
    }
    for (name, spec) in &first.columns {
        let same = agreed(&|r: &Recipe| r.columns.get(name) == Some(spec));
        if same && !asked.data.targets.contains(name) {
            recipe.columns.insert(name.clone(), spec.clone());
        }
    }
    let place = |name: &str| first.columns.get_index_of(name);
    recipe.columns.sort_by_key(|name, _| place(name));
    recipe
}

#[cfg(test)]
mod tests {
    use tidemill_core::{Column, Schema};

    use super::*;

    fn recipe(text: &str) -> Recipe {
        toml::from_str(text).unwrap()
    }

    fn schema(names: &[&str]) -> Schema {
        Schema::new(names.iter().map(|name| Column::number(*name)).collect()).unwrap()
    }

    #[test]
    fn a_list_with_commas_is_several_columns_unless_one_is_called_so() {
        let asked = recipe("[data]\ntarget = 'a, b'");
        let found = settled(&asked, &schema(&["a", "b", "x"])).unwrap();
        assert_eq!((found.data.target, found.data.targets), (None, vec!["a".into(), "b".to_string()]));
        let found = settled(&asked, &schema(&["a, b", "a", "b"])).unwrap();
        assert_eq!(found.data.target.as_deref(), Some("a, b"));
        // What is no column is told as the name it is.
        let found = settled(&asked, &schema(&["a", "x"])).unwrap();
        assert_eq!((found.data.target.as_deref(), found.data.targets.len()), (Some("a, b"), 0));
        let one = settled(&recipe("[data]\ntargets = ['a']"), &schema(&["a"])).unwrap();
        assert_eq!((one.data.target.as_deref(), one.data.targets.len()), (Some("a"), 0));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (text, key, words) in [
            ("targets = ['a', 'b', 'a']", "data.targets", "names 'a' twice"),
            ("targets = ['a', 'b']\ntarget = 'c'", "data.targets", "say either"),
            ("targets = ['a', 'b']\nkey = 'b'", "data.targets", "'b' is also the key"),
            ("targets = ['a', 'b']\nignore = ['a']", "data.targets", "'a' is also ignored"),
            ("targets = ['a', 'b']\ntask = 'binary'", "data.task", "of one target"),
            ("targets = ['a', 'b']\npositive = 'yes'", "data.positive", "of one target"),
            ("targets = ['a', 'b']\n[forecast]\nhorizon = '3'", "forecast", "one target"),
            ("targets = ['a', 'b']\n[columns.b]\nrole = 'feature'", "data.targets", "another role"),
        ] {
            let (found, problem) = check(&recipe(&format!("[data]\n{text}"))).unwrap_err();
            assert_eq!(found, key, "{text}");
            assert!(problem.contains(words), "{text}: {problem}");
        }
        let threshold = recipe("[data]\ntargets = ['a', 'b']\n[decision]\nthreshold = 0.3");
        assert!(check_task(&threshold, "a", Task::Binary).is_ok());
        let error = check_task(&threshold, "b", Task::Regression).unwrap_err().to_string();
        assert!(error.contains("decision") && error.contains("'b' is a number"), "{error}");
    }

    #[test]
    fn each_alone_ignores_the_others_and_all_together_say_what_they_agree_on() {
        let asked = recipe("[data]\ntargets = ['a', 'b']\nignore = ['c']\n[columns.b]\nkind = 'number'");
        let first = alone(&asked, 0);
        assert_eq!((first.data.target.as_deref(), first.data.ignore.join(" ")), (Some("a"), "c b".into()));
        assert!(first.columns.is_empty() && alone(&asked, 1).columns.contains_key("b"));
        let resolved = |place: usize, kind: &str| {
            let mut own = alone(&asked, place);
            own.columns.extend(recipe(&format!("[columns.x]\nkind = '{kind}'")).columns);
            own
        };
        let same = together(&asked, &[resolved(0, "number"), resolved(1, "number")]);
        assert_eq!(same.columns.keys().collect::<Vec<_>>(), ["b", "x"]);
        assert_eq!((same.data.targets.len(), same.data.ignore.len()), (2, 1));
        let other = together(&asked, &[resolved(0, "number"), resolved(1, "text")]);
        assert_eq!(other.columns.keys().collect::<Vec<_>>(), ["b"]);
    }
}
