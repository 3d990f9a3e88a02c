//! LightGBM's text files (`Booster.save_model`), after its own reader (`GBDT::LoadModelFromString`, `Tree`).
//!
//! Numbers are 64-bit there and here, and `x <= threshold` goes left there and here. What happens to missing values is decided
//! by node: `None` takes `NaN` for 0, `NaN` sends it its own way, `Zero` does so with 0 as well. A set of categories holds what
//! goes left; all else, missing values too, goes right.

mod block;

use std::collections::BTreeMap;

use tidemill_learn::trees::losses::Link;

use super::ensemble::{Ensemble, Feature, FeatureReads, Grove, MOST_CLASSES, MOST_FEATURES, Node};
use super::fault::Fault;
use block::{Block, blocks};

/// How the first line of such a file reads.
pub(super) const MARK: &str = "tree";

/// Reads the text of a model.
pub(super) fn read(text: &str) -> Result<Ensemble, Fault> {
    let (header, trees, tail) = blocks(text)?;
    let names: Vec<&str> = header.text("feature_names")?.split_whitespace().collect();
    let last: usize = header.number("max_feature_idx")?;
    if names.len() > MOST_FEATURES || last.checked_add(1) != Some(names.len()) {
        let problem = format!("{} names of features for a max_feature_idx of {last}", names.len());
        return Err(Fault::broken(problem).at(header.place("feature_names")));
    }
    let answer = Answer::read(&header, trees.len())?;
    let mut reads = vec![Seen::default(); names.len()];
    let mut grove = Grove::new(names.len(), vec![0.0; answer.n_outputs], false);
    let scale = answer.scale / answer.averaged_over;
    for tree in &trees {
        grow(&mut grove, tree, scale, &mut reads).map_err(|fault| fault.at(tree.place("Tree")))?;
    }
    let features = features(&header, &names, &reads, tail)?;
    let mut notes = Vec::new();
    if answer.objective.is_empty() {
        notes.push("the file names no objective (a custom one?): the answer is the raw score".into());
    }
    if features.iter().any(|f| f.reads == FeatureReads::Code) {
        notes.push("the file does not name its categories: their columns take the codes of training".into());
    }
    Ok(Ensemble {
        program: "LightGBM",
        version: header.get("version").unwrap_or("unknown").into(),
        objective: answer.objective,
        features,
        link: answer.link,
        n_classes: answer.n_classes,
        class_names: Vec::new(),
        trees: grove.trees(),
        notes,
    })
}

/// What the sum of the trees means.
struct Answer {
    objective: String,
    link: Link,
    n_classes: Option<usize>,
    n_outputs: usize,
    /// What scores are multiplied by before the link.
    scale: f64,
    /// Rounds that the trees are averaged over: random forests.
    averaged_over: f64,
}

impl Answer {
    fn read(header: &Block<'_>, n_trees: usize) -> Result<Self, Fault> {
        let objective = header.get("objective").unwrap_or_default();
        let mut words = objective.split_whitespace();
        let name = words.next().unwrap_or_default();
        let options: BTreeMap<&str, &str> = words.clone().filter_map(|word| word.split_once(':')).collect();
        let at = |fault: Fault| fault.at(header.place("objective"));
        if words.any(|word| word == "sqrt") {
            return Err(at(Fault::refused(
                "the target was taken the square root of (reg_sqrt), which is not taken over",
                "train it without reg_sqrt",
            )));
        }
        let n_outputs: usize = header.number("num_tree_per_iteration")?;
        let mut answer = Answer {
            objective: name.into(),
            link: Link::Identity,
            n_classes: None,
            n_outputs,
            scale: 1.0,
            averaged_over: 1.0,
        };
        match name {
            "" | "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile"
            | "mape" | "lambdarank" | "rank_xendcg" => {}
            "poisson" | "gamma" | "tweedie" => answer.link = Link::Exp,
            "cross_entropy" => answer.link = Link::Logistic,
            "binary" => {
                (answer.link, answer.n_classes) = (Link::Sigmoid, Some(2));
                let steep = options.get("sigmoid").copied().unwrap_or("1");
                let parsed = steep.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
                let wrong = || at(Fault::broken(format!("'sigmoid:{steep}' is not a number above 0")));
                answer.scale = parsed.ok_or_else(wrong)?;
            }
            "multiclass" => {
                let k: usize = header.number("num_class")?;
                (answer.link, answer.n_classes) = (Link::Softmax, Some(k));
            }
            other => {
                return Err(at(Fault::refused(
                    format!("the objective '{other}' is not one whose answers are known"),
                    "known are regression, binary, multiclass, poisson, gamma, tweedie, quantile, huber, fair, mape, \
                     cross_entropy and the rankings",
                )));
            }
        }
        if n_outputs != answer.n_classes.filter(|k| *k > 2 || answer.link == Link::Softmax).unwrap_or(1)
            || !(1..=MOST_CLASSES).contains(&n_outputs)
            || answer.n_classes.is_some_and(|k| k < 2)
        {
            let problem = format!("{n_outputs} trees in each round do not suit the objective '{name}'");
            return Err(Fault::broken(problem).at(header.place("num_tree_per_iteration")));
        }
        if !n_trees.is_multiple_of(n_outputs) {
            return Err(Fault::broken(format!("{n_trees} trees do not make whole rounds of {n_outputs}")));
        }
        if header.has("average_output") {
            answer.averaged_over = (n_trees / n_outputs).max(1) as f64;
        }
        Ok(answer)
    }
}

/// How the questions of all trees treat one feature.
#[derive(Clone, Copy, Default)]
struct Seen {
    as_category: bool,
    as_number: bool,
    zero_is_missing: bool,
    nan_is_missing: bool,
}

