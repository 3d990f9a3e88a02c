//! The settings of a recipe for a policy.

use tidemill_core::recipe::{Calibration, Recipe, Task};
use tidemill_core::{Error, Result};

/// The columns of a policy settled: its action is the target, its task `policy`.
///
/// # Errors
/// What [`check`] refuses.
pub fn settled(asked: &Recipe) -> Result<Recipe> {
    let mut recipe = asked.clone();
    check(&recipe).map_err(|(key, problem)| Error::parameter(key, problem))?;
    settle(&mut recipe);
    Ok(recipe)
}

pub(super) fn settle(recipe: &mut Recipe) {
    if let Some(policy) = &recipe.policy {
        recipe.data.target = Some(policy.action.clone());
        recipe.data.task = Some(Task::Policy);
    }
}

type Fault = (&'static str, String);

/// Refuses what cannot hold of a policy: the key, and what is wrong with it.
pub(super) fn check(recipe: &Recipe) -> Result<(), Fault> {
    let Some(policy) = &recipe.policy else {
        return match recipe.data.task {
            Some(Task::Policy) => Err((
                "data.task",
                "a policy needs to know what was decided and what came of it: name the columns in [policy] action = \"…\", reward = \
                 \"…\", propensity = \"…\""
                    .into(),
            )),
            _ => Ok(()),
        };
    };
    for (key, name, what) in [
        ("policy.action", &policy.action, "the action that was taken"),
        ("policy.reward", &policy.reward, "what came of it"),
    ] {
        if name.is_empty() {
            return Err((key, format!("name the column that says {what}")));
        }
    }
    match (&policy.propensity, policy.estimate_propensity) {
        (None, false) => Err((
            "policy.propensity",
            "to judge a policy by decisions of another one, the probability with which each action was taken must be known: name its \
             column, or, where no column has it, have it estimated from the context with estimate_propensity = true"
                .into(),
        )),
        (Some(_), true) => Err((
            "policy.estimate_propensity",
            "there is a column that says the propensity: leave this out".into(),
        )),
        _ => columns(recipe).and_then(|()| others(recipe)),
    }
}

/// Each column of a policy is one thing.
fn columns(recipe: &Recipe) -> Result<(), Fault> {
    let (Some(policy), data) = (&recipe.policy, &recipe.data) else { return Ok(()) };
    let own = [
        ("policy.action", Some(&policy.action)),
        ("policy.reward", Some(&policy.reward)),
        ("policy.propensity", policy.propensity.as_ref()),
        ("policy.episode", policy.episode.as_ref()),
    ];
    let others = [
        ("the key", data.key.as_ref()),
        ("the time", data.time.as_ref()),
        ("the column of the split", recipe.split.column.as_ref()),
    ];
    let mut taken: Vec<(&str, &String)> =
        others.into_iter().filter_map(|(what, n)| Some((what, n?))).collect();
    taken.extend(data.ignore.iter().map(|name| ("ignored", name)));
    for (key, name) in own.into_iter().filter_map(|(key, name)| Some((key, name?))) {
        if let Some((what, _)) = taken.iter().find(|(_, other)| *other == name) {
            return Err((key, format!("'{name}' is also {what}: it can only be one of them")));
        }
        taken.push((&key["policy.".len()..], name));
    }
    match &data.target {
        Some(target) if *target != policy.action => Err((
            "data.target",
            format!("is '{target}', but what a policy answers is its action, '{}'", policy.action),
        )),
        _ => Ok(()),
    }
}

/// What is said of predictions and not of policies.
fn others(recipe: &Recipe) -> Result<(), Fault> {
    let (data, train) = (&recipe.data, &recipe.train);
    let asked = [
        (
            data.task.is_some_and(|task| task != Task::Policy),
            "data.task",
            "is not 'policy', and [policy] makes one",
        ),
        (!data.targets.is_empty(), "data.targets", "a policy answers with its action alone"),
        (data.positive.is_some(), "data.positive", "no action of a policy counts as positive"),
        (data.weight.is_some(), "data.weight", "decisions have no weights: each counts once"),
        (
            data.group.is_some(),
            "data.group",
            "say it as the episode of [policy], where decisions follow each other",
        ),
        (recipe.forecast.is_some(), "forecast", "a recipe makes a forecast or a policy, not both"),
        (
            recipe.balance.is_some(),
            "balance",
            "actions are not brought into balance: propensities see to that",
        ),
        (recipe.augment.is_some(), "augment", "decisions are not generated: nobody logged their rewards"),
        (recipe.labels.is_some(), "labels", "an action that was taken is no label to doubt"),
        (
            recipe.decision != Default::default(),
            "decision",
            "a policy decides by rewards, not by a threshold",
        ),
        (train.metric.is_some(), "train.metric", "policies are compared by their doubly robust value"),
        (
            train.calibrate.is_some_and(|method| method != Calibration::None),
            "train.calibrate",
            "the probabilities of a policy are its own: there is nothing to calibrate",
        ),
        (recipe.split.nested.is_some(), "split.nested", "a policy is judged on one test part"),
    ];
    match asked.into_iter().find(|(said, ..)| *said) {
        None => Ok(()),
        Some((_, key, problem)) => Err((key, problem.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(text: &str) -> Recipe {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        let logged = "[policy]\naction = 'a'\nreward = 'r'\npropensity = 'p'";
        for (text, key, words) in [
            ("data.task = 'policy'".into(), "data.task", "[policy] action"),
            ("[policy]\nreward = 'r'".into(), "policy.action", "the action that was taken"),
            ("[policy]\naction = 'a'".into(), "policy.reward", "what came of it"),
            ("[policy]\naction = 'a'\nreward = 'r'".into(), "policy.propensity", "estimate_propensity"),
            (format!("{logged}\nestimate_propensity = true"), "policy.estimate_propensity", "leave this out"),
            (format!("data.key = 'r'\n{logged}"), "policy.reward", "also the key"),
            ("[policy]\naction = 'a'\nreward = 'a'\npropensity = 'p'".into(), "policy.reward", "also action"),
            (format!("data.target = 'b'\n{logged}"), "data.target", "'a'"),
            (format!("data.task = 'binary'\n{logged}"), "data.task", "not 'policy'"),
            (format!("data.weight = 'w'\n{logged}"), "data.weight", "no weights"),
            (format!("train.metric = 'f1'\n{logged}"), "train.metric", "doubly robust"),
        ] {
            let (found, problem) = check(&recipe(&text)).unwrap_err();
            assert_eq!(found, key, "{text}");
            assert!(problem.contains(words), "{text}: {problem}");
        }
        let settled = settled(&recipe(logged)).unwrap();
        assert_eq!((settled.data.target.as_deref(), settled.data.task), (Some("a"), Some(Task::Policy)));
        // What is settled is as it was when it is read again.
        assert_eq!(super::settled(&settled).unwrap(), settled);
    }
}
