//! The order of the view's list: chosen from a few, turned round, or named on the command line.

use super::choice;
use crate::tui::{
    app::{
        App, View,
        choice::{Choice, ChoiceLine, Chosen},
        notice::Tone,
        sort::{Sort, SortBy},
    },
    message::Command,
};

const ONE_ORDER: &str = "what is shown here has one order only";

/// Opens the choice of an order. A list whose order is not what it says any more is put into it instead.
pub(super) fn open(app: &mut App) -> Vec<Command> {
    let Some(order) = app.order() else {
        app.say(Tone::Note, ONE_ORDER);
        return Vec::new();
    };
    if app.view == View::Overview && app.rollouts.order_changed {
        app.rollouts.sort();
        app.say(Tone::Note, format!("in order again: {}", order.words()));
        return Vec::new();
    }
    let by = SortBy::of(app.view);
    let line = |by: &SortBy| {
        let now = if *by == order.by { if order.reversed { "  (now, reversed)" } else { "  (now)" } } else { "" };
        ChoiceLine::new(by.letter(), by.as_str(), format!("{}{now}", by.says()), Chosen::Sort(*by))
    };
    let at = by.iter().position(|by| *by == order.by).unwrap_or(0);
    choice::open(app, Choice::new("sort by", by.iter().map(line).collect()).on(at));
    Vec::new()
}

/// An order was chosen: the one in force keeps its direction.
pub(super) fn choose(app: &mut App, by: SortBy) {
    let reversed = app.order().is_some_and(|order| order.by == by && order.reversed);
    set(app, Sort { by, reversed });
}

/// Puts the list into an order.
fn set(app: &mut App, order: Sort) {
    app.set_order(order);
    app.say(Tone::Note, order.words());
}

/// Turns the order round.
pub(super) fn reverse(app: &mut App) {
    match app.order() {
        Some(order) => set(app, Sort { reversed: !order.reversed, ..order }),
        None => app.say(Tone::Note, ONE_ORDER),
    }
}

/// `sort NAME [reversed]`; without a name it puts the list into its order now.
pub(super) fn run(app: &mut App, rest: &str) -> Vec<Command> {
    let Some(order) = app.order() else {
        app.say(Tone::Attention, ONE_ORDER);
        return Vec::new();
    };
    let mut words = rest.split_whitespace();
    let Some(name) = words.next() else {
        set(app, order);
        return Vec::new();
    };
    let names = || SortBy::of(app.view).iter().map(|by| by.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(by) = SortBy::named(name).filter(|by| SortBy::of(app.view).contains(by)) {
        set(app, Sort { by, reversed: words.next().is_some_and(|word| "reversed".starts_with(word)) });
    } else {
        let said = format!("sort by what? {}", names());
        app.say(Tone::Attention, said);
    }
    Vec::new()
}
