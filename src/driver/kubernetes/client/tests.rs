use std::fs;

use super::*;

const TOKEN: &str = "tok-secret-7";

fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters:\n- name: c1\n  cluster: {{server: \"{server}\"}}\n\
         users:\n- name: u1\n  user: {user}\ncontexts:\n- name: prod\n  context: {{cluster: c1, user: u1, namespace: shop}}\n\
         - name: lost\n  context: {{cluster: nowhere, user: u1}}\n"
    )
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

async fn refused(options: ClusterOptions) -> String {
    let error = match Connection::open(options).await {
        Ok(connection) => connection.client().await.map(|_| ()).unwrap_err(),
        Err(error) => error,
    };
    let text = error.to_string();
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn contexts_of_several_files_are_listed_and_the_first_file_counts() {
    let folder = tempfile::tempdir().unwrap();
    let first = file(&folder, "a", &kubeconfig("https://10.0.0.1:6443", &format!("{{token: {TOKEN}}}")));
    let second =
        file(&folder, "b", &kubeconfig("https://10.0.0.2:6443", "{}").replace("prod", "dev").replace("c1", "c2"));
    let missing = folder.path().join("none");
    let found = contexts(&[first, missing.clone(), second]).unwrap();
    let names: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.current)).collect();
    assert_eq!(names, [("prod", true), ("lost", false), ("dev", false)]);
    assert_eq!(found[0].server.as_deref(), Some("https://10.0.0.1:6443"));
    assert_eq!(found[0].namespace.as_deref(), Some("shop"));
    assert_eq!(found[1].server, None);
    assert!(matches!(contexts(&[missing]), Err(ClientError::NoKubeconfig(_))));
}

#[tokio::test]
async fn whoever_names_a_wrong_context_is_told_which_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "config", &kubeconfig("https://10.0.0.1:6443", "{}"));
    let mut options = ClusterOptions::new("x", vec![path.clone()]);
    options.kubernetes_context = Some("prd".to_owned());
    let text = refused(options.clone()).await;
    assert!(text.contains("\"prd\"") && text.contains("prod, lost") && text.contains("config"), "{text}");
    options.kubernetes_context = Some("lost".to_owned());
    assert!(refused(options).await.contains("\"nowhere\""));
    let path = file(&folder, "empty", "apiVersion: v1\nkind: Config\n");
    assert!(refused(ClusterOptions::new("x", vec![path])).await.contains("no current context"));
}

#[tokio::test]
async fn a_file_that_is_no_kubeconfig_is_named_with_the_place_and_nothing_of_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "config", &format!("users:\n- name: u\n  user: {{token: {TOKEN}\n"));
    let text = refused(ClusterOptions::new("x", vec![path])).await;
    assert!(text.contains("config is not a kubeconfig"), "{text}");
    let path = file(&folder, "number", &format!("users: 7 {TOKEN}\n"));
    assert!(refused(ClusterOptions::new("x", vec![path])).await.contains("line 1"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_that_fails_is_named_and_nothing_that_it_printed() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = |script: &str| {
        format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [\"-c\", \"{script}\"]}}}}")
    };
    for (script, why) in [
        (format!("echo {TOKEN}; echo {TOKEN} >&2; exit 3"), "failed (exit status: 3)"),
        (format!("echo {TOKEN}"), "gave no credential"),
    ] {
        let path = file(&folder, "config", &kubeconfig("https://10.0.0.1:6443", &plugin(&script)));
        let text = refused(ClusterOptions::new("x", vec![path])).await;
        assert!(text.contains(why) && text.contains("\"sh\"") && text.contains("\"prod\""), "{text}");
    }
    let asks = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: login, interactiveMode: Always}}";
    let path = file(&folder, "config", &kubeconfig("https://10.0.0.1:6443", asks));
    assert!(refused(ClusterOptions::new("x", vec![path])).await.contains("asks questions"));
}

#[tokio::test]
async fn a_connection_shows_no_credential_and_is_built_twice_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let user = format!("{{token: {TOKEN}}}");
    let path = file(&folder, "config", &kubeconfig("https://me:hunter22@10.0.0.1:6443", &user));
    for _ in 0..2 {
        let connection = Connection::open(ClusterOptions::new("x", vec![path.clone()])).await.unwrap();
        let first = connection.client().await.unwrap();
        connection.renew(&first).await;
        let second = connection.client().await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second), "a refused credential is read again");
        connection.renew(&second).await;
        assert!(Arc::ptr_eq(&second, &connection.client().await.unwrap()), "and not again at once");
        let shown = format!("{connection:?}");
        assert!(!shown.contains(TOKEN) && !shown.contains("hunter22"), "{shown}");
        assert_eq!(connection.server(), "10.0.0.1:6443");
    }
}
