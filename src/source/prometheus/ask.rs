//! When a query is asked about.

/// The times of a query, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// At several times.
    Range {
        /// The first.
        start: i64,
        /// The last.
        end: i64,
        /// Seconds from one to the next.
        step: i64,
    },
    /// At one.
    Instant {
        /// When.
        at: i64,
    },
}

impl Ask {
    /// How many times.
    #[must_use]
    pub const fn points(self) -> i64 {
        match self {
            Self::Range { start, end, step } if end >= start => (end - start) / step + 1,
            Self::Range { .. } => 0,
            Self::Instant { .. } => 1,
        }
    }

    /// The newest.
    #[must_use]
    pub const fn end(self) -> i64 {
        match self {
            Self::Range { end, .. } => end,
            Self::Instant { at } => at,
        }
    }

    /// Whether it is asked about that time.
    #[must_use]
    pub const fn has(self, at: i64) -> bool {
        match self {
            Self::Range { start, end, step } => at >= start && at <= end && (at - start) % step == 0,
            Self::Instant { at: asked } => at == asked,
        }
    }
}
