use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;

const COLUMNS: &[Column] = &[Column::name("state"), Column::name("rollout"), Column::sentence("signal")];

fn filter(text: &str) -> Filter {
    let mut filter = Filter::default();
    filter.set(text, COLUMNS);
    filter
}

fn row() -> Words {
    Words::of(&["PAUSED paused", "osl/media-gw", "held by k.berg, customers call"])
}

#[test]
fn every_word_has_to_be_found_in_some_column() {
    for text in [
        "",
        "osl",
        "mgw",
        "OSL",
        "paused",
        "osl pau",
        "'media",
        "^osl",
        "gw$",
        "berg",
        "!ams",
        "state:paused",
        "rollout:osl",
        "!state:running",
        "!rollout:k.berg",
        "!",
        "'",
        "^",
        "osl !",
    ] {
        assert!(filter(text).score(&row()).is_some(), "{text}");
    }
    for text in [
        "ams",
        "'mgw",
        "osl ams",
        "^media",
        "osl$",
        "!osl",
        "!paused",
        "state:osl",
        "signal:paused",
        "!state:paused",
        // Letters that lie about in a sentence say nothing.
        "hbkc",
    ] {
        assert!(filter(text).score(&row()).is_none(), "{text}");
    }
}

#[test]
fn a_colon_that_names_no_column_is_looked_for_as_it_is() {
    let words = Words::of(&["running", "osl/a", "listens on 10.0.0.1:9090"]);
    assert!(filter("10.0.0.1:9090").score(&words).is_some());
    assert!(filter("!10.0.0.1:9090").score(&words).is_none());
}

#[test]
fn a_part_of_a_column_is_looked_into_only_by_its_name() {
    const PARTS: &[Column] = &[Column::name("rollout"), Column::part("site")];
    let score = |text: &str| {
        let mut filter = Filter::default();
        filter.set(text, PARTS);
        filter.score(&Words::of(&["osl/media-ber", "osl"])).is_some()
    };
    assert!(score("site:osl") && score("ber") && score("!site:ber"));
    assert!(!score("site:ber") && !score("!osl"));
}

#[test]
fn what_fits_better_scores_more() {
    let score = |name: &str| filter("router").score(&Words::of(&["running", name, ""])).unwrap();
    assert!(score("dc-north/router") > score("dc-north/rollout-of-the-inner-terminal"));
}

#[test]
fn a_longer_word_is_narrower_and_a_sign_is_not() {
    for (before, after, change) in [
        ("", "o", Change::Narrower),
        ("o", "os", Change::Narrower),
        ("os", "os ", Change::Same),
        ("os ", "os p", Change::Narrower),
        ("'os", "'osl", Change::Narrower),
        ("os", "o", Change::Other),
        ("!o", "!os", Change::Other),
        ("osl", "!osl", Change::Other),
        ("state", "state:", Change::Other),
        ("os$", "os$l", Change::Other),
        ("os a", "os", Change::Other),
    ] {
        let mut filter = filter(before);
        assert_eq!(filter.set(after, COLUMNS), change, "{before:?} {after:?}");
    }
}

#[test]
fn what_was_found_is_told_by_graphemes_so_that_wide_text_is_marked_right() {
    assert_eq!(filter("mgw").found("rollout", "osl/media-gw"), [4, 10, 11]);
    assert_eq!(filter("state:mgw").found("rollout", "osl/media-gw"), [0; 0]);
    assert_eq!(filter("!osl").found("rollout", "osl/media-gw"), [0; 0]);
    assert_eq!(filter("本").found("rollout", "日本語/e\u{301}a"), [1]);
    assert_eq!(filter("a").found("rollout", "日本語/e\u{301}a"), [5]);
    assert_eq!(ranked("pse", "pause"), [0, 3, 4]);
}

/// What is let through, slowly and plainly: for words of ASCII without signs.
fn plainly(text: &str, columns: &[String; 3]) -> bool {
    let has = |column: usize, word: &str| {
        let text = columns[column].to_lowercase();
        if COLUMNS[column].kind == Kind::Sentence {
            return text.contains(word);
        }
        let mut chars = text.chars();
        word.chars().all(|c| chars.any(|other| other == c))
    };
    text.to_lowercase().split_whitespace().all(|word| (0..3).any(|column| has(column, word)))
}

proptest! {
    #[test]
    fn no_row_is_shown_that_does_not_fit_and_none_is_left_out_that_does(
        text in "[a-zA-Z/]{1,3}( [a-z-]{1,3}){0,2}",
        columns in ["[a-z ]{0,6}", "[a-z/-]{0,12}", "[a-z ,]{0,20}"],
    ) {
        prop_assume!(!text.contains(" -"));
        let words = Words::of(&[&columns[0], &columns[1], &columns[2]]);
        let filter = filter(&text);
        prop_assert_eq!(filter.fits(&words), plainly(&text, &columns));
        prop_assert_eq!(filter.score(&words).is_some(), plainly(&text, &columns));
    }

    #[test]
    fn a_narrower_filter_lets_nothing_new_through(
        before in "[a-c!'^$: ]{0,6}",
        typed in "[a-c!'^$: ]{1,2}",
        name in "[a-c]{0,8}",
    ) {
        let words = Words::of(&["running", &name, &name]);
        let mut filter = filter(&before);
        let let_through = filter.score(&words).is_some();
        let change = filter.set(&format!("{before}{typed}"), COLUMNS);
        if change != Change::Other && filter.score(&words).is_some() {
            prop_assert!(let_through);
        }
        if change == Change::Same {
            prop_assert_eq!(filter.score(&words).is_some(), let_through);
        }
    }

    #[test]
    fn whatever_is_typed_and_whatever_is_there_nothing_panics_and_marks_lie_within_the_text(
        text in "(\\PC{0,20}|[a-cA-C!'^$é:]{0,4}( [a-c!]{1,3}){0,2})",
        column in "(\\PC{0,30}|[a-cA-Cé日]{0,8})",
    ) {
        let filter = filter(&text);
        let words = Words::of(&["x", &column, &column]);
        prop_assert_eq!(filter.fits(&words), filter.score(&words).is_some());
        let graphemes = column.graphemes(true).count();
        for name in ["state", "rollout", "signal", "none"] {
            prop_assert!(filter.found(name, &column).iter().all(|at| (*at as usize) < graphemes));
        }
    }
}
