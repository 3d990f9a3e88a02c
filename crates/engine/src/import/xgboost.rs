//! XGBoost's files (`Booster.save_model`), JSON and UBJSON alike, after its own schema (`doc/model.schema`).
//!
//! XGBoost compares 32-bit numbers: `x < threshold` of `x` rounded to 32 bits goes left. Each threshold becomes the greatest
//! 64-bit number of which that is true, so that numbers need no rounding and every row goes the same way. A set of categories
//! holds what goes right; children change places here, so that what is not in it goes where it went there.

mod file;
mod ubjson;

use tidemill_core::Question;
use tidemill_learn::trees::losses::Link;

use super::ensemble::{Ensemble, Feature, FeatureReads, Grove, MOST_CLASSES, MOST_FEATURES, Node, bits};
use super::fault::Fault;
use file::{Bit, Categories, File, Tree};

/// Codes of categories from here on are none to XGBoost.
const MOST_CODE: i64 = 1 << 24;

/// Reads a model in JSON.
pub(super) fn read_json(text: &[u8]) -> Result<Ensemble, Fault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let file = serde_path_to_error::deserialize(&mut json).map_err(located)?;
    json.end().map_err(|e| Fault::broken(e.to_string()))?;
    ensemble(file)
}

/// Reads a model in UBJSON.
pub(super) fn read_ubjson(bytes: &[u8]) -> Result<Ensemble, Fault> {
    let mut reader = ubjson::Reader::new(bytes);
    let value = reader.value().map_err(|e| Fault::broken(e.to_string()))?;
    let file = serde_path_to_error::deserialize(value).map_err(located)?;
    reader.end().map_err(|e| Fault::broken(e.to_string()))?;
    ensemble(file)
}

fn located(e: serde_path_to_error::Error<impl std::error::Error>) -> Fault {
    Fault::broken(e.inner().to_string()).at(format!("'{}'", e.path()))
}

/// The most that a threshold of 32 bits lets pass: the greatest 64-bit number that, rounded to 32 bits, is less than it.
pub(super) fn below(threshold: f32) -> f64 {
    let under = threshold.next_down();
    if under == f32::NEG_INFINITY {
        // Half a step beyond the least 32-bit number, where rounding gives minus infinity.
        return -f64::from(f32::MAX) - 2f64.powi(103);
    }
    let middle = f64::midpoint(f64::from(under), f64::from(threshold));
    if (middle as f32) < threshold { middle } else { middle.next_down() }
}

fn ensemble(file: File) -> Result<Ensemble, Fault> {
    let learner = file.learner;
    let booster = learner.gradient_booster;
    let (model, weights) = match (booster.name.as_deref(), booster.gbtree) {
        (Some("gblinear"), _) => {
            return Err(Fault::refused(
                "this is a linear model (gblinear), not trees",
                "train it with the booster gbtree or dart, or train a linear model here",
            ));
        }
        (_, Some(inner)) => (inner.model, booster.weight_drop),
        _ => (booster.model, None),
    };
    let model = model.ok_or_else(|| Fault::broken("'learner.gradient_booster.model' is missing"))?;
    let answer = Answer::read(&learner.objective.name, &learner.learner_model_param)?;
    let mut features = features(&learner.feature_names, &learner.feature_types, &answer, &model.cats)?;
    if model.trees.len() != model.tree_info.len() {
        let problem =
            format!("{} trees, but {} entries of tree_info", model.trees.len(), model.tree_info.len());
        return Err(Fault::broken(problem));
    }
    if let Some(weights) = weights.as_ref().filter(|weights| weights.len() != model.trees.len()) {
        let problem = format!("{} trees, but {} entries of weight_drop", model.trees.len(), weights.len());
        return Err(Fault::broken(problem));
    }
    let mut grove = Grove::new(features.len(), answer.start.clone(), false);
    for slot in slots(&model.tree_info, answer.start.len())? {
        match slot {
            None => grove.plant_nothing(),
            Some(at) => {
                let scale = weights.as_ref().map_or(1.0, |weights| weights[at]);
                grow(&mut grove, &model.trees[at], scale, &mut features)
                    .map_err(|fault| fault.at(format!("'trees[{at}]'")))?;
            }
        }
    }
    let mut notes = Vec::new();
    if let Some(best) = learner.attributes.get("best_iteration") {
        notes.push(format!(
            "training stopped early, best after round {best} (from 0); the file holds all rounds and all are used, as by \
             Booster.predict: to cut it there, save booster[: best_iteration + 1]"
        ));
    }
    if features.iter().any(|f| f.reads == FeatureReads::Code) {
        notes.push("the file does not name its categories: their columns take the codes of training".into());
    }
    let version: Vec<String> = file.version.iter().map(i64::to_string).collect();
    Ok(Ensemble {
        program: "XGBoost",
        version: if version.is_empty() { "unknown".into() } else { version.join(".") },
        objective: learner.objective.name,
        features,
        link: answer.link,
        n_classes: answer.n_classes,
        class_names: Vec::new(),
        trees: grove.trees(),
        notes,
    })
}

