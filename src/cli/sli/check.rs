//! `rolldeck sli check FILE`: what each indicator of a file comes to, and whether a source answers its queries.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use chrono::{DateTime, Utc};
use color_eyre::Result;
use serde::Serialize;

use super::{
    Check,
    file::{self, Indicator, Loaded},
    named, objective,
};
use crate::{
    cli::{
        exit::Failure,
        output::{Table, word},
        session::Session,
        sources,
    },
    domain::{SafeBlock, SafeText, duration, plan::PlanTelemetry, sli::SliQueries},
    judge::evidence::Spec,
    source::{
        SliSource as _, SourceError,
        prometheus::{
            Prometheus, Trial,
            batch::{self, Role},
        },
    },
};

/// What is printed.
#[derive(Debug, Serialize)]
struct View {
    slis: Vec<SliView>,
    remarks: Vec<SafeText>,
}

#[derive(Debug, Serialize)]
struct SliView {
    #[serde(flatten)]
    spec: Spec,
    service: Option<SafeText>,
    source: Option<SafeText>,
    queries: SliQueries,
    /// What the source answered, by query; none where none was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<BTreeMap<&'static str, AnswerView>>,
}

/// What a source answered to one query.
#[derive(Debug, Serialize)]
struct AnswerView {
    series: Option<usize>,
    arms: BTreeSet<SafeText>,
    said: Vec<SafeText>,
    error: Option<SafeText>,
}

/// Runs it.
///
/// # Errors
/// When the file cannot be used, with its place in it; when a source cannot be asked, or refuses a query.
pub async fn run(session: &Session, args: Check) -> Result<()> {
    let Loaded { indicators, remarks, telemetry } =
        file::load(&args.file, args.which.arms.map(Into::into), args.which.service.as_deref())?;
    for remark in &remarks {
        session.note(remark.as_str());
    }
    let source = args.source.as_deref().map(|name| source(session, name)).transpose()?;
    let mut failed = None;
    let mut slis = Vec::new();
    for Indicator { spec, queries, service, source: named } in indicators {
        let mut answers = None;
        if let Some(source) = &source
            && !queries.is_empty()
        {
            let mut all = BTreeMap::new();
            for role in Role::ALL {
                let Some(query) = role.of(&queries) else { continue };
                let asked = ask(source, role, query, &telemetry, service.as_ref(), session.clock.now()).await;
                all.insert(
                    role.as_str(),
                    match asked {
                        Ok(Trial { series, arms, said }) => {
                            AnswerView { series: Some(series), arms, said, error: None }
                        }
                        Err(error) => {
                            let error_view = SafeText::new(error.to_string());
                            failed.get_or_insert(error);
                            AnswerView {
                                series: None,
                                arms: BTreeSet::new(),
                                said: Vec::new(),
                                error: Some(error_view),
                            }
                        }
                    },
                );
            }
            answers = Some(all);
        }
        slis.push(SliView { spec, service, source: named, queries, answers });
    }
    let view = View { slis, remarks };
    session.print(&view, || text(&view))?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn source(session: &Session, name: &str) -> Result<Prometheus> {
    let settings = session.settings()?;
    let about = settings.sources.get(name).ok_or_else(|| {
        let known: Vec<&str> = settings.sources.keys().map(String::as_str).take(20).collect();
        let known =
            if known.is_empty() { "there are none yet".to_owned() } else { format!("there are {}", known.join(", ")) };
        Failure::NotFound(format!("the config has no [sources.{name}]; {known}"))
    })?;
    sources::prometheus(name, about)
}

async fn ask(
    source: &Prometheus,
    role: Role,
    query: &str,
    telemetry: &PlanTelemetry,
    service: Option<&SafeText>,
    now: DateTime<Utc>,
) -> Result<Trial, SourceError> {
    let template = batch::checked(role, query)
        .map_err(|why| SourceError::Refused { source_name: source.name().to_owned(), why })?;
    source
        .try_out(&template, telemetry.arms, service.map(SafeText::as_str), telemetry.slice.as_secs().cast_signed(), now)
        .await
}

fn text(view: &View) -> String {
    let mut table = Table::new(&["NAME", "KIND", "FAMILY", "OBJECTIVE", "PERIOD", "SERVICE", "SOURCE"]);
    for sli in &view.slis {
        let asked = if sli.queries.is_empty() { "agents" } else { "-" };
        let period = sli.spec.objective.map_or_else(|| "-".to_owned(), |_| period(sli.spec.period));
        table.row([
            sli.spec.name.as_str(),
            &word(&sli.spec.kind),
            &word(&sli.spec.family),
            &objective(sli.spec.objective),
            &period,
            sli.service.as_ref().map_or("-", SafeText::as_str),
            sli.source.as_ref().map_or(asked, SafeText::as_str),
        ]);
    }
    let mut text = table.text(0);
    for sli in view.slis.iter().filter(|sli| !sli.queries.is_empty()) {
        let _ = write!(text, "\n{}", sli.spec.name);
        text.push('\n');
        for (field, query) in named(&sli.queries) {
            let answer = sli.answers.as_ref().and_then(|answers| answers.get(field)).map(answered);
            let _ = writeln!(text, "  {field}:{}", answer.unwrap_or_default());
            for line in SafeBlock::new(query).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}

/// What a source answered, as the end of a line.
fn answered(answer: &AnswerView) -> String {
    let mut said = match (&answer.error, answer.series) {
        (Some(error), _) => format!(" FAILED: {error}"),
        (None, Some(0) | None) => " no series: no metric of that name has these labels now".to_owned(),
        (None, Some(series)) => {
            let arms: Vec<&str> = answer.arms.iter().map(SafeText::as_str).collect();
            format!(" {series} series, of {}", arms.join(", "))
        }
    };
    for remark in &answer.said {
        let _ = write!(said, "; the server says: {remark}");
    }
    said
}

/// A period in days where it is whole ones.
fn period(seconds: f64) -> String {
    let days = seconds / 86_400.0;
    if days.fract() == 0.0 {
        return format!("{days}d");
    }
    duration::print(std::time::Duration::from_secs_f64(seconds))
}
