//! `POST /v1/models/{name}/predict`

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tidemill_core::{Cell, Kind, Row};
use tidemill_data::CellIssue;
use tidemill_engine::feedback;
use tidemill_engine::serve::serving::{Answer, Prediction};
use tidemill_store::{LoggedRow, Predictions};
use uuid::Uuid;

use super::no_such_model;
use crate::answers::{self, Answered};
use crate::app::App;
use crate::auth::Scope;
use crate::clock;
use crate::connections::body;
use crate::fault::ApiError;
use crate::live::Version;
use crate::rows::{self, Format, Parsed};

/// Requests of at most so many rows are answered on the thread that read them.
const SMALL: usize = 256;
/// Larger ones are cut into so many rows per thread.
const PIECE: usize = 4096;

pub(super) async fn predict(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    of_model(&app, &name, &head.headers, body).await
}

/// The name of the model of which predictions are asked, where the address needs no further reading.
pub(crate) fn model_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/v1/models/")?.strip_suffix("/predict")?;
    (!name.is_empty() && !name.contains(['/', '%'])).then_some(name)
}

/// Predictions of this model for the rows of a body.
pub(crate) async fn of_model<B>(app: &Arc<App>, name: &str, headers: &HeaderMap, request: B) -> Response
where
    B: http_body_util::BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    predictions(app, name, headers, request).await.unwrap_or_else(ApiError::into_response)
}

