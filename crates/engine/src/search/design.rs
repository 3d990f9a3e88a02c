//! The design of a model: its learners and their weights.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Chain, Context, Error, Estimator, Fitted, Result, Table};

use super::{Balancer, labels, order, synthetic, training};
use crate::links::blend::Blend;
use crate::search::preparation::{self, Prepared};

/// Learners of the same needs, and their shares.
type Group = Vec<(Box<dyn Estimator>, f64)>;

/// One learner, or several that answer together.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Each learner and its share; the shares sum to 1.
    pub members: Vec<(Spec, f64)>,
}

impl Design {
    /// A single learner.
    pub fn of(spec: Spec) -> Self {
        Design { members: vec![(spec, 1.0)] }
    }

    /// The design that [`Design::spec`] wrote.
    pub fn read(spec: &Spec) -> Result<Self> {
        if spec.kind != Blend::KIND {
            return Ok(Design::of(spec.clone()));
        }
        let wrong = || Error::state("model", "its blend has no members");
        let members = spec.params.get("members").and_then(Value::as_array).ok_or_else(wrong)?;
        let member = |value: &Value| {
            let mut spec: Spec = serde_json::from_value(value.clone()).ok()?;
            let share = spec.params.shift_remove("share")?.as_f64()?;
            Some((spec, share))
        };
        let members: Option<Vec<_>> = members.iter().map(member).collect();
        members.filter(|m| !m.is_empty()).map(|members| Design { members }).ok_or_else(wrong)
    }

    /// The design as a recipe or a model file says it, defaults filled in.
    pub fn spec(&self, context: &Context) -> Result<Spec> {
        let whole = |spec: &Spec| -> Result<Spec> {
            let estimator = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
            let params = match estimator.params() {
                Value::Object(params) => params,
                _ => Map::new(),
            };
            Ok(Spec { kind: spec.kind.clone(), params })
        };
        if let [(only, _)] = self.members.as_slice() {
            return whole(only);
        }
        let member = |(spec, share): &(Spec, f64)| Ok(json!(whole(spec)?.with("share", *share)));
        let members = self.members.iter().map(member).collect::<Result<Vec<Value>>>()?;
        Ok(Spec::new(Blend::KIND).with("members", members))
    }

    /// Fits preparation and learners on `train`: the links of the chain. Learners of the same needs share their
    /// preparation.
    pub fn fit(&self, train: Table, recipe: &Recipe, context: &Context) -> Result<Prepared> {
        let mut groups: Vec<(super::Order, Group)> = Vec::new();
        for (spec, share) in &self.members {
            let estimator = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
            let order = order(estimator.needs());
            match groups.iter_mut().find(|(known, _)| *known == order) {
                Some((_, group)) => group.push((estimator, *share)),
                None => groups.push((order, vec![(estimator, *share)])),
            }
        }
        let balancer = Balancer::of(recipe, context)?;
        let mut balance = None;
        let (mut chains, mut shares, mut specs) = (Vec::new(), Vec::new(), Vec::new());
        let (train, doubts) = labels::cleaned(train, recipe, context)?;
        let train = synthetic::added(train, recipe, context)?;
        let (mut raw, mut last) = (Some(train), None);
        let n_groups = groups.len();
        for (at, (_, group)) in groups.into_iter().enumerate() {
            let needs = Balancer::needs(balancer.as_ref(), group[0].0.needs());
            // The last group's preparation may let go of the raw rows as it goes.
            let rows = if at + 1 == n_groups { raw.take() } else { raw.clone() };
            let rows = rows.ok_or_else(|| Error::internal("the rows of a design are gone"))?;
            let mut prepared = preparation::fit(rows, recipe, needs, context)?;
            let balanced = balancer.as_ref().map(|b| b.balance(&prepared.train, context)).transpose()?;
            let rows = balanced.as_ref().map_or(&prepared.train, |b| &b.rows);
            let mut fitted: Vec<Arc<dyn Fitted>> = Vec::with_capacity(group.len());
            for (estimator, _) in &group {
                context.check()?;
                let stream = context.with_stream(estimator.kind());
                fitted.push(estimator.fit(training(rows, &**estimator, context), &stream)?);
            }
            let own: Vec<f64> = group.iter().map(|(_, share)| *share).collect();
            match fitted.len() {
                1 => {
                    let links = |one| balanced.as_ref().map_or(vec![Arc::clone(&one)], |b| b.links(one));
                    prepared.steps.extend(fitted.drain(..).flat_map(links));
                }
                _ => {
                    let link = |one| balanced.as_ref().map_or(Arc::clone(&one), |b| b.link(one));
                    let fitted = fitted.into_iter().map(link).collect();
                    prepared.steps.push(Arc::new(Blend::new(fitted, &own)?));
                }
            }
            balance = balanced.map(|b| b.facts).or(balance);
            chains.push(prepared.steps);
            shares.push(own.iter().sum());
            specs.extend(prepared.specs.into_iter().filter(|spec| !specs.contains(spec)).collect::<Vec<_>>());
            if raw.is_none() {
                last = Some(prepared.train);
            }
        }
        let train = last.ok_or_else(|| Error::internal("a design without a learner"))?;
        let steps = match chains.len() {
            1 => chains.remove(0),
            _ => {
                let parts = chains.into_iter().map(|c| Arc::new(Chain(c)) as Arc<dyn Fitted>).collect();
                vec![Arc::new(Blend::new(parts, &shares)?) as Arc<dyn Fitted>]
            }
        };
        Ok(Prepared { steps, specs, train, balance, labels: doubts })
    }
}
