//! All rollouts, sorted by need of attention. Only the visible rows are formatted.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{detail, strip, words};
use crate::{
    domain::{
        Rollout,
        trend::{self, Trend},
    },
    tui::{
        app::{
            App, age,
            attention::{self, Class},
            carriers::{CarrierState, state},
            layout,
            rollouts::Row as Item,
            spots::Spot,
            workload,
        },
        theme::{Mark, Role, Theme},
        widget::{bar, row::Row, sweep},
    },
};

/// Columns of the table: their widths, 0 for those that do not fit.
#[derive(Debug, Clone, Copy)]
struct Columns {
    state: usize,
    name: usize,
    version: usize,
    stages: usize,
    units: usize,
    trend: usize,
    worst: usize,
    since: usize,
    next: usize,
    owner: usize,
    driver: usize,
    from: usize,
    stage: usize,
}

/// What is in the list.
#[derive(Debug, Clone, Copy)]
struct Contents {
    /// The length of the longest address.
    longest: usize,
    /// Whether some of it is carried out by a cluster: its share of traffic is shown first of all.
    workloads: bool,
}

impl Columns {
    /// All columns that fit, those first that the usual ones leave out; sentences get what is left.
    fn wide(width: u16, contents: Contents) -> Self {
        let name = contents.longest.clamp(14, if width < 100 { 26 } else { 60 });
        let units = if contents.workloads { REACH } else { 7 };
        let mut c = Self { worst: 10, name, ..Self::of(0, contents) };
        let mut left = usize::from(width).saturating_sub(3 + 12 + (name + 1) + 11 + 5);
        for (column, wanted) in [
            (&mut c.owner, 12),
            (&mut c.version, 10),
            (&mut c.next, 11),
            (&mut c.stages, 6),
            (&mut c.units, units),
            (&mut c.from, 10),
            (&mut c.stage, 12),
            (&mut c.driver, 7),
            (&mut c.trend, PLACES / 2),
        ] {
            if left > wanted {
                *column = wanted;
                left -= wanted + 1;
            }
        }
        let to_next = if c.next > 0 { (left / 3).min(14) } else { 0 };
        c.next += to_next;
        c.worst += left - to_next;
        c
    }

    /// What fits, by priority; what is left goes to the names and to the worst signal.
    fn of(width: u16, contents: Contents) -> Self {
        let Contents { longest, workloads } = contents;
        // Addresses are read first: they get what they need, within reason, before any other column.
        // The narrowest screen cuts them rather than lose for how long it is so.
        let most = if width < 100 { usize::from(width).saturating_sub(39).clamp(14, 26) } else { 34 };
        let name = longest.clamp(14, most);
        let mut c = Self {
            state: 11,
            name,
            version: 0,
            stages: 0,
            units: 0,
            trend: 0,
            worst: 16,
            since: 4,
            next: 0,
            owner: 0,
            driver: 0,
            from: 0,
            stage: 0,
        };
        let mut left = usize::from(width).saturating_sub(3 + 12 + (name + 1) + 17 + 5);
        let mut take = |column: &mut usize, wanted: usize| {
            if left > wanted {
                *column = wanted;
                left -= wanted + 1;
            }
        };
        take(&mut c.stages, 6);
        if workloads {
            take(&mut c.units, if width >= 100 { REACH } else { PERCENT });
        }
        take(&mut c.next, 11);
        take(&mut c.version, 10);
        // Few workloads have an indicator here, and what one waits for takes words.
        if width >= TREND_FROM && (!workloads || width >= 140) {
            take(&mut c.trend, PLACES / 2);
        }
        if width >= 100 && !workloads {
            take(&mut c.units, 7);
        }
        if width >= 140 && workloads {
            take(&mut c.driver, 7);
        }
        take(&mut c.owner, 12);
        let to_next = if c.next > 0 { (left / 3).min(14) } else { 0 };
        c.next += to_next;
        left -= to_next;
        if c.stages > 0 && left > 14 {
            c.stages += 4;
            left -= 4;
        }
        c.worst += left;
        c
    }
}

