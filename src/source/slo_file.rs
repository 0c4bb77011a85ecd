//! Files of service level objectives as teams have them already: OpenSLO v1, Sloth v1, and the `slis:` of a
//! plan on its own. What compares canary with baseline is read from them; what does not is passed over with a
//! remark where that changes nothing, and refused with its place where it would.
//!
//! | of OpenSLO v1 | is |
//! |---|---|
//! | `SLO` with `indicator` or `indicatorRef`, `SLI` | an indicator, one for each objective |
//! | `ratioMetric` with `good` or `bad`, and `total` | a ratio of events; `counter: true` says that the query is of counters as they are |
//! | `ratioMetric` with `raw` and `rawType`, `thresholdMetric` | a value, without an error budget: what has no events cannot spend one |
//! | `target`, `targetPercent`, `timeWindow` | objective and period; a calendar's window is counted as a rolling one |
//! | `budgetingMethod: Timeslices`, `RatioTimeslices` | the same indicator without an error budget: here budgets are of events |
//! | `DataSource`, `metricSourceRef` | the source, by its name in the server's configuration |
//! | `Service`, alerts | nothing |
//!
//! | of Sloth v1, as a file or as `PrometheusServiceLevel` | is |
//! |---|---|
//! | `sli.events` | a ratio of events |
//! | `sli.raw` | a value, without an error budget |
//! | `sli.plugin` | refused: it is a program of Sloth's |
//! | `objective` | the objective, over 30 days |
//! | labels, alerting, rules | nothing |
//!
//! Their queries ask for a service as a whole. [`arms`] makes them tell canary from baseline.
//!
//! Read from the formats as they are published: OpenSLO/OpenSLO README.md and OpenSLO/go-sdk pkg/openslo/v1,
//! slok/sloth pkg/prometheus/api/v1 and pkg/kubernetes/api/sloth/v1.

mod arms;
mod fields;
mod indicator;
mod openslo;
mod sloth;

use std::fmt;

use super::catalog;
use crate::{
    domain::{
        SafeText,
        plan::{ArmsBy, Declared, PlanError, PlanSli, PlanTelemetry, REPORTED, document},
        sli::SliQueries,
    },
    judge::evidence::Spec,
};
use fields::{Fields, Read};

/// Most indicators of a plan.
const SLIS_MAX: usize = 64;

/// What a file of objectives holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SloFile {
    /// Its indicators, in their order.
    pub indicators: Vec<FileSli>,
    /// What was passed over, or is not as it was written, for people.
    pub remarks: Vec<SafeText>,
    /// Where its indicators come from, where it says so as a plan does.
    pub telemetry: Option<PlanTelemetry>,
}

/// An indicator of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSli {
    /// As a plan declares it.
    pub sli: PlanSli,
    /// The service that it is of, where the file says so.
    pub service: Option<SafeText>,
    /// The source that knows it, where the file says so.
    pub source: Option<SafeText>,
}

/// Why a file cannot be used: where, which field, what is not supported, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SloFileError {
    /// The document in the file, from 1; none when it is about the file as a whole.
    pub document: Option<usize>,
    /// The line in the file, from 1.
    pub line: Option<u64>,
    /// The column in the line, in characters from 1.
    pub column: Option<u64>,
    /// The field, as a path such as `spec.objectives[0].target`; empty when it is about the document as a whole.
    pub field: String,
    /// What was wrong, and what to do, in one sentence.
    pub message: SafeText,
}

impl fmt::Display for SloFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(document) = self.document {
            write!(f, "document {document}, ")?;
        }
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ if self.document.is_some() => f.write_str(": ")?,
            _ => {}
        }
        if !self.field.is_empty() {
            // A field's name may come from the file.
            write!(f, "{}: ", SafeText::new(&self.field))?;
        }
        fmt::Display::fmt(&self.message, f)
    }
}

impl From<PlanError> for SloFileError {
    fn from(error: PlanError) -> Self {
        let PlanError { line, column, field, message } = error;
        Self { document: None, line, column, field, message }
    }
}

impl SloFileError {
    fn whole(message: impl AsRef<str>) -> Self {
        Self { document: None, line: None, column: None, field: String::new(), message: SafeText::new(message) }
    }
}

