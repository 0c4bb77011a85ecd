//! Requests over HTTP: whose they are, what they are of, and what goes wrong with them on purpose.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Request, Response, header},
};
use futures_util::stream;
use serde_json::Value;
use url::form_urlencoded;

use super::{
    answer::{Crash, Refusal, nothing_here, text_response},
    api, discovery,
    faults::{Asked, Fault},
    kinds::{self, RESOURCES},
    listen::Connection,
    users::{User, Wanted},
    world::Shared,
};

/// A request, taken apart.
#[derive(Debug)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub content_type: String,
    pub user_agent: String,
    pub body: Vec<u8>,
}

impl Call {
    pub fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    pub fn says(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub wanted: Wanted,
    pub version: String,
    /// What follows a subresource: the path behind a proxy.
    pub rest: String,
}

/// Takes a path apart; none when it names no objects.
pub fn target(call: &Call) -> Option<Target> {
    let mut parts = call.path.trim_start_matches('/').split('/');
    let (group, version) = match parts.next()? {
        "api" => (String::new(), parts.next()?),
        "apis" => (parts.next()?.to_owned(), parts.next()?),
        _ => return None,
    };
    let parts: Vec<&str> = parts.collect();
    let (namespace, parts) = match parts.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !["status", "finalize"].contains(&rest[0]) => {
            (Some((*namespace).to_owned()), rest)
        }
        other => (None, other),
    };
    let resource = (*parts.first()?).to_owned();
    let name = parts.get(1).copied().unwrap_or_default().to_owned();
    let subresource = parts.get(2).copied().unwrap_or_default().to_owned();
    let rest = parts.get(3..).unwrap_or_default().join("/");
    if resource.is_empty() {
        return None;
    }
    let verb = match (call.method.as_str(), name.is_empty()) {
        ("GET", true) if call.says("watch") => "watch",
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "deletecollection",
        ("DELETE", false) => "delete",
        _ => return None,
    };
    let wanted = Wanted { verb: verb.to_owned(), group, resource, subresource, namespace, name };
    Some(Target { wanted, version: version.to_owned(), rest })
}

/// Answers a request.
pub async fn serve(shared: Arc<Shared>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let text = |name: header::HeaderName| {
        head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let call = Call {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        content_type: text(header::CONTENT_TYPE),
        user_agent: text(header::USER_AGENT),
        body: to_bytes(body, usize::MAX).await.map(Vec::from).unwrap_or_default(),
    };
    let connection = head.extensions.get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
    let token = text(header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned);
    let target = target(&call);
    let verb = target.as_ref().map_or(call.method.clone(), |target| target.wanted.verb.clone());
    let (user, place, fault) = {
        let mut world = shared.world.lock().unwrap();
        let user = match &token {
            Some(token) => world.users.get(token).cloned(),
            None => Some(User::anonymous()),
        };
        world.log.push(Asked {
            verb: verb.clone(),
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.query.clone(),
            body: body_of(&call.body),
            content_type: call.content_type.clone(),
            user_agent: call.user_agent.clone(),
            user: user.as_ref().map(|user| user.name.clone()).unwrap_or_default(),
            code: 0,
        });
        let fault = world
            .troubles
            .iter_mut()
            .find_map(|trouble| trouble.strikes(&verb, &call.path).then(|| trouble.fault.clone()));
        (user, world.log_start + world.log.len() - 1, fault)
    };
    shared.changed.send_modify(|_| {});
    let answer = || respond(&shared, &call, target.as_ref(), user.as_ref());
    let response = match fault {
        None => answer(),
        Some(Fault::Late(time)) => {
            tokio::time::sleep(time).await;
            answer()
        }
        Some(Fault::TooManyRequests(seconds)) => Refusal::too_many_requests(seconds).response(),
        Some(Fault::Fails(code)) => {
            let message = "Internal error occurred: the stand-in was told to fail";
            Refusal::new(code, "InternalError", message).response()
        }
        Some(Fault::Page(code)) => text_response(code, "<html><head><title>Bad Gateway</title></head></html>"),
        Some(Fault::Reset) => return hang_up(connection.as_ref()).await,
        Some(Fault::AnswerLost) => {
            answer();
            shared.changed.send_modify(|_| {});
            return hang_up(connection.as_ref()).await;
        }
        Some(Fault::AnswerCut) => {
            let (head, body) = answer().into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            let half = body.len() / 2;
            let pieces = [Ok(body[..half].to_vec()), Err(std::io::Error::other("the stand-in breaks this answer"))];
            let mut head = head;
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from_stream(stream::iter(pieces)))
        }
        Some(Fault::Silence) => std::future::pending().await,
    };
    if response.extensions().get::<Crash>().is_some() {
        return hang_up(connection.as_ref()).await;
    }
    {
        let mut world = shared.world.lock().unwrap();
        let start = world.log_start;
        if let Some(asked) = place.checked_sub(start).and_then(|place| world.log.get_mut(place)) {
            asked.code = response.status().as_u16();
        }
    }
    shared.changed.send_modify(|_| {});
    response
}

fn body_of(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body).into_owned()))
}

/// Ends the connection that a request came on, without an answer.
async fn hang_up(connection: Option<&Connection>) -> Response<Body> {
    if let Some(connection) = connection {
        connection.broken.cancel();
    }
    std::future::pending().await
}

fn respond(shared: &Arc<Shared>, call: &Call, target: Option<&Target>, user: Option<&User>) -> Response<Body> {
    let Some(user) = user else { return Refusal::unauthorized().response() };
    let mut world = shared.world.lock().unwrap();
    if let Some(response) = discovery::answer(&world, call) {
        return response;
    }
    let Some(target) = target else { return nothing_here() };
    let place = kinds::find(&target.wanted.group, &target.version, &target.wanted.resource);
    let forbidden = place.is_some_and(|place| world.forbidden.contains(&place));
    if forbidden || !user.may(&target.wanted) {
        return user.forbidden(&target.wanted).response();
    }
    let reviews = discovery::REVIEWS.iter().find(|(group, resources)| {
        *group == target.wanted.group && resources.iter().any(|(resource, _)| *resource == target.wanted.resource)
    });
    if reviews.is_some() && target.version == "v1" {
        return match target.wanted.verb.as_str() {
            "create" => match user.review(&target.wanted.resource, &body_of(&call.body), &super::now()) {
                Ok(review) => super::answer::json_response(201, &review),
                Err(refusal) => refusal.response(),
            },
            _ => Refusal::method_not_allowed().response(),
        };
    }
    let Some(place) = place.filter(|place| !world.absent.contains(place)) else { return nothing_here() };
    if RESOURCES[place].namespaced && target.wanted.namespace.is_none() && !target.wanted.name.is_empty() {
        return nothing_here();
    }
    api::answer(shared, &mut world, call, target, place).unwrap_or_else(|refusal| refusal.response())
}
