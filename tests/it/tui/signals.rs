//! Indicators on the screen: what their charts show, how they age, how silent they are, and that no
//! content moves a column.

use chrono::TimeDelta;
use proptest::prelude::*;
use rolldeck::{
    domain::{
        Phase, Role, Rollout, Sli, SliArm, Verdict,
        sli::{Burn, BurnLevel, Family, Interval, OverallVerdict, SliPoint, TelemetryState},
    },
    tui::{
        intent::Intent as I,
        message::{Answer, Message},
    },
};
use unicode_width::UnicodeWidthStr;

use super::{
    desk::{Desk, options, start},
    fleet::{breach, nine, rollout, trail},
    indicators::{errors, indicator, story},
};

/// The detail view with these indicators, which have the keys.
fn watched(slis: Vec<Sli>, size: (u16, u16)) -> Desk {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), size);
    desk.command("open ber/planner");
    let mut rollout = rollout("ber/planner", Phase::Progressing, 9);
    rollout.slis = slis;
    desk.watched(rollout);
    desk.press(I::NextPane);
    desk
}

fn line<'a>(screen: &'a str, with: &str) -> &'a str {
    screen.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no line has {with:?}:\n{screen}"))
}

#[test]
fn a_key_turns_the_chart_from_difference_to_ratio_to_raw_and_back() {
    let mut desk = watched(story(), (80, 24));
    assert!(desk.screen().contains("errors: canary minus base, pp") && desk.screen().contains("now +0.29"));
    desk.press(I::ChartMode);
    assert!(desk.screen().contains("errors: canary / base") && desk.screen().contains("limit 2.0x"));
    desk.press(I::ChartMode);
    assert!(desk.screen().contains("errors: canary line, base dots, %") && desk.screen().contains("limit 0.24"));
    desk.press(I::ChartMode);
    assert!(desk.screen().contains("errors: canary minus base, pp"));
}

#[test]
fn four_charts_stand_beside_each_other_and_stay_while_the_cursor_moves_among_them() {
    let mut desk = watched(story(), (120, 40));
    let charts = |desk: &Desk| -> Vec<String> {
        let screen = desk.screen();
        let titles =
            screen.lines().skip_while(|line| !line.contains("INDICATOR")).filter(|line| line.starts_with("── "));
        let parts = titles.flat_map(|line| line.split("──").map(|part| part.trim().to_owned()));
        parts.filter(|part| part.contains(": can")).collect()
    };
    let name = |title: &String| title.trim_start_matches("> ").split(':').next().unwrap().to_owned();
    let before: Vec<String> = charts(&desk).iter().map(name).collect();
    // What has no past has no chart, and what needs nobody has none before what does.
    assert_eq!(before, ["errors", "saturation", "crash_loops", "heap_growth"]);
    assert!(charts(&desk)[0].starts_with("> "), "{:?}", charts(&desk));
    desk.keys(&[I::Down, I::Down]);
    assert_eq!(charts(&desk).iter().map(name).collect::<Vec<_>>(), before);
    assert!(charts(&desk)[1].starts_with("> "), "{:?}", charts(&desk));
    desk.press(I::Bottom);
    assert!(charts(&desk).iter().any(|title| title.starts_with("> security_alerts")), "{:?}", charts(&desk));
}

#[test]
fn what_changed_stands_below_the_chart_and_what_was_refused_does_not() {
    let mut desk = watched(story(), (80, 24));
    let mut page = trail();
    // The pause and the resume were within the half hour, the promotion was refused.
    for entry in &mut page.entries {
        entry.at = start() - TimeDelta::minutes(if entry.action.as_str() == "pause" { 9 } else { 4 });
    }
    page.entries.retain(|entry| ["pause", "promote"].contains(&entry.action.as_str()));
    desk.answer(Answer::Timeline("ber/planner".parse().unwrap(), Ok(page)));
    let screen = desk.screen();
    let axis = line(&screen, "^canary").to_owned();
    assert!(axis.contains("^paused") && !axis.contains("promoted"), "{axis}");
    let sign = axis.chars().collect::<Vec<_>>();
    let column = sign.iter().rposition(|c| *c == '^').unwrap();
    // 58 columns stand for half an hour that ends at 12:04: nine minutes ago is at two thirds.
    assert!((45..55).contains(&column), "{column} {axis}");
}

