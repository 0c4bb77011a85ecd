//! The table of indicators: both values, how they compare, what is too much, for how long, on how many
//! samples, and what that comes to.

use crate::{
    domain::{Sli, sli::SliState},
    tui::{
        app::{age, figure, signal},
        theme::{Role, Theme},
        view::{
            detail::{Scene, lead},
            words,
        },
        widget::{fit, row::Row},
    },
};

/// Fewest columns in which a reason says anything.
const WHY: usize = 16;
/// Columns of a value, of which there is one more on a wide screen.
const VALUE: usize = 8;

/// Widths of the columns, 0 for those that do not fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    name: usize,
    value: usize,
    ratio: usize,
    limit: usize,
    since: usize,
    samples: usize,
    verdict: usize,
}

impl Columns {
    /// What fits, by priority; names are read first and get what they need before any reason is said.
    pub(super) fn of(width: u16, longest: usize) -> Self {
        let mut c = Self { name: 12, value: VALUE, ratio: 8, limit: 0, since: 0, samples: 0, verdict: 15 };
        let mut left =
            usize::from(width).saturating_sub(3 + (c.name + 1) + 2 * (c.value + 1) + (c.ratio + 1) + c.verdict);
        let mut take = |column: &mut usize, wanted: usize, gap: usize| {
            if left >= wanted + gap {
                *column += wanted;
                left -= wanted + gap;
            }
        };
        take(&mut c.limit, 7, 1);
        take(&mut c.since, 3, 1);
        take(&mut c.samples, 9, 1);
        take(&mut c.name, longest.clamp(12, 22) - 12, 0);
        take(&mut c.verdict, 3, 0);
        if width >= 110 {
            take(&mut c.value, 1, 1);
            take(&mut c.samples, 1, 0);
        }
        c
    }
}

/// Both values, in one form: with their unit where both fit, or else as numbers alone. A number is never cut.
/// Says whether the unit is lost by that.
fn values(scene: &Scene<'_>, sli: &Sli, columns: usize) -> ([String; 2], bool) {
    let now = scene.app.server_now();
    let arms = [sli.canary, sli.baseline];
    let whole = arms.map(|arm| signal::shown(sli, arm, now, scene.live()));
    if whole.iter().all(|text| fit::width(text) <= columns) {
        return (whole, false);
    }
    (arms.map(|arm| signal::shown_bare(sli, arm, now, scene.live())), true)
}

/// An indicator's name, with the unit where its values have no room for that.
fn name(sli: &Sli, unit_is_lost: bool) -> String {
    if unit_is_lost { format!("{} ({})", sli.name, sli.unit) } else { sli.name.to_string() }
}

/// Columns that the longest name needs.
pub(super) fn longest(scene: &Scene<'_>, slis: &[&Sli]) -> usize {
    slis.iter().map(|sli| fit::width(&name(sli, values(scene, sli, VALUE).1))).max().unwrap_or(0)
}

/// The names of the columns.
pub(super) fn heading<'a>(c: &Columns, theme: &'a Theme, width: u16) -> Row<'a> {
    let mut row = lead(theme, width, false)
        .gap(2)
        .cell("INDICATOR", c.name, Role::Heading)
        .right("CANARY", c.value, Role::Heading)
        .right("BASE", c.value, Role::Heading)
        .right("RATIO", c.ratio, Role::Heading);
    for (title, width) in [("LIMIT", c.limit), ("FOR", c.since), ("N", c.samples)] {
        if width > 0 {
            row = row.right(title, width, Role::Heading);
        }
    }
    let row = row.cell("VERDICT", c.verdict, Role::Heading);
    if row.left() >= WHY { row.text("WHY", Role::Heading) } else { row }
}

/// One indicator.
pub(super) fn line<'a>(scene: &Scene<'a>, c: &Columns, sli: &Sli, selected: bool, width: u16) -> Row<'a> {
    let now = scene.app.server_now();
    let live = scene.live();
    let state = signal::state(sli, now);
    let mark = words::sli_mark(state);
    let fresh = signal::freshness(sli, now);
    let role = if fresh == signal::Freshness::Fresh && live { Role::Normal } else { Role::Stale };
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let compared = |text: Option<String>| match text {
        Some(_) if fresh == signal::Freshness::Gone => "----".to_owned(),
        Some(text) if fresh == signal::Freshness::Late || !live => format!("{text}~"),
        text => or_none(text),
    };
    let fitting =
        |whole: String, bare: &dyn Fn() -> String, columns| if fit::width(&whole) <= columns { whole } else { bare() };
    let compared = fitting(compared(figure::compared(sli)), &|| compared(figure::compared_bare(sli)), c.ratio);
    let ([canary, baseline], unit_is_lost) = values(scene, sli, c.value);
    // Where the name has no room for the unit either, the reason begins with it.
    let full = name(sli, unit_is_lost);
    let (full, unit) = if unit_is_lost && fit::width(&full) > c.name {
        (sli.name.to_string(), Some(format!("in {}: ", sli.unit)))
    } else {
        (full, None)
    };
    let compared_role = if state == SliState::Fail { Role::Strong } else { role };
    let mut row = lead(scene.theme, width, selected)
        .mark(mark)
        // Names differ at their ends as often as at their beginnings.
        .cell(&fit::middle(&full, c.name, fit::ellipsis(scene.theme)), c.name, Role::Strong)
        .right(&canary, c.value, role)
        .right(&baseline, c.value, role)
        .right(&compared, c.ratio, compared_role);
    if c.limit > 0 {
        let limit = fitting(or_none(figure::limit(sli)), &|| or_none(figure::limit_bare(sli)), c.limit);
        row = row.right(&limit, c.limit, Role::Normal);
    }
    if c.since > 0 {
        row = row.right(&or_none(signal::since(sli, now).map(|at| age::coarse(now, at))), c.since, Role::Normal);
    }
    if c.samples > 0 {
        let samples = if fresh == signal::Freshness::Gone { "-".to_owned() } else { figure::samples(sli) };
        row = row.right(&samples, c.samples, role);
    }
    let row = row.cell(&verdict(sli, state, scene, c.verdict), c.verdict, mark.role());
    let why = format!("{}{}", unit.unwrap_or_default(), sli.why);
    if row.left() >= WHY { row.text(&why, Role::Normal) } else { row }
}

/// The state's word, with its age where it is old, and that it is critical, as well as that fits.
fn verdict(sli: &Sli, state: SliState, scene: &Scene<'_>, width: usize) -> String {
    let now = scene.app.server_now();
    let mut word = signal::word(state).to_owned();
    let stale = state == SliState::Stale || signal::freshness(sli, now) == signal::Freshness::Gone;
    if stale && matches!(state, SliState::Stale | SliState::Fail) {
        let age = sli.observed_at.map_or_else(String::new, |at| format!(" {}", age::coarse(now, at)));
        word = if state == SliState::Stale { format!("{word}{age}") } else { format!("{word} STALE{age}") };
    }
    if !sli.critical {
        return word;
    }
    let short = match state {
        SliState::Insufficient => "insuff.",
        SliState::Fail if stale => "FAIL STALE",
        _ => word.as_str(),
    };
    let longest = [format!("{word} critical"), format!("{word} crit"), format!("{short} crit")];
    let fits = longest.into_iter().find(|text| fit::width(text) <= width);
    fits.unwrap_or_else(|| format!("{word} crit"))
}