/// The trees in our order, where number `t` adds to output `t % n_outputs`; `None` where an output has fewer than others.
fn slots(outputs: &[i64], n_outputs: usize) -> Result<Vec<Option<usize>>, Fault> {
    let mut by_output = vec![Vec::new(); n_outputs];
    for (tree, output) in outputs.iter().enumerate() {
        let place = usize::try_from(*output).ok().and_then(|output| by_output.get_mut(output));
        let wrong = || {
            let problem = format!("tree {tree} adds to output {output}, but there are {n_outputs}");
            Fault::broken(problem).at("'tree_info'")
        };
        place.ok_or_else(wrong)?.push(tree);
    }
    let rounds = by_output.iter().map(Vec::len).max().unwrap_or(0);
    if rounds.saturating_mul(n_outputs) > outputs.len().saturating_mul(4).saturating_add(MOST_CLASSES) {
        return Err(Fault::broken("some outputs have many trees and others almost none").at("'tree_info'"));
    }
    let slot = |t: usize| by_output[t % n_outputs].get(t / n_outputs).copied();
    Ok((0..rounds * n_outputs).map(slot).collect())
}

/// What the sum of the trees means.
struct Answer {
    link: Link,
    n_classes: Option<usize>,
    start: Vec<f64>,
    n_features: usize,
}

impl Answer {
    fn read(objective: &str, told: &file::ModelParam) -> Result<Self, Fault> {
        let count = |key: &str, text: &str, most: usize| {
            let wrong = || {
                let place = format!("'learner_model_param.{key}'");
                Fault::broken(format!("'{text}' is not a whole number up to {most}")).at(place)
            };
            text.parse().ok().filter(|n: &usize| *n <= most).ok_or_else(wrong)
        };
        let n_features = count("num_feature", &told.num_feature, MOST_FEATURES)?;
        let num_class = count("num_class", &told.num_class, MOST_CLASSES)?;
        if count("num_target", &told.num_target, usize::MAX)? > 1 {
            return Err(Fault::refused(
                "it answers several targets at a time, which are not taken over",
                "train a model for each target",
            ));
        }
        let logit = |p: f64| -(1.0 / p - 1.0).ln();
        let (link, n_classes, margin): (Link, Option<usize>, fn(f64) -> f64) = match objective {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => (Link::Identity, None, |x| x),
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:aft" | "survival:cox" => {
                (Link::Exp, None, f64::ln)
            }
            "reg:logistic" => (Link::Logistic, None, logit),
            "binary:logistic" => (Link::Sigmoid, Some(2), logit),
            "binary:logitraw" => (Link::Identity, None, |x| x),
            "multi:softprob" | "multi:softmax" if num_class >= 2 => (Link::Softmax, Some(num_class), |x| x),
            other => {
                return Err(Fault::refused(
                    format!("the objective '{other}' with {num_class} classes is not one whose answers are known"),
                    "known are reg:*, binary:logistic, binary:logitraw, multi:softprob, multi:softmax, count:poisson, rank:*, \
                     survival:aft and survival:cox",
                )
                .at("'learner.objective'"));
            }
        };
        let n_outputs = if link == Link::Softmax { num_class } else { 1 };
        let wrong = || {
            let text: String = told.base_score.chars().take(40).collect();
            Fault::broken(format!("'{text}' is not a base score")).at("'learner_model_param.base_score'")
        };
        let listed = told.base_score.trim().trim_start_matches('[').trim_end_matches(']');
        let scores = listed.split(',').map(|word| word.trim().parse::<f32>().map(|x| margin(f64::from(x))));
        let scores = scores.collect::<Result<Vec<f64>, _>>().map_err(|_| wrong())?;
        let start = match scores.as_slice() {
            [one] => vec![*one; n_outputs],
            many if many.len() == n_outputs => scores,
            _ => return Err(wrong()),
        };
        if start.iter().any(|x| !x.is_finite()) {
            return Err(wrong());
        }
        Ok(Answer { link, n_classes, start, n_features })
    }
}