/// Reads a file's text; its queries are made to tell arms apart in this way.
///
/// # Errors
/// [`SloFileError`] with document, line and field.
pub fn read(text: &str, arms: ArmsBy) -> Result<SloFile, SloFileError> {
    let documents = document::documents_from_yaml(text)?;
    let mut file = SloFile::default();
    let mut objects = openslo::Objects::default();
    for (index, root) in documents.iter().enumerate() {
        let document = index + 1;
        // OpenSLO's own tools write several objects as one list.
        let nodes = match &root.value {
            document::Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(root),
        };
        for node in nodes {
            let fields = Fields::of(document, node)?;
            match form(&fields)? {
                Form::OpenSlo => objects.add(fields)?,
                Form::Sloth => sloth::file(&fields, arms, &mut file)?,
                Form::SlothResource => sloth::resource(&fields, arms, &mut file)?,
                Form::Plan => declared(&fields, node, arms, &mut file)?,
            }
        }
    }
    objects.indicators(arms, &mut file)?;
    if file.indicators.is_empty() {
        return Err(SloFileError::whole("there is no indicator in the file"));
    }
    Ok(file)
}

/// What an object of a file is written as.
enum Form {
    OpenSlo,
    Sloth,
    SlothResource,
    Plan,
}

const FORMS: &str = "expected an OpenSLO v1 object (apiVersion: openslo/v1), a Sloth v1 file (version: prometheus/v1) or \
                     resource (apiVersion: sloth.slok.dev/v1), or the slis of a plan";

fn form(fields: &Fields<'_>) -> Read<Form> {
    if let Some(version) = fields.get("version") {
        return match version.text("prometheus/v1")? {
            "prometheus/v1" => Ok(Form::Sloth),
            other => {
                let shown: String = other.chars().take(60).collect();
                Err(version.wrong(format!("{shown:?} is not a version that is read; Sloth's files are prometheus/v1")))
            }
        };
    }
    let Some(version) = fields.get("apiVersion") else {
        return if fields.get("slis").is_some() { Ok(Form::Plan) } else { Err(fields.wrong(FORMS)) };
    };
    match version.text("openslo/v1 or sloth.slok.dev/v1")? {
        "openslo/v1" => Ok(Form::OpenSlo),
        "sloth.slok.dev/v1" => Ok(Form::SlothResource),
        other if other.starts_with("openslo/") => {
            Err(version.wrong("of OpenSLO, version openslo/v1 is read: write the file in that version"))
        }
        other => {
            let shown: String = other.chars().take(60).collect();
            Err(version.wrong(format!("{shown:?} is not known; {FORMS}")))
        }
    }
}

/// What the indicators of a plan come to, each refusal with its place in the plan's document.
///
/// # Errors
/// [`SloFileError`] with line and field, where the document has them.
pub fn resolve(root: &document::Node, declared: &Declared) -> Result<Vec<(Spec, SliQueries)>, SloFileError> {
    let telemetry = declared.telemetry.clone().unwrap_or_default();
    let fields = Fields::of(1, root)?;
    let resolved = declared.slis.iter().map(|sli| resolve_one(&fields, sli, &telemetry));
    // A plan is one document, and needs no number.
    resolved.collect::<Read<Vec<_>>>().map_err(|error| SloFileError { document: None, ..error })
}

fn resolve_one(fields: &Fields<'_>, sli: &PlanSli, telemetry: &PlanTelemetry) -> Read<(Spec, SliQueries)> {
    catalog::resolve(sli, telemetry).map_err(|error| {
        let place = fields.find(&["slis", sli.name.as_str(), error.field]);
        place.wrong(error.problem.to_string())
    })
}

