//! In which order a list is: by need of attention, or by something else for as long as somebody wants it.

use super::View;

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SortBy {
    /// Who needs somebody most is first.
    #[default]
    Attention,
    /// By name.
    Name,
    /// By state, the worst first.
    State,
    /// What changed, or was heard of, last is first.
    Age,
    /// What reaches most is first.
    Reach,
    /// By owner.
    Owner,
    /// By the version that it goes to.
    Version,
    /// What begins first is first.
    Begins,
    /// What ends first is first.
    Ends,
}

impl SortBy {
    /// What the lists of a view can be sorted by; nothing where there is one order only.
    #[must_use]
    pub const fn of(view: View) -> &'static [Self] {
        match view {
            View::Overview => {
                &[Self::Attention, Self::Name, Self::State, Self::Age, Self::Reach, Self::Owner, Self::Version]
            }
            View::Sites => &[Self::Attention, Self::Name, Self::Age, Self::Version],
            View::Windows => &[Self::Attention, Self::Name, Self::Begins, Self::Ends],
            View::Flags => &[Self::Attention, Self::Name, Self::Owner],
            View::Overrides | View::Approvals => &[Self::Attention, Self::Name, Self::Age, Self::Ends],
            View::Detail | View::Audit | View::Follow | View::Recover | View::Contexts => &[],
        }
    }

    /// Its name on the command line and in the footer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Name => "name",
            Self::State => "state",
            Self::Age => "age",
            Self::Reach => "exposure",
            Self::Owner => "owner",
            Self::Version => "version",
            Self::Begins => "begin",
            Self::Ends => "end",
        }
    }

    /// The letter that chooses it.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Attention => 'a',
            Self::Name => 'n',
            Self::State => 's',
            Self::Age => 'g',
            Self::Reach => 'e',
            Self::Owner => 'o',
            Self::Version => 'v',
            Self::Begins => 'b',
            Self::Ends => 'd',
        }
    }

    /// What comes first.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Attention => "what needs somebody most first",
            Self::Name => "A to Z",
            Self::State => "the worst state first",
            Self::Age => "what changed last first",
            Self::Reach => "what reaches most first",
            Self::Owner => "owners from A to Z",
            Self::Version => "by the version that it goes to, or runs",
            Self::Begins => "what begins first first",
            Self::Ends => "what ends first first",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::Attention,
            Self::Name,
            Self::State,
            Self::Age,
            Self::Reach,
            Self::Owner,
            Self::Version,
            Self::Begins,
            Self::Ends,
        ]
        .into_iter()
        .find(|by| by.as_str() == name)
    }
}

/// The order of a list. Whatever it is, ties go by name, from A to Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// What it is sorted by.
    pub by: SortBy,
    /// Whether the other way round.
    pub reversed: bool,
}

impl Sort {
    /// Turns what was compared round, if it is to be.
    #[must_use]
    pub fn turned(self, ordering: std::cmp::Ordering) -> std::cmp::Ordering {
        if self.reversed { ordering.reverse() } else { ordering }
    }

    /// In words, for the footer.
    #[must_use]
    pub fn words(self) -> String {
        format!("sort {}{}", self.by.as_str(), if self.reversed { " reversed" } else { "" })
    }
}
