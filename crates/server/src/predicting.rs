//! A request for predictions from its head to its answer, whatever the protocol: read, answered, logged, counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use prometheus::IntCounter;
use tidemill_core::Error;
use tidemill_engine::explain::Explained;
use tidemill_engine::serve::answer::{AnswerError, Answered, Asked};
use tidemill_engine::serve::record::odd_codes;
use tidemill_engine::serve::serving::{Answer, Part, Prediction};
use tidemill_store::{Keyed, Once, Predictions, Sent};

use crate::answers;
use crate::app::App;
use crate::body;
use crate::clock;
use crate::fault::ApiError;
use crate::idempotency::{self, keyed};
use crate::live::Version;
use crate::protocols::Protocol;
use crate::rows::{Explain, Parsed};

/// Bodies of at most so many bytes are answered on the thread that read them.
const SMALL: usize = 64 << 10;

/// Answers a request: its body is read, and what comes of it is counted.
pub(crate) async fn predict<P: Protocol, B>(
    app: &Arc<App>,
    version: Arc<Version>,
    key_id: Option<Arc<str>>,
    (headers, address): (&HeaderMap, &str),
    request: B,
    protocol: impl FnOnce(&HeaderMap) -> Result<P, ApiError>,
) -> Result<Response, ApiError>
where
    B: BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = Instant::now();
    version.figures.in_flight.inc();
    let body = body::read(request, headers, &app.limits).await;
    let asked = body.and_then(|body| Ok((protocol(headers)?, keyed(headers, address, &body)?, body)));
    let answered = match asked {
        Ok((protocol, keyed, body)) => answer(app, &version, (key_id, keyed), protocol, body, start).await,
        Err(fault) => Err(fault),
    };
    let figures = &version.figures;
    figures.in_flight.dec();
    match &answered {
        Ok(_) => figures.answered.inc(),
        Err(fault) if fault.status.is_client_error() => figures.refused.inc(),
        Err(_) => figures.failed.inc(),
    }
    figures.total.observe(start.elapsed().as_secs_f64());
    answered
}

async fn answer<P: Protocol>(
    app: &Arc<App>,
    version: &Arc<Version>,
    (key_id, keyed): (Option<Arc<str>>, Option<Keyed>),
    protocol: P,
    body: Bytes,
    start: Instant,
) -> Result<Response, ApiError> {
    let figures = &version.figures;
    let queued = Instant::now();
    figures.stages[0].observe((queued - start).as_secs_f64());

    let Worked { question, mut answered, explained } = worked(app, version, protocol, body).await?;
    let Question { unknown, prepared, .. } = question;
    let inferred = Instant::now();
    figures.stages[1].observe((prepared - queued).as_secs_f64());
    figures.stages[2].observe((inferred - prepared).as_secs_f64());
    figures.batch.observe(answered.answers.len() as f64);

    let latency_us = (inferred - start).as_micros().min(u128::from(u32::MAX)) as u32;
    let predictions = version.model.predictions(&mut answered, latency_us, key_id.clone());
    let Answered { answers, ids, .. } = &answered;
    let encode = || {
        let explained = explained.as_ref();
        protocol.encode(&answers::Answered { version, answers, ids, explained, unknown: &unknown })
    };
    // The row is written before the answer leaves: what was answered can be asked about for ever.
    let left = app.limits.time.saturating_sub(start.elapsed());
    if let Some(keyed) = keyed {
        let encoded = encode();
        let work = queued.elapsed();
        let (sent, is_new) = once(app, keyed, predictions, encoded, left).await?;
        figures.stages[3].observe(inferred.elapsed().as_secs_f64());
        if is_new {
            count(version, answers);
            figures.charge(key_id.as_deref(), work, sent.body.len());
        }
        return Ok(idempotency::response(sent, is_new));
    }
    app.store_health.note(stored_in_time(left, app.store.log(predictions)).await)?;
    let kept = Instant::now();
    figures.stages[3].observe((kept - inferred).as_secs_f64());
    let (body, media) = encode();
    count(version, answers);
    figures.stages[4].observe(kept.elapsed().as_secs_f64());
    figures.charge(key_id.as_deref(), (inferred - queued) + kept.elapsed(), body.len());
    Ok(([(header::CONTENT_TYPE, media)], body).into_response())
}

/// The answer to a request with an idempotency key, and whether it was made just now: one that was made before is answered as it was then.
async fn once(
    app: &App,
    keyed: Keyed,
    predictions: Predictions,
    (body, media): (Vec<u8>, HeaderValue),
    left: Duration,
) -> Result<(Sent, bool), ApiError> {
    let sent = Sent { media: media.to_str().unwrap_or_default().into(), body };
    let kept = stored_in_time(left, app.store.log_once(keyed, predictions, sent.clone())).await;
    match app.store_health.note(kept)? {
        Once::New => Ok((sent, true)),
        Once::Repeated(sent) => Ok((sent, false)),
        Once::Conflict => Err(idempotency::conflict()),
    }
}

