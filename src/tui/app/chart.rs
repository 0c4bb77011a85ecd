//! How charts show an indicator.

/// What a chart draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ChartMode {
    /// Canary minus baseline, with where the truth lies: one line against a flat limit.
    #[default]
    Difference,
    /// Canary over baseline.
    Ratio,
    /// Both as they were measured.
    Raw,
}

impl ChartMode {
    /// Every mode, in the order of the key.
    pub const ALL: [Self; 3] = [Self::Difference, Self::Ratio, Self::Raw];

    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Difference => "difference",
            Self::Ratio => "ratio",
            Self::Raw => "raw",
        }
    }

    /// What a chart in this mode draws, in a few words.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Difference => "canary minus base",
            Self::Ratio => "canary / base",
            Self::Raw => "canary and base",
        }
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Difference => Self::Ratio,
            Self::Ratio => Self::Raw,
            Self::Raw => Self::Difference,
        }
    }
}
