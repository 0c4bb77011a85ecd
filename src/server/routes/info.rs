//! `/api/v1/server` and `/openapi.json`: what this server is.

use std::sync::LazyLock;

use axum::{
    body::Bytes,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::Route;
use crate::{
    domain::SafeText,
    server::{App, auth::Caller, extract::Json, openapi},
    wire::ServerInfo,
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/server", "serverInfo", "What the server is, and who the caller is to it", get(info))
            .json::<ServerInfo>(200, "The server, and the caller's role."),
        Route::get("/openapi.json", "openapi", "This description", get(description)).open().other(
            200,
            "OpenAPI 3.1.",
            "application/json",
        ),
    ]
}

async fn info(Caller(who): Caller, State(app): State<App>) -> Json<ServerInfo> {
    Json(ServerInfo {
        version: SafeText::new(env!("CARGO_PKG_VERSION")),
        simulated: app.control.simulated(),
        actor: who.id,
        role: who.role,
        targets: who.targets.iter().map(SafeText::new).collect(),
    })
}

async fn description() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| openapi::document(&super::all()).to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.clone()).into_response()
}
