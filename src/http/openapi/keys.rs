//! What the OpenAPI document says of API keys, where the service wants them: how they are sent, on
//! which routes, and the answer without one.

use utoipa::openapi::{
    ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
    header::HeaderBuilder,
    path::{Operation, PathItem},
    schema::{ObjectBuilder, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use crate::http::authorization::is_exempt;

/// Name of the scheme within the document.
const NAME: &str = "api_key";

/// The document with a key demanded on each route that is not exempt.
pub(super) fn demand(mut document: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme(NAME, SecurityScheme::Http(bearer));
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item, is_exempt(path)) {
            let scopes: [&str; 0] = [];
            operation.security = Some(vec![SecurityRequirement::new(NAME, scopes)]);
            operation.responses.responses.insert("401".to_owned(), RefOr::T(refusal()));
        }
    }
    document
}

/// The operations of a route that need a key, where what only reads may be `exempt`.
fn operations(item: &mut PathItem, exempt: bool) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    let reads = [get, head].into_iter().filter(move |_| !exempt);
    reads.chain([put, post, delete, options, patch, trace]).flatten()
}

/// The answer without a key.
fn refusal() -> Response {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
    ResponseBuilder::new()
        .description("No API key, or none of the service's")
        .header("WWW-Authenticate", HeaderBuilder::new().schema(Some(text)).build())
        .content("application/json", body)
        .build()
}
