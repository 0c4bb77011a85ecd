//! Collects what a preview says.

use crate::domain::{
    Preview, SafeText,
    rollout::{Check, CheckState},
};

/// The sentences of a preview, in the order in which they are said.
#[derive(Debug, Default)]
pub struct Says {
    preview: Preview,
}

impl Says {
    /// This changes.
    pub fn change(&mut self, sentence: impl AsRef<str>) {
        self.preview.changes.push(SafeText::new(sentence));
    }

    /// This does not, where people might think so.
    pub fn same(&mut self, sentence: impl AsRef<str>) {
        self.preview.unchanged.push(SafeText::new(sentence));
    }

    /// This was checked, and is in order.
    pub fn pass(&mut self, sentence: impl AsRef<str>) {
        self.check(CheckState::Pass, sentence);
    }

    /// This is allowed, and worth knowing.
    pub fn warn(&mut self, sentence: impl AsRef<str>) {
        self.check(CheckState::Warn, sentence);
    }

    fn check(&mut self, state: CheckState, sentence: impl AsRef<str>) {
        self.preview.checks.push(Check { state, text: SafeText::new(sentence) });
    }

    /// All of it, in one sentence, and how many pods are told something.
    #[must_use]
    pub fn preview(self, summary: impl AsRef<str>, pods: u32) -> Preview {
        Preview { summary: SafeText::new(summary), units: pods, ..self.preview }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_says_what_it_was_told_and_nothing_hostile() {
        let mut says = Says::default();
        says.change("step 2 begins");
        says.same("the image \u{1b}[31mshop:1");
        says.pass("revision 12 is still there");
        says.warn("a person paused it");
        let preview = says.preview("promote", 3);
        assert_eq!((preview.changes.len(), preview.unchanged.len(), preview.checks.len(), preview.units), (1, 1, 2, 3));
        assert!(!preview.unchanged[0].as_str().contains('\u{1b}'));
        assert_eq!(preview.checks[1].state, CheckState::Warn);
    }
}
