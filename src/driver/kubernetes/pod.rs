//! How a pod does, in the words of `kubectl get pods`.
//!
//! The rules are those of Kubernetes' printer (`pkg/printers/internalversion/printers.go`), as
//! argo-rollouts has them (`pkg/kubectl-argo-rollouts/info/pod_info.go`).

use serde_json::Value;

use super::{meta::Meta, read};
use crate::domain::{SafeText, workload::ObjectState};

/// The reason that a pod has when its node cannot be reached.
const NODE_LOST: &str = "NodeLost";

/// A pod, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its metadata.
    pub meta: Meta,
    /// How it does, in a word: `Running`, `CrashLoopBackOff`, `Init:1/3`.
    pub status: SafeText,
    /// How it does.
    pub state: ObjectState,
    /// Containers that are ready.
    pub ready: u32,
    /// Containers that it has.
    pub containers: u32,
    /// How often its containers were started again.
    pub restarts: u32,
    /// What the first container that does not run says of it; empty where there is nothing.
    pub message: SafeText,
}

impl Pod {
    /// Reads one.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let meta = Meta::read(object, &[]);
        let own_reason = read::text(object, "/status/reason").unwrap_or_default();
        let mut status = if own_reason.is_empty() {
            read::text(object, "/status/phase").unwrap_or_default()
        } else {
            own_reason.clone()
        };
        let mut ready = 0;
        let mut restarts = 0;
        if let Some(held) = init(object, &mut restarts) {
            status = held;
        } else {
            restarts = 0;
            let mut runs = false;
            for container in read::list(object, "/status/containerStatuses").iter().rev() {
                restarts = add(restarts, container);
                if let Some(reason) = reason(container, "/state/waiting") {
                    status = reason;
                } else if read::at(container, "/state/terminated").is_some() {
                    status = terminated(container, "");
                } else if read::is(container, "/ready") && read::at(container, "/state/running").is_some() {
                    runs = true;
                    ready += 1;
                }
            }
            if status == "Completed" && runs {
                "Running".clone_into(&mut status);
            }
        }
        if meta.deleted_at.is_some() {
            (if own_reason == NODE_LOST { "Unknown" } else { "Terminating" }).clone_into(&mut status);
        }
        Self {
            state: state(&status),
            status: SafeText::new(status),
            ready,
            containers: u32::try_from(read::list(object, "/spec/containers").len()).unwrap_or(u32::MAX),
            restarts,
            message: message(object),
            meta,
        }
    }

    /// What else is said of it in one line: `ready 1/1, restarts 3`.
    #[must_use]
    pub fn detail(&self) -> String {
        match self.restarts {
            0 => format!("ready {}/{}", self.ready, self.containers),
            restarts => format!("ready {}/{}, restarts {restarts}", self.ready, self.containers),
        }
    }

    /// Whether all its containers run and are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready == self.containers && self.state == ObjectState::Good
    }
}

/// What holds a pod before its containers start, if anything does.
fn init(object: &Value, restarts: &mut u32) -> Option<String> {
    let specs = read::list(object, "/spec/initContainers");
    let stays = |name: &str| {
        specs.iter().any(|spec| {
            read::text(spec, "/name").as_deref() == Some(name)
                && read::text(spec, "/restartPolicy").as_deref() == Some("Always")
        })
    };
    for (index, container) in read::list(object, "/status/initContainerStatuses").iter().enumerate() {
        *restarts = add(*restarts, container);
        let name = read::text(container, "/name").unwrap_or_default();
        if read::at(container, "/state/terminated").is_some() {
            if read::integer(container, "/state/terminated/exitCode").unwrap_or(0) == 0 {
                continue;
            }
            return Some(terminated(container, "Init:"));
        }
        if stays(&name) && read::is(container, "/started") {
            if read::is(container, "/ready") {
                continue;
            }
            // It runs beside the others, and is not what holds the pod.
            return None;
        }
        return Some(match reason(container, "/state/waiting") {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{index}/{}", specs.len()),
        });
    }
    None
}

