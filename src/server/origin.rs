//! Keeps web pages and proxies out: a browser on this machine must not act for a page it shows.
//!
//! Without tokens the only protection is that nobody else reaches loopback. A page can (by DNS
//! rebinding, or by a form), and so can everybody behind a proxy on this machine; both show.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::problem::{Answer, Failure};
use crate::wire::Code;

/// Headers that a proxy adds.
const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Whether a request without a credential comes straight from this machine, addressed as such.
pub fn is_direct(parts: &Parts, peer: Option<IpAddr>, listen: SocketAddr) -> Answer<()> {
    let refuse = |why: &str| Err(Failure::new(Code::Forbidden, why));
    if peer.is_some_and(|peer| !peer.is_loopback()) {
        return refuse("without tokens this server answers its own machine only: add one with rolldeck token add");
    }
    if PROXIED.iter().any(|name| parts.headers.contains_key(*name)) {
        return refuse("without tokens this server answers no proxy: add a token with rolldeck token add");
    }
    let host = host_of(parts).unwrap_or_default();
    if is_local(host, listen) {
        Ok(())
    } else {
        refuse("without tokens this server answers to localhost and its own address only, and Host says another")
    }
}

/// `Host`, or the authority of an absolute request target.
fn host_of(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()),
    }
}

fn is_local(host: &str, listen: SocketAddr) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == listen.ip(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Refuses a change that a web page of another origin asks for.
pub async fn same_origin(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let brings_its_own = is_for_pages(&request) && brings_a_credential(request.headers());
    if changes && !brings_its_own && is_foreign(request.headers()) {
        return Failure::new(Code::Forbidden, "a web page of another origin may not change anything here")
            .into_response();
    }
    next.run(request).await
}

/// What web pages of other origins may read: flags, with a token of their own.
const FOR_PAGES: &str = "/ofrep/";

fn is_for_pages(request: &Request) -> bool {
    request.uri().path().starts_with(FOR_PAGES)
}

/// Whether a request says who it is from by itself. A browser adds none of these for a page: what a page can
/// send with them, it could send from anywhere.
fn brings_a_credential(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key("x-api-key")
}

/// Lets the OpenFeature clients in web pages of other origins ask for flags. They bring a token or a ticket, or
/// are not answered: nothing here goes by where a request comes from.
pub async fn for_pages(request: Request, next: Next) -> Response {
    if !is_for_pages(&request) || !request.headers().contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    let asks_before = *request.method() == Method::OPTIONS;
    let mut response = if asks_before { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("etag, retry-after"));
    if asks_before {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, x-api-key, content-type, if-none-match"),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    if matches!(site, Some(site) if site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let origin = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, authority)| authority);
    // `null` and what cannot be read have no authority, and are nobody's.
    origin.is_none() || origin != host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_web_page_can_point_at_loopback_is_not_local() {
        let listen: SocketAddr = "127.0.0.1:7890".parse().unwrap();
        for host in ["localhost", "localhost:7890", "LOCALHOST", "127.0.0.1:7890", "127.0.0.9", "[::1]:7890", "[::1]"] {
            assert!(is_local(host, listen), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com:7890", "127.0.0.1.nip.io", "10.0.0.1", "::1x", "[", ":"]
        {
            assert!(!is_local(host, listen), "{host}");
        }
        assert!(is_local("192.168.1.4:80", "192.168.1.4:80".parse().unwrap()));
    }

    #[test]
    fn only_the_same_origin_or_no_browser_at_all_may_change_something() {
        let with = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_foreign(&headers)
        };
        assert!(!with(&[("host", "localhost:7890")]));
        assert!(!with(&[("host", "localhost:7890"), ("origin", "http://localhost:7890")]));
        assert!(with(&[("host", "localhost:7890"), ("origin", "http://localhost:8000")]));
        assert!(with(&[("host", "localhost:7890"), ("origin", "null")]));
        assert!(with(&[("origin", "http://localhost:7890")]));
        assert!(with(&[("host", "localhost:7890"), ("sec-fetch-site", "cross-site")]));
    }
}
