//! Screenshots without a terminal, and that the pictures that are shipped are those of this program.

use std::{fs, path::Path};

use super::Shell;

/// The one command that makes the pictures, from the repository's root.
const MAKE: &str = "cargo run -- screenshot --demo --all assets/screens";

#[test]
fn the_pictures_that_are_shipped_are_what_the_program_shows() {
    let shell = Shell::new();
    let made = shell.path("made");
    shell.run(&["screenshot", "--demo", "--all", made.to_str().unwrap()]).exits(0);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens");
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&shipped), names(&made), "make them again: {MAKE}");
    for name in names(&made) {
        let [shipped, made] = [&shipped, &made].map(|dir| fs::read_to_string(dir.join(&name)).unwrap());
        let differs = shipped.lines().zip(made.lines()).find(|(one, other)| one != other);
        assert!(shipped == made, "{name:?} is not current: make it again with `{MAKE}`, and look at it\n{differs:?}");
    }
}

#[test]
fn a_picture_comes_as_text_as_colours_and_as_svg_and_the_same_each_time() {
    let shell = Shell::new();
    let shot = |args: &[&str]| {
        let mut all = vec!["screenshot", "--demo", "--glyphs", "ascii"];
        all.extend(args);
        shell.run(&all).exits(0).out
    };
    let text = shot(&["--size", "80x24"]);
    assert_eq!(text.lines().count(), 24);
    assert!(text.is_ascii() && text.contains("SIMULATED") && text.contains("dc-west/pick-assist"), "{text}");
    assert_eq!(text, shot(&["overview", "--size", "80x24"]));
    let ansi = shot(&["--size", "80x24", "--format", "ansi", "--color", "256"]);
    assert!(ansi.contains("\u{1b}[") && !ansi.contains("\u{1b}[H"), "{ansi}");
    let svg = shot(&["detail", "dc-west/pick-assist", "--format", "svg"]);
    assert!(svg.starts_with("<svg ") && svg.contains("pick-assist"), "{svg}");
    let file = shell.path("shot.txt");
    shell.run(&["screenshot", "--demo", "flags", "--to", file.to_str().unwrap()]).exits(0);
    assert!(fs::read_to_string(file).unwrap().contains("FLAGS"));
    let dialog = shot(&["dialog", "rollback", "dc-west/pick-assist"]);
    assert!(dialog.contains("ROLL BACK dc-west/pick-assist") && dialog.contains("What changes"), "{dialog}");
}

#[test]
fn what_cannot_be_shown_is_said_with_its_exit_code() {
    let shell = Shell::new();
    shell.run(&["screenshot", "--demo", "nonsense"]).exits(2).says("name overview, detail TARGET/NAME");
    shell.run(&["screenshot", "--demo", "--size", "huge"]).exits(2).says("such as 120x40");
    shell.run(&["screenshot", "--demo", "detail", "no/such"]).exits(3).says("no/such");
    shell.run(&["screenshot", "--demo", "dialog", "promote", "stores-benelux/label-print"]).exits(4);
    shell.run(&["screenshot", "--demo", "--theme", "drak"]).exits(0).says("'drak' is no theme, 'dark' is near");
    shell.run(&["screenshot", "--after", "5s"]).exits(2).says("--demo");
    shell.run(&["screenshot"]).exits(2).says("rolldeck demo");
    shell.run(&["screenshot", "--server", "http://127.0.0.1:1"]).exits(7);
}
