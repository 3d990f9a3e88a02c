//! A question to a language model from its turn to its answer: generated together with others, sent piece by piece, logged before its
//! last word leaves.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use tidemill_core::Error;
use tidemill_engine::language::{Finish, Form, Generated, Logprob, Prompt};
use tidemill_engine::serve::language::{Asked, Generating, Question, Said};
use tidemill_engine::serve::together::{Listen, Together};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use crate::app::App;
use crate::clock;
use crate::fault::ApiError;
use crate::languages::Language;

/// What comes of a question, in order.
pub(crate) enum Event {
    /// A piece of the answer at this place.
    Piece(usize, String),
    /// The answer at this place ended, and is kept; how likely its tokens were, where that was asked for.
    End(usize, Finish, Vec<Scored>),
    /// All is said.
    Done { answer_tokens: usize, cached_tokens: usize },
    /// It failed.
    Fault(ApiError),
}

/// How likely a token was: it or another one, as texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scored {
    /// The token and its log-probability.
    pub(crate) own: (String, f32),
    /// The likeliest ones in its place.
    pub(crate) top: Vec<(String, f32)>,
}

/// A question that is being answered. Whoever drops it stops the work within a token.
pub(crate) struct Answering {
    /// The id of each answer.
    pub(crate) ids: Vec<Uuid>,
    /// The tokens of all prompts of the question.
    pub(crate) prompt_tokens: usize,
    /// The hash of the version that answers.
    pub(crate) version: String,
    /// What comes of it.
    pub(crate) events: UnboundedReceiver<Event>,
}

/// All that the thread needs.
struct Work {
    app: Arc<App>,
    language: Arc<Language>,
    version: Arc<Generating>,
    together: Together,
    asked: Asked,
    ids: Vec<Uuid>,
    key_id: Option<Arc<str>>,
    turn: OwnedSemaphorePermit,
    start: Instant,
    events: UnboundedSender<Event>,
}

/// Checks a question, waits for its turn and begins to answer it.
///
/// # Errors
/// 400 for what the model cannot answer, such as a prompt that its context does not hold; 429 and 503 from the queue.
pub(crate) async fn begin(
    app: &Arc<App>,
    language: &Arc<Language>,
    version: Arc<Generating>,
    together: Together,
    question: &Question,
    key_id: Option<Arc<str>>,
) -> Result<Answering, ApiError> {
    let start = Instant::now();
    let asked =
        version.ask(question, &app.loader.together, clock::now()).map_err(|e| refused(e, question))?;
    let turn = language.queue.turn(asked.requests.len(), app.limits.time).await?;
    let ids: Vec<Uuid> = asked.requests.iter().map(|_| Uuid::now_v7()).collect();
    let (events, receiver) = unbounded_channel();
    let answering = Answering {
        ids: ids.clone(),
        prompt_tokens: asked.prompt_tokens(),
        version: version.opened.hash.clone(),
        events: receiver,
    };
    let (app, language) = (app.clone(), language.clone());
    let work = Work { app, language, version, together, asked, ids, key_id, turn, start, events };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || run(work, &runtime));
    Ok(answering)
}

fn run(work: Work, runtime: &tokio::runtime::Handle) {
    let Work { app, language, version, together, asked, ids, key_id, turn, start, events } = work;
    language.figures.in_flight.inc();
    let answers = together.answer(&version, &asked.requests, key_id.as_ref(), |i| listen(i, events.clone()));
    let generated = answers.map(|answers| said(&language, answers, &ids));
    // The next may begin while this one is kept.
    drop(turn);
    let kept = generated.map_err(ApiError::from).and_then(|said| {
        let latency_us = start.elapsed().as_micros().min(u128::from(u32::MAX)) as u32;
        let predictions = version.predictions(&asked, &said, latency_us, key_id)?;
        if !predictions.rows.is_empty() {
            app.store_health.note(runtime.block_on(app.store.log(predictions)))?;
        }
        Ok(said)
    });
    let figures = &language.figures;
    figures.in_flight.dec();
    figures.total.observe(start.elapsed().as_secs_f64());
    // Whoever has left hears nothing of it.
    match kept {
        Ok(said) => {
            let whole =
                said.len() == ids.len() && said.iter().all(|s| s.generated.finish != Finish::Cancelled);
            if whole {
                figures.answered.inc()
            } else {
                figures.cancelled.inc()
            }
            for said in &said {
                let scored = scored(&version, &said.generated.logprobs);
                let _ = events.send(Event::End(said.place, said.generated.finish, scored));
            }
            let answer_tokens = said.iter().map(|said| said.generated.tokens.len()).sum();
            let cached_tokens = asked.cached_tokens(&said);
            let _ = events.send(Event::Done { answer_tokens, cached_tokens });
        }
        Err(fault) => {
            figures.failed.inc();
            let _ = events.send(Event::Fault(fault));
        }
    }
}

/// Sends the pieces of an answer, and breaks off where nobody waits for them.
fn listen(i: usize, events: UnboundedSender<Event>) -> Listen {
    Box::new(move |text| {
        let gone = match text {
            "" => events.is_closed(),
            text => events.send(Event::Piece(i, text.into())).is_err(),
        };
        if gone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// The answers with their ids; those that nobody waited for and that had not begun are none.
fn said(language: &Language, answers: Vec<Generated>, ids: &[Uuid]) -> Vec<Said> {
    let tokens: usize = answers.iter().map(|generated| generated.tokens.len()).sum();
    language.generated.inc_by(tokens as u64);
    let begun = |said: &Said| said.generated.finish != Finish::Cancelled || !said.generated.tokens.is_empty();
    let answers = ids.iter().zip(answers).enumerate();
    answers.map(|(place, (id, generated))| Said { id: *id, place, generated }).filter(begun).collect()
}

/// Tokens as texts; one that is part of a character, or special, is as empty as its text.
fn scored(version: &Generating, logprobs: &[Logprob]) -> Vec<Scored> {
    let tokens = version.opened.model.tokens();
    let named = |(token, logprob): (u32, f32)| (tokens.decode(&[token]).unwrap_or_default(), logprob);
    let one = |l: &Logprob| Scored {
        own: named((l.token, l.logprob)),
        top: l.top.iter().copied().map(named).collect(),
    };
    logprobs.iter().map(one).collect()
}

/// Why a question cannot be answered: the caller's fault where it lies in the question.
fn refused(e: Error, question: &Question) -> ApiError {
    let chat = matches!(question.prompts.first(), Some(Prompt::Chat(_) | Prompt::Tools(..)));
    let asked = if chat { "messages" } else { "prompt" };
    let form =
        if matches!(question.settings.form, Some(Form::Calls { .. })) { "tools" } else { "response_format" };
    let (code, param) = match e.code() {
        "prompt_too_long" | "prompt_beyond_memory" => ("context_length_exceeded", asked),
        "empty_prompt" => ("empty_prompt", asked),
        "no_chat_template" => ("no_chat_template", asked),
        "chat_template" => ("chat_template", asked),
        "no_tools" => ("unsupported_parameter", "tools"),
        "no_tool_calls" => ("unsupported_parameter", "tool_choice"),
        "tokenizer" => ("tokenizer", asked),
        "answer_form" => ("invalid_value", form),
        _ => match &e {
            Error::Parameter { key, .. } => ("invalid_value", key.as_str()),
            _ => return e.into(),
        },
    };
    let fault = ApiError::new(StatusCode::BAD_REQUEST, code, e.to_string()).in_column(param);
    ApiError { remedy: e.remedy(), ..fault }
}
