//! The list of rollouts: what is known, in which order it is shown, what is selected.
//!
//! The order settles: it changes when a rollout's class changes, when asked, or when nobody has
//! touched a key for three seconds. The selection follows its rollout, never its row.

use std::{cmp::Ordering, collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    attention::{self, Class, Rank},
    carriers,
    filter::{BEST_OF, Change, Column, Filter, column, haystack::Haystack},
    sort::{Sort, SortBy},
    workload,
};
use crate::{
    backend::RolloutsPage,
    domain::{Freeze, Rollout, RolloutId, SafeText},
};

/// How long the keys must rest before the order may change by itself.
pub const SETTLE: Duration = Duration::from_secs(3);
/// What a filter looks into, in the order of [`attention::words`].
pub const COLUMNS: &[Column] = &[
    Column::name("state"),
    Column::name("rollout"),
    Column::name("version"),
    Column::name("stage"),
    Column::name("owner"),
    Column::name("by"),
    Column::part("site"),
    Column::sentence("signal"),
];
/// Which of them is the address.
const ADDRESS: usize = 1;
/// Most rollouts that are announced and not yet looked at.
const UNSEEN_MAX: usize = 100;
/// Most freezes that are kept apart.
const FREEZES_MAX: usize = 10;

/// One row of the list.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is known of it.
    pub rollout: Arc<Rollout>,
    /// Its class.
    pub class: Class,
    /// Whether it is gone and stays only because the cursor is on it.
    pub ghost: bool,
    /// Whether it changed while the backend could not be reached.
    pub changed_while_blind: bool,
    /// The place of the carrier that told of it, where that can be told.
    pub home: Option<SafeText>,
    id: RolloutId,
    rank: Rank,
}

impl Row {
    fn new(mut rollout: Rollout) -> Self {
        // Lists read from an answer have room to grow, and ten thousand of these stay as they are.
        rollout.stages.shrink_to_fit();
        rollout.slis.shrink_to_fit();
        Self {
            class: Class::of(&rollout),
            ghost: false,
            changed_while_blind: false,
            home: None,
            id: rollout.id(),
            rank: attention::rank(&rollout),
            rollout: Arc::new(rollout),
        }
    }

    /// Its address.
    #[must_use]
    pub fn id(&self) -> &RolloutId {
        &self.id
    }
}

/// A rollout that became abnormal and was not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Which.
    pub id: RolloutId,
    /// What it became.
    pub class: Class,
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
}

/// What an answer changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rollouts that are new or different.
    pub changed: usize,
    /// Rollouts that are gone.
    pub removed: usize,
    /// Rollouts that became abnormal.
    pub alarmed: Vec<RolloutId>,
    /// Rollouts that came to be in another class, or are new.
    pub entered: Vec<(RolloutId, Class)>,
}

/// The list.
#[derive(Debug, Default)]
pub struct Rollouts {
    slots: Vec<Option<Row>>,
    /// What a filter looks into, by slot.
    words: Haystack,
    /// Whether a slot's row fits the filter.
    fits: Vec<bool>,
    free: Vec<usize>,
    index: HashMap<RolloutId, usize>,
    order: Vec<usize>,
    shown: Vec<usize>,
    filter: Filter,
    order_by: Sort,
    selected: Option<RolloutId>,
    /// What was selected when the filter began to be typed.
    first: Option<RolloutId>,
    /// How many rows the filter looked at so far.
    looked: u64,
    cursor: usize,
    top: usize,
    counts: [usize; 14],
    /// Whether the true order is another than the one shown.
    pub order_changed: bool,
    /// Abnormal and not looked at yet, the newest last.
    pub unseen: Vec<Unseen>,
    longest: usize,
    workloads: usize,
    freezes: Vec<Freeze>,
    loaded: bool,
}

impl Rollouts {
    /// Whether a first answer has come.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// How many rollouts there are, ghosts not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are of a class.
    #[must_use]
    pub fn count(&self, class: Class) -> usize {
        self.counts[class as usize]
    }

    /// How many rows the filter lets through.
    #[must_use]
    pub fn shown_len(&self) -> usize {
        self.shown.len()
    }