/// Adds one tree, its leaves times `scale`.
fn grow(grove: &mut Grove, tree: &Block<'_>, scale: f64, seen: &mut [Seen]) -> Result<(), Fault> {
    if tree.get("is_linear").is_some_and(|linear| linear.trim() != "0") {
        return Err(Fault::refused(
            "its leaves are linear functions, which are not taken over",
            "train it without linear_tree",
        )
        .at(tree.place("is_linear")));
    }
    let n_leaves: usize = tree.number("num_leaves")?;
    let n_inner = n_leaves.checked_sub(1).ok_or_else(|| Fault::broken("a tree without leaves"))?;
    let values: Vec<f64> = tree.list("leaf_value", n_leaves)?;
    // A tree that is a single leaf says no weights.
    let covers: Vec<f64> = if n_inner == 0 { vec![1.0] } else { tree.list("leaf_count", n_leaves)? };
    if n_inner == 0 {
        let leaf = |_| Ok(Node::Leaf { value: values[0] * scale, cover: covers[0] });
        return grove.plant(1, leaf);
    }
    let questions = block::Questions::read(tree, n_inner)?;
    for at in 0..n_inner {
        if let Some(seen) = seen.get_mut(questions.feature[at]) {
            questions.note(at, seen);
        }
    }
    // Leaves stand behind the inner nodes.
    let place = |child: i64| match usize::try_from(child) {
        Ok(inner) if inner < n_inner => Ok(inner),
        Err(_) if child.checked_neg().is_some_and(|leaf| leaf as u64 <= n_leaves as u64) => {
            Ok(n_inner + (-child - 1) as usize)
        }
        _ => Err(Fault::broken(format!(
            "a child is {child}, but there are {n_inner} inner nodes and {n_leaves} leaves"
        ))),
    };
    grove.plant(n_inner + n_leaves, |at| match at.checked_sub(n_inner) {
        Some(leaf) => Ok(Node::Leaf { value: values[leaf] * scale, cover: covers[leaf] }),
        None => {
            let (question, missing_left) = questions.question(at)?;
            let children = [place(questions.left[at])?, place(questions.right[at])?];
            Ok(Node::Split { feature: questions.feature[at], question, missing_left, children })
        }
    })
}

/// The columns, as the header and all questions describe them.
fn features(header: &Block<'_>, names: &[&str], seen: &[Seen], tail: &str) -> Result<Vec<Feature>, Fault> {
    let infos: Vec<&str> = header.text("feature_infos")?.split_whitespace().collect();
    if infos.len() != names.len() {
        let problem = format!("{} feature_infos for {} features", infos.len(), names.len());
        return Err(Fault::broken(problem).at(header.place("feature_infos")));
    }
    // `[0:1]` is a range of numbers, `0:2:1` a list of codes, `none` a column that never changes.
    let categorical: Vec<bool> = infos
        .iter()
        .zip(seen)
        .map(|(info, seen)| seen.as_category || (*info != "none" && !info.starts_with('[')))
        .collect();
    let mut named = category_names(tail, &infos, &categorical)?;
    let feature = |j: usize| {
        let (info, seen) = (infos[j], seen[j]);
        if (seen.as_category && seen.as_number) || (seen.zero_is_missing && seen.nan_is_missing) {
            return Err(Fault::refused(
                format!("its trees read '{}' in two ways that contradict each other", names[j]),
                "train it at one go with the same settings",
            ));
        }
        let range = info.strip_prefix('[').and_then(|info| info.strip_suffix(']')).and_then(|info| {
            let (low, high) = info.split_once(':')?;
            Some([low.parse().ok()?, high.parse().ok()?])
                .filter(|ends| ends.iter().all(|x: &f64| x.is_finite()))
        });
        let reads = match named.remove(&j) {
            Some(names) => FeatureReads::Names(names),
            None if categorical[j] => FeatureReads::Code,
            None if seen.zero_is_missing => FeatureReads::ZeroIsMissing,
            None => FeatureReads::Number,
        };
        Ok(Feature { name: names[j].into(), reads, range })
    };
    (0..names.len()).map(feature).collect()
}

/// The names of the categories of each column of a pandas table: they stand in the order of these columns, without saying which
/// these are.
fn category_names(
    tail: &str,
    infos: &[&str],
    categorical: &[bool],
) -> Result<BTreeMap<usize, Vec<String>>, Fault> {
    let line = tail.lines().find_map(|line| line.strip_prefix("pandas_categorical:"));
    let Some(line) = line.map(str::trim).filter(|line| *line != "null" && *line != "[]") else {
        return Ok(BTreeMap::new());
    };
    let lists: Vec<Vec<serde_json::Value>> = serde_json::from_str(line)
        .map_err(|e| Fault::broken(format!("no list of names: {e}")).at("pandas_categorical"))?;
    let places = |wanted: &dyn Fn(usize) -> bool| (0..infos.len()).filter(|j| wanted(*j)).collect::<Vec<_>>();
    let mut columns = places(&|j| categorical[j]);
    if columns.len() < lists.len() {
        // A category that never changed in training is a column of `none`.
        columns = places(&|j| categorical[j] || infos[j] == "none");
    }
    if columns.len() != lists.len() {
        return Err(Fault::refused(
            format!(
                "the names of {} columns of categories, but it cannot be told which of the {} columns they belong to",
                lists.len(),
                infos.len()
            ),
            "train it with every category as a pandas category, and without columns that never change",
        )
        .at("pandas_categorical"));
    }
    let word = |name: serde_json::Value| match name {
        serde_json::Value::String(word) => word,
        other => other.to_string(),
    };
    Ok(columns.into_iter().zip(lists.into_iter().map(|list| list.into_iter().map(word).collect())).collect())
}
