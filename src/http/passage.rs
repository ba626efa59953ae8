//! The one way of a request that embeds, by whatever protocol it came: let in, read, take apart,
//! prepare side by side, hand to the model. A protocol brings the taking apart, and writes what comes
//! out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use bytes::Bytes;

use super::{App, body, encoding::Encoded, rejection::Rejection};
use crate::{
    admission::{BodyMemory, Refusal, Visit},
    batcher::{BatchError, Item},
    embedder::{Embedder, Length, PhotoError, Prepared, Ready},
    metrics::{self, Stage},
    model::Embedding,
    preprocess::PhotoFacts,
    telemetry::traces::Trace,
    upload::{Input, Limits, OnError, Wishes},
};

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked<C> {
    /// What is to be embedded, in order.
    pub inputs: Vec<Input>,
    /// The model that it names, and what becomes of it when one input fails.
    pub wishes: Wishes,
    pub length: Length,
    /// Whether more is to be known of photos than their embedding.
    pub facts: bool,
    pub overlong: Overlong,
    /// What its protocol wants to know when it writes the answer.
    pub context: C,
}

impl<C> Asked<C> {
    /// Embeddings of L2 norm 1 of any model, all or none.
    pub fn plain(inputs: Vec<Input>, context: C) -> Self {
        let (wishes, length, overlong) = (Wishes::default(), Length::Unit, Overlong::Cut);
        Self { inputs, wishes, length, facts: false, overlong, context }
    }

    /// The same for a protocol that wants to know something else.
    pub fn map<D>(self, known: impl FnOnce(C) -> D) -> Asked<D> {
        let Self { inputs, wishes, length, facts, overlong, context } = self;
        Asked { inputs, wishes, length, facts, overlong, context: known(context) }
    }
}

/// What becomes of texts that are longer than the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlong {
    /// Their end is cut, as in open_clip.
    Cut,
    /// The request fails.
    Refuse,
}

/// What became of a request.
#[derive(Debug)]
pub(super) struct Passed<C> {
    pub embedder: Arc<Embedder>,
    /// In the order of the inputs; errors only where [`OnError::Skip`] was asked for.
    pub outcomes: Vec<Result<Embedding, PhotoError>>,
    /// Of each input that did not fail, where it was asked for, with the size of the file.
    pub facts: Vec<(Option<PhotoFacts>, u64)>,
    /// Tokens of all texts.
    pub tokens: usize,
    pub on_error: OnError,
    pub context: C,
    pub times: Times,
}

impl<C> Passed<C> {
    /// The embeddings of a request of which none may fail.
    pub fn embeddings(self) -> (Vec<Embedding>, C) {
        (self.outcomes.into_iter().flatten().collect(), self.context)
    }
}

/// What became of a request's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Waiting for memory, places and the model.
    pub queue: Duration,
    pub prepare: Duration,
    pub forward: Duration,
    start: Instant,
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

impl Times {
    /// Since the request came.
    pub fn total(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds `Server-Timing` (W3C), in milliseconds.
    pub fn tell(&self, response: &mut Response) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let text = format!(
            "queue;dur={:.1}, decode;dur={:.1}, forward;dur={:.1}, total;dur={:.1}",
            milliseconds(self.queue),
            milliseconds(self.prepare),
            milliseconds(self.forward),
            milliseconds(self.total()),
        );
        let times = HeaderValue::try_from(text).ok();
        response.headers_mut().extend(times.map(|times| (SERVER_TIMING, times)));
    }
}

