//! Which contexts the user's kubeconfig has: only their names, so that one can be named without being
//! written down a second time. What they say is read by whoever connects.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Env;

/// Largest kubeconfig that is looked into, in bytes.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// The name that stands for the service account of the pod in which Rolldeck runs.
pub const IN_CLUSTER: &str = "in-cluster";

/// The user's kubeconfig files and the contexts in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The files, merged in this order.
    pub files: Vec<PathBuf>,
    /// The names of their contexts, each once.
    pub contexts: Vec<String>,
    /// The current one.
    pub current: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    contexts: Option<Vec<Named>>,
    #[serde(rename = "current-context")]
    current: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

impl Kubeconfig {
    /// The files that `KUBECONFIG` names, or `~/.kube/config`; and what of them can be read. What cannot is
    /// said by whoever connects.
    #[must_use]
    pub fn find(env: &Env) -> Self {
        if let Some(list) = env.get("KUBECONFIG") {
            return Self::of_files(std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect());
        }
        let home = env.get("HOME").map(PathBuf::from);
        let home = home.or_else(|| directories::BaseDirs::new().map(|base| base.home_dir().to_owned()));
        Self::of_files(home.into_iter().map(|home| home.join(".kube").join("config")).collect())
    }

    /// What these files have.
    #[must_use]
    pub fn of_files(files: Vec<PathBuf>) -> Self {
        let mut found = Self { files, ..Self::default() };
        for document in found.files.iter().filter_map(|file| read(file)) {
            for named in document.contexts.into_iter().flatten() {
                if !found.contexts.contains(&named.name) {
                    found.contexts.push(named.name);
                }
            }
            found.current = found.current.or(document.current).filter(|name| !name.is_empty());
        }
        found
    }

    /// Whether there is a context of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.contexts.iter().any(|known| known == name)
    }
}

fn read(file: &Path) -> Option<Document> {
    let size = std::fs::metadata(file).ok()?.len();
    let text = (size <= FILE_MAX).then(|| std::fs::read_to_string(file).ok())??;
    serde_saphyr::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_of_several_files_are_merged_and_a_broken_one_hides_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let first = file(
            "a",
            "apiVersion: v1\ncontexts:\n- name: prod\n  context: {cluster: c, user: u}\ncurrent-context: ''\n",
        );
        let broken = file("b", ": [");
        let second = file("c", "contexts: [{name: prod}, {name: stage}]\ncurrent-context: stage\nusers: null\n");
        let missing = folder.path().join("none");
        let list = std::env::join_paths([&first, &broken, &missing, &second]).unwrap();
        let found = Kubeconfig::find(&Env::of([("KUBECONFIG", list.to_str().unwrap())]));
        assert_eq!(found.contexts, ["prod", "stage"]);
        assert_eq!(found.current.as_deref(), Some("stage"));
        assert!(found.has("prod") && !found.has("c"));
        assert_eq!(found.files.len(), 4);
    }

    #[test]
    fn without_a_variable_it_is_the_file_in_the_home_directory() {
        let found = Kubeconfig::find(&Env::of([("HOME", "/nobody")]));
        assert_eq!(found.files, [PathBuf::from("/nobody/.kube/config")]);
        assert!(found.contexts.is_empty() && found.current.is_none());
    }
}
