//! `/openapi.json`, made from the handlers' own descriptions, and `/docs`, which shows it in a
//! browser with nothing loaded from elsewhere.

mod keys;

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

use super::{
    App, classify, duplicates, embed, info, oip, openai, probes, rejection::Rejection, schema,
    similarity, tei, text,
};
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
        text::embed_text,
        classify::classify,
        similarity::similarity,
        duplicates::duplicates,
        openai::embeddings,
        openai::embeddings_without_prefix,
        openai::embeddings_image,
        openai::embeddings_image_without_prefix,
        openai::models::list,
        openai::models::list_without_prefix,
        openai::models::retrieve,
        openai::nim::live,
        openai::nim::ready,
        openai::nim::version,
        openai::nim::metadata,
        openai::nim::metrics,
        tei::root,
        tei::info::info,
        info::health,
        info::healthz,
        probes::startupz,
        probes::readyz,
        probes::livez,
        info::model_info,
        info::gpu_info,
        info::metrics,
    ),
    components(schemas(
        FieldError,
        schema::Failed,
        classify::Classification,
        classify::Score,
        duplicates::DuplicateGroup,
        duplicates::DuplicateMember,
        duplicates::MemberPhoto,
        schema::Embeddings,
        openai::schema::EmbeddingObject,
        openai::schema::Numbers,
        openai::schema::Usage,
        openai::error::OpenAiProblem,
        tei::error::TeiErrorType,
    )),
    tags(
        (name = "embeddings", description = "Photos and texts in, vectors out"),
        (name = "comparisons", description = "What photos show, and which are alike"),
        (name = "openai", description = "The protocol of OpenAI, Infinity and NVIDIA's NIM"),
        (name = "tei", description = "The protocol of Hugging Face's Text Embeddings Inference"),
        (name = "service", description = "What the service says of itself"),
    ),
)]
struct Document;

/// The OpenAPI document of this version; `with_keys` for a service that wants API keys.
pub fn openapi(with_keys: bool) -> utoipa::openapi::OpenApi {
    let document = Document::openapi().merge_from(oip::document());
    if with_keys { keys::demand(document) } else { document }
}

/// `/openapi.json`, and the interactive documentation at `/docs`: Swagger UI, whose files are part of
/// the binary.
pub(super) fn routes(with_keys: bool) -> Router<Arc<App>> {
    Router::new()
        .route("/openapi.json", get(async move || Json(openapi(with_keys))))
        // Where Text Embeddings Inference has it.
        .route("/api-doc/openapi.json", get(async move || Json(openapi(with_keys))))
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