    /// The row at a position of the list.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<&Row> {
        self.shown.get(position).and_then(|slot| self.slots.get(*slot)?.as_ref())
    }

    /// The row of a rollout.
    #[must_use]
    pub fn get(&self, id: &RolloutId) -> Option<&Row> {
        self.index.get(id).and_then(|slot| self.slots.get(*slot)?.as_ref())
    }

    /// All rows with their addresses as text, in the order of the list, whatever is filtered.
    pub fn addressed(&self) -> impl Iterator<Item = (&Row, &str)> {
        self.order.iter().filter_map(|slot| Some((self.slots[*slot].as_ref()?, column(self.words.of(*slot), ADDRESS))))
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.slots.iter().flatten()
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.selected.as_ref().and_then(|id| self.get(id))
    }

    /// The position of the selection.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The position of the first visible row, for a list of that height.
    #[must_use]
    pub fn top(&self, height: usize) -> usize {
        scroll(self.top, self.cursor, height, self.shown.len())
    }

    /// The filter in force.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many rows the filter looked at since the list began, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn looked(&self) -> u64 {
        self.looked
    }

    /// The order.
    #[must_use]
    pub fn order_by(&self) -> Sort {
        self.order_by
    }

    /// Sorts by something else, now.
    pub fn set_order(&mut self, order: Sort) {
        self.order_by = order;
        self.sort();
    }

    /// Takes an answer. The order is changed when a class changed, or when the keys `rest`.
    pub fn take(&mut self, page: RolloutsPage, rest: bool, blind: bool) -> Changes {
        let mut changes = Changes::default();
        let mut reclassed = false;
        let (incoming, removed, as_of, carriers) = match page {
            RolloutsPage::All { rollouts, as_of, carriers, .. } => {
                let here: std::collections::HashSet<RolloutId> = rollouts.iter().map(Rollout::id).collect();
                let gone = self.iter().map(|row| row.id.clone()).filter(|id| !here.contains(id)).collect();
                (rollouts, gone, as_of, carriers)
            }
            RolloutsPage::Changed { changed, removed, as_of, carriers, .. } => (changed, removed, as_of, carriers),
        };
        let first = !self.loaded;
        self.loaded = true;
        for rollout in incoming {
            let before = self.get(&rollout.id()).map(|row| (row.class, row.ghost));
            let mut row = Row::new(rollout);
            row.home = self.home(&row, &carriers);
            if let Some(old) = self.get(&row.id)
                && old.rollout == row.rollout
                && !old.ghost
            {
                continue;
            }
            row.changed_while_blind = blind && !first;
            changes.changed += 1;
            reclassed |= before != Some((row.class, false));
            if !first && before.is_none_or(|(class, _)| class != row.class) {
                changes.entered.push((row.id.clone(), row.class));
            }
            if !first && row.class.is_abnormal() && before.is_none_or(|(class, _)| class != row.class) {
                changes.alarmed.push(row.id.clone());
                self.unseen.retain(|unseen| unseen.id != row.id);
                self.unseen.push(Unseen { id: row.id.clone(), class: row.class, at: as_of });
                if self.unseen.len() > UNSEEN_MAX {
                    self.unseen.remove(0);
                }
            }
            self.put(row);
        }
        for id in removed {
            if self.get(&id).is_some_and(|row| !row.ghost) {
                changes.removed += 1;
                reclassed = true;
                self.remove(&id);
            }
        }
        if changes.changed + changes.removed > 0 {
            if reclassed || rest || first {
                self.sort();
            } else {
                self.order_changed = !self.is_sorted();
                self.reapply();
            }
        }
        if changes.changed + changes.removed > 0 || first {
            self.survey();
        }
        changes
    }

    /// Counts what is shown of all rows together: once an answer, for a key must not look at each of them.
    fn survey(&mut self) {
        let (mut longest, mut workloads, mut freezes) = (0, 0, Vec::<Freeze>::new());
        for row in self.iter() {
            let rollout = &row.rollout;
            longest = longest.max(rollout.target.as_str().len() + 1 + rollout.name.as_str().len());
            workloads += usize::from(!row.ghost && rollout.workload.is_some());
            if let Some(freeze) = rollout.freeze.as_deref().filter(|_| !rollout.phase.is_terminal())
                && freezes.len() < FREEZES_MAX
                && freezes.iter().all(|seen| seen.window != freeze.window)
            {
                freezes.push(freeze.clone());
            }
        }
        freezes.sort_by(|a, b| a.until.cmp(&b.until).then_with(|| a.window.cmp(&b.window)));
        (self.longest, self.workloads, self.freezes) = (longest, workloads, freezes);
    }

    /// Freezes over any of them that has not ended, each window once, at most ten.
    #[must_use]
    pub fn freezes(&self) -> &[Freeze] {
        &self.freezes
    }

    /// Where a rollout is carried out: as this answer says, or the one before.
    fn home(&self, row: &Row, carriers: &[carriers::CarrierView]) -> Option<SafeText> {
        row.rollout.workload.as_ref()?;
        let now = carriers::home(carriers, row.rollout.observed_at);
        now.or_else(|| self.get(&row.id).and_then(|old| old.home.clone()))
    }

    /// How many of them are carried out elsewhere, ghosts not counted.
    #[must_use]
    pub fn workloads(&self) -> usize {
        self.workloads
    }

    /// The length of the longest address.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    fn put(&mut self, row: Row) {
        let words = attention::words(&row.rollout);
        let fits = self.filter.fits(&words);
        self.looked += u64::from(!self.filter.is_empty());
        self.counts[row.class as usize] += 1;
        let slot = if let Some(slot) = self.index.get(&row.id).copied() {
            if let Some(old) = self.slots[slot].take()
                && !old.ghost
            {
                self.counts[old.class as usize] -= 1;
            }
            slot
        } else {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.fits.push(false);
                self.slots.len() - 1
            });
            self.index.insert(row.id.clone(), slot);
            self.order.push(slot);
            slot
        };
        self.words.put(slot, &words);
        self.fits[slot] = fits;
        self.slots[slot] = Some(row);
    }

    fn remove(&mut self, id: &RolloutId) {
        let Some(slot) = self.index.get(id).copied() else { return };
        let keep = self.selected.as_ref() == Some(id);
        if let Some(row) = self.slots[slot].as_mut() {
            if !row.ghost {
                self.counts[row.class as usize] -= 1;
            }
            row.ghost = true;
        }
        if !keep {
            self.drop_slot(slot);
        }
        self.unseen.retain(|unseen| &unseen.id != id);
    }

    fn drop_slot(&mut self, slot: usize) {
        if let Some(row) = self.slots[slot].take() {
            self.index.remove(&row.id);
        }
        self.words.clear(slot);
        self.fits[slot] = false;
        self.order.retain(|s| *s != slot);
        self.shown.retain(|s| *s != slot);
        self.free.push(slot);
    }

    /// How two rows are in the order of the list.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        let (Some(a), Some(b)) = (&self.slots[a], &self.slots[b]) else {
            return self.slots[b].is_some().cmp(&self.slots[a].is_some());
        };
        let (x, y) = (&a.rollout, &b.rollout);
        let ordering = match self.order_by.by {
            SortBy::Name => a.id.cmp(&b.id),
            SortBy::State => a.class.cmp(&b.class),
            SortBy::Age => y.updated_at.cmp(&x.updated_at),
            SortBy::Reach => {
                let share = |rollout| workload::share(rollout).unwrap_or(-1.0);
                share(y).total_cmp(&share(x))
            }
            SortBy::Owner => x.owner.as_str().cmp(y.owner.as_str()),
            SortBy::Version => {
                let version = |rollout: &Rollout| rollout.candidate.version.clone();
                version(x).cmp(&version(y))
            }
            SortBy::Attention | SortBy::Begins | SortBy::Ends => a.rank.cmp(&b.rank),
        };
        self.order_by.turned(ordering).then_with(|| a.id.cmp(&b.id))
    }

    /// Puts the rows into their order now.
    pub fn sort(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_by(|a, b| self.compare(*a, *b));
        self.order = order;
        self.order_changed = false;
        self.reapply();
    }

    fn is_sorted(&self) -> bool {
        self.order.windows(2).all(|pair| self.compare(pair[0], pair[1]) != Ordering::Greater)
    }

    /// A filter begins to be typed.
    pub fn begin_filter(&mut self) {
        self.first.clone_from(&self.selected);
    }

    /// It is typed, and what it selected stays; or it is given up, and what was selected before is again.
    pub fn end_filter(&mut self, back: Option<&str>, height: usize) {
        let first = self.first.take();
        if let Some(before) = back {
            self.set_filter(before);
            if let Some(first) = first {
                self.select(&first, height);
            }
        }
        self.top = scroll(self.top, self.cursor, height, self.shown.len());
        let left = self.slots.iter().enumerate().filter_map(|(slot, row)| {
            row.as_ref().filter(|row| row.ghost && Some(&row.id) != self.selected.as_ref()).map(|_| slot)
        });
        for slot in left.collect::<Vec<_>>() {
            self.drop_slot(slot);
        }
        self.follow();
    }

    /// Sets the filter: the cursor stays with its rollout while that is shown, and else goes to the one that
    /// fits best. While it is typed, that is the one that was selected first. A filter that became narrower
    /// looks only at what is shown.
    pub fn set_filter(&mut self, text: &str) {
        match self.filter.set(text, COLUMNS) {
            Change::Same => return,
            Change::Narrower => {
                let mut shown = std::mem::take(&mut self.shown);
                for slot in &shown {
                    self.look(*slot);
                }
                shown.retain(|slot| self.fits[*slot]);
                self.shown = shown;
            }
            Change::Other => {
                // By slot, for so their words lie one after the other.
                for slot in 0..self.slots.len() {
                    self.look(slot);
                }
                self.show();
            }
        }
        let kept = self.first.as_ref().or(self.selected.as_ref()).and_then(|id| self.position(id));
        if let Some(position) = kept.or_else(|| self.best()) {
            self.cursor = position;
            self.selected = self.at(position).map(|row| row.id.clone());
        } else {
            // What is not shown is not acted on.
            (self.cursor, self.selected) = (0, None);
        }
    }

    fn look(&mut self, slot: usize) {
        let words = self.words.of(slot);
        // A slot that is free has none.
        self.fits[slot] = !words.is_empty() && self.filter.fits(words);
        self.looked += u64::from(!words.is_empty());
    }

    /// The position of the row that fits the filter best; of several the first.
    fn best(&self) -> Option<usize> {
        let score = |slot: usize| self.filter.score(self.words.of(slot));
        let scored = self.shown.iter().enumerate().take(BEST_OF).rev();
        scored.max_by_key(|(_, slot)| score(**slot)).map(|(at, _)| at)
    }

    /// Where a rollout is in the list.
    fn position(&self, id: &RolloutId) -> Option<usize> {
        let slot = *self.index.get(id)?;
        if !self.fits[slot] {
            return None;
        }
        self.shown.iter().position(|shown| *shown == slot)
    }

    fn show(&mut self) {
        self.shown = self.order.iter().copied().filter(|slot| self.fits[*slot]).collect();
    }

    fn reapply(&mut self) {
        self.show();
        self.follow();
    }

    /// Puts the cursor back on the selected rollout, or the selection on what is under the cursor.
    fn follow(&mut self) {
        if let Some(position) = self.selected.as_ref().and_then(|id| self.position(id)) {
            self.cursor = position;
        } else {
            self.cursor = self.cursor.min(self.shown.len().saturating_sub(1));
            self.selected = self.at(self.cursor).map(|row| row.id.clone());
        }
    }

    /// Moves the cursor to a position; a ghost that it leaves goes away.
    pub fn move_to(&mut self, position: usize, height: usize) {
        let left = self.selected.clone();
        self.cursor = position.min(self.shown.len().saturating_sub(1));
        self.selected = self.at(self.cursor).map(|row| row.id.clone());
        if left != self.selected
            && let Some(slot) = left.as_ref().and_then(|id| self.index.get(id)).copied()
            && self.slots[slot].as_ref().is_some_and(|row| row.ghost)
        {
            self.drop_slot(slot);
            self.follow();
        }
        self.top = scroll(self.top, self.cursor, height, self.shown.len());
        if let Some(id) = &self.selected {
            self.unseen.retain(|unseen| &unseen.id != id);
        }
    }

    /// Scrolls until that many rows are above the cursor's, as far as the list is full.
    pub fn scroll_to(&mut self, above: usize, height: usize) {
        self.top = scroll(self.cursor.saturating_sub(above), self.cursor, height, self.shown.len());
    }

    /// Selects a rollout; `false` when it is not there or the filter hides it.
    pub fn select(&mut self, id: &RolloutId, height: usize) -> bool {
        match self.position(id) {
            Some(position) => {
                self.move_to(position, height);
                true
            }
            None => false,
        }
    }

    /// Replaces one rollout by what a reply or a watch says of it.
    pub fn replace(&mut self, rollout: &Rollout) {
        let mut row = Row::new(rollout.clone().summary());
        row.home = self.get(&row.id).and_then(|old| old.home.clone());
        let reclassed = self.get(&row.id).is_none_or(|old| old.class != row.class || old.ghost);
        self.put(row);
        self.survey();
        if reclassed {
            self.sort();
        }
    }

    /// An empty list in the same order: another context.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self { order_by: self.order_by, ..Self::default() }
    }

    /// Forgets which rows changed while blind.
    pub fn seen_all(&mut self) {
        for row in self.slots.iter_mut().flatten() {
            row.changed_while_blind = false;
        }
    }
}

/// The first visible row of a list, so that the cursor is visible and the list is full.
#[must_use]
pub fn scroll(top: usize, cursor: usize, height: usize, len: usize) -> usize {
    let height = height.max(1);
    let top = top.min(len.saturating_sub(height));
    if cursor < top {
        cursor
    } else if cursor >= top + height {
        cursor + 1 - height
    } else {
        top
    }
}