/// Columns from which on the past of the worst indicator is shown: those of a list on a screen of 200.
const TREND_FROM: u16 = 108;

/// Columns of a share with its bar.
const REACH: usize = 10;
/// Columns of a share alone.
const PERCENT: usize = 5;

/// The places of a trend.
const PLACES: usize = trend::BUCKETS as usize;

/// How many rows were formatted since the program started: a test holds it against what is visible.
static FORMATTED: AtomicU64 = AtomicU64::new(0);

/// How many rows of the list were formatted so far, for tests.
#[doc(hidden)]
#[must_use]
pub fn formatted() -> u64 {
    FORMATTED.load(Ordering::Relaxed)
}

/// Paints the overview.
pub(super) fn draw(app: &App, theme: &Theme, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let parts = layout::overview(body, app.wide);
    counts(app, theme, parts.counts, buffer);
    let cursor = table(app, theme, parts.table, buffer);
    if let Some(row) = app.rollouts.selected() {
        if let Some(area) = parts.strip {
            strip::draw(app, row, theme, area, buffer);
        }
        if let Some(area) = parts.side {
            detail::side(app, row.id(), theme, area, buffer);
        }
    }
    cursor
}

fn counts(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    const CLASSES: [Class; 14] = [
        Class::RollbackFailed,
        Class::Breach,
        Class::Failed,
        Class::NoData,
        Class::RollingBack,
        Class::Degraded,
        Class::Waiting,
        Class::Frozen,
        Class::Paused,
        Class::Running,
        Class::Pending,
        Class::RolledBack,
        Class::Aborted,
        Class::Completed,
    ];
    let list = &app.rollouts;
    if !list.is_loaded() {
        return;
    }
    let plural = if list.len() == 1 { "rollout" } else { "rollouts" };
    let colon = if list.is_empty() { "" } else { ":" };
    let mut row = Row::new(theme, area.width).text(&format!(" {} {plural}{colon}", list.len()), Role::Strong);
    for class in CLASSES {
        let count = list.count(class);
        if count > 0 {
            let role = if class.is_quiet() { Role::Normal } else { words::class_role(class) };
            row = row.text(&format!(" {count} {}", class.count_word()), role).text(" ", Role::Normal);
        }
    }
    if list.order_changed {
        row = row.text("  order changed, s sorts", Role::Notice);
    }
    row.draw(area, 0, buffer);
}

fn table(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let contents = Contents { longest: app.rollouts.longest(), workloads: app.rollouts.workloads() > 0 };
    let columns = if app.wide { Columns::wide(area.width, contents) } else { Columns::of(area.width, contents) };
    head(&columns, theme, area, buffer);
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if app.rollouts.shown_len() == 0 {
        empty(app, theme, rows, buffer);
        return None;
    }
    let height = usize::from(rows.height);
    let top = app.rollouts.top(height);
    let mut cursor = None;
    for y in 0..height {
        let Some(item) = app.rollouts.at(top + y) else { break };
        let selected = app.rollouts.cursor() == top + y;
        app.note_line(rows, y as u16, Spot::Row(top + y));
        let line = line(app, item, selected, &columns, theme, area.width);
        if selected {
            cursor = line.draw_selected(rows, y as u16, buffer);
        } else {
            line.draw(rows, y as u16, buffer);
        }
    }
    cursor
}

fn head(c: &Columns, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut row =
        Row::new(theme, area.width).gap(3).cell("STATE", c.state, Role::Heading).cell("ROLLOUT", c.name, Role::Heading);
    let reach = if c.units == REACH || c.units == PERCENT { "REACH" } else { "UNITS" };
    for (title, width) in
        [("FROM", c.from), ("VERSION", c.version), ("STAGE", c.stage), ("STAGES", c.stages), (reach, c.units)]
    {
        if width > 0 {
            row = row.cell(title, width, Role::Heading);
        }
    }
    if c.trend > 0 {
        row = row.cell("TREND", c.trend, Role::Heading);
    }
    row = row.cell("WORST SIGNAL", c.worst, Role::Heading).cell("FOR", c.since, Role::Heading);
    for (title, width) in [("NEXT", c.next), ("BY", c.driver), ("OWNER", c.owner)] {
        if width > 0 {
            row = row.cell(title, width, Role::Heading);
        }
    }
    row.draw(area, 0, buffer);
}

