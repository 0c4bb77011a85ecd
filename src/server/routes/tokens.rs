//! `/api/v1/tokens`: who may. A token's text is made by the client and never comes here.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use super::{Route, windows::short};
use crate::{
    domain::{Role, SafeText},
    server::{
        App,
        auth::Caller,
        extract::{Json, Path},
        problem::{Answer, Failure},
        to_the_end,
    },
    store::TokenRecord,
    wire::{Code, ReasonRequest, TokenReply, TokenRequest, TokenView, TokensPage},
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

fn view(token: &TokenRecord) -> TokenView {
    TokenView {
        id: SafeText::new(&token.id),
        name: SafeText::new(&token.name),
        role: token.role,
        targets: token.targets.iter().map(SafeText::new).collect(),
        binding: token.binding.clone(),
        created_at: token.created_at,
        revoked_at: token.revoked_at,
    }
}

async fn list(Caller(who): Caller, State(app): State<App>) -> Answer<Json<TokensPage>> {
    if !who.role.covers(Role::Commander) {
        return Err(Failure::new(Code::Forbidden, "tokens are for a commander to see"));
    }
    let mut tokens: Vec<_> = app.control.tokens().iter().map(view).collect();
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    Ok(Json(TokensPage { tokens }))
}

fn found(app: &App, id: &str) -> Answer<TokenReply> {
    let tokens = app.control.tokens();
    let token = tokens.iter().find(|token| token.id == id);
    let token = token.ok_or_else(|| Failure::new(Code::NotFound, "there is no such token"))?;
    Ok(TokenReply { token: view(token), audit: None })
}

async fn add(Caller(who): Caller, State(app): State<App>, Json(request): Json<TokenRequest>) -> Answer<Response> {
    let record = checked(request, app.options.clock.now())?;
    let id = record.id.clone();
    let control = app.control.clone();
    to_the_end(async move { control.add_token(&who, record).await }).await?;
    Ok((StatusCode::CREATED, Json(found(&app, &id)?)).into_response())
}

fn checked(request: TokenRequest, now: chrono::DateTime<chrono::Utc>) -> Answer<TokenRecord> {
    let is_hex =
        |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !request.id.strip_prefix("t-").is_some_and(|hex| is_hex(hex, 10)) {
        return Err(Failure::invalid("id", "a token's id is t- and ten hex digits, as its text has them"));
    }
    if !is_hex(&request.secret_hash, 64) {
        return Err(Failure::invalid("secret_hash", "the SHA-256 of the token's text is 64 lower-case hex digits"));
    }
    let name = SafeText::new(request.name.trim());
    if name.is_empty() || name.as_str().chars().count() > 100 {
        return Err(Failure::invalid("name", "a token's name has 1 to 100 characters: who, or what, will hold it"));
    }
    let is_pattern = |text: &String| {
        (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*' | b'?'))
    };
    if request.targets.is_empty() || request.targets.len() > 64 || !request.targets.iter().all(is_pattern) {
        return Err(Failure::invalid("targets", "targets are 1 to 64 names or patterns such as dc-*, or * for all"));
    }
    if (request.role == Role::Agent) != request.binding.is_some() {
        return Err(Failure::invalid("binding", "a token of the role agent, and only such a one, is bound to a site"));
    }
    Ok(TokenRecord {
        id: request.id,
        name: name.into(),
        secret_hash: request.secret_hash,
        role: request.role,
        targets: request.targets,
        binding: request.binding,
        created_at: now,
        revoked_at: None,
    })
}

async fn revoke(
    Caller(who): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(request): Json<ReasonRequest>,
) -> Answer<Json<TokenReply>> {
    let id = short("token", id)?;
    let control = app.control.clone();
    let asked = id.clone();
    to_the_end(async move { control.revoke_token(&who, &asked, request).await }).await?;
    Ok(Json(found(&app, &id)?))
}
