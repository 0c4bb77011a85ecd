//! Text from outside that means harm: every field of everything that a server answers, filled with what
//! steers a terminal, hides, overlaps or never ends. What is read here is what a terminal would get.

use std::{collections::BTreeMap, sync::Mutex};

use rolldeck::{
    backend::{
        AuditPage, CarrierView, FlagReply, FlagsPage, OverridesPage, SitesPage, VerifyReport, WindowsPage, Witnessed,
    },
    domain::{Role, Rollout},
    tui::{
        capability::{Depth, Glyphs},
        intent::Intent as I,
        message::{Answer, Command},
    },
    wire::problem::{Code, Problem},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    cluster, consent,
    desk::{Desk, options},
    emulator::{Frame, frame, theme},
    flags,
    fleet::{breach, nine, preview, sites, trail, verified, windows},
};

/// What is put into every field, by what it would do.
pub const CORPUS: &[(&str, &str)] = &[
    ("clears the screen", "a\u{1b}[2J\u{1b}[Hb"),
    ("sets a title", "\u{1b}]0;owned\u{7}b"),
    ("asks for an answer", "\u{1b}[6n\u{1b}[c\u{1b}P+q544e\u{1b}\\"),
    ("takes the clipboard", "\u{1b}]52;c;b3duZWQ=\u{1b}\\"),
    ("C1 controls", "\u{9b}31mred\u{9d}0;t\u{9c}\u{90}q\u{85}n"),
    ("line breaks and bells", "a\r\nb\u{b}c\u{c}d\u{7}e\u{8}\u{8}\u{8}f\u{0}g\u{7f}\th"),
    ("turns text around", "\u{202e}gnp.exe\u{2066}x\u{2069}\u{200f}\u{61c}"),
    ("zero width", "a\u{200b}b\u{200d}c\u{2060}d\u{feff}e\u{ad}f\u{34f}g"),
    (
        "a tower of marks",
        "z\u{335}\u{322}\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}x",
    ),
    ("marks on nothing", "\u{301}\u{302}\u{20e3}"),
    ("wide", "日本語のメッセージ無数据한국어テキスト漢字漢字漢字漢字漢字漢字"),
    ("half and full", "ｈａｌｆ ﾊﾝｶｸ"),
    ("emoji in sequence", "👩‍💻👨‍👩‍👧‍👦🏳️‍🌈🇳🇴👍🏽1️⃣❤️☎︎"),
    ("blank letters", "\u{3164}\u{115f}\u{2800}\u{ffa0}\u{2003}\u{3000}."),
    ("tags", "a\u{e0001}\u{e0061}\u{e007f}b\u{fe0f}\u{fe00}"),
    ("lookalikes", "рауmеnt-ѕеrvісе"),
    ("scripts that join", "العربية هندी क्ष ไทย் நி 각"),
    ("replacement", "\u{fffd}\u{fffd}"),
];

/// One without end, for each of two reasons.
fn endless() -> Vec<(&'static str, String)> {
    vec![("very long", "x".repeat(5000)), ("very long and wide", "漢\u{301}".repeat(2000))]
}

fn corpus() -> Vec<(&'static str, String)> {
    CORPUS.iter().map(|(name, text)| (*name, (*text).to_owned())).chain(endless()).collect()
}

/// Where a text is, with the places in lists left out.
fn paths(value: &Value, here: &str, out: &mut Vec<String>) {
    match value {
        Value::String(_) if !out.iter().any(|path| path == here) => out.push(here.to_owned()),
        Value::Array(list) => list.iter().for_each(|item| paths(item, &format!("{here}/*"), out)),
        Value::Object(map) => map.iter().for_each(|(key, item)| paths(item, &format!("{here}/{key}"), out)),
        _ => {}
    }
}

fn replace(value: &mut Value, path: &str, text: &str) {
    let Some(rest) = path.strip_prefix('/') else {
        *value = Value::String(text.to_owned());
        return;
    };
    let (step, rest) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    match value {
        Value::Array(list) if step == "*" => list.iter_mut().for_each(|item| replace(item, rest, text)),
        Value::Object(map) => {
            if let Some(item) = map.get_mut(step) {
                replace(item, rest, text);
            }
        }
        _ => {}
    }
}

/// The fields of a kind of answer that take any text: what takes none is an id, a time or a number. Which they
/// are does not depend on the text, and takes long to find out.
fn fields<T: Serialize + DeserializeOwned>(kind: &str, json: &Value) -> Vec<String> {
    static KNOWN: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
    if let Some(known) = KNOWN.lock().unwrap().get(kind) {
        return known.clone();
    }
    let mut all = Vec::new();
    paths(json, "", &mut all);
    all.retain(|path| {
        let mut changed = json.clone();
        replace(&mut changed, path, CORPUS[0].1);
        serde_json::from_value::<T>(changed).is_ok()
    });
    KNOWN.lock().unwrap().insert(kind.to_owned(), all.clone());
    all
}

