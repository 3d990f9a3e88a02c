//! `/v1/models`: what is served, what it asks for, how it does.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use prometheus::core::Metric;
use serde_json::{Value, json};
use tidemill_engine::serve::serving::Part;
use tidemill_engine::verbs::monitor;

use super::{Named, no_such_model};
use crate::app::App;
use crate::auth::Scope;
use crate::clock;
use crate::fault::ApiError;
use crate::live::Version;
use crate::predicting::in_time;

pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Read)?;
    let models: Vec<Value> = app.models.all().iter().map(|live| brief(&live.version())).collect();
    // Clients of OpenAI's read `data`.
    let data: Vec<Value> = app.languages.all().map(|language| super::openai::listed(language)).collect();
    Ok(super::json(&json!({ "models": models, "object": "list", "data": data })))
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.keys.check(&headers, Scope::Read)?;
    if let Some(language) = app.languages.named(&name) {
        return Ok(super::json(&super::openai::listed(language)));
    }
    let version = read(&app, &headers, &name)?;
    let columns = version.serving().columns.iter().map(|c| {
        json!({ "name": c.name, "kind": c.kind.word(), "role": c.role, "required": c.required,
                "categories": (!c.categories.is_empty()).then_some(&c.categories), "range": c.range })
    });
    let mut document = brief(&version);
    if let Value::Object(document) = &mut document {
        document.insert("columns".into(), columns.collect());
        document.insert("passed_over".into(), json!(version.serving().passed_over));
        document.insert("about".into(), json!(version.serving().provenance));
        document.insert("card".into(), json!(version.serving().card));
    }
    Ok(super::json(&document))
}

/// The version in service of a model, for those who may see it.
fn read(app: &App, headers: &HeaderMap, name: &str) -> Result<Arc<Version>, ApiError> {
    app.keys.check(headers, Scope::Read)?;
    app.models.version(name).ok_or_else(no_such_model)
}

pub(super) fn brief(version: &Version) -> Value {
    let serving = version.serving();
    let mut brief = json!({
        "name": serving.name,
        "version": version.short(),
        "hash": serving.hash,
        "parent": serving.provenance.parent,
        "task": serving.task(),
        "target": serving.target(),
        "classes": serving.classes,
        "since": clock::written(version.since),
    });
    if !serving.parts.is_empty() {
        let part = |part: &Part| {
            let one = &part.serving;
            json!({ "target": one.target(), "task": one.task(), "classes": one.classes })
        };
        brief["targets"] = serving.parts.iter().map(part).collect();
    }
    brief
}

/// Live scores, ratings and versions, from the store.
pub(super) async fn monitor(
    State(app): State<Arc<App>>,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let version = read(&app, &headers, &name)?;
    let store = app.store.clone();
    let work = move || monitor::of_serving(version.serving(), &store, clock::now());
    // A store that another program has locked is waited for no longer than a caller waits.
    let found = in_time(app.limits.time, tokio::task::spawn_blocking(work)).await??;
    let document = serde_json::to_value(&found).unwrap_or_default();
    Ok(super::json(&document))
}

/// The counters of a model, for the page: totals since the start.
pub(super) async fn live(
    State(app): State<Arc<App>>,
    Named(name): Named,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let version = read(&app, &headers, &name)?;
    let figures = &version.figures;
    let metric = figures.total.metric();
    let histogram = metric.get_histogram();
    let buckets: Vec<Value> =
        histogram.get_bucket().iter().map(|b| json!([b.upper_bound(), b.cumulative_count()])).collect();
    Ok(super::json(&json!({
        "version": version.short(),
        "answered": figures.answered.get(),
        "refused": figures.refused.get(),
        "failed": figures.failed.get(),
        "rows": figures.batch.get_sample_sum(),
        "in_flight": figures.in_flight.get(),
        "latency": { "count": figures.total.get_sample_count(), "buckets": buckets },
        "connections": app.telemetry.connections.get(),
        "cost": figures.cost().map(|(amount, currency)| json!({ "amount": amount, "currency": currency })),
    })))
}
