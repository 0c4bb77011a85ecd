//! `/api/v1/tokens`: who may. A token's text is made by the client and never comes here.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::{Route, windows::short};
use crate::{
    server::{
        App,
        auth::Caller,
        extract::{Json, Path},
        problem::Answer,
        to_the_end,
    },
    wire::{Code, ReasonRequest, TokenReply, TokenRequest, TokensPage},
};

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/tokens", "listTokens", "All tokens, without anything of their text", get(list))
            .json::<TokensPage>(200, "Tokens, the newest first, revoked ones too."),
        Route::post("/api/v1/tokens", "addToken", "Adds a token, of which only the hash is told", post(add))
            .body::<TokenRequest>()
            .json::<TokenReply>(201, "The token."),
        Route::post("/api/v1/tokens/{id}/revoke", "revokeToken", "Revokes a token", post(revoke))
            .body::<ReasonRequest>()
            .json::<TokenReply>(200, "The token as it is now.")
            .problems(&[Code::ReasonRequired, Code::NotFound]),
    ]
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<TokensPage>> {
    Ok(Json(app.control.tokens_page(&who)?))
}

async fn add(Caller(who): Caller, State(app): State<App>, Json(request): Json<TokenRequest>) -> Answer<Response> {
    let control = app.control.clone();
    let reply = to_the_end(async move { control.add_token(&who, request).await }).await?;
    Ok((StatusCode::CREATED, Json(reply)).into_response())
}

async fn revoke(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
) -> Answer<Json<TokenReply>> {
    let id = short("token", id)?;
    let control = app.control.clone();
    Ok(Json(to_the_end(async move { control.revoke_token(&who, &id, request).await }).await?))
}