async fn predictions<B>(
    app: &Arc<App>,
    name: &str,
    headers: &HeaderMap,
    request: B,
) -> Result<Response, ApiError>
where
    B: http_body_util::BodyExt<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let start = Instant::now();
    let key_id = app.keys.check(headers, Scope::Predict)?;
    let live = app.models.get(name).ok_or_else(no_such_model)?;
    let version = arc_swap::Guard::into_inner(live.version());
    version.figures.in_flight.inc();
    let body = body::read(request, headers, &app.limits).await;
    let answered = match body {
        Ok(body) => answer(app, &version, key_id, headers, body, start).await,
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

async fn answer(
    app: &Arc<App>,
    version: &Arc<Version>,
    key_id: Option<Arc<str>>,
    headers: &HeaderMap,
    body: Bytes,
    start: Instant,
) -> Result<Response, ApiError> {
    let figures = &version.figures;
    let format = Format::of_request(headers)?;
    let wanted = Format::of_answer(headers, format)?;
    let queued = Instant::now();
    figures.stages[0].observe((queued - start).as_secs_f64());

    let small = body.len() <= SMALL * 256;
    let most = app.limits.rows;
    let Worked { unknown, answers, at, ids, logged, prepared } = match &version.batcher {
        Some(batcher) if small => {
            let mut asked = asked(version, &body, format, most)?;
            let answers = batcher.answer(std::mem::take(&mut asked.rows)).await?;
            worked(version, asked, answers)?
        }
        _ if small => work(version, &body, format, most)?,
        _ => {
            let version = version.clone();
            let work = tokio::task::spawn_blocking(move || work(&version, &body, format, most));
            in_time(app.limits.time, work).await??
        }
    };
    let inferred = Instant::now();
    figures.stages[1].observe((prepared - queued).as_secs_f64());
    figures.stages[2].observe((inferred - prepared).as_secs_f64());
    figures.batch.observe(answers.len() as f64);

    let predictions = Predictions {
        at,
        version: version.number,
        variant: version.variant.clone(),
        propensity: 1.0,
        latency_us: (inferred - start).as_micros().min(u128::from(u32::MAX)) as u32,
        key_id,
        rows: logged,
    };
    // The row is written before the answer leaves: what was answered can be asked about for ever.
    app.store.log(predictions).await?;
    let kept = Instant::now();
    figures.stages[3].observe((kept - inferred).as_secs_f64());

    let said = Answered { version, answers: &answers, ids: &ids, unknown: &unknown };
    let (body, media) = answers::write(&said, wanted);
    count(version, &answers);
    figures.stages[4].observe(kept.elapsed().as_secs_f64());
    Ok(([(header::CONTENT_TYPE, media)], body).into_response())
}

/// The answer of a thread, or 503 when it takes too long.
async fn in_time<T>(limit: std::time::Duration, work: tokio::task::JoinHandle<T>) -> Result<T, ApiError> {
    let late = |_| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", "the answer took too long");
    let broken = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the answer failed");
    tokio::time::timeout(limit, work).await.map_err(late)?.map_err(broken)
}

/// What is asked, before the model is.
struct Asked {
    rows: Vec<Row>,
    unknown: Vec<String>,
    logged: Vec<LoggedRow>,
    at: i64,
    prepared: Instant,
}

/// What is answered, and what the log will keep.
struct Worked {
    unknown: Vec<String>,
    answers: Vec<Answer>,
    at: i64,
    ids: Vec<Uuid>,
    logged: Vec<LoggedRow>,
    prepared: Instant,
}

fn work(version: &Version, body: &[u8], format: Format, most: usize) -> Result<Worked, ApiError> {
    let mut asked = asked(version, body, format, most)?;
    let answers = infer(version, &mut asked.rows)?;
    worked(version, asked, answers)
}

fn asked(version: &Version, body: &[u8], format: Format, most: usize) -> Result<Asked, ApiError> {
    let Parsed { rows, unknown } = rows::read(body, format, &version.columns, most)?;
    let at = clock::now();
    let logged = rows.iter().map(|row| kept(row, version)).collect::<Result<_, _>>()?;
    Ok(Asked { rows, unknown, logged, at, prepared: Instant::now() })
}

fn worked(version: &Version, asked: Asked, answers: Vec<Answer>) -> Result<Worked, ApiError> {
    refuse_unreadable(&answers)?;
    let Asked { unknown, mut logged, at, prepared, .. } = asked;
    // Ids grow from row to row, so the log keeps the order of the rows.
    let ids: Vec<Uuid> = answers.iter().map(|_| Uuid::now_v7()).collect();
    for ((row, answer), id) in logged.iter_mut().zip(&answers).zip(&ids) {
        row.id = *id;
        let mut text = Vec::new();
        answers::prediction(&mut text, answer.prediction, &version.class_texts);
        row.prediction = into_text(text);
        row.probabilities = (!answer.probabilities.is_empty()).then(|| {
            let mut text = Vec::with_capacity(20 * answer.probabilities.len());
            for (i, p) in answer.probabilities.iter().enumerate() {
                text.push(if i == 0 { b'[' } else { b',' });
                answers::number(&mut text, *p);
            }
            text.push(b']');
            into_text(text)
        });
    }
    Ok(Worked { unknown, answers, at, ids, logged, prepared })
}

fn infer(version: &Version, rows: &mut [Row]) -> Result<Vec<Answer>, ApiError> {
    use rayon::prelude::*;
    if rows.len() <= SMALL {
        return Ok(version.serving.answer(rows)?);
    }
    let pieces: Vec<_> = rows.par_chunks_mut(PIECE).map(|rows| version.serving.answer(rows)).collect();
    let mut answers = Vec::with_capacity(rows.len());
    for piece in pieces {
        answers.extend(piece?);
    }
    Ok(answers)
}

/// A number column with a word in it would be answered as if nothing were known: better to say so.
fn refuse_unreadable(answers: &[Answer]) -> Result<(), ApiError> {
    for (i, answer) in answers.iter().enumerate() {
        for flaw in &answer.flaws {
            if let CellIssue::Unreadable { column, wanted, .. } = flaw {
                let message =
                    format!("row {}: the value of column '{column}' is no {}", i + 1, wanted.word());
                let help = match wanted {
                    Kind::Image => {
                        "send the bytes of a whole PNG, JPEG, GIF, BMP or WebP image as base64, or null where there is none"
                    }
                    Kind::Series => {
                        "send [[timestamp, value], …] with dates or microseconds since 1970, or null where nothing is known"
                    }
                    _ => "send null where the value is not known",
                };
                return Err(ApiError::bad("wrong_type", message).at_row(i + 1).in_column(column).help(help));
            }
        }
    }
    Ok(())
}

/// What the log keeps of a row as it came.
fn kept(row: &Row, version: &Version) -> Result<LoggedRow, ApiError> {
    let (columns, guard) = (&version.columns, &version.serving.guard);
    let mut text = Vec::with_capacity(16 * row.cells.len());
    for (i, &place) in columns.logged_places().iter().enumerate() {
        text.push(if i == 0 { b'[' } else { b',' });
        let start = text.len();
        match &row.cells[place] {
            Cell::Text(picture) if columns.is_picture(place) => {
                let _ = serde_json::to_writer(&mut text, &feedback::kept_picture(picture));
            }
            // As the list that it is, where it is one.
            Cell::Text(series) if columns.is_list(place) && is_json(series) => {
                text.extend_from_slice(series.as_bytes());
            }
            other => cell(&mut text, other),
        }
        if guard.of(columns.name(place)).is_some() {
            let came = into_text(text.split_off(start));
            text.extend_from_slice(guard.kept(columns.name(place), &came)?.to_string().as_bytes());
        }
    }
    if columns.logged_places().is_empty() {
        text.push(b'[');
    }
    text.push(b']');
    Ok(LoggedRow { features: into_text(text), row_key: key(row, version)?, ..LoggedRow::default() })
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn key(row: &Row, version: &Version) -> Result<Option<String>, ApiError> {
    let Some(place) = version.columns.key else { return Ok(None) };
    let key = match &row.cells[place] {
        Cell::Missing => return Ok(None),
        Cell::Text(text) => text.clone(),
        other => {
            let mut text = Vec::new();
            cell(&mut text, other);
            into_text(text)
        }
    };
    let (name, guard) = (version.columns.name(place), &version.serving.guard);
    if guard.of(name).is_none() {
        return Ok(Some(key));
    }
    let kept = guard.kept(name, &serde_json::Value::String(key).to_string())?;
    Ok(kept.as_str().map(String::from))
}

fn cell(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Number(x) if *x == x.trunc() && x.abs() < 9e15 => {
            // Whole numbers without a point: that is how they came.
            let _ = serde_json::to_writer(out, &(*x as i64));
        }
        Cell::Number(x) => answers::number(out, *x),
        Cell::Flag(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Cell::Text(text) => {
            let _ = serde_json::to_writer(out, text);
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

fn count(version: &Version, answers: &[Answer]) {
    let figures = &version.figures;
    for answer in answers {
        let place = match answer.prediction {
            Prediction::Class(code) => code as usize,
            Prediction::Number(_) => 0,
        };
        if let Some(counter) = figures.predictions.get(place) {
            counter.inc();
        }
        if answer.flaws.is_empty() {
            continue;
        }
        if answer.flaws.iter().any(|f| matches!(f, CellIssue::Unseen { .. })) {
            figures.unseen.inc();
        }
        if answer.flaws.iter().any(|f| matches!(f, CellIssue::Outside { .. })) {
            figures.outside.inc();
        }
    }
}
