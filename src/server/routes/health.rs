//! `/healthz`, `/readyz`, `/metrics`: for those who run it. They ask for no credential and name nothing.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::Route;
use crate::{
    server::{
        App,
        extract::Json,
        metrics,
        problem::{Answer, Failure, broken},
    },
    wire::Code,
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/healthz", "healthz", "Whether the process answers", get(healthz))
            .open()
            .json::<Value>(200, "It does."),
        Route::get("/readyz", "readyz", "Whether it can take actions", get(readyz))
            .open()
            .json::<Value>(200, "It can.")
            .problems(&[Code::Unavailable]),
        Route::get("/metrics", "metrics", "Figures in the Prometheus text format", get(figures)).open().other(
            200,
            "Figures.",
            metrics::MEDIA,
        ),
    ]
}

async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn readyz(State(app): State<App>) -> Answer<Json<Value>> {
    if app.shutdown.is_cancelled() {
        return Err(Failure::new(Code::Unavailable, "the server is ending"));
    }
    if !app.control.ready() {
        return Err(Failure::new(Code::Unavailable, "the store does not take changes: the server's log says why"));
    }
    Ok(Json(json!({"status": "ready"})))
}

async fn figures(State(app): State<App>) -> Answer<Response> {
    let text = app.metrics.text(&app.control.figures()).map_err(|_| broken())?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA)], text).into_response())
}