fn reason(container: &Value, state: &str) -> Option<String> {
    read::text(container, &format!("{state}/reason")).filter(|reason| !reason.is_empty())
}

/// How a container ended, after a prefix: its reason, else its signal, else its exit code.
fn terminated(container: &Value, prefix: &str) -> String {
    if let Some(reason) = reason(container, "/state/terminated") {
        return format!("{prefix}{reason}");
    }
    match read::integer(container, "/state/terminated/signal") {
        Some(signal) if signal != 0 => format!("{prefix}Signal:{signal}"),
        _ => {
            let code = read::integer(container, "/state/terminated/exitCode").unwrap_or(0);
            format!("{prefix}ExitCode:{code}")
        }
    }
}

fn add(restarts: u32, container: &Value) -> u32 {
    restarts.saturating_add(read::count(container, "/restartCount").unwrap_or(0))
}

/// What is said of the first container that does not run, or else of why the pod has no node.
fn message(object: &Value) -> SafeText {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let containers = lists.into_iter().flat_map(|list| read::list(object, list));
    let states = containers.flat_map(|container| {
        ["/state/waiting/message", "/state/terminated/message"].map(|pointer| read::shown(container, pointer))
    });
    let conditions = read::list(object, "/status/conditions").iter();
    let unmet = conditions
        .filter(|condition| read::text(condition, "/status").as_deref() == Some("False"))
        .map(|condition| read::shown(condition, "/message"));
    states
        .chain([read::shown(object, "/status/message")])
        .chain(unmet)
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

fn state(status: &str) -> ObjectState {
    if let Some(steps) = status.strip_prefix("Init:") {
        let counts = steps.contains('/') && steps.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
        return if counts { ObjectState::Working } else { ObjectState::Bad };
    }
    match status {
        "Running" | "Completed" | "Succeeded" => ObjectState::Good,
        "Pending" | "Terminating" | "ContainerCreating" | "PodInitializing" => ObjectState::Working,
        "" | "Unknown" => ObjectState::Unknown,
        _ => ObjectState::Bad,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pod(status: &Value, init: &Value, deleted: bool) -> Value {
        let mut pod = json!({
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": init},
            "status": status,
        });
        if deleted {
            pod["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z");
        }
        pod
    }

    #[test]
    fn a_pod_is_called_what_kubectl_calls_it() {
        // Rules of Kubernetes, pkg/printers/internalversion/printers.go, and of argo-rollouts, info/pod_info.go.
        use ObjectState as S;
        let running = |restarts: u32| json!({"ready": true, "restartCount": restarts, "state": {"running": {}}});
        let waiting = |reason: &str| json!({"ready": false, "restartCount": 7, "state": {"waiting": {"reason": reason, "message": "back-off 5m0s"}}});
        let ended = |terminated: Value| json!({"ready": false, "state": {"terminated": terminated}});
        let containers = |list: Value| json!({"phase": "Running", "containerStatuses": list});
        let inits = |list: Value| json!({"phase": "Pending", "initContainerStatuses": list});
        let two = json!([{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]);
        let done = || json!({"name": "i", "restartCount": 1, "state": {"terminated": {"exitCode": 0}}});
        for (status, deleted, word, state, ready, restarts) in [
            (containers(json!([running(0), running(3)])), false, "Running", S::Good, 2, 3),
            (containers(json!([running(0), waiting("CrashLoopBackOff")])), false, "CrashLoopBackOff", S::Bad, 1, 7),
            (
                containers(json!([waiting("ImagePullBackOff"), waiting("ErrImagePull")])),
                false,
                "ImagePullBackOff",
                S::Bad,
                0,
                14,
            ),
            (containers(json!([waiting("ContainerCreating")])), false, "ContainerCreating", S::Working, 0, 7),
            (
                containers(json!([ended(json!({"reason": "OOMKilled", "exitCode": 137})), running(0)])),
                false,
                "OOMKilled",
                S::Bad,
                1,
                0,
            ),
            (containers(json!([ended(json!({"exitCode": 1}))])), false, "ExitCode:1", S::Bad, 0, 0),
            (containers(json!([ended(json!({"exitCode": 1, "signal": 9}))])), false, "Signal:9", S::Bad, 0, 0),
            (
                containers(json!([ended(json!({"reason": "Completed", "exitCode": 0})), running(0)])),
                false,
                "Running",
                S::Good,
                1,
                0,
            ),
            (
                containers(json!([ended(json!({"reason": "Completed", "exitCode": 0}))])),
                false,
                "Completed",
                S::Good,
                0,
                0,
            ),
            (json!({"phase": "Pending"}), false, "Pending", S::Working, 0, 0),
            (json!({"phase": "Failed", "reason": "Evicted"}), false, "Evicted", S::Bad, 0, 0),
            (containers(json!([running(0), running(0)])), true, "Terminating", S::Working, 2, 0),
            (json!({"phase": "Running", "reason": "NodeLost"}), true, "Unknown", S::Unknown, 0, 0),
            (json!({"phase": "Running", "reason": "NodeLost"}), false, "NodeLost", S::Bad, 0, 0),
            (inits(json!([{"name": "i", "state": {"running": {}}}])), false, "Init:0/2", S::Working, 0, 0),
            (
                inits(json!([done(), {"name": "x", "state": {"waiting": {"reason": "PodInitializing"}}}])),
                false,
                "Init:1/2",
                S::Working,
                0,
                1,
            ),
            (
                inits(json!([{"name": "i", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}])),
                false,
                "Init:CrashLoopBackOff",
                S::Bad,
                0,
                0,
            ),
            (
                inits(json!([{"name": "i", "state": {"terminated": {"exitCode": 2}}}])),
                false,
                "Init:ExitCode:2",
                S::Bad,
                0,
                0,
            ),
            (
                inits(json!([{"name": "i", "state": {"terminated": {"exitCode": 2, "signal": 11}}}])),
                false,
                "Init:Signal:11",
                S::Bad,
                0,
                0,
            ),
            (
                inits(json!([{"name": "i", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}])),
                false,
                "Init:Error",
                S::Bad,
                0,
                0,
            ),
            // One that stays and runs holds nothing; the others' restarts are then not counted.
            (
                json!({"phase": "Running", "initContainerStatuses": [done(), {"name": "s", "started": true, "ready": true, "state": {"running": {}}}],
                       "containerStatuses": [running(0), running(2)]}),
                false,
                "Running",
                S::Good,
                2,
                2,
            ),
            (
                json!({"phase": "Running", "initContainerStatuses": [{"name": "s", "started": true, "ready": false, "state": {"running": {}}}],
                       "containerStatuses": [running(0)]}),
                false,
                "Running",
                S::Good,
                1,
                0,
            ),
            (
                inits(json!([{"name": "s", "started": false, "state": {"running": {}}}])),
                false,
                "Init:0/2",
                S::Working,
                0,
                0,
            ),
            (json!(null), false, "", S::Unknown, 0, 0),
        ] {
            let read = Pod::read(&pod(&status, &two, deleted));
            assert_eq!(
                (read.status.as_str(), read.state, read.ready, read.restarts),
                (word, state, ready, restarts),
                "{status}"
            );
            assert_eq!(read.containers, 2);
        }
        let loops = Pod::read(&pod(&containers(json!([running(0), waiting("CrashLoopBackOff")])), &two, false));
        assert_eq!((loops.detail().as_str(), loops.message.as_str()), ("ready 1/2, restarts 7", "back-off 5m0s"));
        assert!(!loops.is_ready());
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let unmet = json!({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]});
        assert_eq!(Pod::read(&pod(&unmet, &json!([]), false)).message.as_str(), "0/3 nodes are available");
    }

    proptest! {
        #[test]
        fn no_reason_makes_it_panic_or_gets_out_unsafe(reason in any::<String>(), count in any::<i64>()) {
            let status = json!({"phase": reason, "containerStatuses": [{"restartCount": count, "state": {"waiting": {"reason": reason}}}]});
            let read = Pod::read(&pod(&status, &json!([]), false));
            let escape = char::from(27);
            prop_assert!(!read.status.as_str().contains(escape));
        }
    }
}
