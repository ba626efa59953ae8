//! `/duplicates`: which of some photos, or vectors, show the same.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App,
    compare::{self, Brought, Compared, Context},
    embed, multipart,
    passage::{self, Asked, Passed},
    rejection::Rejection,
    schema::{DuplicatesForm, DuplicatesQuery, DuplicatesRequest, DuplicatesResponses, Failed},
};
use crate::{
    duplicates::{Group, Groups, Quality, Threshold, group},
    embedder::{Embedder, PhotoError},
    model::Embedding,
    preprocess::{PhotoFacts, perceptual_hash::Likeness},
    upload::{Input, Limits, OnError, Wishes, json, texts::Texts, vectors::GivenVectors},
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    images: Option<Texts<'a>>,
    vectors: Option<GivenVectors>,
    threshold: Option<f64>,
    on_error: Option<OnError>,
    model_name: Option<String>,
    pretrained: Option<String>,
}

/// The answer of `/duplicates`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Duplicates {
    /// Groups of two or more, by their first member.
    groups: Vec<DuplicateGroup>,
    /// Places of the photos or vectors without a duplicate.
    unique: Vec<usize>,
    /// Least cosine that links two.
    #[schema(example = 0.95)]
    threshold: f64,
    /// How many were sent.
    #[schema(example = 3)]
    count: usize,
    /// With `on_error=skip`, why photos failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<Failed>>,
}

/// Photos, or vectors, that hang together by cosines of the threshold or more.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DuplicateGroup {
    /// Place of the best: that with most pixels, then the largest file, then the nearest to the others.
    representative: usize,
    /// Two or more, by their place.
    members: Vec<DuplicateMember>,
    /// Least cosine of any two members.
    least: f64,
}

/// One of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DuplicateMember {
    /// Its place in the request, from 0.
    index: usize,
    /// Its cosine to the representative.
    cosine: f64,
    /// Its greatest cosine to another member: that of the link that joined it.
    nearest: f64,
    /// Its least cosine to another member.
    least: f64,
    /// What is known of a photo.
    #[serde(flatten)]
    photo: Option<MemberPhoto>,
}

/// What is known of a photo of a group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberPhoto {
    /// Width in pixels.
    width: u32,
    /// Height in pixels.
    height: u32,
    /// Size of the file.
    bytes: u64,
    /// Perceptual hash (64-bit pHash), in hexadecimal.
    hash: String,
    /// Bits of it that differ from the representative's.
    hash_distance: u32,
    /// `identical` where so few differ that it is the same picture, scaled or compressed anew; else
    /// `near`.
    #[schema(value_type = String, example = "identical")]
    likeness: Likeness,
}