/// Something that a server answers, with this text in every field that takes any; and how many those are.
fn filled<T: Serialize + DeserializeOwned>(kind: &str, value: &T, text: &str) -> (T, usize) {
    let mut json = serde_json::to_value(value).unwrap();
    let fields = fields::<T>(kind, &json);
    for path in &fields {
        replace(&mut json, path, text);
    }
    (serde_json::from_value(json).unwrap(), fields.len())
}

/// Everything that is ever answered, filled with a text.
struct World {
    rollouts: Vec<Rollout>,
    breach: Rollout,
    workload: Rollout,
    trail: AuditPage,
    windows: WindowsPage,
    sites: SitesPage,
    flags: FlagsPage,
    overrides: OverridesPage,
    verified: VerifyReport,
    flag: FlagReply,
    preview: rolldeck::backend::ActionReply,
    carriers: Vec<CarrierView>,
    witnessed: Witnessed,
    problem: Problem,
    fields: usize,
}

fn world(text: &str) -> World {
    let mut fields = 0;
    macro_rules! fill {
        ($value:expr) => {
            fill!(stringify!($value), $value)
        };
        ($kind:expr, $value:expr) => {{
            let (value, count) = filled($kind, &$value, text);
            fields += count;
            value
        }};
    }
    let rollouts = nine().into_iter().map(|rollout| fill!(&rollout.id().to_string(), rollout)).collect();
    let mut witnessed = super::audit::rewritten(Some(9312));
    witnessed.remark = Some(text.into());
    if let Some(broken) = &mut witnessed.broken {
        broken.message = text.into();
    }
    World {
        rollouts,
        breach: fill!(breach()),
        workload: fill!(cluster::failing()),
        trail: fill!(trail()),
        windows: fill!(windows()),
        sites: fill!(sites()),
        flags: fill!(flags::page()),
        overrides: fill!(consent::overrides()),
        verified: fill!(verified(Some(9315))),
        flag: fill!(flags::intended("fast-path")),
        preview: fill!(preview(&breach())),
        carriers: vec![fill!(cluster::carrier("prod", 70, &["a remark"]))],
        witnessed,
        problem: fill!(Problem::new(Code::RevisionMismatch, "it changed meanwhile")),
        fields,
    }
}

/// Walks through every screen with it.
fn walk(world: &World, size: (u16, u16), mut look: impl FnMut(&str, &Desk)) {
    let refused = || rolldeck::backend::BackendError::from(Box::new(world.problem.clone()));
    let mut desk = Desk::bare(&options(true, false), size);
    desk.carriers.clone_from(&world.carriers);
    desk.beats = false;
    desk.answer(Answer::Info(Ok(super::desk::info(Role::Commander, true))));
    desk.all(world.rollouts.clone());
    desk.answer(Answer::Windows(Ok(world.windows.clone())));
    desk.answer(Answer::Overrides(Ok(world.overrides.clone())));
    look("overview", &desk);
    desk.command("clusters");
    look("clusters", &desk);
    desk.press(I::Back).press(I::Raw);
    look("raw", &desk);
    desk.press(I::Back).press(I::ActionMenu);
    look("menu", &desk);
    desk.press(I::Back);
    for rollout in [&world.breach, &world.workload] {
        desk.all(vec![rollout.clone()]);
        desk.press(I::ViewOverview).press(I::Open);
        desk.watched(rollout.clone());
        desk.answer(Answer::Timeline(rollout.id(), Ok(world.trail.clone())));
        for _ in 0..7 {
            look("detail", &desk);
            desk.press(I::Zoom);
            look("detail, zoomed", &desk);
            desk.press(I::Zoom).press(I::NextPane);
        }
        desk.press(I::Raw);
        look("raw of a rollout", &desk);
        desk.press(I::Back);
        for action in [I::Rollback, I::Pause, I::Promote] {
            desk.press(I::ActionMenu).wait(300).press(action).paint().wait(300);
            if let Some(key) = desk.app.dialog().map(|dialog| dialog.key.clone()) {
                look("dialog", &desk);
                desk.answer(Answer::Previewed(key.clone(), Ok(world.preview.clone())));
                look("dialog with its preview", &desk);
                desk.answer(Answer::Previewed(key, Err(refused())));
                look("dialog that is refused", &desk);
                desk.press(I::Back);
            }
        }
    }
    desk.press(I::ViewSites).answer(Answer::Sites(Ok(world.sites.clone())));
    look("sites", &desk);
    desk.press(I::Open);
    look("sites, opened", &desk);
    desk.press(I::ViewWindows);
    super::calendar::answered(&mut desk);
    look("calendar", &desk);
    desk.press(I::NextPane);
    for _ in 0..4 {
        look("windows", &desk);
        desk.press(I::Down);
    }
    desk.press(I::ViewFlags).answer(Answer::Flags(Ok(world.flags.clone())));
    desk.answer(Answer::FlagHistory("fast-path".parse().unwrap(), Ok(world.trail.clone())));
    for _ in 0..7 {
        look("flags", &desk);
        desk.press(I::Down);
    }
    desk.press(I::Pivot);
    look("flags by stage", &desk);
    desk.press(I::Top).press(I::ActionMenu).wait(300).press(I::FlagKill).paint().wait(300);
    look("dialog of a flag", &desk);
    desk.press(I::Back);
    desk.press(I::ActionMenu).wait(300).press(I::FlagWiden).paint().wait(300);
    if let Some(key) = flags::asked(&desk) {
        desk.answer(Answer::FlagPreviewed(key, Ok(world.flag.clone())));
    }
    look("dialog of a flag's share", &desk);
    desk.press(I::Back).press(I::ViewOverrides);
    look("overrides", &desk);
    desk.press(I::ViewAudit);
    let query = desk.commands.iter().rev().find_map(|c| if let Command::Audit(q) = c { Some(q.clone()) } else { None });
    desk.answer(Answer::Audit(query.unwrap(), Ok(world.trail.clone())));
    desk.answer(Answer::Witnessed(Ok(world.witnessed.clone())));
    desk.answer(Answer::Verified(Ok(world.verified.clone())));
    for _ in 0..6 {
        look("audit", &desk);
        desk.press(I::Open);
        look("audit, record", &desk);
        desk.press(I::Down);
    }
    desk.answer(Answer::View(Err(refused())));
    desk.wait(40_000);
    look("lost", &desk);
    desk.command("follow dc-west/osl2").answer(Answer::Sites(Ok(world.sites.clone())));
    look("follow", &desk);
}