/// Three different sentences for loading, filtered away, and nothing there.
fn empty(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let (text, role) = if !app.rollouts.is_loaded() {
        if let Some(why) = app.link.why() {
            (format!("   no answer yet: {why}"), Role::Error)
        } else {
            let place = app.contexts.get(app.context).map_or("the backend", |c| c.place.as_str());
            (format!("   asking {place}"), Role::Muted)
        }
    } else if app.rollouts.is_empty() && !app.link.is_live(app.now.elapsed) {
        let at = app.link.as_of().map_or_else(String::new, |at| format!(" at {}", app.clock_seconds(at)));
        (format!("   ~ nothing was rolling out{at}; nobody can say what is now"), Role::Stale)
    } else if app.rollouts.is_empty() && !app.carriers.all().is_empty() {
        // What was not read yet, or cannot be heard of now, is not nothing.
        let known = app.carriers.all().iter().all(|view| state(view, app.server_now()) == CarrierState::Live);
        let places: Vec<&str> = app.carriers.all().iter().map(|view| view.place.as_str()).collect();
        let places = places.join(", ");
        if known {
            (format!("   no rollout is in {places}"), Role::Normal)
        } else {
            (format!("   ~ {places} told of no rollout yet, or is lost: :clusters says which"), Role::Stale)
        }
    } else if app.rollouts.is_empty() {
        ("   nothing is rolling out: rolldeck start PLAN.yaml --reason TEXT begins one".to_owned(), Role::Normal)
    } else {
        let text = crate::domain::SafeText::new(app.rollouts.filter().text());
        (format!("   no rollout has '{text}' in it: esc shows all"), Role::Normal)
    };
    Row::new(theme, area.width).text(&text, role).draw(area, 0, buffer);
}

fn line<'a>(app: &App, item: &Item, selected: bool, c: &Columns, theme: &'a Theme, width: u16) -> Row<'a> {
    FORMATTED.fetch_add(1, Ordering::Relaxed);
    let rollout = &item.rollout;
    let now = app.server_now();
    let live = app.is_current(rollout);
    let stale = app.is_stale(rollout);
    let role = words::class_role(item.class);
    let word = if item.ghost { "GONE" } else { item.class.word() };
    let mut row = Row::new(theme, width).text(if selected { ">" } else { " " }, Role::Normal);
    row = match words::class_mark(item.class) {
        _ if item.ghost => row.mark(Mark::Stale),
        Some(mark) => row.mark(mark),
        None => row.gap(2),
    };
    let name = format!("{}/{}", rollout.target, rollout.name);
    let filter = app.rollouts.filter();
    let found = |column, text: &str| filter.found(column, text);
    row = row.found(word, c.state, role, &found("state", word)).found(
        &name,
        c.name,
        Role::Strong,
        &found("rollout", &name),
    );
    if c.from > 0 {
        row = row.cell(words::version(&rollout.stable), c.from, Role::Normal);
    }
    if c.version > 0 {
        let version = words::version(&rollout.candidate);
        row = row.found(version, c.version, Role::Normal, &found("version", version));
    }
    if c.stage > 0 {
        let stage = rollout.current_stage.as_ref().map_or("-", |stage| stage.as_str());
        row = row.found(stage, c.stage, Role::Normal, &found("stage", stage));
    }
    if c.stages > 0 {
        row = pips(row, rollout, c.stages, theme);
    }
    if c.units > 0 {
        row = row.cell(&reach(rollout, c.units, theme), c.units, if live { Role::Normal } else { Role::Stale });
    }
    if c.trend > 0 {
        let text = rollout
            .trend
            .as_ref()
            .filter(|_| !item.class.is_quiet())
            .map_or_else(String::new, |trend| past(trend, now, theme));
        row = row.cell(&text, c.trend, if stale || !live { Role::Stale } else { Role::Normal });
    }
    let sent = rollout.pending.as_ref().map(|pending| words::pending(app, pending));
    let worst = if stale {
        let age = app.heard(rollout).map_or_else(String::new, |at| age::age(now - at));
        format!("STALE {age}: {}", attention::worst_signal(rollout, now))
    } else if !live {
        // Known once; nobody can say whether it still is.
        format!("~{}", attention::worst_signal(rollout, now))
    } else if item.changed_while_blind {
        format!("(changed) {}", attention::worst_signal(rollout, now))
    } else {
        attention::worst_signal(rollout, now)
    };
    row = if let Some((mark, text)) = sent {
        // Whoever sent it looks for this first; how old the rest is, is said all the same.
        let old = if stale { "STALE " } else { "" };
        row.cell(&format!("{old}{text}"), c.worst, mark.role())
    } else {
        let role = if stale || !live { Role::Stale } else { Role::Normal };
        row.found(&worst, c.worst, role, &found("signal", &worst))
    };
    row = row.right(&age::coarse(now, rollout.updated_at), c.since, Role::Normal);
    if c.next > 0 {
        row = row.cell(&words::next(app, rollout), c.next, Role::Normal);
    }
    if c.driver > 0 {
        let driver = rollout.driver.as_str();
        row = row.found(driver, c.driver, Role::Muted, &found("by", driver));
    }
    if c.owner > 0 {
        let owner = rollout.owner.as_str();
        row = row.found(owner, c.owner, Role::Normal, &found("owner", owner));
    }
    row
}

