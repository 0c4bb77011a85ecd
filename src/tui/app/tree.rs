//! The objects of a workload as a tree: which of them are shown, and what is folded away.

use std::collections::BTreeSet;

use crate::domain::workload::ObjectView;

/// What is folded away, by kind and name: it stays so while the objects change.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    nodes: BTreeSet<(String, String)>,
}

fn key(object: &ObjectView) -> (String, String) {
    (object.kind.as_str().to_owned(), object.name.as_str().to_owned())
}

/// Whether an object has others below it: the next one lies deeper.
#[must_use]
pub fn is_parent(objects: &[ObjectView], index: usize) -> bool {
    let depth = objects.get(index).map(|object| object.depth);
    objects.get(index + 1).is_some_and(|next| Some(next.depth) > depth)
}

impl Folded {
    /// Whether what is below an object is folded away.
    #[must_use]
    pub fn has(&self, object: &ObjectView) -> bool {
        !self.nodes.is_empty() && self.nodes.contains(&key(object))
    }

    /// Folds what is below an object away, or shows it again; `false` where there is nothing below it.
    pub fn toggle(&mut self, objects: &[ObjectView], index: usize) -> bool {
        let Some(object) = objects.get(index).filter(|_| is_parent(objects, index)) else { return false };
        let key = key(object);
        if !self.nodes.remove(&key) {
            self.nodes.insert(key);
        }
        true
    }

    /// The indices of the objects that are shown, in order.
    #[must_use]
    pub fn shown(&self, objects: &[ObjectView]) -> Vec<usize> {
        if self.nodes.is_empty() {
            return (0..objects.len()).collect();
        }
        let mut below: Option<u8> = None;
        let mut shown = Vec::with_capacity(objects.len());
        for (index, object) in objects.iter().enumerate() {
            if below.is_some_and(|depth| object.depth > depth) {
                continue;
            }
            below = self.has(object).then_some(object.depth);
            shown.push(index);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workload::ObjectState;

    fn tree() -> Vec<ObjectView> {
        [
            (0, "Rollout", "web"),
            (1, "ReplicaSet", "web-b"),
            (2, "Pod", "b1"),
            (2, "Pod", "b2"),
            (1, "ReplicaSet", "web-a"),
        ]
        .into_iter()
        .map(|(depth, kind, name)| ObjectView {
            depth,
            kind: kind.into(),
            name: name.into(),
            state: ObjectState::Good,
            status: "Healthy".into(),
            detail: String::new().into(),
            created_at: None,
        })
        .collect()
    }

    #[test]
    fn what_is_folded_hides_what_is_below_it_and_nothing_beside_it() {
        let objects = tree();
        let mut folded = Folded::default();
        assert_eq!(folded.shown(&objects), [0, 1, 2, 3, 4]);
        assert!(folded.toggle(&objects, 1));
        assert_eq!(folded.shown(&objects), [0, 1, 4]);
        assert!(folded.toggle(&objects, 0));
        assert_eq!(folded.shown(&objects), [0], "the outer one hides the inner one");
        assert!(folded.toggle(&objects, 0));
        assert_eq!(folded.shown(&objects), [0, 1, 4], "which stays as it was");
        assert!(!folded.toggle(&objects, 4) && !folded.toggle(&objects, 9), "nothing is below it");
    }

    #[test]
    fn depths_that_jump_or_go_missing_lose_nothing_that_is_not_folded() {
        let mut objects = tree();
        objects[0].depth = 7;
        objects[2].depth = 200;
        assert_eq!(Folded::default().shown(&objects).len(), 5);
        let mut folded = Folded::default();
        folded.toggle(&objects, 1);
        assert_eq!(folded.shown(&objects), [0, 1, 4]);
    }
}
