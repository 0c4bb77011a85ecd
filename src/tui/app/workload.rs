//! A workload of a cluster in words: how far it reaches, its traffic, its pods, its images.

use crate::domain::{
    Phase, Rollout, SafeText, Workload,
    workload::{Replicas, RevisionView, Traffic},
};

/// Images that are named of one revision, at most.
const IMAGES: usize = 3;

/// How far the candidate reaches: units of a fleet, else the share of traffic, and pods.
#[must_use]
pub fn reach(rollout: &Rollout) -> String {
    let exposure = rollout.exposure;
    match rollout.workload.as_ref().map(|workload| workload.traffic) {
        None => format!("{} of {} units", exposure.units, exposure.units_total),
        Some(None) => format!("{} of {} pods, {:.0}%", exposure.units, exposure.units_total, exposure.percent),
        Some(Some(split)) => format!("{}, {} of {} pods", traffic(&split), exposure.units, exposure.units_total),
    }
}

/// The share in percent that the candidate has, for a column; none where nobody knows.
#[must_use]
pub fn share(rollout: &Rollout) -> Option<f64> {
    let share = match rollout.workload.as_ref().and_then(|workload| workload.traffic) {
        Some(split) if split.max > 0.0 => split.actual? * 100.0 / split.max,
        Some(split) => split.actual?,
        None => rollout.exposure.percent,
    };
    share.is_finite().then(|| share.clamp(0.0, 100.0))
}

/// What the router does: `18% of traffic (set 25%), 5% mirrored, NOT VERIFIED`.
#[must_use]
pub fn traffic(split: &Traffic) -> String {
    let all = split.max;
    let weight = |share: f64| {
        if (all - 100.0).abs() < f64::EPSILON {
            format!("{}%", short(share))
        } else {
            format!("{}/{}", short(share), short(all))
        }
    };
    let mut text = match split.actual {
        Some(actual) if (actual - split.set).abs() < 0.05 => format!("{} of traffic", weight(actual)),
        Some(actual) => format!("{} of traffic (set {})", weight(actual), weight(split.set)),
        None => format!("UNKNOWN share of traffic (set {})", weight(split.set)),
    };
    if let Some(mirrored) = split.mirrored {
        text.extend([", ", &weight(mirrored), " mirrored"]);
    }
    match split.verified {
        Some(true) => text.push_str(", verified"),
        Some(false) => text.push_str(", NOT VERIFIED"),
        None => {}
    }
    text
}

/// A share without needless digits.
fn short(share: f64) -> String {
    if share.fract().abs() < 0.05 { format!("{share:.0}") } else { format!("{share:.1}") }
}

/// Pods by what is wanted and what is there, as far as that is known; empty where nothing is.
#[must_use]
pub fn pods(replicas: &Replicas) -> String {
    let counts = [
        (replicas.desired, "wanted"),
        (replicas.current, "there"),
        (replicas.updated, "candidate"),
        (replicas.ready, "ready"),
        (replicas.available, "available"),
    ];
    let parts: Vec<String> =
        counts.into_iter().filter_map(|(count, word)| Some(format!("{} {word}", count?))).collect();
    parts.join(", ")
}

