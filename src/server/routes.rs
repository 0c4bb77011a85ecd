//! The table of routes: one row each, of which both the router and `/openapi.json` are made.

mod actions;
mod agent;
mod approvals;
mod audit;
mod export;
mod flags;
mod health;
mod info;
mod ofrep;
mod overrides;
mod rollouts;
mod sites;
mod snapshots;
mod tokens;
mod windows;

use axum::routing::MethodRouter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::App;
use crate::wire::Code;

/// The method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Does.
    Post,
    /// Replaces.
    Put,
}

impl Method {
    /// As OpenAPI writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
        }
    }
}

/// Where a parameter stands, besides in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// After the question mark.
    Query,
    /// In a header.
    Header,
}

/// A parameter besides those in the path.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: &'static str,
    /// Its JSON Schema type: `string`, `integer`, `boolean`.
    pub kind: &'static str,
    /// Whether it may be given several times.
    pub repeated: bool,
    /// What it says.
    pub what: &'static str,
}

impl Param {
    /// One in the query.
    const fn query(name: &'static str, kind: &'static str, what: &'static str) -> Self {
        Self { place: Place::Query, name, kind, repeated: false, what }
    }
    /// One in a header.
    const fn header(name: &'static str, what: &'static str) -> Self {
        Self { place: Place::Header, name, kind: "string", repeated: false, what }
    }
}

const WAIT: Param = Param::query("wait", "integer", "Seconds to hold the request while nothing changes; at most 30.");
const IF_MATCH: Param = Param::header("If-Match", "The revision that was looked at, in quotes, such as \"r7\".");
const KEY: Param = Param::header(
    "Idempotency-Key",
    "Made before the first try: the same key and body replay the first answer (Idempotent-Replayed: true).",
);

/// What a good answer carries.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    Empty,
    /// JSON of this schema.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// This media type.
    Other(&'static str),
}

/// A row of the table.
#[derive(Debug)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, parameters in braces.
    pub path: &'static str,
    /// Its name in OpenAPI.
    pub id: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Whether it asks for no credential.
    pub open: bool,
    /// Parameters besides those in the path.
    pub params: Vec<Param>,
    /// The schema of its body.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Good answers.
    pub answers: Vec<(u16, &'static str, Content)>,
    /// Problems that it may answer, besides `invalid`, `unauthenticated`, `forbidden` and `unavailable`.
    pub problems: &'static [Code],
    /// What answers it.
    pub handler: MethodRouter<App>,
}

impl Route {
    fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: MethodRouter<App>,
    ) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            open: false,
            params: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: &[],
            handler,
        }
    }
    fn get(path: &'static str, id: &'static str, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::Get, path, id, summary, handler)
    }
    fn post(path: &'static str, id: &'static str, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::Post, path, id, summary, handler)
    }
    fn put(path: &'static str, id: &'static str, summary: &'static str, handler: MethodRouter<App>) -> Self {
        Self::new(Method::Put, path, id, summary, handler)
    }
    fn open(mut self) -> Self {
        self.open = true;
        self
    }
    fn params(mut self, params: &[Param]) -> Self {
        self.params.extend_from_slice(params);
        self
    }
    fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>);
        self
    }
    fn json<T: JsonSchema>(mut self, status: u16, what: &'static str) -> Self {
        self.answers.push((status, what, Content::Json(schema_of::<T>)));
        self
    }
    fn other(mut self, status: u16, what: &'static str, media: &'static str) -> Self {
        self.answers.push((status, what, Content::Other(media)));
        self
    }
    fn empty(mut self, status: u16, what: &'static str) -> Self {
        self.answers.push((status, what, Content::Empty));
        self
    }
    fn problems(mut self, problems: &'static [Code]) -> Self {
        self.problems = problems;
        self
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The whole table.
#[must_use]
pub fn all() -> Vec<Route> {
    [
        rollouts::routes(),
        actions::routes(),
        audit::routes(),
        export::routes(),
        windows::routes(),
        overrides::routes(),
        approvals::routes(),
        flags::routes(),
        ofrep::routes(),
        snapshots::routes(),
        sites::routes(),
        tokens::routes(),
        info::routes(),
        agent::routes(),
        health::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
