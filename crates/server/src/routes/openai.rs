//! `POST /v1/chat/completions`, `/v1/completions` and `/v1/embeddings`, as OpenAI's clients ask them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tidemill_engine::model::language::GENERATION;

use crate::app::App;
use crate::auth::Scope;
use crate::body;
use crate::clock;
use crate::fault::ApiError;
use crate::generating;
use crate::languages::{Does, Language};
use crate::protocols::openai::{self, Chunks, Form, Input, Texts, Wanted};

pub(super) async fn chat(State(app): State<Arc<App>>, headers: HeaderMap, request: Body) -> Response {
    completions(&app, Form::Chat, &headers, request).await.unwrap_or_else(openai::fault)
}

pub(super) async fn completion(State(app): State<Arc<App>>, headers: HeaderMap, request: Body) -> Response {
    completions(&app, Form::Text, &headers, request).await.unwrap_or_else(openai::fault)
}

pub(super) async fn embeddings(State(app): State<Arc<App>>, headers: HeaderMap, request: Body) -> Response {
    embedded(&app, &headers, request).await.unwrap_or_else(openai::fault)
}

/// A model as OpenAI lists it.
pub(super) fn listed(language: &Language) -> Value {
    let (task, version, parent) = match &language.does {
        Does::Generates { version, .. } => {
            let version = version.load();
            (GENERATION, Some(version.opened.hash.clone()), version.opened.parent.clone())
        }
        Does::Embeds(_) => ("embedding", None, None),
    };
    json!({ "id": language.name, "object": "model", "created": language.since / 1_000_000, "owned_by": "tidemill",
            "task": task, "hash": version, "parent": parent })
}

async fn completions(
    app: &Arc<App>,
    form: Form,
    headers: &HeaderMap,
    request: Body,
) -> Result<Response, ApiError> {
    let key_id = app.keys.check(headers, Scope::Predict)?;
    let body = body::read(request, headers, &app.limits).await?;
    let wanted = Wanted::of(form, &body)?;
    let language = named(app, &wanted.model)?;
    let Does::Generates { version, together, .. } = &language.does else {
        return Err(wrong_sort("this model turns texts into vectors", "ask it at /v1/embeddings"));
    };
    let (version, together) = (version.load_full(), together.clone());
    let begun = generating::begin(app, language, version, together, &wanted.question, key_id).await;
    let answering = begun.inspect_err(|fault| {
        let figures = &language.figures;
        if fault.status.is_client_error() { figures.refused.inc() } else { figures.failed.inc() }
    })?;
    let created = clock::now() / 1_000_000;
    let head = openai::Head::of(form, &wanted, created, &answering);
    if !wanted.stream {
        return Ok(super::json(&openai::whole(head, answering).await?));
    }
    let chunks = Chunks::of(head, wanted.usage, answering);
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((head, Body::new(chunks)).into_response())
}

async fn embedded(app: &Arc<App>, headers: &HeaderMap, request: Body) -> Result<Response, ApiError> {
    app.keys.check(headers, Scope::Predict)?;
    let body: Bytes = body::read(request, headers, &app.limits).await?;
    let texts = Texts::of(&body)?;
    let language = named(app, &texts.model)?;
    let Does::Embeds(embedder) = &language.does else {
        return Err(wrong_sort("this model gives no vectors", "ask it at /v1/chat/completions"));
    };
    let width = embedder.width();
    if texts.dimensions.is_some_and(|n| n != width) {
        let fault = ApiError::bad("invalid_value", format!("'dimensions' can only be {width} here"));
        return Err(fault.in_column("dimensions"));
    }
    let turn = language.queue.turn(1, app.limits.time).await?;
    let embedder = embedder.clone();
    let work = tokio::task::spawn_blocking(move || {
        let tokens = texts.texts.iter().map(|text| match text {
            Input::Text(text) => embedder.tokens(text),
            Input::Tokens(tokens) => Ok(tokens.clone()),
        });
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        let vectors = embedder.embed_tokens(&tokens)?;
        drop(turn);
        Ok::<_, tidemill_core::Error>(texts.answer(&vectors, width, tokens.iter().map(Vec::len).sum()))
    });
    let failed =
        |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the vectors could not be made");
    let answer = work.await.map_err(failed)?.map_err(refused)?;
    language.figures.answered.inc();
    Ok(super::json(&answer))
}

/// Why texts have no vectors: the caller's fault where it lies in their tokens.
fn refused(e: tidemill_core::Error) -> ApiError {
    let code = match e.code() {
        "prompt_too_long" => "context_length_exceeded",
        "tokenizer" => "tokenizer",
        _ => return e.into(),
    };
    ApiError::bad(code, e.to_string()).in_column("input")
}

fn named<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Language>, ApiError> {
    app.languages.named(name).ok_or_else(|| {
        let fault = ApiError::new(
            StatusCode::NOT_FOUND,
            "model_not_found",
            "no language model of this name is served",
        );
        fault.in_column("model").help("see /v1/models")
    })
}

fn wrong_sort(message: &str, remedy: &str) -> ApiError {
    ApiError::bad("unsupported_model", message).in_column("model").help(remedy)
}
