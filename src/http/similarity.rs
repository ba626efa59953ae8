//! `/similarity`: how near photos, or vectors, are to one another.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    compare::{self, Brought, Compared, MOST_COSINES},
    passage::{self, Asked},
    rejection::Rejection,
    schema::{SimilarityRequest, SimilarityResponses},
};
use crate::{
    duplicates::{Vectors, matrix, pairs},
    upload::{Limits, OnError, json},
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, flatten)]
    compared: Compared<'a>,
    pairs: Option<Vec<[usize; 2]>>,
}

/// Which cosines are wanted.
enum Wanted {
    /// Those of two each, by their places.
    Pairs(Vec<[usize; 2]>),
    /// Those of each with each.
    Matrix,
}

/// The cosines, from -1 to 1.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Cosines {
    /// In the order of the pairs.
    Pairs(Vec<f64>),
    /// A row for each.
    Matrix(Vec<Vec<f64>>),
}

/// The answer of `/similarity`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Similarity {
    /// Cosines from -1 to 1: a row for each photo or vector, in the order of the request; with `pairs`
    /// one number for each pair.
    #[schema(value_type = Vec<Vec<f64>>)]
    cosines: Cosines,
    /// How many photos or vectors were compared.
    #[schema(example = 2)]
    count: usize,
}

/// Compare photos or vectors, each with each or in pairs
#[utoipa::path(
    post,
    path = "/similarity",
    tag = "comparisons",
    request_body(content = SimilarityRequest, content_type = "application/json"),
    responses(SimilarityResponses),
)]
pub(super) async fn similarity(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    let passed = passage::pass(&app, request, |_, body, limits| take_apart(&body, limits)).await?;
    let (dim, times) = (passed.embedder.architecture().embed_dim, passed.times);
    let (embeddings, context) = passed.embeddings();
    let answer = match context {
        Context::Done(answer) => answer,
        Context::Photos(wanted) => compare(&compare::vectors(&embeddings, dim)?, &wanted)?,
    };
    let mut response = Json(answer).into_response();
    times.tell(&mut response);
    Ok(response)
}

enum Context {
    /// Photos, of which these cosines are wanted.
    Photos(Wanted),
    /// Vectors, which have been compared.
    Done(Similarity),
}

fn take_apart(body: &Bytes, limits: &Limits) -> Result<Asked<Context>, Rejection> {
    let Body { compared, pairs } = json::read(body).map_err(Rejection::Validation)?;
    let wanted = pairs.map_or(Wanted::Matrix, Wanted::Pairs);
    let (brought, wishes) = compared.take_apart(body, limits)?;
    if wishes.on_error == Some(OnError::Skip) {
        return Err(compare::invalid(
            "on_error",
            "must be fail: a photo that failed has no cosine",
        ));
    }
    Ok(match brought {
        Brought::Photos(photos) => {
            check(&wanted, photos.len())?;
            compare::asked(photos, wishes, Context::Photos(wanted))
        }
        Brought::Vectors(vectors) => {
            let done = compare(&vectors, &wanted)?;
            Asked { wishes, ..Asked::plain(Vec::new(), Context::Done(done)) }
        }
    })
}

fn compare(vectors: &Vectors, wanted: &Wanted) -> Result<Similarity, Rejection> {
    let cosines = match wanted {
        Wanted::Pairs(wanted) => pairs(vectors, wanted, MOST_COSINES).map(Cosines::Pairs),
        Wanted::Matrix => matrix(vectors, MOST_COSINES).map(Cosines::Matrix),
    };
    let cosines = cosines.map_err(|error| compare::invalid("pairs", &error.to_string()))?;
    Ok(Similarity { cosines, count: vectors.len() })
}

/// Refuses pairs before their photos are embedded.
fn check(wanted: &Wanted, count: usize) -> Result<(), Rejection> {
    let Wanted::Pairs(pairs) = wanted else { return Ok(()) };
    match pairs.iter().flatten().find(|index| **index >= count) {
        None if pairs.len() <= MOST_COSINES => Ok(()),
        None => Err(compare::invalid("pairs", &format!("has more than {MOST_COSINES} pairs"))),
        Some(index) => {
            let msg = format!("names photo {index}, and there are {count}, counted from 0");
            Err(compare::invalid("pairs", &msg))
        }
    }
}