fn screen_by_screen(
    corpus: Vec<(&str, String)>,
    theme: &rolldeck::tui::theme::Theme,
    size: (u16, u16),
    mut check: impl FnMut(&str, &Frame),
) {
    for (name, text) in corpus {
        let world = world(&text);
        assert!(world.fields > 150, "{name}: only {} fields take a text", world.fields);
        walk(&world, size, |view, desk| check(&format!("{name}, {view} at {size:?}"), &frame(desk, theme)));
    }
}

/// What takes room otherwise than a letter does.
fn wide() -> Vec<(&'static str, String)> {
    corpus().into_iter().filter(|(_, text)| !text.contains(char::is_control) && !text.is_ascii()).collect()
}

#[test]
fn no_field_of_any_answer_reaches_the_terminal_as_anything_but_text_in_its_columns() {
    let theme = theme(Depth::Ansi16, Glyphs::Unicode);
    screen_by_screen(corpus(), &theme, (80, 24), |what, frame| frame.check(what));
}

#[test]
fn wide_and_joined_text_keeps_its_columns_at_other_sizes_too() {
    let theme = theme(Depth::Mono, Glyphs::Unicode);
    for size in [(133, 43), (61, 17), (37, 11)] {
        screen_by_screen(wide().into_iter().skip(3).take(3).collect(), &theme, size, |what, frame| frame.check(what));
    }
}

#[test]
fn where_only_ascii_can_be_shown_nothing_else_is_sent_whoever_wrote_it() {
    let theme = theme(Depth::Mono, Glyphs::Ascii);
    screen_by_screen(wide().into_iter().take(6).collect(), &theme, (100, 30), |what, frame| {
        let odd: String =
            frame.bytes.iter().filter(|byte| !byte.is_ascii()).map(|byte| format!("{byte:02x} ")).collect();
        assert_eq!(odd, "", "{what}\n{}", frame.text());
        frame.check(what);
    });
}

#[test]
fn what_is_typed_and_pasted_is_text_too() {
    let theme = theme(Depth::Ansi16, Glyphs::Unicode);
    for (name, text) in corpus() {
        for open in [I::Filter, I::CommandLine, I::Help] {
            let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (80, 24));
            desk.press(open).paste(&text);
            frame(&desk, &theme).check(&format!("{name}, pasted into {open:?}"));
            desk.write(&text);
            frame(&desk, &theme).check(&format!("{name}, typed into {open:?}"));
            desk.press(I::Open);
            frame(&desk, &theme).check(&format!("{name}, entered into {open:?}"));
        }
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (80, 24));
        desk.press(I::ActionMenu).wait(300).press(I::Pause).paint().wait(300).paste(&text);
        frame(&desk, &theme).check(&format!("{name}, pasted into a reason"));
        assert!(desk.acts().is_empty());
    }
}
