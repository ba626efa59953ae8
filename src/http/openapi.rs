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
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::{App, embed, info, probes, rejection::Rejection, schema};
use crate::upload::json::FieldError;

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
        probes::startupz,
        probes::readyz,
        probes::livez,
        info::model_info,
        info::gpu_info,
        info::metrics,
    ),
    components(schemas(FieldError, schema::Failed)),
    tags(
        (name = "embeddings", description = "Photos in, vectors out"),
        (name = "service", description = "What the service says of itself"),
    ),
)]
struct Document;

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
