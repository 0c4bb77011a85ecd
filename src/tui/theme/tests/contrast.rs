//! Themes by number: what can be read, and what can be told apart by whom.

use std::collections::BTreeMap;

use super::{
    super::{
        color::{NAMES, parse, rgb_of},
        contrast::{Rgb, TEXT, ratio},
    },
    *,
};

/// The palettes that the 16 names are most often painted in, with the backgrounds that go with them.
///
/// xterm: `XTerm-col.ad` of xterm. VGA: the text modes of IBM's VGA, which Linux' console and `PuTTY` have.
/// Solarized: the values that Ethan Schoonover published (2011), in the order of its terminal palettes.
const PALETTES: [(&str, &str, &str); 6] = [
    ("xterm on black", XTERM, "000000"),
    ("xterm on white", XTERM, "ffffff"),
    ("VGA on black", VGA, "000000"),
    ("VGA on white", VGA, "ffffff"),
    ("Solarized dark", SOLARIZED, "002b36"),
    ("Solarized light", SOLARIZED, "fdf6e3"),
];
const XTERM: &str =
    "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff";
const VGA: &str =
    "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff";
const SOLARIZED: &str =
    "073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5 002b36 cb4b16 586e75 657b83 839496 6c71c4 93a1a1 fdf6e3";

fn hex(text: &str) -> Rgb {
    match parse(&format!("#{text}")) {
        Some(Color::Rgb(r, g, b)) => (r, g, b),
        other => panic!("{text}: {other:?}"),
    }
}

fn of_palette(palette: &str, color: Color) -> Option<Rgb> {
    let index = NAMES.iter().position(|name| parse(name) == Some(color))?;
    palette.split(' ').nth(index).map(hex)
}

#[test]
fn the_formula_is_that_of_the_guidelines() {
    for (a, b, wanted) in [
        ("000000", "ffffff", 21.0),
        ("ffffff", "ffffff", 1.0),
        // The grey that the guidelines' own tools give as the lightest for text on white.
        ("767676", "ffffff", 4.54),
        ("0072b2", "ffffff", 5.19),
        ("d55e00", "000000", 5.43),
    ] {
        assert!((ratio(hex(a), hex(b)) - wanted).abs() < 0.01, "{a} on {b}: {}", ratio(hex(a), hex(b)));
    }
}

#[test]
fn whatever_must_be_read_can_be_read_on_the_background_that_a_theme_paints_or_is_made_for() {
    let mut looked_at = BTreeMap::new();
    for (name, _) in BUILT_IN {
        for depth in [Depth::Ansi256, Depth::True] {
            let theme = Theme::built_in(name, &capability(depth));
            assert_eq!(theme.hard_to_read(), [], "{name}, {depth}");
            for (role, ratio) in theme.contrasts() {
                assert!(ratio >= role.needs_contrast(), "{name}, {depth}: {} has {ratio:.2}", role.id());
                *looked_at.entry(name).or_insert(0) += 1;
            }
        }
        // One that knows a colour knows what it stands on.
        let theme = Theme::built_in(name, &capability(Depth::True));
        let rich = Role::ALL.iter().filter(|role| matches!(theme.style(**role).fg, Some(Color::Rgb(..)))).count();
        assert!(theme.contrasts().len() >= rich, "{name} does not say which background it is made for");
    }
    let names: Vec<&str> = looked_at.keys().copied().collect();
    assert_eq!(names, ["color-safe", "dark", "high-contrast", "light"]);
    assert!(looked_at["high-contrast"] == 2 * Role::ALL.len(), "it leaves no colour to the terminal");
}

#[test]
fn high_contrast_is_what_it_says() {
    let theme = Theme::built_in("high-contrast", &capability(Depth::True));
    for (role, ratio) in theme.contrasts() {
        assert!(ratio >= 7.0, "{} has {ratio:.2}", role.id());
    }
}

#[test]
fn themes_that_paint_a_background_can_be_read_with_sixteen_colours_too() {
    for name in ["high-contrast", "color-safe"] {
        let theme = Theme::built_in(name, &capability(Depth::Ansi16));
        let normal = theme.style(Role::Normal);
        for (palette, colors, _) in PALETTES {
            // Solarized has greys where others have bright colours.
            if colors == SOLARIZED {
                continue;
            }
            for role in Role::ALL {
                let style = theme.style(*role);
                let text = style.fg.or(normal.fg).and_then(|color| of_palette(colors, color)).unwrap();
                let ground = style.bg.or(normal.bg).and_then(|color| of_palette(colors, color)).unwrap();
                let ratio = ratio(text, ground);
                assert!(ratio >= role.needs_contrast(), "{name}, {palette}: {} has {ratio:.2}", role.id());
            }
        }
    }
}

/// The colours of `terminal`, and their contrast in each of [`PALETTES`]. None of the 16 has 4.5 to 1 in all
/// of them: that is why text is left in the terminal's own colours, and a state has its word, its mark and
/// mostly an attribute besides. What stands here is what holds.
const HOLDS: [(&str, [f64; 6]); 3] = [
    ("bright-red", [5.3, 4.0, 6.7, 3.1, 3.3, 4.3]),
    ("magenta", [4.5, 4.7, 3.3, 6.4, 3.3, 4.2]),
    ("bright-blue", [4.4, 4.7, 4.1, 5.1, 4.8, 2.9]),
];

