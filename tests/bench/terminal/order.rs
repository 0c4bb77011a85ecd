//! Which functions a session of the dashboard runs, as callgrind counts them, and from it the order in which a
//! release lays functions out: those of a session side by side. A kernel maps program text by pieces of 64 KiB,
//! so what is scattered over all of it is all of it in memory.
//!
//! Names say types (`.cargo/config.toml`), and hashes of crates, which are left out: so the list holds for other
//! compilers, and for versions that have the same functions. Where a name without its hashes would bring many
//! others along, it is taken as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::Path,
    process::Command,
    time::Duration,
};

use super::{
    Wanted,
    beside::{SIZE, begin, rolldeck},
    peers::Contender,
    session::{GAP, Link, Way},
    standin::{Fleet, StandIn},
};

/// How many times the size of what a session runs a name without its hashes may bring along.
const BROUGHT_ALONG: u64 = 4;
/// How long a program may take to end: callgrind writes down what it counted.
const ENDS_WITHIN: Duration = Duration::from_mins(1);
/// How long what follows a key may take under callgrind.
const SETTLES_WITHIN: Duration = Duration::from_secs(4);
/// Every view, the ways into and out of what lies over one, and a walk through a rollout.
const KEYS: [&str; 28] = [
    "j", "k", "G", "g", "/", "a", "\x1b", "s", "\x1b", "?", "\x1b", ":", "t", "\x1b", "a", "\x1b", "\r", "j", "m",
    "\x1b", "2", "j", "3", "4", "5", "6", "7", "1",
];