/// Reads the indicators of a plan, which were written for arms already.
fn declared(fields: &Fields<'_>, node: &document::Node, arms: ArmsBy, file: &mut SloFile) -> Read<()> {
    let in_document = |error: PlanError| SloFileError { document: Some(fields.document), ..error.into() };
    let Declared { slis, telemetry } = Declared::from_node(node).map_err(in_document)?;
    // What tells arms apart is for the plan that they are lent to, where it says so.
    let resolving = telemetry.clone().unwrap_or_else(|| PlanTelemetry {
        source: SafeText::new("any"),
        arms,
        ..PlanTelemetry::default()
    });
    let service = telemetry.as_ref().and_then(|telemetry| telemetry.service.clone());
    for sli in slis {
        resolve_one(fields, &sli, &resolving)?;
        file.indicators.push(FileSli { sli, service: service.clone(), source: None });
    }
    file.telemetry = file.telemetry.take().or(telemetry);
    Ok(())
}

impl SloFile {
    /// The indicators of one service; of all, when none is named and the file has no more than one.
    ///
    /// # Errors
    /// [`SloFileError`], when it has several and none is named, or when it does not have that one.
    pub fn of_service(mut self, service: Option<&str>) -> Result<Self, SloFileError> {
        let mut services: Vec<&str> =
            self.indicators.iter().filter_map(|i| i.service.as_ref()).map(SafeText::as_str).collect();
        services.sort_unstable();
        services.dedup();
        let known = || services.join(", ");
        match service {
            None if services.len() > 1 => {
                return Err(SloFileError::whole(format!(
                    "the file has several services: {}; name one of them",
                    known()
                )));
            }
            Some(service) if services.len() > 1 && !services.contains(&service) => {
                let message = format!("the file has nothing of the service {service:?}; there are {}", known());
                return Err(SloFileError::whole(message));
            }
            // One service's file is taken for a rollout that is called otherwise.
            Some(service) if services.len() == 1 && !services.contains(&service) => {}
            Some(service) => self.indicators.retain(|i| i.service.as_ref().is_none_or(|of| of.as_str() == service)),
            None => {}
        }
        if self.indicators.len() > SLIS_MAX {
            let message = format!("{} indicators, more than the {SLIS_MAX} that a plan has", self.indicators.len());
            return Err(SloFileError::whole(message));
        }
        for (index, indicator) in self.indicators.iter().enumerate() {
            let name = &indicator.sli.name;
            if self.indicators[..index].iter().any(|other| other.sli.name == *name) {
                return Err(SloFileError::whole(format!("two indicators are called {name}: give one another name")));
            }
        }
        Ok(self)
    }

    /// What is lent to a plan that declares no indicators: those of the file, with its source and service
    /// where the plan's telemetry says neither.
    ///
    /// # Errors
    /// [`SloFileError`], when nobody says which source to ask, or which of several services it is.
    pub fn lend(&self, telemetry: Option<&PlanTelemetry>) -> Result<Declared, SloFileError> {
        let mut telemetry = telemetry.or(self.telemetry.as_ref()).cloned().unwrap_or_default();
        let file = self.clone().of_service(telemetry.service.as_ref().map(SafeText::as_str))?;
        let asked: Vec<&FileSli> = file.indicators.iter().filter(|i| !i.sli.queries.is_empty()).collect();
        if telemetry.source.as_str() == REPORTED && !asked.is_empty() {
            let mut sources: Vec<&SafeText> = asked.iter().filter_map(|i| i.source.as_ref()).collect();
            sources.sort_unstable();
            sources.dedup();
            telemetry.source = match sources.as_slice() {
                [source] => (*source).clone(),
                [] => {
                    return Err(SloFileError::whole(
                        "its indicators are asked of a metrics server, and nobody says which: write telemetry: \
                         {source: NAME} in the plan, where NAME is that of [sources.NAME] in the server's configuration",
                    ));
                }
                several => {
                    let names: Vec<&str> = several.iter().map(|source| source.as_str()).collect();
                    return Err(SloFileError::whole(format!(
                        "its indicators are of several sources ({}), and a rollout asks one: name it in the plan's \
                         telemetry.source",
                        names.join(", ")
                    )));
                }
            };
        }
        if telemetry.service.is_none() {
            telemetry.service = file.indicators.iter().find_map(|indicator| indicator.service.clone());
        }
        let slis = file.indicators.into_iter().map(|indicator| indicator.sli).collect();
        Ok(Declared { slis, telemetry: Some(telemetry) })
    }
}

#[cfg(test)]
mod tests;
