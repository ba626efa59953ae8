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
    compare::{self, Brought, Compared, Context, MOST_COSINES, MOST_PRODUCTS},
    passage::{self, Asked},
    rejection::Rejection,
    schema::{SimilarityRequest, SimilarityResponses},
};
use crate::{
    duplicates::{Vectors, matrix, pairs},
    embedder::Embedder,
    upload::{Limits, OnError, json, pairs::Pairs, texts::Texts, vectors::GivenVectors},
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    images: Option<Texts<'a>>,
    vectors: Option<GivenVectors>,
    pairs: Option<Pairs>,
    on_error: Option<OnError>,
    model_name: Option<String>,
    pretrained: Option<String>,
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
    let embedder = app.embedder()?;
    let take_apart = move |_: &_, body, limits: &_| take_apart(&body, limits, &embedder);
    let passed = passage::pass(&app, request, take_apart).await?;
    let (embedder, times) = (Arc::clone(&passed.embedder), passed.times);
    let dim = embedder.architecture().embed_dim;
    let (embeddings, Context { wanted, vectors }) = passed.embeddings();
    let work = move || match vectors {
        Some(held) => compare(&held.vectors, &wanted),
        None => compare(&compare::vectors(&embeddings, dim)?, &wanted),
    };
    let answer = compare::in_turn(&embedder, work).await?;
    let mut response = Json(answer).into_response();
    times.tell(&mut response);
    Ok(response)
}

fn take_apart(
    body: &Bytes,
    limits: &Limits,
    embedder: &Embedder,
) -> Result<Asked<Context<Wanted>>, Rejection> {
    let fields: Body<'_> = json::read(body).map_err(Rejection::Validation)?;
    let Body { images, vectors, pairs, on_error, model_name, pretrained } = fields;
    let compared = Compared { images, vectors, on_error, model_name, pretrained };
    let wanted = pairs.map_or(Wanted::Matrix, |Pairs(pairs)| Wanted::Pairs(pairs));
    let (brought, wishes) = compared.take_apart(body, limits)?;
    if wishes.on_error == Some(OnError::Skip) {
        return Err(compare::invalid(
            "on_error",
            "must be fail: a photo that failed has no cosine",
        ));
    }
    let (count, dim) = match &brought {
        Brought::Photos(photos) => (photos.len(), embedder.architecture().embed_dim),
        Brought::Vectors(vectors) => (vectors.len(), vectors.dim()),
    };
    check(&wanted, count, dim)?;
    compare::asked(brought, wishes, wanted, embedder)
}

fn compare(vectors: &Vectors, wanted: &Wanted) -> Result<Similarity, Rejection> {
    let cosines = match wanted {
        Wanted::Pairs(wanted) => pairs(vectors, wanted, MOST_COSINES).map(Cosines::Pairs),
        Wanted::Matrix => matrix(vectors, MOST_COSINES).map(Cosines::Matrix),
    };
    let cosines = cosines.map_err(|error| compare::invalid("pairs", &error.to_string()))?;
    Ok(Similarity { cosines, count: vectors.len() })
}

/// Refuses cosines of `count` photos or vectors, of `dim` numbers, before anything is embedded or
/// compared.
fn check(wanted: &Wanted, count: usize, dim: usize) -> Result<(), Rejection> {
    let invalid = |msg: String| Err(compare::invalid("pairs", &msg));
    let cosines = match wanted {
        Wanted::Pairs(pairs) => {
            if let Some(index) = pairs.iter().flatten().find(|index| **index >= count) {
                return invalid(format!("names {index}, and there are {count}, counted from 0"));
            }
            pairs.len()
        }
        Wanted::Matrix => count.saturating_mul(count),
    };
    let most = MOST_COSINES.min(MOST_PRODUCTS / dim);
    if cosines > most {
        return invalid(format!(
            "{cosines} cosines of {dim} numbers each are asked for, more than the limit of {most}: ask \
             for fewer at a time"
        ));
    }
    Ok(())
}
