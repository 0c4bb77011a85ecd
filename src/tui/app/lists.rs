//! The list of the view, whichever it is: its filter, its order, its selection.

use super::{
    App, View, approvals,
    calendar::Pane,
    filter::{Column, Filter},
    flags,
    listing::Listing,
    overrides, places, rollouts,
    sort::Sort,
};

impl App {
    /// The list of a view that is not the overview, and what a filter of it can name.
    fn listing(&self) -> Option<(&Listing, &'static [Column])> {
        Some(match self.view {
            View::Sites => (&self.sites.list, places::SITE_COLUMNS),
            View::Windows if self.calendar.pane == Pane::List => (&self.windows.list, places::WINDOW_COLUMNS),
            View::Flags => (&self.flags.list, flags::COLUMNS),
            View::Overrides => (&self.overrides.list, overrides::COLUMNS),
            View::Approvals => (&self.approvals.list, approvals::COLUMNS),
            _ => return None,
        })
    }

    fn listing_mut(&mut self) -> Option<&mut Listing> {
        if self.view == View::Windows && self.calendar.pane == Pane::Bars { None } else { self.rows_mut() }
    }

    /// The rows of the view, also where they are shown as bars; nothing where they are of a kind of their own.
    pub(in crate::tui) fn rows_mut(&mut self) -> Option<&mut Listing> {
        Some(match self.view {
            View::Sites => &mut self.sites.list,
            View::Windows => &mut self.windows.list,
            View::Flags => &mut self.flags.list,
            View::Overrides => &mut self.overrides.list,
            View::Approvals => &mut self.approvals.list,
            _ => return None,
        })
    }

    /// The filter of the view's list; nothing where there is none, or one in a language of its own.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        match self.view {
            View::Overview => Some(self.rollouts.filter()),
            _ => self.listing().map(|(listing, _)| listing.filter()),
        }
    }

    /// The columns that a filter of the view's list can name.
    #[must_use]
    pub fn filter_columns(&self) -> &'static [Column] {
        match self.view {
            View::Overview => rollouts::COLUMNS,
            _ => self.listing().map_or(&[], |(_, columns)| columns),
        }
    }

    /// How many rows of the view's list are shown, and of how many.
    #[must_use]
    pub fn shown(&self) -> (usize, usize) {
        match self.view {
            View::Overview => (self.rollouts.shown_len(), self.rollouts.len().max(self.rollouts.shown_len())),
            _ => self.listing().map_or((0, 0), |(listing, _)| (listing.len(), listing.total())),
        }
    }

    /// The order of the view's list, where there is more than one.
    #[must_use]
    pub fn order(&self) -> Option<Sort> {
        match self.view {
            View::Overview => Some(self.rollouts.order_by()),
            _ => self.listing().map(|(listing, _)| listing.order),
        }
    }

    /// Sorts the view's list by something else.
    pub fn set_order(&mut self, order: Sort) {
        match self.view {
            View::Overview => self.rollouts.set_order(order),
            View::Sites => self.sites.set_order(order),
            View::Windows => self.windows.set_order(order),
            View::Flags => self.flags.set_order(order),
            View::Overrides => self.overrides.set_order(order),
            View::Approvals => self.approvals.set_order(order),
            View::Detail | View::Audit | View::Follow | View::Recover | View::Contexts => {}
        }
        self.touch();
    }

    /// A filter of the view's list begins to be typed.
    pub(in crate::tui) fn begin_filter(&mut self) {
        match self.view {
            View::Overview => self.rollouts.begin_filter(),
            _ => {
                if let Some(listing) = self.listing_mut() {
                    listing.begin_filter();
                }
            }
        }
    }

    /// Filters the view's list.
    pub(in crate::tui) fn set_filter(&mut self, text: &str) {
        let columns = self.filter_columns();
        match self.view {
            View::Overview => self.rollouts.set_filter(text),
            _ => {
                if let Some(listing) = self.listing_mut() {
                    listing.set_filter(text, columns);
                }
            }
        }
    }

    /// The filter is typed; or it is given up for the one that was in force before.
    pub(in crate::tui) fn end_filter(&mut self, back: Option<&str>) {
        let page = self.page();
        match self.view {
            View::Overview => self.rollouts.end_filter(back, page),
            _ => {
                if let Some(listing) = self.listing_mut() {
                    listing.end_filter(back);
                }
            }
        }
    }

    /// Everything is let through again; says whether that changes anything.
    pub(in crate::tui) fn clear_filter(&mut self) -> bool {
        let filtered = self.filter().is_some_and(|filter| !filter.text().is_empty());
        if filtered {
            self.set_filter("");
            self.end_filter(None);
        }
        filtered
    }

    /// What there is to say of the view's list below it: the filter with how many rows it shows, and an order
    /// that is not the usual one.
    #[must_use]
    pub fn list_status(&self) -> Option<String> {
        let (shown, total) = self.shown();
        let filter = self.filter().map(Filter::text).filter(|text| !text.is_empty());
        let order = self.order().filter(|order| *order != Sort::default());
        let filter = filter.map(|text| format!("filter {text} {}/{}", thousands(shown), thousands(total)));
        let said: Vec<String> = order.map(Sort::words).into_iter().chain(filter).collect();
        (!said.is_empty()).then(|| said.join("  "))
    }
}

/// A number with its thousands apart: `1 000`.
#[must_use]
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (10_000, "10 000"), (1_234_567, "1 234 567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
