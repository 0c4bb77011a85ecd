//! `rolldeck sli convert FILE`: the indicators of a file as the `slis:` of a plan.

use color_eyre::Result;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;

use super::{Convert, file};
use crate::{
    cli::{args::Format, output, session::Session},
    domain::{
        SafeText,
        plan::{Declared, PlanTelemetry, REPORTED, SLI_FIELDS},
    },
};

/// What a plan says anyway where nothing is written.
const USUAL: &[(&str, &str)] = &[("unit", ""), ("direction", "either"), ("critical", "false"), ("limit", "null")];

/// A mapping in its own order.
#[derive(Debug)]
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// What is printed.
#[derive(Debug, Serialize)]
struct View {
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<Value>,
    slis: Ordered<Ordered<Value>>,
}

/// Runs it.
///
/// # Errors
/// When the file cannot be used, with its place in it.
pub fn run(session: &Session, args: &Convert) -> Result<()> {
    let wrong = |error| file::in_file(&args.file, &error);
    let read = file::read(&args.file, args.which.arms.map(Into::into))?
        .of_service(args.which.service.as_deref())
        .map_err(wrong)?;
    let named = read.indicators.iter().find_map(|indicator| indicator.source.clone());
    let service = read.indicators.iter().find_map(|indicator| indicator.service.clone());
    let telemetry = read.telemetry.clone().unwrap_or_else(|| PlanTelemetry {
        source: named.unwrap_or_else(|| SafeText::new(REPORTED)),
        service,
        arms: args.which.arms.unwrap_or_default().into(),
        ..PlanTelemetry::default()
    });
    let nameless = telemetry.source.as_str() == REPORTED;
    let asked = read.indicators.iter().any(|indicator| !indicator.sli.queries.is_empty());
    for remark in &read.remarks {
        session.note(remark.as_str());
    }
    if nameless && asked {
        session.note("the file names no source: write telemetry: {source: NAME} in the plan, where NAME is that of [sources.NAME] in the server's configuration");
    }
    let slis = read.indicators.into_iter().map(|indicator| indicator.sli).collect();
    let view = view(&Declared { slis, telemetry: Some(telemetry) });
    let format = if session.format() == Format::Table { Format::Yaml } else { session.format() };
    output::print(format, &view, String::new)
}

fn view(declared: &Declared) -> View {
    let mut value = declared.to_value();
    let items = value["slis"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let slis = items
        .into_iter()
        .filter_map(|item| match item {
            Value::Object(one) => one.into_iter().next(),
            _ => None,
        })
        .map(|(name, fields)| (name, ordered(fields)))
        .collect();
    View { telemetry: value.get("telemetry").cloned(), slis: Ordered(slis) }
}

fn ordered(mut fields: Value) -> Ordered<Value> {
    let said = |key: &&str| {
        let value = fields.get_mut(*key).map(Value::take)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let usual = USUAL.contains(&(*key, text.as_str()));
        (!usual).then(|| ((*key).to_owned(), value))
    };
    Ordered(SLI_FIELDS.iter().filter_map(said).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{ArmsBy, PlanSli, document};

    #[test]
    fn what_is_printed_reads_back_as_the_same_and_says_nothing_that_is_usual() {
        let mut sli = PlanSli::new("errors");
        sli.objective = Some(0.999);
        sli.queries.bad = Some("sum by (track) (increase(x{track=~\"$track\"}[$window]))".to_owned());
        sli.queries.total = Some("sum by (track) (increase(y{track=~\"$track\"}[$window]))".to_owned());
        let mut other = PlanSli::new("another");
        other.uses = Some(SafeText::new("request_latency"));
        other.critical = true;
        other.limit = Some(0.5);
        let telemetry =
            PlanTelemetry { source: SafeText::new("main"), arms: ArmsBy::Release, ..PlanTelemetry::default() };
        let declared = Declared { slis: vec![sli, other], telemetry: Some(telemetry) };
        let view = view(&declared);
        let text = serde_saphyr::to_string(&view).unwrap();
        assert_eq!(Declared::from_node(&document::from_yaml(&text).unwrap()).unwrap(), declared, "{text}");
        assert!(text.find("errors").unwrap() < text.find("another").unwrap(), "{text}");
        assert!(text.find("objective").unwrap() < text.find("bad").unwrap(), "{text}");
        for usual in ["null", "either", "''", "\"\"", "false"] {
            assert!(!text.contains(usual), "{usual} in {text}");
        }
    }
}