#[test]
fn a_number_that_has_no_room_for_its_unit_stands_alone_and_the_row_says_the_unit() {
    let cores = |name: &str| Sli { ratio: None, ..indicator(name, "cores", 0.604, 0.0, 0.25, Family::Saturation) };
    let long = "cpu_of_the_largest_pod_there_is";
    for (width, name) in [(80, "cpu (cores)"), (120, "cpu (cores)"), (200, "cpu (cores)")] {
        let desk =
            watched(vec![cores("cpu"), indicator("rss", "MB", 212.0, 204.0, 40.0, Family::Saturation)], (width, 40));
        let screen = desk.screen();
        let row = line(&screen, name);
        assert!(row.contains(" 0.604 ") && row.contains(" +0.604 ") && row.contains(" +0.25 "), "{row}");
        assert!(line(&screen, "rss ").contains(" 212 MB "), "what fits keeps its unit: {screen}");
    }
    // Without room in the name, the reason says it.
    let desk = watched(vec![cores(long)], (200, 40));
    assert!(line(&desk.screen(), " 0.604 ").contains("in cores: not worse"), "{}", desk.screen());
    // An old number keeps its sign, and is not cut for that.
    let mut desk = watched(vec![cores("cpu")], (120, 40));
    desk.polls = true;
    desk.wait(95_000);
    assert!(line(&desk.screen(), "cpu (cores)").contains(" 0.604~ "), "{}", desk.screen());
}

#[test]
fn values_grow_old_on_the_screen_without_an_answer_and_are_not_shown_as_values_at_last() {
    let mut desk = watched(vec![errors()], (80, 24));
    desk.polls = true;
    assert!(line(&desk.screen(), ">✗ errors").contains("0.41%    0.12%     3.4x"));
    // The newest slice is 31 s old: after two of a minute a value is late, after three it is gone.
    desk.wait(95_000);
    assert!(line(&desk.screen(), ">✗ errors").contains("0.41%~   0.12%~    3.4x~"), "{}", desk.screen());
    desk.wait(60_000);
    let screen = desk.screen();
    assert!(line(&screen, ">✗ errors").contains("----     ----     ----"), "{screen}");
    assert!(line(&screen, ">✗ errors").contains("FAIL STALE crit"), "{screen}");
    assert!(!screen.contains("now +0.29") && screen.contains("last +0."), "{screen}");
    // The line is broken off, then goes on as what nobody knows.
    desk.wait(600_000);
    assert!(line(&desk.screen(), "~ ~ ~").contains("~ ~ ~"), "{}", desk.screen());
}

#[test]
fn a_gap_in_the_middle_is_a_gap() {
    let mut sli = indicator("errors", "ratio", 0.0041, 0.0012, 0.0012, Family::Availability);
    for point in sli.series.iter_mut().flatten().skip(10).take(8) {
        (point.canary, point.baseline, point.difference, point.interval) = (None, None, None, None);
    }
    let screen = watched(vec![sli], (80, 24)).ascii();
    let drawn: Vec<char> = (10..60)
        .map(|x| {
            let column = screen.lines().skip(12).filter_map(|line| line.chars().nth(x));
            if column.filter(|c| *c == '*').count() > 0 { '*' } else { ' ' }
        })
        .collect();
    let text: String = drawn.into_iter().collect();
    let parts: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(parts.len(), 2, "{text:?}\n{screen}");
    assert!(!screen.contains("~ ~"), "what goes on is not broken off:\n{screen}");
}

#[test]
fn a_chart_shows_the_last_hour_and_with_the_whole_screen_all_that_is_known() {
    let mut sli = errors();
    let points = (0..240_i32).map(|n| SliPoint {
        at: start() - TimeDelta::minutes(i64::from(240 - n)),
        canary: Some(0.0041),
        baseline: Some(0.0012),
        difference: Some(0.0029),
        interval: None,
    });
    sli.series = Some(points.collect());
    let mut desk = watched(vec![sli], (80, 24));
    let begins = |desk: &Desk| -> String { desk.screen().lines().nth(21).unwrap().trim().chars().take(5).collect() };
    let shown = begins(&desk);
    assert!(("11:00"..="11:05").contains(&shown.as_str()), "{shown}\n{}", desk.screen());
    desk.press(I::Zoom);
    let shown = begins(&desk);
    assert!(("07:30"..="08:05").contains(&shown.as_str()), "{shown}\n{}", desk.screen());
}

