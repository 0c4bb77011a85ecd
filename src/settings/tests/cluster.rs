//! Contexts that are clusters: their own, and those of a kubeconfig.

use std::path::PathBuf;

use super::{parse, paths};
use crate::settings::{ClusterEndpoint, ConfigEditor, ConfigFile, Context, Env, Kubeconfig, Overrides, Settings};

fn kubeconfig() -> Kubeconfig {
    Kubeconfig {
        files: vec!["/home/mira/.kube/config".into()],
        contexts: vec!["prod".to_owned(), "stage".to_owned()],
        current: Some("stage".to_owned()),
    }
}

fn settings(named: Option<&str>, config: &str, kubeconfig: Kubeconfig) -> Settings {
    let args = Overrides { context: named.map(str::to_owned), ..Overrides::default() };
    let settings = Settings::build(&args, &Env::default(), paths(), parse(config).unwrap()).unwrap();
    Settings { kubeconfig, ..settings }
}

fn cluster(settings: &Settings) -> ClusterEndpoint {
    settings.endpoint().unwrap().unwrap().cluster.unwrap()
}

#[test]
fn a_context_of_the_kubeconfig_needs_no_entry_and_one_in_the_config_wins() {
    let found = cluster(&settings(Some("prod"), "", kubeconfig()));
    assert_eq!((found.context.as_str(), found.namespaces.len()), ("prod", 0));
    assert_eq!(found.kubeconfig, kubeconfig().files);
    let own = "[contexts.prod]\nkubernetes = 'eu'\nkubeconfig = 'eu.yaml'\nnamespaces = ['shop']\nprotected = true\n";
    let with_own = settings(Some("prod"), own, kubeconfig());
    let found = cluster(&with_own);
    assert_eq!((found.context.as_str(), found.namespaces.as_slice()), ("eu", &["shop".to_owned()][..]));
    assert_eq!(found.kubeconfig, [PathBuf::from("/c/eu.yaml")]);
    assert!(with_own.endpoint().unwrap().unwrap().protected);
    let server = "[contexts.prod]\nserver = 'https://rolldeck.example'\n";
    assert!(settings(Some("prod"), server, kubeconfig()).endpoint().unwrap().unwrap().cluster.is_none());
    let pod = cluster(&settings(Some("in-cluster"), "", Kubeconfig::default()));
    assert_eq!(pod.context, "in-cluster");
    let unknown = settings(Some("prd"), server, kubeconfig()).endpoint().unwrap_err().to_string();
    assert!(unknown.contains("prod, stage"), "{unknown}");
}

#[test]
fn where_nothing_says_anything_the_current_cluster_is_looked_at_and_no_server_is_meant() {
    let none = settings(None, "", kubeconfig());
    assert!(none.endpoint().unwrap().is_none(), "tokens and a first start are of this machine");
    assert_eq!(none.endpoint_or_cluster().unwrap().unwrap().name, "stage");
    let own = settings(None, "current = 'a'\n[contexts.a]\nserver = 'https://a.example'\n", kubeconfig());
    assert_eq!(own.endpoint_or_cluster().unwrap().unwrap().name, "a");
    assert!(settings(None, "", Kubeconfig::default()).endpoint_or_cluster().unwrap().is_none());
}

#[test]
fn a_context_that_is_neither_or_both_is_refused_with_its_field() {
    for (entry, field) in [
        ("kubernetes = ''", "kubernetes"),
        ("kubernetes = 'a'\nserver = 'https://a.example'", "server"),
        ("kubernetes = 'a'\ntoken_file = 't'", "token_file"),
        ("server = 'https://a.example'\nnamespaces = ['shop']", "namespaces"),
        ("server = 'https://a.example'\nkubeconfig = 'k'", "kubeconfig"),
        ("kubernetes = 'a'\nnamespaces = ['Shop']", "namespaces"),
        ("protected = true", "contexts.a"),
    ] {
        let error = parse(&format!("[contexts.a]\n{entry}\n")).unwrap_err().to_string();
        assert!(error.contains(field), "{entry}: {error}");
    }
}

#[test]
fn a_cluster_that_is_added_reads_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let context = Context {
        kubernetes: Some("prod-eu".to_owned()),
        kubeconfig: Some("/k/prod".into()),
        namespaces: vec!["shop".to_owned(), "pay".to_owned()],
        ..Context::default()
    };
    let mut editor = ConfigEditor::open(&path).unwrap();
    editor.set_context("prod", &context);
    editor.save().unwrap();
    assert_eq!(ConfigFile::read(&path, true).unwrap().contexts["prod"], context);
}