fn features(
    names: &[String],
    types: &[String],
    answer: &Answer,
    cats: &Categories,
) -> Result<Vec<Feature>, Fault> {
    let n = answer.n_features;
    for (what, found) in
        [("feature_names", names.len()), ("feature_types", types.len()), ("cats", cats.enc.len())]
    {
        if found != 0 && found != n {
            return Err(Fault::broken(format!("{found} {what} for {n} features")));
        }
    }
    let feature = |j: usize| {
        let reads = match types.get(j).map(String::as_str) {
            Some("c") => match cats.enc.get(j).map(|encoded| encoded.names()).transpose()? {
                Some(names) if !names.is_empty() => FeatureReads::Names(names),
                _ => FeatureReads::Code,
            },
            Some("i") => FeatureReads::Flag,
            _ => FeatureReads::Number,
        };
        let name = names.get(j).cloned().unwrap_or_else(|| format!("f{j}"));
        Ok(Feature { name, reads, range: None })
    };
    (0..n).map(feature).collect()
}

/// Adds one tree, its leaves times `scale`.
fn grow(grove: &mut Grove, tree: &Tree, scale: f64, features: &mut [Feature]) -> Result<(), Fault> {
    if tree.tree_param.size_leaf_vector.parse().is_ok_and(|n: u64| n > 1) {
        return Err(Fault::refused(
            "its leaves hold several numbers (multi_output_tree), which are not taken over",
            "train it with multi_strategy = one_output_per_tree",
        ));
    }
    let n = tree.left_children.len();
    let lengths = [
        ("right_children", tree.right_children.len()),
        ("split_indices", tree.split_indices.len()),
        ("split_conditions", tree.split_conditions.len()),
        ("default_left", tree.default_left.len()),
        ("sum_hessian", tree.sum_hessian.len()),
    ];
    if let Some((key, found)) = lengths.into_iter().find(|(_, found)| *found != n) {
        return Err(Fault::broken(format!("{found} entries of {key} for {n} nodes")));
    }
    let sets = tree.sets()?;
    let is_set = |at: usize| tree.split_type.get(at) == Some(&Bit(true));
    for (at, feature) in tree.split_indices.iter().enumerate().filter(|(at, _)| tree.left_children[*at] >= 0)
    {
        let Some(feature) = features.get_mut(*feature as usize) else { continue };
        match (&feature.reads, is_set(at)) {
            (FeatureReads::Number, true) => feature.reads = FeatureReads::Code,
            (FeatureReads::Names(_) | FeatureReads::Code, false) | (FeatureReads::Flag, true) => {
                let problem = format!("'{}' is asked about as a number and as a category", feature.name);
                return Err(Fault::broken(problem));
            }
            _ => {}
        }
    }
    let child =
        |child: i64| usize::try_from(child).map_err(|_| Fault::broken(format!("a child is node {child}")));
    grove.plant(n, |at| {
        if tree.left_children[at] == -1 && tree.right_children[at] == -1 {
            let value = f64::from(tree.split_conditions[at]) * scale;
            return Ok(Node::Leaf { value, cover: f64::from(tree.sum_hessian[at]) });
        }
        let (left, right) = (child(tree.left_children[at])?, child(tree.right_children[at])?);
        let (feature, missing_left) = (tree.split_indices[at] as usize, tree.default_left[at].0);
        if !is_set(at) {
            let threshold = tree.split_conditions[at];
            let threshold = if threshold.is_finite() { below(threshold) } else { f64::from(threshold) };
            let question = Question::Number { threshold };
            return Ok(Node::Split { feature, question, missing_left, children: [left, right] });
        }
        let codes = sets.get(&at).copied().unwrap_or_default();
        if let Some(code) = codes.iter().find(|code| !(0..MOST_CODE).contains(*code)) {
            return Err(Fault::broken(format!("the category {code} of node {at} is none")));
        }
        let question = Question::Category { left: bits(codes.iter().map(|code| *code as usize)) };
        Ok(Node::Split { feature, question, missing_left: !missing_left, children: [right, left] })
    })
}

#[cfg(test)]
mod tests {
    use tidemill_kernel::Random;

    use super::below;

    #[test]
    fn a_threshold_lets_pass_what_is_less_when_rounded() {
        let mut random = Random::new(7, 0);
        let mut drawn: Vec<f32> = (0..2000).map(|_| f32::from_bits((random.unit() * 4.3e9) as u32)).collect();
        drawn.retain(|t| t.is_finite());
        drawn.extend([
            0.0,
            -0.0,
            1.0,
            0.1,
            -0.1,
            f32::MIN_POSITIVE,
            1e-45,
            -1e-45,
            f32::MAX,
            f32::MIN,
            16_777_216.0,
        ]);
        for t in drawn {
            let edge = below(t);
            assert!((edge as f32) < t, "{edge} passes {t}");
            assert!((edge.next_up() as f32) >= t, "nothing beyond {edge} passes {t}");
        }
    }
}