#[test]
fn a_quiet_screen_of_charts_writes_nothing_between_two_slices() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut desk =
            watched(vec![errors(), indicator("latency_p99", "ms", 212.0, 205.0, 20.5, Family::Latency)], size);
        desk.polls = false;
        desk.wait(4_000);
        let before = desk.screen();
        for _ in 0..6 {
            desk.wait(3_500);
            desk.changed(vec![], vec![]);
            assert_eq!(desk.screen(), before, "{size:?}");
        }
    }
}

#[test]
fn the_overall_verdict_its_reason_and_the_budget_are_said_in_a_line_each() {
    let screen = watched(story(), (80, 24)).screen();
    assert!(screen.contains("✓ pass  all indicators pass"), "{screen}");
    assert!(screen.contains("! budget   errors 62% left, burns 3.2x (30) 4.1x (5), empty in 9d; HALT"), "{screen}");
    let strip = Desk::with(&options(false, false), Role::Operator, false, vec![breach()], (80, 24)).screen();
    assert!(strip.contains("! budget   errors 62% left"), "{strip}");
    // One that burns nothing needs no line where there is little room.
    let mut calm = breach();
    for sli in &mut calm.slis {
        if let Some(burn) = &mut sli.burn {
            burn.level = BurnLevel::Ok;
        }
    }
    let strip = Desk::with(&options(false, false), Role::Operator, false, vec![calm], (80, 24)).screen();
    assert!(!strip.contains("budget"), "{strip}");
}

#[test]
fn the_overview_says_the_worst_indicator_and_where_it_is_heading_in_its_place_of_the_clock() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (120, 40));
    let screen = desk.screen();
    let worst = line(&screen, ">✗ BREACH");
    assert!(worst.contains("errors 3.4x (2.0)") && worst.contains('⣿'), "{worst}");
    assert!(!line(&screen, "ams/auth-svc").contains('⣀'), "what is done heads nowhere: {screen}");
    let ascii = desk.ascii();
    assert!(line(&ascii, ">X BREACH").contains("'^"), "{ascii}");
    // What nobody hears of any more does not stay as if it were now.
    desk.polls = false;
    desk.wait(40 * 60_000);
    let screen = desk.screen();
    assert!(!line(&screen, "dc-west/pick-assist").contains('⣿'), "{screen}");
}

#[test]
fn a_persons_choice_of_pane_is_not_taken_back_by_a_unit_that_fails() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (80, 24));
    desk.command("open dc-west/pick-assist");
    assert!(desk.screen().contains("> units"), "{}", desk.screen());
    desk.press(I::PreviousPane);
    desk.watched(breach());
    assert!(desk.screen().contains("> indicators"), "{}", desk.screen());
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1.0..2.0_f64,
        1 => Just(0.0),
        1 => Just(1e300),
        1 => Just(-1e300),
        1 => Just(f64::MAX),
        1 => Just(5e-324),
        1 => -1e9..1e9_f64,
    ]
}

fn maybe() -> impl Strategy<Value = Option<f64>> {
    prop::option::weighted(0.8, number())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z_]{1,24}",
        1 => "\\PC{0,30}",
        1 => Just("日本語のとても長い名前です\u{202e}x\u{1b}[2J".to_owned()),
        1 => Just("e\u{301}\u{200b}\u{1f468}\u{200d}\u{1f469}".to_owned()),
    ]
}

fn point() -> impl Strategy<Value = SliPoint> {
    // Mostly of the last hour; one that comes from the dawn of time, or from a clock that runs ahead.
    let ago = prop_oneof![20 => 0_i64..4000, 1 => Just(63_000_000_000), 1 => -900_000_i64..0];
    (ago, maybe(), maybe(), maybe(), prop::option::of((number(), number()))).prop_map(
        |(ago, canary, baseline, difference, interval)| SliPoint {
            at: start() - TimeDelta::seconds(ago),
            canary,
            baseline,
            difference,
            interval: interval.map(|(low, high)| Interval { low, high }),
        },
    )
}

