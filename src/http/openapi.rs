//! `/openapi.json`, made from the handlers' own descriptions, and `/docs`, which shows it in a
//! browser with nothing loaded from elsewhere.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Path,
    http::header,
    response::{Html, IntoResponse, Redirect},
    routing::get,
};
use utoipa::{IntoParams, IntoResponses, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::{
    App, embed, info,
    rejection::{ErrorBody, Rejection},
};
use crate::upload::{OnError, json::FieldError};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "inference-service",
        description = "CLIP image embeddings, exact to Pillow and open_clip.",
    ),
    paths(
        embed::embed,
        embed::embed_base64,
        embed::embed_batch,
        info::health,
        info::healthz,
        info::model_info,
        info::gpu_info,
        info::metrics,
    ),
    components(schemas(FieldError, embed::Failed)),
    tags(
        (name = "embeddings", description = "Photos in, vectors out"),
        (name = "service", description = "What the service says of itself"),
    ),
)]
struct Document;

/// Query of the routes that embed; the body's fields of the same name come first.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `http::embed` reads by hand")]
pub(super) struct EmbedQuery {
    /// Must name the model that is served, if it is given.
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
    /// Whether one photo that fails fails the request.
    #[param(inline)]
    on_error: Option<OnError>,
}

/// Answers of the routes that embed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what `http::rejection` answers")]
pub(super) enum EmbedResponses {
    /// The embeddings, in the order of the photos
    #[response(status = 200)]
    Ok(#[to_schema] embed::Embeddings),
    /// A photo that cannot be embedded, no photos, or another model than the one that is served
    #[response(status = 400)]
    BadRequest(#[to_schema] ErrorBody),
    /// Too many photos, or too large a body
    #[response(status = 413)]
    TooLarge(#[to_schema] ErrorBody),
    /// A content type that the route does not take
    #[response(status = 415)]
    ContentType(#[to_schema] ErrorBody),
    /// A body or query that fails validation; `detail` is FastAPI's list
    #[response(status = 422)]
    Validation(#[to_schema] ErrorBody),
    /// A fault of the service
    #[response(status = 500)]
    Internal(#[to_schema] ErrorBody),
    /// The weights are being loaded, or the service is stopping
    #[response(status = 503)]
    Unavailable(#[to_schema] ErrorBody),
}

/// The OpenAPI document of this version.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}

/// The interactive documentation at `/docs`: Swagger UI, whose files are part of the binary.
pub(super) fn docs() -> Router<Arc<App>> {
    Router::new()
        .route("/docs", get(page))
        .route("/docs/", get(async || Redirect::temporary("/docs")))
        .route("/docs/{file}", get(file))
}

/// The page, at the original's path, from where its files are those of `docs/`.
async fn page() -> Result<Html<String>, Rejection> {
    let page = swagger_ui("index.html")?;
    let page = String::from_utf8_lossy(&page.bytes).replace("\"./", "\"");
    Ok(Html(page.replace("href=\"", "href=\"docs/").replace("src=\"", "src=\"docs/")))
}

async fn file(Path(name): Path<String>) -> Result<impl IntoResponse, Rejection> {
    let file = swagger_ui(&name)?;
    Ok(([(header::CONTENT_TYPE, file.content_type)], file.bytes))
}

fn swagger_ui(name: &str) -> Result<SwaggerFile<'static>, Rejection> {
    // By itself the page sends the document's address to an online validator.
    let config = Config::from("/openapi.json").validator_url("none");
    let file = utoipa_swagger_ui::serve(name, Arc::new(config)).map_err(|error| {
        tracing::error!(%error, name, "a file of the documentation cannot be made");
        Rejection::Internal
    })?;
    file.ok_or(Rejection::NotFound)
}
