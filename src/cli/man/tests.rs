use super::*;

fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let heading = [format!("\n.SH {title}\n"), format!("\n.SH \"{title}\"\n")];
    let start = heading.iter().find_map(|heading| page.find(heading.as_str()).map(|at| at + heading.len()));
    let rest = &page[start.unwrap_or_else(|| panic!("no {title} in:\n{page}"))..];
    rest.split("\n.SH ").next().unwrap()
}

#[test]
fn every_command_has_a_page_with_all_that_a_reader_looks_for() {
    let root = whole();
    let pages = all(&root);
    assert!(pages.len() > 60, "{}", pages.len());
    for command in pages {
        let text = page(&root, command).unwrap();
        let own = name(command).replace('-', "\\-");
        assert!(section(&text, "NAME").contains(&format!("{own} \\- ")), "{own}");
        let usage = command.get_bin_name().unwrap_or("rolldeck").replace('-', "\\-");
        assert!(section(&text, "SYNOPSIS").contains(&usage), "{own}: {}", section(&text, "SYNOPSIS"));
        for title in ["DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"] {
            assert!(section(&text, title).len() > 10, "{own}: {title}");
        }
        for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
            let Some(long) = option.get_long() else { continue };
            let written = format!("\\-\\-{}", long.replace('-', "\\-"));
            assert!(text.contains(&written), "{own}: {written}");
        }
        assert_eq!(text.matches(".TH ").count(), 1, "{own}");
        assert_eq!(text.matches(".ie ").count(), 1, "{own}");
    }
}

#[test]
fn every_example_is_one_that_the_command_line_takes_and_stands_on_a_page_that_there_is() {
    let root = whole();
    let pages = all(&root);
    for example in examples::EXAMPLES {
        assert!(pages.iter().any(|page| name(page) == example.of), "{}", example.of);
        // What a shell does with it afterwards is not its own.
        let line = example.line.split(" | ").next().unwrap().split(" > ").next().unwrap();
        let words = shell_words(line);
        let taken = super::super::command().try_get_matches_from(&words);
        assert!(taken.is_ok(), "{line}: {}", taken.unwrap_err());
        let asked = words.iter().skip(1).filter(|word| !word.starts_with('-'));
        let path: Vec<&str> = example.of.split('-').skip(1).collect();
        assert!(asked.map(String::as_str).collect::<Vec<_>>().join("-").starts_with(&path.join("-")), "{line}");
    }
    for (of, other) in examples::RELATED {
        for page in [of, other] {
            assert!(pages.iter().any(|known| name(known) == *page), "{page}");
        }
    }
}

/// Words as a shell splits them, with single and double quotes.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn a_page_is_found_by_its_words_or_its_name_and_a_slip_is_answered_with_the_nearest() {
    let root = whole();
    let asked =
        |words: &[&str]| find(&root, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).map(name);
    for words in [&["window", "add"][..], &["window-add"], &["window add"], &["rolldeck-window-add"]] {
        assert_eq!(asked(words), Ok("rolldeck-window-add"), "{words:?}");
    }
    assert_eq!(asked(&["audit", "rotate-key"]), Ok("rolldeck-audit-rotate-key"));
    assert_eq!(asked(&[]), Ok("rolldeck"));
    assert!(asked(&["windwo", "add"]).unwrap_err().contains("did you mean rolldeck-window-add?"));
}

#[test]
fn groff_has_nothing_to_say_about_any_page() {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let groff = |page: &str| -> Option<String> {
        let mut child = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z", "-Kutf8"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take()?.write_all(page.as_bytes()).ok()?;
        Some(String::from_utf8_lossy(&child.wait_with_output().ok()?.stderr).into_owned())
    };
    let root = whole();
    for command in all(&root) {
        // Where there is no groff, this says nothing.
        let Some(said) = groff(&page(&root, command).unwrap()) else { return };
        assert_eq!(said, "", "{}", name(command));
    }
}
