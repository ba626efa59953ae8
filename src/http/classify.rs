//! `/classify`: which of some labels fits a photo best, without training (zero-shot, arXiv 2103.00020,
//! section 3.1): the softmax over the cosines between the photo and a sentence for each label, times
//! the temperature that the model was trained with.

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
    compare::{MOST_COSINES, invalid},
    passage::{self, Asked, Passed},
    rejection::Rejection,
    schema::{ClassifyRequest, ClassifyResponses},
    text::check_count,
};
use crate::{
    model::{Embedding, ModelInfo, normalize},
    upload::{Input, Limits, Wishes, json, texts::Texts},
};

/// CLIP's own sentence.
const TEMPLATE: &str = "a photo of a {}.";

/// Where the label stands in a template.
const LABEL: &str = "{}";

/// Most bytes of a label, and of a template: more than the 77 tokens that are read of a sentence. Each
/// label is put into each template, so their lengths multiply.
const LONGEST: usize = 1000;

/// Most times that a template has the label.
const MOST_PLACES: usize = 4;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    images: Texts<'a>,
    #[serde(borrow)]
    labels: Texts<'a>,
    #[serde(borrow)]
    template: Option<Texts<'a>>,
    logit_scale: Option<f32>,
    model_name: Option<String>,
    pretrained: Option<String>,
}

/// What is done with the embeddings: those of the photos come first, then for each label a sentence of
/// each template.
struct Question {
    images: usize,
    labels: Vec<String>,
    templates: usize,
    logit_scale: Option<f32>,
}

/// The answer of `/classify`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Classified {
    /// One for each photo, in the order of the request.
    results: Vec<Classification>,
    /// The model that was asked.
    model_info: ModelInfo,
    /// What cosines were multiplied by before the softmax.
    #[schema(example = 100.0)]
    logit_scale: f32,
    /// Length of `results`.
    #[schema(example = 1)]
    count: usize,
}

/// What one photo shows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Classification {
    /// The label that fits best.
    #[schema(example = "cat")]
    label: String,
    /// All labels, the best first.
    scores: Vec<Score>,
}

/// How one label fits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Score {
    /// The label.
    #[schema(example = "cat")]
    label: String,
    /// Its probability among the labels.
    #[schema(example = 0.98)]
    score: f32,
    /// Cosine between the photo and the label's sentence.
    #[schema(example = 0.27)]
    cosine: f32,
}

/// Say which label fits each photo best (zero-shot)
#[utoipa::path(
    post,
    path = "/classify",
    tag = "comparisons",
    request_body(content = ClassifyRequest, content_type = "application/json"),
    responses(ClassifyResponses),
)]
pub(super) async fn classify(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    let passed = passage::pass(&app, request, |_, body, limits| take_apart(&body, limits)).await?;
    answer(passed)
}

fn take_apart(body: &Bytes, limits: &Limits) -> Result<Asked<Question>, Rejection> {
    let body_fields: Body<'_> = json::read(body).map_err(Rejection::Validation)?;
    let Body { images, labels, template, logit_scale, model_name, pretrained } = body_fields;
    if images.count == 0 {
        return Err(Rejection::NoImages);
    }
    if labels.count == 0 {
        return Err(invalid("labels", "is empty: give at least one label"));
    }
    let templates: Vec<_> = match &template {
        Some(template) => template.texts.iter().map(|text| &*text.0).collect(),
        None => vec![TEMPLATE],
    };
    let texts = labels.count.saturating_mul(templates.len());
    check_count(images.count.saturating_add(texts), limits)?;
    check_lengths("labels", labels.texts.iter().map(|label| &*label.0))?;
    check_templates(&templates)?;
    if images.count.saturating_mul(labels.count) > MOST_COSINES {
        let msg = format!("make more than {MOST_COSINES} scores with the images: send fewer");
        return Err(invalid("labels", &msg));
    }
    if logit_scale.is_some_and(|scale| !(scale.is_finite() && scale > 0.)) {
        return Err(invalid("logit_scale", "must be a number above zero"));
    }
    let sentences = labels.texts.iter().flat_map(|label| {
        templates.iter().map(|template| Input::Text(template.replace(LABEL, &label.0)))
    });
    let sentences: Vec<_> = sentences.collect();
    let question = Question {
        images: images.count,
        templates: templates.len(),
        logit_scale,
        labels: labels.texts.into_iter().map(|label| label.0.into_owned()).collect(),
    };
    let photos = images.texts.into_iter().map(|image| Input::Photo(image.into_photo(body)));
    let inputs = photos.chain(sentences).collect();
    let wishes = Wishes { model_name, pretrained, on_error: None };
    Ok(Asked { wishes, ..Asked::plain(inputs, question) })
}