fn any_sli() -> impl Strategy<Value = Sli> {
    let words = (text(), text(), text(), prop_oneof![Just("higher_is_worse"), Just("lower_is_worse"), Just("either")]);
    let numbers = (maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe());
    let verdicts = [Verdict::Pass, Verdict::Watch, Verdict::Fail, Verdict::Insufficient, Verdict::NoData];
    let telemetry = [
        TelemetryState::Ok,
        TelemetryState::Warming,
        TelemetryState::Empty,
        TelemetryState::Stale,
        TelemetryState::Error,
    ];
    let states = (prop::sample::select(verdicts.to_vec()), prop::sample::select(telemetry.to_vec()), any::<bool>());
    let levels = [BurnLevel::Ok, BurnLevel::Halt, BurnLevel::Page, BurnLevel::TooLittle, BurnLevel::Unknown];
    let burn = prop::option::of((prop::sample::select(levels.to_vec()), maybe(), maybe(), maybe()));
    let series = prop::option::of(prop::collection::vec(point(), 0..40));
    (words, numbers, states, burn, prop::option::of(0_i64..100_000), series).prop_map(
        |((name, unit, why, direction), n, (verdict, telemetry, critical), burn, age, series)| {
            let at = age.map(|age| start() - TimeDelta::seconds(age));
            Sli {
                name: name.as_str().into(),
                unit: if unit.len() % 2 == 0 { "ratio".into() } else { unit.as_str().into() },
                direction: direction.into(),
                why: why.as_str().into(),
                critical,
                canary: SliArm { value: n.0, samples: n.1 },
                baseline: SliArm { value: n.2, samples: n.3 },
                difference: n.4,
                ratio: n.5,
                limit: n.6,
                verdict,
                telemetry,
                over_since: at,
                observed_at: at,
                burn: burn.map(|(level, left, rate, empty_in)| {
                    Box::new(Burn {
                        objective: 0.999,
                        short: rate,
                        middle: rate,
                        long: rate,
                        baseline: rate,
                        level,
                        budget_left: left,
                        empty_in,
                    })
                }),
                series: series.map(|mut series| {
                    series.sort_by_key(|point| point.at);
                    series
                }),
                ..indicator("x", "ratio", 0.1, 0.1, 0.1, Family::Quality)
            }
        },
    )
}

/// The same rollout with other indicators.
fn with(slis: Vec<Sli>, why: &str) -> Rollout {
    let mut rollout = rollout("ber/planner", Phase::Progressing, 9);
    rollout.slis = slis;
    rollout.verdict = OverallVerdict { label: Verdict::Watch, score: Some(1e300), why: why.into() };
    rollout
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn no_indicator_of_any_content_moves_a_column_or_breaks_a_frame(
        slis in prop::collection::vec(any_sli(), 0..10),
        why in text(),
        width in 60_u16..210,
        height in 16_u16..62,
        keys in prop::collection::vec(prop::sample::select(vec![I::ChartMode, I::Down, I::Zoom, I::NextPane, I::ViewOverview]), 0..6),
    ) {
        let mut desk = watched(slis.clone(), (80, 24));
        desk.changed(vec![with(slis.clone(), &why)], vec![]);
        desk.watched(with(slis, &why));
        desk.size = (width, height);
        desk.send(Message::Resized { width, height });
        for key in keys {
            desk.press(key);
        }
        let (unicode, ascii) = (desk.screen(), desk.styled());
        prop_assert_eq!(unicode.lines().count(), usize::from(height));
        prop_assert_eq!(ascii.lines().count(), usize::from(height));
        for line in unicode.lines() {
            prop_assert!(line.width() <= usize::from(width), "{line:?}");
            prop_assert!(!line.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{line:?}");
        }
        // The numbers' columns are where their headings are, whatever stands in the row.
        let mut below = unicode.lines().skip_while(|line| !line.contains("CANARY     BASE    RATIO"));
        if let Some((heading, row)) = below.next().zip(below.next()) {
            let at = heading.find("BASE").unwrap();
            let column = heading[..at].width() + "BASE".len();
            prop_assert!(columns(row).iter().all(|(at, cell)| *at != column || *cell == " "), "{heading:?}\n{row:?}");
        }
    }
}

/// What stands at which column of a line, wide signs counted as two.
fn columns(line: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    unicode_segmentation::UnicodeSegmentation::graphemes(line, true)
        .map(|cell| {
            let here = (at, cell);
            at += cell.width();
            here
        })
        .collect()
}