/// Images by what tells them apart: the last part of the name with its tag.
#[must_use]
pub fn images(images: &[SafeText]) -> String {
    let name = |image: &SafeText| {
        let image = image.as_str();
        let last = image.rsplit('/').next().unwrap_or(image);
        match last.split_once('@') {
            // A digest alone says which it is; beside a tag it says nothing more to people.
            Some((name, digest)) if !name.contains(':') => {
                let hash = digest.rsplit(':').next().unwrap_or(digest);
                format!("{name}@{}", hash.chars().take(12).collect::<String>())
            }
            Some((name, _)) => name.to_owned(),
            None => last.to_owned(),
        }
    };
    let mut said: Vec<String> = images.iter().take(IMAGES).map(name).collect();
    if images.len() > IMAGES {
        said.push(format!("+{}", images.len() - IMAGES));
    }
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

/// The revisions of candidate and stable version, by what they are now.
#[must_use]
pub fn sides(workload: &Workload) -> (Option<&RevisionView>, Option<&RevisionView>) {
    let with = |names: [&str; 2]| {
        let is = |revision: &&RevisionView| revision.roles.iter().any(|role| names.contains(&role.as_str()));
        workload.revisions.iter().find(is)
    };
    (with(["canary", "preview"]), with(["stable", "active"]))
}

/// What a freeze means for a workload: it holds what goes through Rolldeck, and whether the controller
/// goes on by itself all the same.
#[must_use]
pub fn under_freeze(rollout: &Rollout) -> Option<String> {
    rollout.workload.as_ref()?;
    let freeze = rollout.freeze.as_ref().filter(|_| !rollout.phase.is_terminal())?;
    let driver = &rollout.driver;
    let timed = rollout.next.as_ref().is_some_and(|next| next.at.is_some());
    let goes = match rollout.phase {
        _ if timed => format!("{driver} goes on by itself all the same"),
        Phase::Pending | Phase::Progressing | Phase::RollingBack => format!("{driver} goes on by itself all the same"),
        Phase::Unknown => format!("whether {driver} goes on by itself cannot be told"),
        _ => format!("{driver} waits: nothing goes on by itself"),
    };
    Some(format!("{} holds what goes through here; {goes}", freeze.window))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(set: f64, actual: Option<f64>) -> Traffic {
        Traffic { set, actual, max: 100.0, mirrored: None, verified: None }
    }

    #[test]
    fn what_is_set_is_told_from_what_is_in_force_and_what_is_not_known() {
        for (traffic_now, text) in [
            (split(20.0, Some(20.0)), "20% of traffic"),
            (split(25.0, Some(18.0)), "18% of traffic (set 25%)"),
            (split(25.0, None), "UNKNOWN share of traffic (set 25%)"),
            (split(12.5, Some(12.5)), "12.5% of traffic"),
            (Traffic { max: 1000.0, ..split(50.0, Some(50.0)) }, "50/1000 of traffic"),
            (
                Traffic { mirrored: Some(5.0), verified: Some(true), ..split(0.0, Some(0.0)) },
                "0% of traffic, 5% mirrored, verified",
            ),
            (Traffic { verified: Some(false), ..split(20.0, Some(20.0)) }, "20% of traffic, NOT VERIFIED"),
        ] {
            assert_eq!(traffic(&traffic_now), text);
        }
    }

    #[test]
    fn absurd_shares_never_leave_the_scale() {
        for (set, actual, max) in
            [(1e300, Some(f64::NAN), 0.0), (f64::INFINITY, Some(-3.0), -1.0), (0.0, None, f64::NAN)]
        {
            let split = Traffic { set, actual, max, mirrored: Some(f64::NAN), verified: None };
            assert!(!traffic(&split).is_empty());
        }
    }

    #[test]
    fn pods_that_nobody_counted_are_not_called_none() {
        assert_eq!(pods(&Replicas::default()), "");
        let some = Replicas { desired: Some(10), updated: Some(2), available: Some(0), ..Replicas::default() };
        assert_eq!(pods(&some), "10 wanted, 2 candidate, 0 available");
    }

    #[test]
    fn an_image_is_named_by_what_tells_it_from_others() {
        let safe = |texts: &[&str]| -> Vec<SafeText> { texts.iter().map(SafeText::new).collect() };
        for (list, text) in [
            (safe(&[]), "-"),
            (safe(&["registry.example:5000/team/api:1.2"]), "api:1.2"),
            (safe(&["api:1.2@sha256:0123456789abcdef"]), "api:1.2"),
            (safe(&["team/api@sha256:0123456789abcdef"]), "api@0123456789ab"),
            (safe(&["a:1", "b:2", "c:3", "d:4", "e:5"]), "a:1, b:2, c:3, +2"),
        ] {
            assert_eq!(images(&list), text);
        }
    }
}