#[test]
fn the_terminals_own_colours_hold_in_each_palette_what_is_said_of_them() {
    let theme = Theme::built_in("terminal", &capability(Depth::True));
    let mut used: Vec<Color> = Role::ALL.iter().filter_map(|role| theme.style(*role).fg).collect();
    used.extend(Role::ALL.iter().filter_map(|role| theme.style(*role).bg));
    for color in &used {
        let (name, holds) = HOLDS.iter().find(|(name, _)| parse(name) == Some(*color)).unwrap();
        for ((palette, colors, ground), said) in PALETTES.iter().zip(holds) {
            let ratio = ratio(of_palette(colors, *color).unwrap(), hex(ground));
            assert!((ratio - said).abs() < 0.06, "{name}, {palette}: {ratio:.2}");
            assert!(ratio > 2.9, "{name} cannot be made out in {palette}: {ratio:.2}");
        }
    }
    // Every other name is worse somewhere, which is why it is not used.
    for name in NAMES.iter().filter(|name| HOLDS.iter().all(|(held, _)| held != *name)) {
        let color = parse(name).unwrap();
        let worst = PALETTES.iter().map(|(_, colors, ground)| ratio(of_palette(colors, color).unwrap(), hex(ground)));
        assert!(worst.fold(21.0, f64::min) < 2.9, "{name} could be used");
    }
    // All that has no colour of its own is the terminal's text, which is as readable as the person made it.
    let own = Role::ALL.iter().filter(|role| theme.style(**role).fg.is_none()).count();
    assert!(own >= Role::ALL.len() - 10, "{own}");
}

#[test]
fn solarized_text_itself_is_below_the_guidelines_so_nothing_can_be_above_it_there() {
    assert!(ratio(hex("839496"), hex("002b36")) < 4.8 && ratio(hex("657b83"), hex("fdf6e3")) < TEXT);
}

/// The states that a colour or an attribute tells apart besides their marks and words.
const STATES: [Role; 7] =
    [Role::Fail, Role::NeedsPerson, Role::NoData, Role::Frozen, Role::Paused, Role::JustPassed, Role::Running];

#[test]
fn states_that_look_different_still_do_when_there_are_fewer_colours() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::True, Depth::Ansi256, Depth::Ansi16] {
            let theme = Theme::built_in(name, &capability(depth));
            for (index, a) in STATES.iter().enumerate() {
                for b in &STATES[index + 1..] {
                    assert_ne!(theme.style(*a), theme.style(*b), "{name}, {depth}: {} and {}", a.id(), b.id());
                }
            }
        }
    }
    // Without colour it is the theme made for that which has an attribute for each.
    let mono = Theme::built_in("mono", &capability(Depth::Mono));
    for (index, a) in STATES.iter().enumerate() {
        for b in &STATES[index + 1..] {
            assert_ne!(mono.style(*a), mono.style(*b), "{} and {}", a.id(), b.id());
        }
    }
}

/// What somebody without one kind of cones sees: Machado, Oliveira and Fernandes, "A Physiologically-based
/// Model for Simulation of Color Vision Deficiency" (2009), severity 1.0, for linear RGB.
const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]],
    ),
    (
        "deuteranopia",
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]],
    ),
    (
        "tritanopia",
        [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]],
    ),
];

/// A colour as it is seen, in CIE L*a*b* (D65).
fn seen((red, green, blue): Rgb, vision: &[[f64; 3]; 3]) -> [f64; 3] {
    let linear = [red, green, blue].map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    let mix = |row: &[f64; 3], with: [f64; 3]| row.iter().zip(with).map(|(a, b)| a * b).sum::<f64>();
    let light = vision.map(|row| mix(&row, linear).clamp(0.0, 1.0));
    let cube = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let x = cube(mix(&[0.4124, 0.3576, 0.1805], light) / 0.950_47);
    let y = cube(mix(&[0.2126, 0.7152, 0.0722], light));
    let z = cube(mix(&[0.0193, 0.1192, 0.9505], light) / 1.088_83);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn with_every_kind_of_colour_vision_states_can_be_told_apart() {
    let rgb = |color: Option<Color>| match color {
        Some(Color::Rgb(r, g, b)) => Some((r, g, b)),
        Some(Color::Indexed(index)) => Some(rgb_of(index)),
        _ => None,
    };
    for (name, least) in [("dark", 7.0), ("light", 7.0), ("high-contrast", 7.0), ("color-safe", 15.0)] {
        let theme = Theme::built_in(name, &capability(Depth::True));
        let mut compared = 0;
        for (index, a) in STATES.iter().enumerate() {
            for b in &STATES[index + 1..] {
                let (first, second) = (theme.style(*a), theme.style(*b));
                let attributes = first.add_modifier != second.add_modifier || first.bg != second.bg;
                let (Some(one), Some(other)) = (rgb(first.fg), rgb(second.fg)) else { continue };
                if name == "color-safe" {
                    assert!(attributes, "{} and {} have the same attributes", a.id(), b.id());
                }
                for (vision, matrix) in &VISIONS {
                    let apart = apart(seen(one, matrix), seen(other, matrix));
                    let told = apart >= least || (attributes && name != "color-safe");
                    assert!(told, "{name}, {vision}: {} and {} are {apart:.1} apart", a.id(), b.id());
                    compared += 1;
                }
            }
        }
        assert!(compared >= 60, "{name}: only {compared} pairs");
    }
}