/// Writes the list, for the linker.
///
/// # Errors
/// When the program has no symbols, or `valgrind` or `nm` is missing.
pub fn write(wanted: &Wanted, path: &Path) -> Result<(), String> {
    let all = symbols(&wanted.program)?;
    if all.is_empty() {
        let how = "build it with cargo rustc --release --bin rolldeck -- -C strip=none";
        return Err(format!("{} has no symbols: {how}", wanted.program.display()));
    }
    let fleet = StandIn::start(Fleet { rollouts: 1_000, changes: 5 });
    let contender = rolldeck(wanted, &fleet.url, 1_000);
    // What every session runs comes first: some leave before they press a key.
    let mut groups = Vec::new();
    let mut before = BTreeSet::new();
    for keys in [&KEYS[..0], &KEYS] {
        let run = ran(wanted, contender.clone(), keys)?;
        let more = run.difference(&before).filter(|name| all.contains_key(*name)).cloned().collect::<BTreeSet<_>>();
        let size: u64 = more.iter().filter_map(|name| all.get(name)).sum();
        println!("{} functions of {size} bytes run with {} keys", more.len(), keys.len());
        before.extend(run);
        groups.push(more);
    }
    fs::write(path, script(&patterns(&all, &groups)))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The functions of a program and how many bytes each has, by their names in the linker's language.
fn symbols(program: &Path) -> Result<BTreeMap<String, u64>, String> {
    let mut nm = Command::new("nm");
    let output = nm.args(["--print-size", "--defined-only"]).arg(program).output().map_err(|e| missing("nm", &e))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter_map(|line| {
        let [_, size, kind, name] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
        let is_code = matches!(kind, "t" | "T" | "w" | "W");
        is_code.then(|| u64::from_str_radix(size, 16).ok().map(|size| (name.to_owned(), size))).flatten()
    });
    Ok(lines.collect())
}

fn missing(program: &str, error: &io::Error) -> String {
    format!("{program} cannot be started ({error}): install it, and try again")
}

/// The functions that a session ran.
fn ran(wanted: &Wanted, mut contender: Contender, keys: &[&str]) -> Result<BTreeSet<String>, String> {
    let counted = wanted.home.path().join("callgrind");
    let log = wanted.home.path().join("valgrind.log");
    let mut command = ["valgrind", "--tool=callgrind", "--demangle=no"].map(str::to_owned).to_vec();
    command.push(format!("--callgrind-out-file={}", counted.display()));
    command.push(format!("--log-file={}", log.display()));
    command.append(&mut contender.command);
    contender.command = command;
    let (mut session, _) = begin(&contender, SIZE, Link::NONE)?;
    session.pump(SETTLES_WITHIN, |_, _| false);
    for keys in keys {
        session.send(keys);
        session.pump(Duration::from_millis(200), |_, _| false);
        session.quiet(GAP * 20, SETTLES_WITHIN);
    }
    let ended = session.end(Way::Key(contender.quit), ENDS_WITHIN);
    if ended.took.is_none() {
        return Err(format!("it did not end; the screen is\n{}", session.screen.text()));
    }
    let counted = fs::read_to_string(&counted).map_err(|error| missing("valgrind", &error))?;
    Ok(functions(&counted))
}

/// The functions that callgrind counted, those of libraries too. A name is said once, and goes by its number from
/// then on.
fn functions(counted: &str) -> BTreeSet<String> {
    let (mut names, mut found) = (BTreeMap::new(), BTreeSet::new());
    for line in counted.lines() {
        let Some((field @ ("fn" | "cfn"), value)) = line.split_once('=') else { continue };
        let (number, name) = value.split_once(' ').unwrap_or((value, ""));
        if !name.is_empty() {
            names.insert(number, name);
        }
        if field == "fn" {
            // What calls itself is counted apart, by a number behind its name.
            found.extend(names.get(number).map(|name| name.split('\'').next().unwrap_or(name).to_owned()));
        }
    }
    found
}

/// A name without what tells compilers and versions of crates apart: of its crates' hashes, each `Cs`, digits and
/// `_`, and of what refers back into the name, each `B`, a place in it and `_`. (The grammar is RFC 2603's. What
/// looks like one of them inside of an identifier is left out as well: that brings little along.)
fn lasting(name: &str) -> String {
    let name = name.split_once(".llvm.").map_or(name, |(name, _)| name);
    if !name.starts_with("_R") {
        return name.to_owned();
    }
    let (mut lasting, mut rest) = (String::new(), name);
    while let Some(at) = rest.find(['B', 'C']) {
        let (before, after) = rest.split_at(at + 1);
        lasting.push_str(before);
        let hash = after.strip_prefix('s').filter(|_| before.ends_with('C'));
        let digits = hash.unwrap_or(after).split('_').next().unwrap_or_default();
        let is_base_62 = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
        let is_left_out = match hash {
            Some(_) => (8..=12).contains(&digits.len()),
            None => before.ends_with('B') && digits.len() <= 3,
        };
        rest = after;
        if is_base_62 && is_left_out && after.len() > digits.len() {
            lasting.push_str(if hash.is_some() { "s*" } else { "*" });
            rest = &after[digits.len() + usize::from(hash.is_some())..];
        }
    }
    // What follows is the crate that it was made for.
    lasting + rest + "*"
}

/// Group after group, names as they last where that is precise enough, and as they are elsewhere.
fn patterns(all: &BTreeMap<String, u64>, groups: &[BTreeSet<String>]) -> Vec<String> {
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for (name, size) in all {
        *sizes.entry(lasting(name)).or_default() += size;
    }
    let mut patterns = Vec::new();
    for group in groups {
        let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for name in group {
            wanted.entry(lasting(name)).or_default().push(name);
        }
        for (lasting, names) in wanted {
            let size: u64 = names.iter().filter_map(|name| all.get(*name)).sum();
            if sizes.get(&lasting).is_some_and(|brought| *brought <= size * BROUGHT_ALONG) {
                patterns.push(lasting);
            } else {
                patterns.extend(names.into_iter().map(str::to_owned));
            }
        }
    }
    patterns
}

/// For the linker: a section of its own before all other text.
fn script(patterns: &[String]) -> String {
    let mut script = String::from(
        "/* The functions that a session of the dashboard runs, so that a release has them side by side in memory.\n   \
         Made by: cargo bench --bench terminal -- --order assets/link/session.ld --program PATH */\nSECTIONS {\n  .text.session : {\n",
    );
    for pattern in patterns {
        // What the compiler takes for unlikely is in a session all the same.
        let _ = writeln!(script, "    *(.text.{pattern} .text.unlikely.{pattern})");
    }
    script.push_str("  }\n} INSERT BEFORE .text;\n");
    script
}
