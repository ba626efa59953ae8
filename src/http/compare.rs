//! What `/similarity` and `/duplicates` have in common: photos or vectors that are compared with one
//! another, few requests at a time and never where others are answered.

use std::sync::OnceLock;

use axum::http::HeaderMap;
use bytes::Bytes;
use rayon::ThreadPool;
use tokio::{sync::Semaphore, time::timeout};

use super::{passage::Asked, rejection::Rejection};
use crate::{
    admission::{Refusal, Reservation},
    duplicates::Vectors,
    embedder::Embedder,
    metrics::Place,
    model::Embedding,
    threads,
    upload::{
        Input, Limits, OnError, Wishes, json, pairs,
        texts::Texts,
        vectors::{GivenVectors, MOST},
    },
};

/// Fields of both routes. Each route has them in its own body: what serde flattens it keeps whole,
/// unknown fields too.
pub(super) struct Compared<'a> {
    pub images: Option<Texts<'a>>,
    pub vectors: Option<GivenVectors>,
    pub on_error: Option<OnError>,
    pub model_name: Option<String>,
    pub pretrained: Option<String>,
}

/// What a request brought.
pub(super) enum Brought {
    /// Photos, which are to be embedded.
    Photos(Vec<Input>),
    /// Vectors, which can be compared.
    Vectors(Vectors),
}

/// What a request waits for with.
pub(super) struct Context<W> {
    /// What is to be found out.
    pub wanted: W,
    /// What is compared, where it is not photos.
    pub vectors: Option<Held>,
}

/// Vectors of a request, with the memory that is reserved for them.
pub(super) struct Held {
    pub vectors: Vectors,
    _memory: Reservation,
}

impl Compared<'_> {
    /// Takes the fields apart, of the body `whole`.
    pub fn take_apart(
        self,
        whole: &Bytes,
        limits: &Limits,
    ) -> Result<(Brought, Wishes), Rejection> {
        let Self { images, vectors, on_error, model_name, pretrained } = self;
        let wishes = Wishes { model_name, pretrained, on_error };
        match (images, vectors) {
            (Some(images), None) => match images.count {
                0 => Err(Rejection::NoImages),
                found if found > limits.images => {
                    Err(Rejection::TooManyImages { found, limit: limits.images })
                }
                _ => {
                    let photos = images.texts.into_iter().map(|image| image.into_photo(whole));
                    Ok((Brought::Photos(photos.map(Input::Photo).collect()), wishes))
                }
            },
            (None, Some(GivenVectors(Some(vectors)))) => Ok((Brought::Vectors(vectors), wishes)),
            (None, Some(GivenVectors(None))) => Err(invalid("vectors", "is empty")),
            (Some(_), Some(_)) => Err(invalid("vectors", "stands beside images: send one of them")),
            (None, None) => Err(invalid("images", "Field required, or vectors")),
        }
    }
}

/// A field that cannot be used.
pub(super) fn invalid(field: &'static str, msg: &str) -> Rejection {
    Rejection::Validation(vec![json::FieldError::value(field, msg)])
}

/// A request to find out `wanted` of what was `brought`.
pub(super) fn asked<W>(
    brought: Brought,
    wishes: Wishes,
    wanted: W,
    embedder: &Embedder,
) -> Result<Asked<Context<W>>, Rejection> {
    let (photos, vectors) = match brought {
        Brought::Photos(photos) => (photos, None),
        Brought::Vectors(vectors) => (Vec::new(), Some(held(vectors, embedder)?)),
    };
    let context = Context { wanted, vectors };
    Ok(Asked { wishes, facts: true, ..Asked::plain(photos, context) })
}

/// `vectors`, which may wait for their turn longer than the body that they came in is there.
fn held(vectors: Vectors, embedder: &Embedder) -> Result<Held, Rejection> {
    let admission = embedder.admission();
    let bytes = vectors.len() * vectors.dim() * size_of::<f32>();
    let refusal = |_| Rejection::Busy(Refusal::NoMemory { timeout: admission.timeout() });
    let memory = admission.try_decode(bytes as u64).map_err(refusal)?;
    Ok(Held { vectors, _memory: memory })
}

/// Where vectors are compared.
struct Comparers {
    /// For those who compare now.
    turns: Semaphore,
    /// Apart from the threads that decode: to compare ten thousand takes all threads of a pool for
    /// seconds.
    pool: ThreadPool,
}

impl Comparers {
    /// Those of the process, made when they are first needed: half as many as `threads`. None if the
    /// system refuses a thread.
    fn of(threads: usize) -> Option<&'static Self> {
        static COMPARERS: OnceLock<Option<Comparers>> = OnceLock::new();
        let make = || {
            let threads = (threads / 2).max(1);
            let pool = threads::pool("compare", threads).inspect_err(|error| {
                tracing::error!(%error, "there are no threads that compare vectors");
            });
            Some(Self { turns: Semaphore::new(threads), pool: pool.ok()? })
        };
        COMPARERS.get_or_init(make).as_ref()
    }
}

/// Does `work`, which compares, when it is its turn: at a time there are half as many as threads that
/// decode, on as many threads.
///
/// # Errors
/// Those of `work`, and [`Rejection::Busy`] when the turn does not come within the queue timeout.
pub(super) async fn in_turn<T: Send + 'static>(
    embedder: &Embedder,
    work: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
) -> Result<T, Rejection> {
    let comparers = Comparers::of(embedder.threads()).ok_or(Rejection::Internal)?;
    let patience = embedder.admission().timeout();
    let late = |_| Rejection::Busy(Refusal::Late { timeout: patience });
    let turn = timeout(patience, comparers.turns.acquire()).await.map_err(late)?;
    // Nobody closes it.
    let turn = turn.map_err(|_| Rejection::Internal)?;
    // The turn ends with the work, which goes on when the client has left.
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    let done = threads::run(&comparers.pool, Place::Handler, work).await;
    done.unwrap_or(Err(Rejection::Internal))
}

/// Embeddings as vectors to compare.
pub(super) fn vectors(embeddings: &[Embedding], dim: usize) -> Result<Vectors, Rejection> {
    let mut vectors = Vectors::new(dim);
    for embedding in embeddings {
        // What leaves the model has a length and finite numbers.
        vectors.push(embedding).map_err(|_| Rejection::Internal)?;
    }
    Ok(vectors)
}

/// Whether a body is a form with photos.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(axum::http::header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
    })
}

/// Most cosines of one answer: those of 512 vectors, each with each.
pub(super) const MOST_COSINES: usize = pairs::MOST;

/// Most products of two numbers that the cosines of one answer may take: [`MOST_COSINES`] of vectors of
/// 1,024 numbers, some tenths of a second.
pub(super) const MOST_PRODUCTS: usize = MOST_COSINES * 1024;

const _: () = assert!(MOST >= 512, "a matrix is smaller than a set for duplicates");
