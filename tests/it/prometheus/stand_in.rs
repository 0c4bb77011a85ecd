//! What happens when something else answers than a Prometheus, or one that is broken. Each of it is a typed
//! state with a reason that a person can act on; none of it is data.

use std::{net::SocketAddr, time::Duration};

use rolldeck::source::{
    SliSource as _, SourceError, Wanted,
    prometheus::{Auth, Limits, Options, Prometheus},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use url::{Url, form_urlencoded};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, method, path},
};

use super::{T, at, errors, events, one, source};
use crate::support::pty::SOON;

fn url(server: &MockServer) -> Url {
    server.uri().parse().unwrap()
}

fn matrix(result: &Value) -> Value {
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}})
}

fn series(service: &str, track: &str, value: &str) -> Value {
    json!({"metric": {"service": service, "track": track}, "values": [[T + 60, value]]})
}

async fn answering(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(template).mount(&server).await;
    server
}

/// The fields of the requests' forms.
async fn forms(server: &MockServer) -> Vec<Vec<(String, String)>> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| form_urlencoded::parse(&request.body).into_owned().collect()).collect()
}

fn field<'f>(form: &'f [(String, String)], name: &str) -> &'f str {
    &form.iter().find(|(field, _)| field == name).unwrap().1
}

#[derive(Debug, PartialEq)]
enum Is {
    Unreachable,
    Refused,
    Nonsense,
}

fn kind(error: &SourceError) -> Is {
    match error {
        SourceError::Unreachable { .. } => Is::Unreachable,
        SourceError::Refused { .. } => Is::Refused,
        SourceError::Nonsense { .. } => Is::Nonsense,
        SourceError::Unknown(name) => panic!("{name}"),
    }
}

#[tokio::test]
async fn whatever_answers_instead_of_data_is_a_state_with_a_reason() {
    let html = |status: u16, title: &str| {
        let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>...</body></html>");
        ResponseTemplate::new(status).set_body_raw(page, "text/html")
    };
    let json = |status: u16, body: Value| ResponseTemplate::new(status).set_body_json(body);
    let error = |kind: &str, text: &str| json!({"status": "error", "errorType": kind, "error": text});
    let vector = json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    for (answer, is, says) in [
        (html(200, "Sign in"), Is::Nonsense, "HTML or XML instead of JSON: \"Sign in\""),
        (html(502, "502 Bad Gateway"), Is::Unreachable, "502 Bad Gateway: \"502 Bad Gateway\""),
        (html(404, "Not here"), Is::Nonsense, "is the path prefix right?"),
        (html(401, "Who are you"), Is::Refused, "its credential or tenant does not permit it"),
        (html(403, "Not you"), Is::Refused, "403 Forbidden: \"Not you\""),
        (html(429, "Slow down"), Is::Unreachable, "429 Too Many Requests"),
        (ResponseTemplate::new(500), Is::Unreachable, "500 Internal Server Error"),
        (json(400, error("bad_data", "1:3: parse error")), Is::Refused, "bad_data: 1:3: parse error"),
        (json(422, error("execution", "too many samples")), Is::Refused, "execution: too many samples"),
        (json(503, error("timeout", "query timed out")), Is::Unreachable, "timeout: query timed out"),
        (json(200, error("internal", "bad\u{1b}[2J\u{202e}luck")), Is::Refused, "internal: bad\u{fffd}[2J\u{fffd}luck"),
        (json(200, vector), Is::Nonsense, "a \"vector\", and a matrix was asked for"),
        (json(200, json!([])), Is::Nonsense, "no JSON: \"[]\""),
        (ResponseTemplate::new(200), Is::Nonsense, "nothing at all"),
        (ResponseTemplate::new(204), Is::Nonsense, "nothing at all"),
        (ResponseTemplate::new(200).set_body_string("{\"status\":\"succ"), Is::Nonsense, "ends too early"),
        (
            json(
                200,
                matrix(&json!([{"metric": {"service": "shop", "track": "canary"}, "values": [[T + 3600, "1"]]}])),
            ),
            Is::Nonsense,
            "later than",
        ),
    ] {
        let server = answering(answer).await;
        let error = one(&source(&url(&server)), errors("shop", 1)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}, not {says}");
        assert_eq!(kind(&error), is, "{text}");
        assert!(text.starts_with("metrics "), "{text}");
    }
}

