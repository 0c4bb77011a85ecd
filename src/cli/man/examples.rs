//! Examples of the manual pages; a test holds each of them against the command line.

/// A line that somebody may type, and what it does.
pub struct Example {
    /// The page it is on.
    pub of: &'static str,
    /// The line.
    pub line: &'static str,
    /// What it does.
    pub what: &'static str,
}

const fn of(of: &'static str, line: &'static str, what: &'static str) -> Example {
    Example { of, line, what }
}

/// All of them, in the order of their pages.
pub const EXAMPLES: &[Example] = &[
    of("rolldeck", "rolldeck", "The dashboard on the current context."),
    of("rolldeck", "rolldeck dc-west/pick-assist", "The dashboard, opened on one rollout."),
    of("rolldeck", "rolldeck --follow osl2", "One site during a pilot window; nothing can be changed in it."),
    of(
        "rolldeck",
        "rolldeck --plain | tee -a changes.log",
        "A line for everything that happens: for logs, and for screen readers.",
    ),
    of("rolldeck-demo", "rolldeck demo", "Try everything on a simulated fleet: pause, promote, roll back."),
    of("rolldeck-demo", "rolldeck demo --scenario incident --speed 10", "An incident, ten times as fast as life."),
    of("rolldeck-serve", "rolldeck serve --data /var/lib/rolldeck", "A control plane on this machine alone."),
    of(
        "rolldeck-serve",
        "rolldeck serve --listen 0.0.0.0:7070 --data /var/lib/rolldeck --tls-cert cert.pem --tls-key key.pem",
        "One for others: off loopback it needs TLS and tokens.",
    ),
    of(
        "rolldeck-serve",
        "rolldeck serve --data /var/lib/rolldeck --database postgres://deck@db.example/deck",
        "Everything in PostgreSQL, with the password in the file of PGPASSFILE; the directory keeps only the key.",
    ),
    of(
        "rolldeck-agent",
        "rolldeck agent --server https://deck.example --token-file token --group dc-west --site osl2 --apply ./apply.sh --check ./check.sh",
        "One site: apply.sh brings it to $ROLLDECK_SNAPSHOT, check.sh prints facts as JSON.",
    ),
    of(
        "rolldeck-start",
        "rolldeck start plan.yaml --reason \"build 77181 is green\"",
        "Begin a rollout, after the preview of --dry-run.",
    ),
    of("rolldeck-list", "rolldeck list --phase paused -o json", "Every paused rollout, as the API's JSON."),
    of("rolldeck-show", "rolldeck show dc-west/pick-assist", "One rollout with its stages, gates and what blocks it."),
    of(
        "rolldeck-recover",
        "rolldeck recover dc-west/pick-assist",
        "What is wrong, what changed before, and the safest step first; nothing is changed.",
    ),
    of(
        "rolldeck-wait",
        "rolldeck wait dc-west/pick-assist --for completed,rolled_back --timeout 2h",
        "Stay until it is through, either way; for scripts.",
    ),
    of(
        "rolldeck-pause",
        "rolldeck pause dc-west/pick-assist --reason \"customer calls\"",
        "Stop where it is, at once.",
    ),
    of(
        "rolldeck-resume",
        "rolldeck resume dc-west/pick-assist --reason \"the calls were about something else\"",
        "Go on from there.",
    ),
    of(
        "rolldeck-promote",
        "rolldeck promote dc-west/pick-assist --dry-run",
        "Say what the next stage would be, and do nothing.",
    ),
    of(
        "rolldeck-promote",
        "rolldeck promote dc-west/pick-assist --reason \"canary is well for an hour\" --if-revision r118",
        "Go on, unless somebody changed it meanwhile.",
    ),
    of(
        "rolldeck-rollback",
        "rolldeck rollback dc-west/pick-assist --reason \"errors are up on the canary\"",
        "Bring every unit back to what it ran before.",
    ),
    of(
        "rolldeck-retry",
        "rolldeck retry dc-west/pick-assist --reason \"the disk has room again\"",
        "Tell the failed units again.",
    ),
    of(
        "rolldeck-restart",
        "rolldeck restart shop/basket --reason \"a stuck connection pool\"",
        "Start all pods anew, without another version.",
    ),
    of(
        "rolldeck-terminate",
        "rolldeck terminate shop/basket --reason \"the load test is over\"",
        "End the analysis that runs.",
    ),
    of(
        "rolldeck-audit-list",
        "rolldeck audit list --filter \"site:osl2 since:2h -action:report\"",
        "What touched a site in the last two hours.",
    ),
    of("rolldeck-audit-list", "rolldeck audit list --follow -o json", "Entries as they come, a line each."),
    of("rolldeck-audit-export", "rolldeck audit export trail.jsonl", "All of it, with what proves it."),
    of("rolldeck-audit-verify", "rolldeck audit verify trail.jsonl", "Check an export, with no server."),
    of("rolldeck-audit-verify", "rolldeck audit verify --data /var/lib/rolldeck", "Check a data directory."),
    of(
        "rolldeck-audit-verify",
        "rolldeck audit verify --data /var/lib/rolldeck --database postgres://deck@db.example/deck",
        "Check a database, with the key in the directory.",
    ),
    of(
        "rolldeck-audit-rotate-key",
        "rolldeck audit rotate-key --data /var/lib/rolldeck --reason \"yearly rotation\"",
        "Pass the trail on to a new key, while the server is down.",
    ),
    of(
        "rolldeck-audit-expire",
        "rolldeck audit expire --data /var/lib/rolldeck --before 400d --reason \"retention policy\"",
        "Take the content of old entries away; the trail still verifies.",
    ),
    of("rolldeck-judge", "rolldeck judge evidence.json", "Judge again what an automatic act was decided on."),
    of(
        "rolldeck-snapshot-add",
        "rolldeck snapshot add --version 2.0 --group dc-west build.tar",
        "Add a version; prints its digest last.",
    ),
    of("rolldeck-snapshot-list", "rolldeck snapshot list", "All versions, the newest first."),
    of(
        "rolldeck-window-add",
        "rolldeck window add --scope dc-west --until 6h --reason \"pilot with the new tills\"",
        "Freeze a target for six hours; pause and rollback stay open.",
    ),
    of(
        "rolldeck-window-add",
        "rolldeck window add --scope \"site=osl*\" --zone Europe/Oslo --start 2026-05-04T22:00 --for 8h --every weekday --reason \"night shift\"",
        "A freeze that comes again every working night.",
    ),
    of(
        "rolldeck-window-state",
        "rolldeck window state --target dc-west --at 2026-05-04T14:00:00Z",
        "Whether it is open there at that time.",
    ),
    of("rolldeck-window-lift", "rolldeck window lift w-12ab --reason \"the pilot is signed off\"", "End it now."),
    of(
        "rolldeck-window-calendar",
        "rolldeck window calendar --until 14d",
        "Two weeks, with what is planned and meets a window.",
    ),
    of(
        "rolldeck-window-import",
        "rolldeck window import --format ics freeze.ics --dry-run",
        "Say what a calendar would come to.",
    ),
    of("rolldeck-window-export", "rolldeck window export > windows.ics", "All windows for a calendar."),
    of(
        "rolldeck-override-ask",
        "rolldeck override ask dc-west/pick-assist --window w-12ab --action promote --reason \"security fix, agreed with the site\"",
        "Ask to let one rollout pass one window, once.",
    ),
    of(
        "rolldeck-override-countersign",
        "rolldeck override countersign o-7 --reason \"seen and agreed\"",
        "Stand by one that was taken without waiting.",
    ),
    of("rolldeck-flag-list", "rolldeck flag list", "How all flags stand."),
    of("rolldeck-flag-kill", "rolldeck flag kill fast-path --reason \"orders are lost\"", "Off everywhere, at once."),
    of(
        "rolldeck-flag-widen",
        "rolldeck flag widen fast-path --percent 25 --sites --reason \"ten percent were well\"",
        "A quarter of all sites.",
    ),
    of("rolldeck-approval-list", "rolldeck approval list --mine", "What waits for you."),
    of("rolldeck-approval-approve", "rolldeck approval approve a-3 --reason \"seen, go on\"", "Agree: it is done."),
    of(
        "rolldeck-token-add",
        "rolldeck token add --name k.berg --role operator --targets \"dc-*\" --out token",
        "A token for one person, into a file.",
    ),
    of("rolldeck-token-revoke", "rolldeck token revoke t-12 --reason \"left the team\"", "From now on it is refused."),
    of("rolldeck-site-list", "rolldeck site list", "The fleet, with what each lane runs."),
    of("rolldeck-sli-check", "rolldeck sli check plan.yaml --source prometheus", "Ask a source about each indicator."),
    of(
        "rolldeck-context-add",
        "rolldeck context add prod --server https://deck.example --token-file token --protected --use",
        "A server by name; what widens a change has to be armed there.",
    ),
    of("rolldeck-context-use", "rolldeck context use prod", "Use it from now on."),
    of(
        "rolldeck-screenshot",
        "rolldeck screenshot detail dc-west/pick-assist --format svg --to detail.svg",
        "A picture of one rollout for a report; its words are in it too.",
    ),
    of("rolldeck-screenshot", "rolldeck screenshot --size 80x24 --glyphs ascii", "The overview as words, for a mail."),
    of(
        "rolldeck-screenshot",
        "rolldeck screenshot --demo --all assets/screens",
        "The pictures of the manual, made anew.",
    ),
    of("rolldeck-keys-check", "rolldeck keys check mine", "What is wrong with your keymap, by line and key."),
    of("rolldeck-keys-list", "rolldeck keys list vim --in global", "What every key of the vim map does in all views."),
    of(
        "rolldeck-schema",
        "rolldeck schema keymap > keymap.schema.json",
        "For an editor: name it in the keymap's first line, #:schema ./keymap.schema.json.",
    ),
    of("rolldeck-doctor", "rolldeck doctor", "What is wrong, and what to do about it."),
    of(
        "rolldeck-completions",
        "rolldeck completions bash > ~/.local/share/bash-completion/completions/rolldeck",
        "For bash.",
    ),
    of("rolldeck-man", "rolldeck man window add | man -l -", "Read one page."),
    of("rolldeck-man", "rolldeck man --dir ~/.local/share/man/man1", "Write all pages where man finds them."),
];

