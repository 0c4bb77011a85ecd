mod contrast;

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::tui::capability::Wishes;

fn capability(depth: Depth) -> Capability {
    Capability::of(|_| None, Wishes { depth: Some(depth), glyphs: Some(Glyphs::Unicode) })
}

fn own(text: &str, depth: Depth) -> (Theme, Vec<String>) {
    let mut findings = Vec::new();
    let theme = Theme::build("mine", Some(("themes/mine.toml", text)), &capability(depth), &mut findings);
    (theme, findings.iter().map(ToString::to_string).collect())
}

#[test]
fn the_built_in_themes_are_whole_and_without_a_mistake() {
    for (name, text) in BUILT_IN {
        let mut findings = Vec::new();
        let read = file::read(&Source { name, text }, &mut findings);
        assert_eq!(findings, [], "{name}");
        for role in Role::ALL {
            assert!(read.paints.contains_key(role), "{name} does not say how {} looks", role.id());
        }
    }
}

#[test]
fn no_text_of_a_built_in_theme_is_bright_black_and_rows_have_no_background_of_their_own() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let theme = Theme::built_in(name, &capability(depth));
            for role in Role::ALL {
                assert_ne!(theme.style(*role).fg, Some(Color::DarkGray), "{name} {}", role.id());
            }
            for role in [Role::Muted, Role::Heading, Role::Fail, Role::Running] {
                assert_eq!(theme.style(role).bg, None, "{name} {}", role.id());
            }
            let paints = ["high-contrast", "color-safe"].contains(&name);
            assert_eq!(theme.paints_background(), paints, "{name}");
            assert_eq!(theme.made_for().is_some(), ["dark", "light"].contains(&name), "{name}");
        }
    }
}

#[test]
fn at_sixteen_colours_only_the_named_ones_are_used() {
    for (name, _) in BUILT_IN {
        let theme = Theme::built_in(name, &capability(Depth::Ansi16));
        for role in Role::ALL {
            let style = theme.style(*role);
            for color in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(color, Color::Rgb(..) | Color::Indexed(_)), "{name} {}: {color}", role.id());
            }
        }
    }
}

#[test]
fn without_colour_what_stood_out_still_does_and_no_colour_is_left() {
    for (name, _) in BUILT_IN {
        let theme = Theme::built_in(name, &capability(Depth::Mono));
        assert_eq!((theme.made_for(), theme.paints_background()), (None, false), "{name}");
        assert!(!theme.style(Role::Normal).add_modifier.contains(Modifier::REVERSED), "{name}: the screen is reversed");
        for role in Role::ALL {
            assert_eq!((theme.style(*role).fg, theme.style(*role).bg), (None, None), "{name} {}", role.id());
        }
        for role in [Role::Selected, Role::BannerFrozen, Role::BannerLost, Role::Lost, Role::ButtonFocused] {
            assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED), "{name} {}", role.id());
        }
        for role in [Role::Fail, Role::NeedsPerson, Role::NoData] {
            assert!(theme.style(role).add_modifier.contains(Modifier::BOLD), "{name} {}", role.id());
        }
    }
}

#[test]
fn what_must_be_read_is_never_dim() {
    for (name, _) in BUILT_IN {
        let theme = Theme::built_in(name, &capability(Depth::Ansi16));
        for role in Role::ALL {
            let dim = theme.style(*role).add_modifier.contains(Modifier::DIM);
            assert!(!dim || matches!(role, Role::Border | Role::Band), "{name} {}", role.id());
        }
    }
}

#[test]
fn every_mark_is_one_cell_wide_everywhere() {
    for mark in Mark::ALL {
        assert!(mark.glyph(Glyphs::Ascii).is_ascii());
        for glyphs in [Glyphs::Ascii, Glyphs::Unicode] {
            assert_eq!(mark.glyph(glyphs).width(), 1, "{mark:?}");
            assert_eq!(mark.glyph(glyphs).width_cjk(), 1, "{mark:?}");
        }
    }
}

#[test]
fn states_can_be_told_apart_by_their_marks_alone() {
    let states = &Mark::ALL[..10];
    for glyphs in [Glyphs::Ascii, Glyphs::Unicode] {
        for (index, a) in states.iter().enumerate() {
            for b in &states[index + 1..] {
                assert_ne!(a.glyph(glyphs), b.glyph(glyphs), "{a:?} and {b:?}");
            }
        }
    }
}

#[test]
fn a_persons_theme_is_laid_over_what_it_extends() {
    let (theme, findings) = own("extends = \"light\"\n[roles]\nfail = { fg = \"#ff0000\" }\n", Depth::True);
    assert_eq!(findings, [""; 0]);
    assert_eq!(theme.style(Role::Fail).fg, Some(Color::Rgb(255, 0, 0)));
    let light = Theme::built_in("light", &capability(Depth::True));
    assert_eq!(theme.style(Role::NeedsPerson), light.style(Role::NeedsPerson));
}

