//! Commands that messages name are ones that there are.

use std::path::Path;

/// What stands between backticks and begins with the program's name, in a file.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("`rolldeck ") {
        let (command, after) = after.split_once('`').unwrap_or((after, ""));
        found.push(command.replace("\\\"", "\"").split_whitespace().collect::<Vec<_>>().join(" "));
        rest = after;
    }
    found
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// What of a command line there is not.
fn missing(line: &str) -> Option<String> {
    let root = rolldeck::cli::command();
    let mut command = &root;
    let mut is_subject = false;
    for word in line.split(' ') {
        if let Some(option) = word.strip_prefix("--").map(|it| it.split(['=', ',', '|']).next().unwrap_or_default()) {
            let has = |of: &clap::Command| of.get_arguments().any(|it| it.get_long() == Some(option));
            if !option.is_empty() && !has(command) && !has(&root) {
                return Some(format!("no option --{option} of {}", command.get_name()));
            }
        } else if let Some(next) = command.find_subcommand(word).filter(|_| !is_subject) {
            command = next;
        } else if is_name(word) && !is_subject && command.has_subcommands() {
            return Some(format!("no command {word} of {}", command.get_name()));
        } else {
            is_subject = true;
        }
    }
    None
}

fn look(folder: &Path, wrong: &mut Vec<String>, seen: &mut usize) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            look(&path, wrong, seen);
        } else if path.extension().is_some_and(|of| of == "rs" || of == "md") {
            for line in named(&std::fs::read_to_string(&path).unwrap()) {
                *seen += 1;
                wrong.extend(missing(&line).map(|what| format!("{}: `rolldeck {line}`: {what}", path.display())));
            }
        }
    }
}

#[test]
fn a_command_that_a_message_or_a_page_tells_people_to_run_is_one_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for folder in ["src", "assets"] {
        look(&root.join(folder), &mut wrong, &mut seen);
    }
    for page in ["README.md", "CHANGELOG.md"] {
        for line in named(&std::fs::read_to_string(root.join(page)).unwrap()) {
            seen += 1;
            wrong.extend(missing(&line).map(|what| format!("{page}: `rolldeck {line}`: {what}")));
        }
    }
    assert!(seen > 80, "{seen} were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(missing("flag add").as_deref(), Some("no command add of flag"));
    assert_eq!(missing("audit verify --never").as_deref(), Some("no option --never of verify"));
}
