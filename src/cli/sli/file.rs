//! Files with indicators: plans, OpenSLO and Sloth files, and what is lent from them to a plan.

use std::{io::Read as _, path::Path};

use color_eyre::Result;

use crate::{
    cli::{exit::Failure, session::Session},
    domain::{
        GateName, Plan, SafeText,
        plan::{ArmsBy, Declared, GateRule, PlanError, PlanTelemetry, document},
        sli::SliQueries,
    },
    gate::Expression,
    judge::evidence::Spec,
    source::{
        catalog,
        slo_file::{self, SloFile, SloFileError},
    },
};

/// Largest file, in bytes; what is read of it is bounded more narrowly by its reader.
const FILE_MAX: u64 = 256 * 1024;

/// A file with indicators.
#[derive(Debug)]
pub struct Loaded {
    /// Its indicators, each with the service and source that it names.
    pub indicators: Vec<Indicator>,
    /// What was passed over, or is not as it was written.
    pub remarks: Vec<SafeText>,
    /// What they are asked with.
    pub telemetry: PlanTelemetry,
}

/// An indicator of a file, and what it comes to.
#[derive(Debug)]
pub struct Indicator {
    /// What is judged.
    pub spec: Spec,
    /// What a source is asked; nothing, where agents report it.
    pub queries: SliQueries,
    /// The service that it is of.
    pub service: Option<SafeText>,
    /// The source that knows it.
    pub source: Option<SafeText>,
}

/// Whether a gate's expression can be evaluated.
///
/// # Errors
/// What is wrong with it.
pub fn compiles(_: &GateName, expression: &str) -> Result<(), String> {
    Expression::compile(expression).map(drop).map_err(|error| error.to_string())
}

/// A plan of a document, with what is declared, checked as far as that is possible without a server.
///
/// # Errors
/// What is wrong, with its place.
pub fn checked(node: &document::Node, declared: &Declared) -> Result<Plan, SloFileError> {
    let plan = Plan::from_node_lent(node, declared, compiles)?;
    let resolved = slo_file::resolve(node, declared)?;
    for (gate, rule) in &plan.gates {
        let GateRule::Budget { sli, .. } = rule else { continue };
        let has_budget = resolved.iter().any(|(spec, _)| spec.name == *sli && spec.objective.is_some());
        if !has_budget {
            let message = format!("{sli} has no error budget: give it an objective, such as `objective: 99.9%`");
            return Err(PlanError::in_gate(gate, None, message).into());
        }
    }
    Ok(plan)
}

/// What a file lends to a plan that declares no indicators; what is to be said of it goes to standard error.
///
/// # Errors
/// When the file cannot be used, with its place in it.
pub fn lend(session: &Session, path: &Path, telemetry: Option<&PlanTelemetry>) -> Result<Declared> {
    let arms = telemetry.map(|telemetry| telemetry.arms);
    let file = read(path, arms)?;
    let lent = file.lend(telemetry).map_err(|error| in_file(path, &error))?;
    for remark in &file.remarks {
        session.note(&format!("{}: {remark}", path.display()));
    }
    Ok(lent)
}

/// Reads a file of objectives; arms are told apart as it says itself, or by track, where nothing is said.
///
/// # Errors
/// When the file cannot be used, with its place in it.
pub fn read(path: &Path, arms: Option<ArmsBy>) -> Result<SloFile> {
    let text = text(path)?;
    let documents = document::documents_from_yaml(&text).map_err(|error| in_file(path, &error.into()))?;
    let of_file = || documents.iter().find_map(|root| Some(Declared::from_node(root).ok()?.telemetry?.arms));
    let arms = arms.or_else(of_file).unwrap_or_default();
    Ok(slo_file::read(&text, arms).map_err(|error| in_file(path, &error))?)
}

/// Reads a plan or a file of objectives, and what its indicators come to.
///
/// # Errors
/// When it cannot be used, with the place of what is wrong.
pub fn load(path: &Path, arms: Option<ArmsBy>, service: Option<&str>) -> Result<Loaded> {
    let text = text(path)?;
    let wrong = |error: &SloFileError| in_file(path, error);
    let documents = document::documents_from_yaml(&text).map_err(|error| wrong(&error.into()))?;
    if let [root] = documents.as_slice()
        && is_plan(root)
    {
        let declared = Declared::from_node(root).map_err(|error| wrong(&error.into()))?;
        if declared.slis.is_empty() {
            return Err(wrong(&PlanError::whole("the plan declares no indicator").into()).into());
        }
        let plan = checked(root, &declared).map_err(|error| wrong(&error))?;
        let resolved = slo_file::resolve(root, &declared).map_err(|error| wrong(&error))?;
        let service = plan.telemetry.service.clone().unwrap_or_else(|| SafeText::new(plan.rollout.as_str()));
        let indicator = |(spec, queries)| Indicator { spec, queries, service: Some(service.clone()), source: None };
        let indicators = resolved.into_iter().map(indicator).collect();
        return Ok(Loaded { indicators, remarks: Vec::new(), telemetry: plan.telemetry });
    }
    let mut file = read(path, arms)?;
    if service.is_some() {
        file = file.of_service(service).map_err(|error| wrong(&error))?;
    }
    let telemetry = file.telemetry.clone().unwrap_or_else(|| PlanTelemetry {
        source: SafeText::new("-"),
        arms: arms.unwrap_or_default(),
        ..PlanTelemetry::default()
    });
    let mut indicators = Vec::new();
    for slo_file::FileSli { sli, service, source } in file.indicators {
        let (spec, queries) = catalog::resolve(&sli, &telemetry)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        indicators.push(Indicator { spec, queries, service, source });
    }
    Ok(Loaded { indicators, remarks: file.remarks, telemetry })
}

fn is_plan(root: &document::Node) -> bool {
    let document::Value::Map(entries) = &root.value else { return false };
    entries.iter().any(|(key, _)| matches!(key.name.as_str(), "rollout" | "stages" | "snapshot"))
}

/// An error with the file that it is in, as a wrong usage.
pub fn in_file(path: &Path, error: &SloFileError) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(path).map_err(failed)?.take(FILE_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    }
    if text.len() as u64 > FILE_MAX {
        let message = format!("{} is larger than 256 KiB, which no file of objectives is", path.display());
        return Err(Failure::Usage(message).into());
    }
    Ok(text)
}
