//! Text that is kept once, however many values have it: ten thousand rollouts name the same few stages,
//! versions and owners.

use std::{cell::RefCell, collections::HashSet, fmt, marker::PhantomData, sync::Arc};

use serde::{Deserializer, de};

/// Most texts that a thread remembers; then it begins anew.
const KEPT_MAX: usize = 4096;
/// Longest text that is remembered, in bytes: longer ones are rarely the same twice.
const KEPT_LENGTH: usize = 120;

thread_local! {
    static KEPT: RefCell<HashSet<Arc<str>>> = RefCell::default();
}

/// The text, shared with those read before it on this thread that are the same.
pub(super) fn share(text: &str) -> Arc<str> {
    if text.len() > KEPT_LENGTH {
        return text.into();
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(same) = kept.get(text) {
            return Arc::clone(same);
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let new: Arc<str> = text.into();
        kept.insert(Arc::clone(&new));
        new
    })
}

/// Reads a value from a text, without a copy of it in between.
pub(super) fn read<'de, D, T>(deserializer: D, make: fn(&str) -> Result<T, String>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(Reader { make, made: PhantomData })
}

struct Reader<T> {
    make: fn(&str) -> Result<T, String>,
    made: PhantomData<T>,
}

impl<T> de::Visitor<'_> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.make)(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_kept_once_and_what_is_remembered_is_bounded() {
        let first = share("canary");
        assert!(Arc::ptr_eq(&first, &share("canary")));
        for n in 0..2 * KEPT_MAX {
            share(&n.to_string());
        }
        KEPT.with_borrow(|kept| assert!(kept.len() <= KEPT_MAX, "{}", kept.len()));
        assert_eq!(share("canary"), first);
        let long = "x".repeat(KEPT_LENGTH + 1);
        assert!(!Arc::ptr_eq(&share(&long), &share(&long)));
    }
}
