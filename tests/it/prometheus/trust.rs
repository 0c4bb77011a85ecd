//! Who is asked, and whose word the server takes: TLS, users, client certificates, path prefixes.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rolldeck::source::{
    SourceError,
    prometheus::{Auth, Options, Prometheus as Source},
};
use secrecy::SecretString;
use url::Url;

use super::{T, at, errors, one};
use crate::support::prometheus::{Prometheus, Setup};

/// What `htpasswd -B` makes of the password `hunter22`.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuunBMgByaIAZYuFgMUjBx8aaeU/9We5xa";

fn options(url: &Url) -> Options {
    Options::new("metrics", url.clone())
}

fn basic(password: &str) -> Auth {
    Auth::Basic { user: "rolldeck".to_owned(), password: SecretString::from(password.to_owned()) }
}

#[tokio::test]
async fn a_probe_says_what_answers_and_a_path_prefix_is_kept() {
    let server = Prometheus::start_with(&Setup { prefix: Some("/metrics/prometheus"), ..Setup::default() });
    assert!(server.url().path().ends_with("/metrics/prometheus"), "{}", server.url());
    let source = Source::new(options(server.url())).unwrap();
    let now = chrono::Utc::now();
    let probe = source.probe(now).await.unwrap();
    assert!(probe.version.as_ref().unwrap().as_str().starts_with("Prometheus 2."), "{probe:?}");
    assert_eq!(probe.clock, None);
    let probe = source.probe(now - chrono::TimeDelta::minutes(5)).await.unwrap();
    assert!((295..=320).contains(&probe.clock.unwrap().num_seconds()), "{probe:?}");
    // Without its prefix there is something that answers, but no API.
    let mut bare = server.url().clone();
    bare.set_path("/");
    let error = Source::new(options(&bare)).unwrap().probe(at(T)).await.unwrap_err();
    assert!(error.to_string().contains("prefix"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_neither_is_ever_shown() {
    let web = format!("basic_auth_users:\n  rolldeck: {HASH}\n");
    let server = Prometheus::start_with(&Setup { web: Some(&web), ..Setup::default() });
    let source = |auth: Auth| Source::new(Options { auth, ..options(server.url()) }).unwrap();
    assert!(source(basic("hunter22")).probe(at(T)).await.is_ok());
    assert!(one(&source(basic("hunter22")), errors("shop", 1)).await.is_ok());
    for auth in [basic("hunter23"), Auth::None, Auth::Bearer(SecretString::from("hunter23".to_owned()))] {
        let source = source(auth);
        for error in [source.probe(at(T)).await.unwrap_err(), one(&source, errors("shop", 1)).await.unwrap_err()] {
            assert!(matches!(error, SourceError::Refused { .. }), "{error}");
            let shown = format!("{error} {error:?} {source:?}");
            assert!(shown.contains("401 Unauthorized") && !shown.contains("hunter2"), "{shown}");
        }
    }
    let clear = "http://metrics.example/".parse().unwrap();
    let error = Source::new(Options { auth: basic("hunter22"), ..options(&clear) }).unwrap_err();
    assert!(error.to_string().contains("clear text") && !error.to_string().contains("hunter22"), "{error}");
}

#[tokio::test]
async fn a_server_with_tls_wants_a_client_certificate_of_its_authority() {
    let key = || KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new([]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, key()).unwrap();
    let signed = |name: &str| {
        let own = key();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&own, &ca).unwrap();
        (certificate.pem(), own.serialize_pem())
    };
    let ((server_pem, server_key), (mine, my_key)) = (signed("127.0.0.1"), signed("rolldeck"));
    let web = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    let files: &[(&str, &str)] = &[("cert.pem", &server_pem), ("key.pem", &server_key), ("ca.pem", &ca.pem())];
    let server = Prometheus::start_with(&Setup { web: Some(web), web_files: files, ..Setup::default() });
    assert_eq!(server.url().scheme(), "https");
    let authority = Some(ca.pem().into_bytes());
    let identity = Some(SecretString::from(format!("{mine}{my_key}")));
    let source = Source::new(Options { ca: authority.clone(), identity: identity.clone(), ..options(server.url()) });
    let source = source.unwrap();
    assert!(source.probe(at(T)).await.is_ok(), "{:?}", source.probe(at(T)).await);
    assert!(!format!("{source:?}").contains("PRIVATE"));
    // Without one, and with one that a server of another authority would take.
    let other = rcgen::generate_simple_self_signed(["rolldeck".to_owned()]).unwrap();
    let other = SecretString::from(other.cert.pem() + &other.signing_key.serialize_pem());
    for (ca, identity) in [(&authority, None), (&authority, Some(other))] {
        let source = Source::new(Options { ca: ca.clone(), identity, ..options(server.url()) }).unwrap();
        let error = source.probe(at(T)).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    }
}