/// The answer of a thread, or 503 when it takes too long.
pub(crate) async fn in_time<T>(limit: Duration, work: tokio::task::JoinHandle<T>) -> Result<T, ApiError> {
    let late = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", "the answer took too long");
    let broken = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the answer failed");
    tokio::time::timeout(limit, work).await.map_err(late)?.map_err(broken)
}

/// What the store says, or that it is busy where that takes longer than the caller waits: it may still keep what it was given, but nobody
/// was told that it did.
pub(crate) async fn stored_in_time<T>(
    limit: Duration,
    work: impl Future<Output = tidemill_store::Result<T>>,
) -> tidemill_store::Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(tidemill_store::Error::Busy))
}

/// A request's rows, decoded.
struct Question {
    asked: Asked,
    unknown: Vec<String>,
    explain: Option<Explain>,
    prepared: Instant,
}

/// What came of a request's rows.
struct Worked {
    question: Question,
    answered: Answered,
    explained: Option<Explained>,
}

/// Decodes and answers: on this thread where that is soon done.
async fn worked<P: Protocol>(
    app: &Arc<App>,
    version: &Arc<Version>,
    protocol: P,
    body: Bytes,
) -> Result<Worked, ApiError> {
    let most = app.limits.rows;
    if body.len() > SMALL {
        let (app, version, limit) = (app.clone(), version.clone(), app.limits.time);
        let work = move || work(&app, &version, question(&version, &body, protocol, most)?);
        return in_time(limit, tokio::task::spawn_blocking(work)).await?;
    }
    let mut question = question(version, &body, protocol, most)?;
    if question.explain.is_some() {
        let (app, version, limit) = (app.clone(), version.clone(), app.limits.time);
        return in_time(limit, tokio::task::spawn_blocking(move || work(&app, &version, question))).await?;
    }
    let Some(batcher) = &version.batcher else { return work(app, version, question) };
    let answers = batcher.answer(std::mem::take(&mut question.asked.rows)).await?;
    let answered = version.model.complete(std::mem::take(&mut question.asked), answers)?;
    Ok(Worked { question, answered, explained: None })
}

fn work(app: &App, version: &Version, mut question: Question) -> Result<Worked, ApiError> {
    let asked = question.explain.map(|how| (question.asked.rows.clone(), how.method()));
    let answers = version.model.infer(&mut question.asked)?;
    let answered = version.model.complete(std::mem::take(&mut question.asked), answers)?;
    let context = &app.loader.context;
    let context = context.clone().with_deadline(Some(context.now() + app.limits.time)).strict();
    let explained = asked.map(|(rows, method)| version.model.serving.explain(rows, method, &context));
    let explained = explained.transpose().map_err(not_explained)?;
    Ok(Worked { question, answered, explained })
}

/// What is asked of a model that cannot be explained so is the caller's to change, and what fails is ours.
fn not_explained(e: Error) -> ApiError {
    match e.code() {
        "usage" => {
            let fault = ApiError::bad("not_explainable", e.to_string());
            ApiError { remedy: e.remedy(), ..fault }
        }
        _ => e.into(),
    }
}

fn question<P: Protocol>(
    version: &Version,
    body: &[u8],
    protocol: P,
    most: usize,
) -> Result<Question, ApiError> {
    let Parsed { rows, unknown, explain } = protocol.decode(body, &version.columns, most)?;
    let asked = version.model.ask(rows, clock::now())?;
    Ok(Question { asked, unknown, explain, prepared: Instant::now() })
}

impl From<AnswerError> for ApiError {
    fn from(e: AnswerError) -> Self {
        let remedy = e.remedy();
        match e {
            AnswerError::Model(e) => e.into(),
            AnswerError::Unreadable { row, ref column, .. } | AnswerError::BrokenKey { row, ref column } => {
                let fault = ApiError::bad("wrong_type", e.to_string()).at_row(row).in_column(column);
                ApiError { remedy: remedy.map(String::from), ..fault }
            }
        }
    }
}

fn count(version: &Version, answers: &[Answer]) {
    let figures = &version.figures;
    for answer in answers {
        count_answer(&figures.predictions, &version.serving().parts, answer);
        if answers::is_odd(answer) {
            odd_codes(answer).iter().for_each(|code| figures.count_odd(code));
        }
    }
}

/// Counts what an answer says; of several targets what it says of each, whose counters stand one after the other.
fn count_answer(counters: &[IntCounter], parts: &[Part], answer: &Answer) {
    if parts.is_empty() {
        let place = match answer.prediction {
            Prediction::Class(code) => code as usize,
            Prediction::Number(_) | Prediction::Mask => 0,
        };
        if let Some(counter) = counters.get(place) {
            counter.inc();
        }
        return;
    }
    let mut rest = counters;
    for (part, said) in parts.iter().zip(&answer.parts) {
        let own = part.serving.classes.len().max(1).min(rest.len());
        let (mine, others) = rest.split_at(own);
        count_answer(mine, &[], said);
        rest = others;
    }
}
