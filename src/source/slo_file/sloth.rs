//! Sloth v1: `version: prometheus/v1`, and the same as the Kubernetes resource `PrometheusServiceLevel`.

use super::{
    SloFile,
    arms::Asks,
    fields::{Field, Fields, Read},
    indicator::{Draft, of_hundred},
};
use crate::domain::{
    SafeText,
    plan::{ArmsBy, Direction},
    sli::Family,
};

const FILE_KEYS: &[&str] = &["version", "service", "labels", "slos", "slo_plugins", "sloPlugins"];
const RESOURCE_KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
const SPEC_KEYS: &[&str] = &["service", "labels", "slos", "sloPlugins", "slo_plugins"];
const SLO_KEYS: &[&str] =
    &["name", "description", "objective", "labels", "infoLabels", "sli", "alerting", "interval", "plugins"];

/// Reads a file.
pub(super) fn file(fields: &Fields<'_>, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
    fields.known_only(FILE_KEYS)?;
    group(fields, arms, file)
}

/// Reads a resource of Kubernetes.
pub(super) fn resource(fields: &Fields<'_>, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
    fields.required("kind", "PrometheusServiceLevel")?.one_of(&["PrometheusServiceLevel"])?;
    fields.known_only(RESOURCE_KEYS)?;
    let spec = fields.required("spec", "the service and its slos")?.fields("the service and its slos")?;
    spec.known_only(SPEC_KEYS)?;
    group(&spec, arms, file)
}

fn group(fields: &Fields<'_>, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
    let service = fields.required("service", "the name of the service")?.plain("the name of the service")?;
    if fields.get_any(&["slo_plugins", "sloPlugins"]).is_some() {
        remark(file, "plugins are passed over: they make recording and alerting rules");
    }
    let slos = fields.required("slos", "a list of SLOs")?;
    let items = slos.list("SLOs")?;
    if items.is_empty() {
        return Err(slos.wrong("the list is empty; expected an SLO at the least"));
    }
    items.into_iter().try_for_each(|item| slo(item, &service, arms, file))
}

fn slo(item: Field<'_>, service: &SafeText, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
    let fields = item.fields("an SLO")?;
    fields.known_only(SLO_KEYS)?;
    let name = fields.required("name", "the name of the SLO")?;
    let mut draft = Draft::new(name.text("the name of the SLO")?.trim(), &name, arms)?;
    let objective = fields.required("objective", "a percentage, such as 99.9")?;
    let percent = objective.number("a percentage, such as 99.9")?;
    if !(percent > 0.0 && percent < 100.0) {
        return Err(
            objective.wrong(format!("{percent} is out of range; an objective is above 0 and below 100 percent"))
        );
    }
    let sli = fields.required("sli", "events, or raw")?.fields("events, or raw")?;
    sli.known_only(&["events", "raw", "plugin"])?;
    match (sli.get("events"), sli.get("raw"), sli.get("plugin")) {
        (_, _, Some(plugin)) => {
            return Err(plugin.wrong(
                "plugins are not supported, because they are programs of Sloth's: write the query that it makes, as events \
                 with error_query and total_query",
            ));
        }
        (Some(_), Some(raw), None) => return Err(raw.wrong("events are there already; an SLO has one of them")),
        (Some(events), None, None) => {
            let events = events.fields("error_query and total_query")?;
            events.known_only(&["error_query", "total_query", "errorQuery", "totalQuery"])?;
            let counted = Asks::Events { counter: false };
            draft.query("bad", either(&events, "error_query", "errorQuery", "the query of bad events")?, counted)?;
            draft.query("total", either(&events, "total_query", "totalQuery", "the query of all events")?, counted)?;
            draft.sli.objective = Some(of_hundred(percent));
            draft.from("objective", objective);
        }
        (None, Some(raw), None) => {
            let raw = raw.fields("error_ratio_query")?;
            raw.known_only(&["error_ratio_query", "errorRatioQuery"])?;
            draft.query(
                "value",
                either(&raw, "error_ratio_query", "errorRatioQuery", "the query of a ratio")?,
                Asks::Value,
            )?;
            draft.sli.unit = SafeText::new("ratio");
            draft.sli.direction = Direction::HigherIsWorse;
            draft.sli.family.get_or_insert(Family::Availability);
            draft.remarks.push(format!(
                "it is judged as a value, and its objective of {percent}% is left out: a ratio without its events spends no budget"
            ));
        }
        (None, None, None) => return Err(sli.wrong("it says neither events nor raw; expected one of them")),
    }
    draft.finish(&fields, Some(service.clone()), None, file)
}

/// A field as it is spelt in files, or as in resources; published examples have either in both.
fn either<'n>(fields: &Fields<'n>, file: &str, resource: &str, what: &str) -> Read<Field<'n>> {
    match fields.get_any(&[file, resource]) {
        Some(field) => Ok(field),
        None => fields.required(file, what),
    }
}

/// Says something once.
pub(super) fn remark(file: &mut SloFile, text: &str) {
    let remark = SafeText::new(text);
    if !file.remarks.contains(&remark) {
        file.remarks.push(remark);
    }
}