/// Pages that a reader of one may want next, beyond its family.
pub const RELATED: &[(&str, &str)] = &[
    ("rolldeck-start", "rolldeck-snapshot-add"),
    ("rolldeck-start", "rolldeck-wait"),
    ("rolldeck-pause", "rolldeck-resume"),
    ("rolldeck-pause", "rolldeck-rollback"),
    ("rolldeck-resume", "rolldeck-pause"),
    ("rolldeck-promote", "rolldeck-rollback"),
    ("rolldeck-promote", "rolldeck-override-ask"),
    ("rolldeck-rollback", "rolldeck-pause"),
    ("rolldeck-rollback", "rolldeck-retry"),
    ("rolldeck-retry", "rolldeck-rollback"),
    ("rolldeck-list", "rolldeck-show"),
    ("rolldeck-show", "rolldeck-list"),
    ("rolldeck-show", "rolldeck-wait"),
    ("rolldeck-show", "rolldeck-recover"),
    ("rolldeck-recover", "rolldeck-pause"),
    ("rolldeck-recover", "rolldeck-rollback"),
    ("rolldeck-serve", "rolldeck-token-add"),
    ("rolldeck-serve", "rolldeck-agent"),
    ("rolldeck-agent", "rolldeck-serve"),
    ("rolldeck-agent", "rolldeck-snapshot-add"),
    ("rolldeck-window-add", "rolldeck-override-ask"),
    ("rolldeck-override-ask", "rolldeck-window-list"),
    ("rolldeck-judge", "rolldeck-audit-list"),
];