#[tokio::test]
async fn what_the_server_warns_of_is_said_beside_its_data() {
    let mut body = matrix(&json!([series("shop", "canary", "10")]));
    body["warnings"] = json!(["store b did not answer"]);
    let server = answering(ResponseTemplate::new(200).set_body_json(body)).await;
    let answer = one(&source(&url(&server)), errors("shop", 1)).await.unwrap();
    assert_eq!(events(&answer.slices), [(0, Some((10.0, 10.0)), None)]);
    assert_eq!(answer.remark.as_str(), "the server says: store b did not answer");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_no_credential_travels_on() {
    let other = answering(ResponseTemplate::new(200).set_body_json(matrix(&json!([])))).await;
    for status in [301, 302, 307, 308] {
        let to = format!("{}/login?next=secret", other.uri());
        let server = answering(ResponseTemplate::new(status).insert_header("location", to.as_str())).await;
        let auth = Auth::Bearer(SecretString::from("hunter22".to_owned()));
        let source = Prometheus::new(Options { auth, ..Options::new("metrics", url(&server)) }).unwrap();
        let error = one(&source, errors("shop", 1)).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(kind(&error), Is::Nonsense, "{text}");
        assert!(text.contains("/login: redirects are not followed") && !text.contains("secret"), "{text}");
        assert!(source.probe(at(T)).await.is_err());
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_request_carries_what_the_server_needs_to_know() {
    let server = MockServer::start().await;
    let empty = ResponseTemplate::new(200).set_body_json(matrix(&json!([])));
    Mock::given(method("POST"))
        .and(path("/mimir/prometheus/api/v1/query_range"))
        .respond_with(empty)
        .mount(&server)
        .await;
    let base: Url = format!("{}/mimir/prometheus", server.uri()).parse().unwrap();
    for (auth, expected) in [
        (Auth::None, None),
        (Auth::Bearer(SecretString::from("hunter22\n".to_owned())), Some("Bearer hunter22")),
        (
            Auth::Basic { user: "me".to_owned(), password: SecretString::from("p:w".to_owned()) },
            // echo -n me:p:w | base64
            Some("Basic bWU6cDp3"),
        ),
    ] {
        server.reset().await;
        let empty = ResponseTemplate::new(200).set_body_json(matrix(&json!([])));
        Mock::given(path("/mimir/prometheus/api/v1/query_range")).respond_with(empty).mount(&server).await;
        let tenant = Some("team-a|team-b".to_owned());
        let options = Options { auth, tenant, ..Options::new("metrics", base.clone()) };
        let answer = one(&Prometheus::new(options).unwrap(), errors("shop", 3)).await.unwrap();
        assert!(answer.slices.is_empty());
        let requests = server.received_requests().await.unwrap();
        assert_eq!(requests.len(), 2);
        for request in &requests {
            let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("authorization"), expected);
            assert_eq!(header("x-scope-orgid"), Some("team-a|team-b"));
            assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
        }
        let forms = forms(&server).await;
        let form = forms.iter().find(|form| field(form, "query").contains("5..")).unwrap();
        assert_eq!((field(form, "start"), field(form, "end"), field(form, "step")), ("1767225660", "1767225780", "60"));
        assert_eq!(
            field(form, "query"),
            r#"sum by (service, track) (increase(http_requests_total{service=~"shop", track=~"baseline|canary", code=~"5.."}[60s]))"#
        );
        assert_eq!(field(form, "timeout"), "10000ms");
    }
}

#[tokio::test]
async fn a_thousand_rollouts_with_eight_indicators_are_one_request_for_each_template() {
    let server = MockServer::start().await;
    let name = |n: usize| format!("warehouse-west-{n:04}");
    let all: Vec<Value> = (0..1000).map(|n| series(&name(n), "canary", &n.to_string())).collect();
    let answer = ResponseTemplate::new(200).set_body_json(matrix(&json!(all)));
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let mut wanted: Vec<Wanted> = Vec::new();
    for n in 0..1000 {
        for indicator in 0..8 {
            let mut one = errors(&name(n), 60);
            one.queries.bad = one.queries.bad.map(|bad| bad.replace("5..", &format!("5.{indicator}")));
            wanted.push(one);
        }
    }
    let answers = source(&url(&server)).collect(&wanted).await;
    assert_eq!(answers.len(), 8000);
    for (place, answer) in answers.into_iter().enumerate() {
        let n = (place / 8) as f64;
        let expected = if n == 0.0 { vec![] } else { vec![(0, Some((n, n)), None)] };
        assert_eq!(events(&answer.unwrap().slices), expected, "{place}");
    }
    let forms = forms(&server).await;
    assert_eq!(forms.len(), 9, "eight templates of bad events, and the one of all");
    assert!(forms.iter().all(|form| field(form, "query").len() <= 16 * 1024));
}

#[tokio::test]
async fn a_server_that_takes_too_long_is_not_waited_for() {
    let slow = ResponseTemplate::new(200).set_body_json(matrix(&json!([]))).set_delay(Duration::from_secs(3600));
    let server = answering(slow).await;
    let options = Options { timeout: Duration::from_millis(200), ..Options::new("metrics", url(&server)) };
    let source = Prometheus::new(options).unwrap();
    // Many templates do not make it many times as long.
    let wanted: Vec<Wanted> = (0..100)
        .map(|n| {
            let mut one = errors("shop", 1);
            one.queries.bad = one.queries.bad.map(|bad| bad.replace("5..", &format!("{n}")));
            one
        })
        .collect();
    let answers = tokio::time::timeout(SOON, source.collect(&wanted)).await.expect("it gives up");
    let mut texts: Vec<String> = Vec::new();
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!(kind(&error), Is::Unreachable, "{error}");
        texts.push(error.to_string());
    }
    assert!(texts[0].contains("no answer within 0.2 s"), "{}", texts[0]);
}

/// Writes something to whoever connects, as it is, and closes.
async fn raw(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer_even_where_it_could_be_read() {
    let body = matrix(&json!([])).to_string();
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len() + 10);
    let chunk = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len());
    for answer in [cut.into_bytes(), chunk.into_bytes(), Vec::new(), b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()] {
        let address = raw(answer).await;
        let error = one(&source(&format!("http://{address}").parse().unwrap()), errors("shop", 1)).await.unwrap_err();
        assert_eq!(kind(&error), Is::Unreachable, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_before_it_is_held() {
    let values: Vec<Value> = (0..1000).map(|n| json!([T + 60, n.to_string()])).collect();
    let large = matrix(&json!([{"metric": {"service": "shop", "track": "canary"}, "values": values}]));
    let bytes = large.to_string().len();
    let said = ResponseTemplate::new(200).set_body_json(&large);
    let server = answering(said).await;
    let limits = |bytes, samples| Limits { bytes, samples, ..Limits::default() };
    for (limits, says) in [
        (limits(bytes - 1, 10_000), format!("more than {} bytes", bytes - 1)),
        (limits(bytes, 999), "more than 999 samples".to_owned()),
    ] {
        let source = Prometheus::new(Options { limits, ..Options::new("metrics", url(&server)) }).unwrap();
        let error = one(&source, errors("shop", 1)).await.unwrap_err();
        assert_eq!(kind(&error), Is::Refused, "{error}");
        assert!(error.to_string().contains(&says), "{error}");
    }
    // One that never ends, and does not say how long it is.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"success\",\"x\":\"").await;
                while stream.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
            });
        }
    });
    let error = one(&source(&format!("http://{address}").parse().unwrap()), errors("shop", 1)).await.unwrap_err();
    assert_eq!(kind(&error), Is::Refused, "{error}");
    assert!(error.to_string().contains("more than 33554432 bytes"), "{error}");
}

