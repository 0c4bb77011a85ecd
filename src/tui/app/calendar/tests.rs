use super::*;
use crate::domain::{Operation, Window};

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn window(id: &str, effect: Effect, state: WindowState) -> WindowView {
    let window = Window { id: id.into(), effect, ..Window::default() };
    WindowView { window, state, next_transition: None }
}

fn bar<'a>(windows: &'a [WindowView], spans: &[(usize, &str, Option<&str>)]) -> Bar<'a> {
    let pieces = spans.iter().map(|(index, from, until)| Piece {
        window: Some(&windows[*index]),
        id: &windows[*index].window.id,
        from: at(from),
        until: until.map(at),
    });
    Bar { scope: "osl2".to_owned(), windows: windows.iter().collect(), pieces: pieces.collect() }
}

#[test]
fn a_cell_is_frozen_as_soon_as_a_freeze_touches_it_and_allowed_only_when_it_is_so_throughout() {
    let windows =
        [window("w-1", Effect::Deny, WindowState::Active), window("w-2", Effect::Allow, WindowState::Upcoming)];
    let bar = bar(
        &windows,
        &[
            (0, "26T12:00", Some("26T14:00")),
            (1, "26T09:00", Some("26T10:20")),
            (1, "26T10:20", Some("26T11:00")),
            (1, "27T09:00", None),
        ],
    );
    let cases = [
        ("26T08:00", "26T08:45", Cell::Closed),
        ("26T08:45", "26T09:30", Cell::Partly),
        ("26T09:00", "26T09:45", Cell::Allowed),
        // Two windows that meet allow together.
        ("26T10:00", "26T10:45", Cell::Allowed),
        ("26T10:30", "26T11:15", Cell::Partly),
        ("26T11:15", "26T12:00", Cell::Closed),
        ("26T11:30", "26T12:15", Cell::Frozen),
        ("26T13:15", "26T14:00", Cell::Frozen),
        // Spans are half-open.
        ("26T14:00", "26T14:45", Cell::Closed),
        ("29T14:00", "29T14:45", Cell::Allowed),
    ];
    for (from, until, expected) in cases {
        assert_eq!(bar.cell(at(from), at(until)), expected, "{from}");
    }
}

#[test]
fn a_freeze_of_some_actions_is_no_freeze_of_all_and_no_window_at_all_is_open() {
    let mut nightly = window("w-1", Effect::Deny, WindowState::Active);
    nightly.window.actions = vec![Operation::Advance];
    let windows = [nightly];
    let bar = bar(&windows, &[(0, "26T22:00", Some("27T06:00"))]);
    assert_eq!(bar.cell(at("26T23:00"), at("26T23:45")), Cell::FrozenForSome);
    assert_eq!(bar.cell(at("27T06:00"), at("27T06:45")), Cell::Open);
    let signs: std::collections::BTreeSet<_> =
        [Cell::Unknown, Cell::Open, Cell::Allowed, Cell::Partly, Cell::Closed, Cell::Frozen, Cell::FrozenForSome]
            .map(Cell::sign)
            .into();
    assert_eq!(signs.len(), 7, "two states share a sign");
}

#[test]
fn the_window_that_is_spoken_of_denies_before_it_allows_and_holds_before_it_comes() {
    let windows = [window("w-1", Effect::Deny, WindowState::Active), window("w-2", Effect::Allow, WindowState::Active)];
    let bar = bar(&windows, &[(1, "26T09:00", Some("26T18:00")), (0, "26T12:00", Some("26T14:00"))]);
    let of = |from: &str, until: &str| {
        bar.window_at(at(from), at(until)).map(|(view, _)| view.window.id.as_str().to_owned())
    };
    assert_eq!(of("26T12:45", "26T13:30").as_deref(), Some("w-1"));
    assert_eq!(of("26T09:00", "26T09:45").as_deref(), Some("w-2"));
    assert_eq!(of("26T06:00", "26T06:45").as_deref(), Some("w-2"), "the next to come");
    assert_eq!(of("26T22:00", "26T22:45").as_deref(), Some("w-1"), "the last one");
}