/// Leads `request` all the way; `take_apart` reads its body, on a thread that may take its time.
///
/// # Errors
/// [`Rejection`], of the whole request.
pub(super) async fn pass<C: Send + 'static>(
    app: &App,
    request: Request,
    take_apart: impl FnOnce(&HeaderMap, Bytes, &Limits) -> Result<Asked<C>, Rejection> + Send + 'static,
) -> Result<Passed<C>, Rejection> {
    let start = Instant::now();
    let embedder = app.embedder()?;
    let limits = app.limits;
    let (head, body) = request.into_parts();
    let trace = head.extensions.get::<Trace>().cloned().unwrap_or_default();
    let body = Encoded::new(&head.headers, body)?;
    let length = body::length(&body, limits.body_bytes)?;
    let mut visit = embedder.admission().enter(length).await.map_err(Rejection::Busy)?;

    let reading = Instant::now();
    let (body, memory) = body::read(body, limits.body_bytes, &mut visit).await?;
    metrics::stage(Stage::Read, reading.elapsed());
    trace.stage("admission", start, reading - start);
    trace.stage("read", reading, reading.elapsed());

    let parsing = Instant::now();
    let parse = move || take_apart(&head.headers, body, &limits);
    let asked = embedder.aside(memory.clone(), parse).await.unwrap_or(Err(Rejection::Internal));
    metrics::stage(Stage::Parse, parsing.elapsed());
    trace.stage("parse", parsing, parsing.elapsed());
    let Asked { mut inputs, wishes, length, facts, overlong, context } = asked?;
    check_model(&embedder, &wishes)?;
    let on_error = wishes.on_error.unwrap_or_default();
    if inputs.iter().any(|input| matches!(input, Input::Text(_))) {
        embedder.text().await?;
        if overlong == Overlong::Refuse {
            inputs = whole(&embedder, inputs, memory.clone()).await?;
        }
    }

    let until_one_fails = on_error == OnError::Fail;
    let (inputs, memory) =
        fetch(app, (inputs, memory), until_one_fails, &mut visit, &trace).await?;

    trace.note("inference.inputs", inputs.len() as i64);
    let waiting = Instant::now();
    let mut places = visit.admit(inputs.len()).await.map_err(Rejection::Busy)?;
    let preparing = Instant::now();
    let prepared = embedder.prepare(inputs, memory, until_one_fails, facts).await;
    let prepared = prepared.map_err(Rejection::Busy)?;
    trace.stage("places", waiting, preparing - waiting);
    trace.stage("prepare", preparing, preparing.elapsed());
    let preparing = preparing.elapsed();
    places.answered(prepared.iter().filter(|item| item.is_err()).count());
    let Sorted { items, facts, failed, tokens } = sort(prepared, on_error)?;
    let queued = Instant::now();
    let embedded = embedder
        .embed(items, places, visit.left(), length)
        .await
        .map_err(|error| refusal(error, &embedder))?;

    trace.stage("queue", queued, embedded.queued);
    trace.stage("forward", queued + embedded.queued, embedded.computed);
    let times = Times {
        queue: visit.waited() + embedded.queued,
        prepare: preparing,
        forward: embedded.computed,
        start,
    };
    let mut embeddings = embedded.embeddings.into_iter();
    let outcomes = failed.into_iter().filter_map(|failed| match failed {
        Some(error) => Some(Err(error)),
        None => embeddings.next().map(Ok),
    });
    let outcomes = outcomes.collect();
    Ok(Passed { embedder, outcomes, facts, tokens, on_error, context, times })
}

/// `inputs` with the photos that are given by URL, and the memory of all.
async fn fetch(
    app: &App,
    (inputs, body): (Vec<Input>, Option<BodyMemory>),
    until_one_fails: bool,
    visit: &mut Visit,
    trace: &Trace,
) -> Result<(Vec<Input>, Option<BodyMemory>), Rejection> {
    let fetching = Instant::now();
    let limit = app.limits.body_bytes;
    let fetched = app.fetcher.inputs(inputs, limit, until_one_fails, visit);
    let (inputs, fetched) = fetched.await.map_err(Rejection::Busy)?;
    if fetched.is_some() {
        metrics::stage(Stage::Fetch, fetching.elapsed());
        trace.stage("fetch", fetching, fetching.elapsed());
    }
    let memory = match (body, fetched) {
        (Some(body), Some(fetched)) => Some(body.and(fetched)),
        (body, fetched) => body.or(fetched),
    };
    Ok((inputs, memory))
}

/// `inputs` again, if the model reads all of each text.
async fn whole(
    embedder: &Embedder,
    inputs: Vec<Input>,
    memory: Option<BodyMemory>,
) -> Result<Vec<Input>, Rejection> {
    match embedder.first_overlong(inputs, memory).await.ok_or(Rejection::Internal)? {
        (inputs, None) => Ok(inputs),
        (_, Some(index)) => {
            let text = embedder.architecture().text.as_ref();
            let most = text.map_or(0, |text| text.context_length);
            Err(Rejection::TextTooLong { index, most })
        }
    }
}

fn refusal(error: BatchError, embedder: &Embedder) -> Rejection {
    match error {
        BatchError::Model => Rejection::Model,
        BatchError::Late => {
            Rejection::Busy(Refusal::Late { timeout: embedder.admission().timeout() })
        }
        BatchError::Stopped => Rejection::Stopping,
    }
}

fn check_model(embedder: &Embedder, wishes: &Wishes) -> Result<(), Rejection> {
    let (model, pretrained) = (wishes.model_name.as_deref(), wishes.pretrained.as_deref());
    if embedder.is(model, pretrained) {
        return Ok(());
    }
    let named = [model, pretrained].into_iter().flatten().collect::<Vec<_>>().join(" / ");
    let asked = named.chars().take(200).collect();
    Err(Rejection::OtherModel { asked, served: Box::new(embedder.info()) })
}

/// The inputs of a request, those that failed apart.
struct Sorted {
    items: Vec<Item>,
    facts: Vec<(Option<PhotoFacts>, u64)>,
    /// In the order of the request; none where an item goes on.
    failed: Vec<Option<PhotoError>>,
    tokens: usize,
}

fn sort(prepared: Vec<Prepared>, on_error: OnError) -> Result<Sorted, Rejection> {
    let items = Vec::with_capacity(prepared.len());
    let mut sorted = Sorted { items, facts: Vec::new(), failed: Vec::new(), tokens: 0 };
    for (index, item) in prepared.into_iter().enumerate() {
        match item {
            Ok(Ready { item, facts, bytes }) => {
                sorted.tokens += item.tokens();
                sorted.facts.push((facts, bytes));
                sorted.items.push(item);
                sorted.failed.push(None);
            }
            Err(error) if on_error == OnError::Fail => {
                return Err(Rejection::Photo { index, error });
            }
            Err(error) => sorted.failed.push(Some(error)),
        }
    }
    Ok(sorted)
}