#[tokio::test]
async fn one_failed_query_fails_what_needs_it_and_nothing_else() {
    let server = MockServer::start().await;
    let bad = json!({"status": "error", "errorType": "execution", "error": "out of memory"});
    Mock::given(any())
        .and(wiremock::matchers::body_string_contains("broken"))
        .respond_with(ResponseTemplate::new(422).set_body_json(bad))
        .mount(&server)
        .await;
    let good = matrix(&json!([series("shop", "canary", "10")]));
    Mock::given(path("/api/v1/query_range"))
        .respond_with(ResponseTemplate::new(200).set_body_json(good))
        .mount(&server)
        .await;
    let mut broken = errors("shop", 1);
    broken.queries.bad = broken.queries.bad.map(|bad| bad.replace("5..", "broken"));
    let mut spent = errors("shop", 1);
    spent.spent = true;
    let mut wrong = errors("shop", 1);
    wrong.queries.total = None;
    let answers = source(&url(&server)).collect(&[broken, errors("shop", 1), spent, wrong]).await;
    let [broken, whole, spent, wrong] = answers.as_slice() else { panic!() };
    assert_eq!(kind(broken.as_ref().unwrap_err()), Is::Refused);
    assert_eq!(whole.as_ref().unwrap().slices.len(), 1);
    // What is spent could not be asked (there is no such path); the slices are there all the same.
    let spent = spent.as_ref().unwrap();
    assert_eq!((spent.slices.len(), spent.spent), (1, None));
    assert!(
        spent.remark.as_str().starts_with("what is spent of the budget is not known: metrics answers"),
        "{}",
        spent.remark
    );
    assert!(wrong.as_ref().unwrap_err().to_string().contains("total and bad"), "{wrong:?}");
}

#[tokio::test]
async fn nobody_is_asked_about_nothing() {
    let server = answering(ResponseTemplate::new(200).set_body_json(matrix(&json!([])))).await;
    let source = source(&url(&server));
    let mut silent = errors("shop", 3);
    silent.canary.clear();
    silent.baseline.clear();
    let mut twice = errors("shop", 3);
    twice.baseline.clone_from(&twice.canary);
    let answers = source.collect(&[errors("shop", 0), silent]).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().slices.is_empty()));
    assert!(source.collect(&[]).await.is_empty());
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    let answer = one(&source, twice).await.unwrap();
    assert!(answer.remark.as_str().contains("cannot be told apart"), "{}", answer.remark);
}
