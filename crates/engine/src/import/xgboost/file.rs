//! What stands in such a file: the parts that are read; all others are passed over.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::Fault;

#[derive(serde::Deserialize)]
pub(super) struct File {
    pub(super) learner: Learner,
    #[serde(default)]
    pub(super) version: Vec<i64>,
}

#[derive(serde::Deserialize)]
pub(super) struct Learner {
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    #[serde(default)]
    pub(super) feature_types: Vec<String>,
    pub(super) gradient_booster: Booster,
    pub(super) learner_model_param: ModelParam,
    pub(super) objective: Objective,
}

#[derive(serde::Deserialize)]
pub(super) struct Booster {
    pub(super) name: Option<String>,
    /// Of `gbtree`.
    pub(super) model: Option<Model>,
    /// Of `dart`, with the weights of its trees.
    pub(super) gbtree: Option<Inner>,
    pub(super) weight_drop: Option<Vec<f64>>,
}

#[derive(serde::Deserialize)]
pub(super) struct Inner {
    pub(super) model: Option<Model>,
}

#[derive(serde::Deserialize)]
pub(super) struct Model {
    #[serde(default)]
    pub(super) trees: Vec<Tree>,
    /// The output that each tree adds to.
    #[serde(default)]
    pub(super) tree_info: Vec<i64>,
    #[serde(default)]
    pub(super) cats: Categories,
}

/// Counts and the base score: numbers as texts.
#[derive(serde::Deserialize)]
pub(super) struct ModelParam {
    pub(super) base_score: String,
    pub(super) num_feature: String,
    #[serde(default = "none")]
    pub(super) num_class: String,
    #[serde(default = "none")]
    pub(super) num_target: String,
}

fn none() -> String {
    "0".into()
}

#[derive(serde::Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
}

/// The names of categories, by feature.
#[derive(Default, serde::Deserialize)]
pub(super) struct Categories {
    #[serde(default)]
    pub(super) enc: Vec<Encoded>,
}

/// The names of one column: numbers, or the bytes of texts with the places where these begin.
#[derive(serde::Deserialize)]
pub(super) struct Encoded {
    #[serde(default)]
    offsets: Option<Vec<i64>>,
    #[serde(default)]
    values: Vec<i64>,
}

impl Encoded {
    pub(super) fn names(&self) -> Result<Vec<String>, Fault> {
        let Some(offsets) = &self.offsets else {
            return Ok(self.values.iter().map(i64::to_string).collect());
        };
        let wrong = || Fault::broken("the names of categories are not whole").at("'cats.enc'");
        let name = |ends: &[i64]| {
            let place = |at: i64| usize::try_from(at).ok();
            let bytes = self.values.get(place(ends[0])?..place(ends[1])?)?;
            // Bytes stand as signed numbers in some versions.
            let bytes = bytes.iter().map(|b| u8::try_from(b.rem_euclid(256)).ok());
            String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
        };
        let mut total = 0;
        for ends in offsets.windows(2) {
            total += ends[1].saturating_sub(ends[0]).max(0);
            if total > self.values.len() as i64 {
                return Err(wrong());
            }
        }
        offsets.windows(2).map(|ends| name(ends).ok_or_else(wrong)).collect()
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Tree {
    pub(super) left_children: Vec<i64>,
    pub(super) right_children: Vec<i64>,
    pub(super) split_indices: Vec<u32>,
    /// Thresholds, and at leaves their values.
    pub(super) split_conditions: Vec<f32>,
    pub(super) default_left: Vec<Bit>,
    pub(super) sum_hessian: Vec<f32>,
    /// Whether a node asks about a category.
    #[serde(default)]
    pub(super) split_type: Vec<Bit>,
    #[serde(default)]
    categories: Vec<i64>,
    #[serde(default)]
    categories_nodes: Vec<i64>,
    #[serde(default)]
    categories_segments: Vec<i64>,
    #[serde(default)]
    categories_sizes: Vec<i64>,
    #[serde(default)]
    pub(super) tree_param: TreeParam,
}

#[derive(Default, serde::Deserialize)]
pub(super) struct TreeParam {
    #[serde(default)]
    pub(super) size_leaf_vector: String,
}

impl Tree {
    /// The categories that go right, by node.
    pub(super) fn sets(&self) -> Result<BTreeMap<usize, &[i64]>, Fault> {
        let n = self.categories_nodes.len();
        if self.categories_segments.len() != n || self.categories_sizes.len() != n {
            return Err(Fault::broken("the sets of categories are not whole"));
        }
        let set = |i: usize| {
            let place = |at: i64| usize::try_from(at).ok();
            let (from, size) = (place(self.categories_segments[i])?, place(self.categories_sizes[i])?);
            Some((place(self.categories_nodes[i])?, self.categories.get(from..from.checked_add(size)?)?))
        };
        let wrong = |i: usize| Fault::broken(format!("set {i} of categories reaches beyond them"));
        (0..n).map(|i| set(i).ok_or_else(|| wrong(i))).collect()
    }
}

/// A yes or no, written as a number or as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bit(pub(super) bool);

impl<'de> Deserialize<'de> for Bit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Bit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0, 1, true or false")
            }

            fn visit_bool<E: Error>(self, yes: bool) -> Result<Bit, E> {
                Ok(Bit(yes))
            }

            fn visit_i64<E: Error>(self, x: i64) -> Result<Bit, E> {
                if x == 0 || x == 1 {
                    Ok(Bit(x == 1))
                } else {
                    Err(E::custom(format!("{x} is neither 0 nor 1")))
                }
            }

            fn visit_u64<E: Error>(self, x: u64) -> Result<Bit, E> {
                self.visit_i64(x.min(2) as i64)
            }
        }
        from.deserialize_any(Either)
    }
}