/// Group photos, or vectors, that show the same
///
/// Two are linked where their cosine is the threshold or more; what hangs together is a group. Exact:
/// each is compared with each.
#[utoipa::path(
    post,
    path = "/duplicates",
    tag = "comparisons",
    params(DuplicatesQuery),
    request_body(content(
        (DuplicatesRequest = "application/json"),
        (DuplicatesForm = "multipart/form-data"),
    )),
    responses(DuplicatesResponses),
)]
pub(super) async fn duplicates(
    State(app): State<Arc<App>>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, Rejection> {
    let embedder = app.embedder()?;
    let in_query = query.get("threshold").map(|text| text.parse()).transpose();
    let in_query = in_query.map_err(|_| compare::invalid("threshold", "must be a number"))?;
    let in_query = (in_query, embed::wishes(Query(query))?);
    let passed = passage::pass(&app, request, move |headers, body, limits| {
        take_apart(in_query, headers, body, limits, &embedder)
    });
    let passed = passed.await?;
    let times = passed.times;
    let answer = answer(passed).await?;
    let mut response = Json(answer).into_response();
    times.tell(&mut response);
    Ok(response)
}

/// Takes a body apart, whose query had a threshold and wishes.
fn take_apart(
    in_query: (Option<f64>, Wishes),
    headers: &HeaderMap,
    body: Bytes,
    limits: &Limits,
    embedder: &Embedder,
) -> Result<Asked<Context<Threshold>>, Rejection> {
    let (brought, wishes, threshold) = if compare::is_form(headers) {
        let (photos, wishes) = multipart::read(headers, body, limits)?;
        let photos = photos.into_iter().map(Input::Photo).collect();
        (Brought::Photos(photos), wishes, None)
    } else {
        let fields: Body<'_> = json::read(&body).map_err(Rejection::Validation)?;
        let Body { images, vectors, threshold, on_error, model_name, pretrained } = fields;
        let compared = Compared { images, vectors, on_error, model_name, pretrained };
        let (brought, wishes) = compared.take_apart(&body, limits)?;
        (brought, wishes, threshold)
    };
    let threshold = match threshold.or(in_query.0) {
        None => Threshold::DEFAULT,
        Some(cosine) => Threshold::try_from(cosine)
            .map_err(|error| compare::invalid("threshold", &error.to_string()))?,
    };
    compare::asked(brought, wishes.or(in_query.1), threshold, embedder)
}

/// Groups what `passed`, in turn.
async fn answer(passed: Passed<Context<Threshold>>) -> Result<Duplicates, Rejection> {
    let Passed { embedder, outcomes, facts, on_error, context, .. } = passed;
    let Context { wanted: threshold, vectors } = context;
    let (kernels, dim) = (embedder.kernels(), embedder.architecture().embed_dim);
    let work = move || {
        if let Some(held) = vectors {
            let alike = vec![Quality::default(); held.vectors.len()];
            let groups = group(&kernels, &held.vectors, threshold, &alike);
            return Ok(Duplicates::of(groups, threshold, held.vectors.len(), &Places::all()));
        }
        let count = outcomes.len();
        let Embedded { embeddings, places, failed } = Embedded::of(outcomes);
        let vectors = compare::vectors(&embeddings, dim)?;
        let quality: Vec<_> = facts.iter().map(quality).collect();
        let groups = group(&kernels, &vectors, threshold, &quality);
        let places = Places { places: Some(places), facts };
        let mut answer = Duplicates::of(groups, threshold, count, &places);
        answer.errors = (on_error == OnError::Skip).then_some(failed);
        Ok(answer)
    };
    compare::in_turn(&embedder, work).await
}

/// What became of the photos of a request.
#[derive(Default)]
struct Embedded {
    embeddings: Vec<Embedding>,
    /// Of each embedding, in the request.
    places: Vec<usize>,
    failed: Vec<Failed>,
}

impl Embedded {
    fn of(outcomes: Vec<Result<Embedding, PhotoError>>) -> Self {
        let mut found = Self::default();
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(embedding) => {
                    found.embeddings.push(embedding);
                    found.places.push(index);
                }
                Err(error) => {
                    let (code, detail) = (error.code(), error.to_string());
                    found.failed.push(Failed { index, code, detail });
                }
            }
        }
        found
    }
}

fn quality((facts, bytes): &(Option<PhotoFacts>, u64)) -> Quality {
    let pixels = |facts: &PhotoFacts| u64::from(facts.width) * u64::from(facts.height);
    Quality { pixels: facts.as_ref().map_or(0, pixels), bytes: *bytes }
}

/// Where the vectors that were grouped stand in the request, and what is known of them.
struct Places {
    /// None where all are where they were.
    places: Option<Vec<usize>>,
    facts: Vec<(Option<PhotoFacts>, u64)>,
}

impl Places {
    fn all() -> Self {
        Self { places: None, facts: Vec::new() }
    }

    fn of(&self, vector: usize) -> usize {
        self.places.as_ref().map_or(vector, |places| places[vector])
    }

    fn photo(&self, vector: usize, representative: usize) -> Option<MemberPhoto> {
        let known = |vector: usize| {
            let (facts, bytes) = self.facts.get(vector)?;
            Some(((*facts)?, *bytes))
        };
        let (facts, bytes) = known(vector)?;
        let hash_distance = facts.hash.distance(known(representative)?.0.hash);
        Some(MemberPhoto {
            width: facts.width,
            height: facts.height,
            bytes,
            hash: facts.hash.to_string(),
            hash_distance,
            likeness: Likeness::at(hash_distance),
        })
    }
}

impl Duplicates {
    fn of(groups: Groups, threshold: Threshold, count: usize, places: &Places) -> Self {
        let group = |group: Group| DuplicateGroup {
            representative: places.of(group.representative),
            members: group
                .members
                .iter()
                .map(|member| DuplicateMember {
                    index: places.of(member.index),
                    cosine: member.cosine,
                    nearest: member.nearest,
                    least: member.least,
                    photo: places.photo(member.index, group.representative),
                })
                .collect(),
            least: group.least,
        };
        Self {
            groups: groups.groups.into_iter().map(group).collect(),
            unique: groups.unique.into_iter().map(|vector| places.of(vector)).collect(),
            threshold: threshold.get(),
            count,
            errors: None,
        }
    }
}
