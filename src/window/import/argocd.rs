//! Sync windows of an Argo CD `AppProject`, in YAML or JSON.
//!
//! What they say is taken, and not what Argo CD makes of it on the days that clocks change: starts are times of day in the zone,
//! durations are elapsed time.

use chrono::{NaiveTime, TimeDelta};

use super::{
    ImportError, Imported, WindowDraft,
    cron::Cron,
    document::{self, Fields},
    schedule,
};
use crate::{
    domain::{
        Effect, Overridable, SafeText, Scope,
        plan::document::{Node, Value},
    },
    window::schedule as written,
};

/// The label by which Argo CD, and the charts that it installs, mark what belongs to an application.
const APPLICATION: &str = "app.kubernetes.io/instance";
/// Most windows that one sync window may become: one for each time of day.
const TIMES_MAX: usize = 24;

const KNOWN: [&str; 12] = [
    "kind",
    "schedule",
    "duration",
    "applications",
    "namespaces",
    "clusters",
    "manualSync",
    "syncOverrun",
    "timeZone",
    "andOperator",
    "useAndOperator",
    "description",
];

/// Converts the sync windows of `AppProject`s: documents of YAML, JSON, or a `kubectl get -o yaml` list of them.
/// With a scope, it says where the projects' applications are; patterns of a window narrow it.
///
/// # Errors
/// The field that has no exact counterpart, with its line.
pub fn argocd(text: &str, scope: Option<&Scope>) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut found = false;
    for node in &document::read(text)? {
        project("", node, scope, &mut imported, &mut found)?;
    }
    if !found {
        return Err(ImportError::new("file", "there is no AppProject with spec.syncWindows in it"));
    }
    Ok(imported)
}

fn project(
    path: &str,
    node: &Node,
    scope: Option<&Scope>,
    imported: &mut Imported,
    found: &mut bool,
) -> Result<(), ImportError> {
    let fields = Fields::of(path, node)?;
    if fields.get("items").is_some() {
        for (at, item) in fields.list("items")?.iter().enumerate() {
            project(&format!("items[{at}]"), item, scope, imported, found)?;
        }
        return Ok(());
    }
    if let Some(kind) = fields.text("kind")?.filter(|kind| *kind != "AppProject") {
        return Err(fields.wrong("kind", format!("it is {kind:?} and not an AppProject")));
    }
    let Some(spec) = fields.get("spec") else { return Ok(()) };
    let spec_path = fields.path("spec");
    let spec = Fields::of(&spec_path, spec)?;
    let name = match fields.get("metadata") {
        Some(metadata) => Fields::of(&fields.path("metadata"), metadata)?.text("name")?,
        None => None,
    };
    for (at, window) in spec.list("syncWindows")?.iter().enumerate() {
        *found = true;
        let path = format!("{spec_path}.syncWindows[{at}]");
        sync_window(&Fields::of(&path, window)?, name, scope, imported)?;
    }
    Ok(())
}

fn sync_window(
    fields: &Fields<'_>,
    project: Option<&str>,
    scope: Option<&Scope>,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    fields.only(&KNOWN)?;
    let effect = match fields.needed("kind")? {
        "deny" => Effect::Deny,
        "allow" => Effect::Allow,
        _ => return Err(fields.wrong("kind", "it is allow or deny")),
    };
    let zone = fields.text("timeZone")?.filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    // Argo CD takes an unknown zone for UTC and only logs it.
    written::zone(zone, "timeZone").map_err(|error| fields.wrong("timeZone", error.why))?;
    let text = fields.needed("schedule")?;
    let cron = Cron::new(text).map_err(|why| fields.wrong("schedule", why))?;
    let duration = duration(fields.needed("duration")?).map_err(|why| fields.wrong("duration", why))?;
    let draft = WindowDraft {
        name: project.map(|project| SafeText::new(format!("{project}: {text}"))),
        effect,
        scope: selected(fields, scope, imported)?,
        reason: fields.text("description")?.map(SafeText::new),
        overridable: if fields.flag("manualSync")? { Overridable::Single } else { Overridable::Never },
        ..WindowDraft::default()
    };
    if fields.flag("manualSync")? {
        imported.remark(
            "manualSync: a person passes such a window with an override, which names it and gives a reason".to_owned(),
        );
    }
    if !fields.flag("syncOverrun")? {
        imported.remark(
            "without syncOverrun Argo CD stops a sync that is running: here units that were told finish, and no other is told"
                .to_owned(),
        );
    }
    let groups = grouped(&cron.times(), duration);
    if groups.len() > TIMES_MAX {
        return Err(fields.wrong(
            "schedule",
            format!("it begins {} times a day and would become as many windows; {TIMES_MAX} is the most", groups.len()),
        ));
    }
    for (first, last) in groups {
        let (start, rule) = cron.rule(first).map_err(|why| fields.wrong("schedule", why))?;
        let lasts = last - first + duration;
        let mut schedule = schedule(zone, start, &rule);
        if cron.daily() && lasts >= TimeDelta::days(1) {
            imported.remark(format!(
                "{text:?} for {} comes again before it ends: it holds always",
                fields.needed("duration")?
            ));
            schedule.rrule = None;
        } else if first == last {
            schedule.duration = Some(SafeText::new(format!("PT{}S", duration.num_seconds())));
        } else {
            // Starts that touch are one span on the clock.
            schedule.end = Some(start + lasts);
        }
        let draft = WindowDraft { schedule: Some(schedule), ..draft.clone() };
        imported.windows.push(draft.checked().map_err(|error| fields.wrong("schedule", error.to_string()))?);
    }
    imported
        .remark("a cron has no beginning: these windows begin in 2020, and hold at all times from then on".to_owned());
    Ok(())
}