/// Refuses what is too long to be put together.
fn check_lengths<'a>(
    field: &'static str,
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<(), Rejection> {
    match texts.into_iter().enumerate().find(|(_, text)| text.len() > LONGEST) {
        None => Ok(()),
        Some((index, text)) => {
            let found = text.len();
            let msg = format!("text {index}, from 0, has {found} bytes, the limit is {LONGEST}");
            Err(invalid(field, &msg))
        }
    }
}

fn check_templates(templates: &[&str]) -> Result<(), Rejection> {
    check_lengths("template", templates.iter().copied())?;
    let places = |template: &&str| (1..=MOST_PLACES).contains(&template.matches(LABEL).count());
    if templates.is_empty() || !templates.iter().all(places) {
        let msg = format!("must have {{}} where the label belongs, at most {MOST_PLACES} times");
        return Err(invalid("template", &msg));
    }
    Ok(())
}

fn answer(passed: Passed<Question>) -> Result<Response, Rejection> {
    let (embedder, times) = (Arc::clone(&passed.embedder), passed.times);
    let (embeddings, question) = passed.embeddings();
    let trained = || embedder.scale();
    let logit_scale = question.logit_scale.or_else(trained).ok_or(Rejection::Internal)?;
    let (images, sentences) = embeddings.split_at(question.images);
    let labels: Vec<_> = sentences.chunks(question.templates).map(mean).collect();
    let results: Vec<_> =
        images.iter().map(|image| question.classify(image, &labels, logit_scale)).collect();
    let (count, model_info) = (results.len(), embedder.info());
    let mut response = Json(Classified { results, model_info, logit_scale, count }).into_response();
    times.tell(&mut response);
    Ok(response)
}

/// The direction of several sentences for one label, as CLIP makes it: their mean.
fn mean(sentences: &[Embedding]) -> Embedding {
    let (first, rest) = sentences
        .split_first()
        .map_or((Vec::new(), &[][..]), |(first, rest)| (first.clone(), rest));
    let mut mean = first;
    for sentence in rest {
        mean.iter_mut().zip(sentence).for_each(|(sum, number)| *sum += number);
    }
    if !rest.is_empty() {
        normalize(&mut mean);
    }
    mean
}

impl Question {
    fn classify(&self, image: &[f32], labels: &[Embedding], scale: f32) -> Classification {
        let cosines: Vec<_> = labels.iter().map(|label| dot(image, label)).collect();
        let most = cosines.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<_> =
            cosines.iter().map(|cosine| (scale * (cosine - most)).exp()).collect();
        let sum: f32 = weights.iter().sum();
        let rows = self.labels.iter().zip(cosines).zip(weights);
        let mut scores: Vec<_> = rows
            .map(|((label, cosine), weight)| Score {
                label: label.clone(),
                score: weight / sum,
                cosine,
            })
            .collect();
        scores.sort_by(|a, b| b.score.total_cmp(&a.score));
        let label = scores.first().map(|best| best.label.clone()).unwrap_or_default();
        Classification { label, scores }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