#[test]
fn a_bad_entry_is_named_by_line_and_field_and_only_it_is_lost() {
    let text = "[roles]\nfial = { fg = \"red\" }\nfail = { fg = \"rouge\" }\npaused = { colour = \"red\" }\nstale = { attributes = [\"blink\"] }\nno-data = { fg = \"green\" }\nsize = 3\n";
    let (theme, findings) = own(text, Depth::Ansi16);
    let dark = Theme::built_in(DEFAULT, &capability(Depth::Ansi16));
    for (finding, expected) in findings.iter().zip([
        "themes/mine.toml:2: roles.fial: 'fial' is no role, 'fail' is near",
        "themes/mine.toml:3: roles.fail.fg: 'rouge' is no colour: expected default",
        "themes/mine.toml:4: roles.paused: unknown field `colour`",
        "themes/mine.toml:5: roles.stale: unknown variant `blink`",
        "themes/mine.toml:7: roles.size: 'size' is no role",
    ]) {
        assert!(finding.starts_with(expected), "{finding}\nis not\n{expected}");
    }
    assert_eq!(findings.len(), 5);
    assert_eq!(theme.style(Role::Fail), dark.style(Role::Fail));
    assert_eq!(theme.style(Role::NoData).fg, Some(Color::Green));
}

#[test]
fn a_file_that_is_no_toml_says_where_and_leaves_the_built_in_theme() {
    let (theme, findings) = own("[roles\nfail = {", Depth::Ansi16);
    let dark = Theme::built_in(DEFAULT, &capability(Depth::Ansi16));
    assert!(findings[0].starts_with("themes/mine.toml:1: "), "{findings:?}");
    assert_eq!(theme.style(Role::Fail), dark.style(Role::Fail));
}

#[test]
fn a_theme_that_is_nowhere_is_named_and_the_default_is_used() {
    let (theme, findings) = Theme::load(Some("dork"), None, &capability(Depth::Ansi16));
    assert_eq!(findings[0].to_string(), "dork: 'dork' is no theme, 'dark' is near; terminal is used");
    assert_eq!(theme.styles, Theme::built_in("terminal", &capability(Depth::Ansi16)).styles);
    assert_eq!(BUILT_IN[0].0, DEFAULT);
}

#[test]
fn a_name_that_is_nearly_a_colour_or_a_theme_gets_its_neighbour() {
    for (text, expected) in [
        ("extends = \"drak\"\n", ":1: extends: 'drak' is no built-in theme, 'dark' is near; terminal is used"),
        ("extends = 3\n", ":1: extends: expected one of terminal, dark"),
        ("background = \"white\"\n", ":1: background: expected #rrggbb"),
        ("[roles]\nfail = { fg = \"megenta\" }\n", ":2: roles.fail.fg: 'megenta' is no colour, 'magenta' is near"),
        ("[roles]\nfail = { fg = \"#12345\" }\n", ":2: roles.fail.fg: '#12345' is no colour: expected default"),
    ] {
        let (_, findings) = own(text, Depth::True);
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert!(findings[0].starts_with(&format!("themes/mine.toml{expected}")), "{}", findings[0]);
    }
}

#[test]
fn a_persons_colours_that_cannot_be_read_are_used_and_named() {
    let text = "extends = \"light\"\n[roles]\nfail = { fg = \"#FFB000\" }\nhint = { attributes = [\"dim\"] }\n";
    let (theme, findings) = own(text, Depth::True);
    assert_eq!(findings, [""; 0]);
    assert_eq!(theme.style(Role::Fail).fg, Some(Color::Rgb(0xff, 0xb0, 0)));
    let hard: Vec<String> = theme.hard_to_read().iter().map(|(role, why)| format!("{} {why}", role.id())).collect();
    assert_eq!(hard, ["fail has a contrast of 1.7 to 1, where 4.5 are needed", "hint is dim"]);
    let (theme, _) = own(&format!("background = \"#000000\"\n{text}"), Depth::True);
    assert!(theme.hard_to_read().iter().all(|(role, _)| *role != Role::Fail), "the file says what it is made for");
}

#[test]
fn a_persons_file_is_found_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("themes")).unwrap();
    std::fs::write(dir.path().join("themes/terminal.toml"), "[roles]\nfail = { fg16 = \"blue\" }\n").unwrap();
    let (theme, findings) = Theme::load(None, Some(dir.path()), &capability(Depth::Ansi16));
    assert_eq!(findings, []);
    assert_eq!(theme.style(Role::Fail).fg, Some(Color::Blue));
}

#[test]
fn the_schema_names_every_role() {
    let schema = schema();
    let names = schema.pointer("/properties/roles/propertyNames/enum").unwrap().as_array().unwrap();
    assert_eq!(names.len(), Role::ALL.len());
}