/// Times of day whose spans touch, as the first and the last of them.
fn grouped(times: &[NaiveTime], duration: TimeDelta) -> Vec<(NaiveTime, NaiveTime)> {
    let mut groups: Vec<(NaiveTime, NaiveTime)> = Vec::new();
    for time in times {
        match groups.last_mut() {
            Some((_, last)) if *time - *last <= duration => *last = *time,
            _ => groups.push((*time, *time)),
        }
    }
    groups
}

/// What a window is about: Argo CD takes either of its lists, or all of them with `andOperator`.
fn selected(fields: &Fields<'_>, scope: Option<&Scope>, imported: &mut Imported) -> Result<Scope, ImportError> {
    let all = fields.flag("andOperator")? || fields.flag("useAndOperator")?;
    let lists = ["applications", "namespaces", "clusters"];
    let mut named = Vec::new();
    for name in lists {
        let patterns = fields.texts(name)?;
        if !patterns.is_empty() {
            named.push((name, patterns));
        }
    }
    if named.is_empty() {
        return Err(fields.wrong("applications", "without applications, namespaces or clusters it matches nothing"));
    }
    let everything = |(_, patterns): &(&str, Vec<&str>)| patterns.contains(&"*");
    if all {
        named.retain(|list| !everything(list));
    } else if named.iter().any(everything) {
        named.clear();
    }
    if !all && named.len() > 1 {
        return Err(fields.wrong(
            "andOperator",
            "Argo CD takes a match of any of the lists, and a scope needs all of them: make a window for each list",
        ));
    }
    let mut selected = scope.cloned().unwrap_or_default();
    for (name, patterns) in named {
        let slot = match name {
            "namespaces" => &mut selected.targets,
            "applications" => {
                imported
                    .remark(format!("applications are matched by the label {APPLICATION}: see that rollouts carry it"));
                selected.labels.entry(APPLICATION.to_owned()).or_default()
            }
            _ => {
                return Err(
                    fields.wrong(name, "a scope has no clusters: import it where that cluster is looked after, with *")
                );
            }
        };
        if !slot.is_empty() {
            return Err(fields.wrong(name, "the scope that was given names them too: leave it out there"));
        }
        for pattern in patterns {
            let fits: Result<Scope, _> = format!("target={pattern}").parse();
            let plain = fits.is_ok_and(|scope| scope.targets == [pattern]);
            if !plain {
                return Err(fields.wrong(
                    name,
                    format!("{pattern:?} is not a pattern that a scope may have: use letters, digits, - _ . * and ?"),
                ));
            }
            slot.push(pattern.to_owned());
        }
    }
    Ok(selected)
}

/// A Go duration of whole seconds.
fn duration(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is no duration of hours, minutes and seconds such as 1h30m");
    let mut total: i64 = 0;
    let mut digits = String::new();
    for c in text.trim().chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let number: u32 = digits.parse().map_err(|_| wrong())?;
        total += i64::from(number) * unit;
        digits.clear();
    }
    if digits.is_empty() && total > 0 { Ok(TimeDelta::seconds(total)) } else { Err(wrong()) }
}

/// Whether a file's value is a list, for forms that may be one.
pub(super) fn as_list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}