/// How far it reaches: units of a fleet, of a workload the share that its candidate has.
fn reach(rollout: &Rollout, columns: usize, theme: &Theme) -> String {
    if rollout.workload.is_none() && columns != PERCENT {
        return format!("{}/{}", rollout.exposure.units, rollout.exposure.units_total);
    }
    let Some(share) = workload::share(rollout) else { return "?".to_owned() };
    let percent = format!("{share:.0}%");
    if columns < REACH {
        return percent;
    }
    format!("{} {percent:>4}", bar::bar(share, REACH - 5, theme.glyphs()))
}

/// A trend as a sweep: every bucket of the clock has its place in it, the same in every row. What is
/// older than the sweep is wide is left out.
fn past(trend: &Trend, now: DateTime<Utc>, theme: &Theme) -> String {
    let number = |at: DateTime<Utc>| at.timestamp().div_euclid(trend::BUCKET);
    let places = i64::from(trend::BUCKETS);
    let place = |bucket: i64| bucket.rem_euclid(places) as usize;
    let last = number(trend.at);
    // The bucket that is open is not known yet, and the one before it perhaps not.
    let newest = if number(now) - last <= 2 { last } else { number(now) };
    let mut heights = [0_u8; PLACES];
    for (bucket, level) in (0..places).map(|back| last - back).zip(trend.levels.iter().rev()) {
        if newest - bucket < places {
            // Two levels a step: the upper half of a cell is beyond the limit.
            heights[place(bucket)] = level.map_or(0, |level| 1 + level.min(trend::LEVEL_MAX) / 2);
        }
    }
    sweep::sweep(&heights, place(newest), theme.glyphs())
}

/// One sign a stage; of many stages those around the current one.
fn pips<'a>(mut row: Row<'a>, rollout: &Rollout, width: usize, theme: &'a Theme) -> Row<'a> {
    let stages = rollout.stages.len();
    let current = attention::current_stage(rollout).unwrap_or(0);
    let from = if stages > width { current.saturating_sub(width / 2).min(stages - width) } else { 0 };
    let shown = stages.min(width);
    for index in from..from + shown {
        let mark = words::stage_mark(rollout, index);
        row = row.text(theme.mark(mark), mark.role());
    }
    row.gap(width - shown + 1)
}
