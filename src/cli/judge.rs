//! `rolldeck judge [FILE]`: judges what is in a file. It needs no server, and asks nobody.

mod act;
mod analysis;

use std::{
    io::{IsTerminal as _, Read},
    path::{Path, PathBuf},
};

use color_eyre::Result;
use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};

use super::{exit::Failure, session::Session};

/// Largest file, in bytes.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// What to judge (JSON); - or nothing reads it from standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
What can be judged:
  the evidence of an automatic act, an audit entry that has it, or a page of entries
    (rolldeck audit list -o json): judged again and held against what was kept;
    exit code 1 when it comes out differently
  the evidence of one indicator
  a Kayenta analysis, with Kayenta's labels and scores

A Kayenta analysis has both arms of its metrics, null where a point is missing:
  {\"judge\": \"kayenta\", \"thresholds\": {\"pass\": 95, \"marginal\": 75}, \"groups\": {\"system\": 60},
   \"metrics\": [{\"name\": \"cpu\", \"groups\": [\"system\"], \"direction\": \"increase\", \"critical\": false,
     \"must_have_data\": false, \"muted\": false, \"nan\": \"remove\",
     \"outliers\": {\"strategy\": \"remove\", \"factor\": 3.0},
     \"effect\": {\"measure\": \"mean_ratio\", \"allowed_increase\": 1.2, \"critical_increase\": 2.0},
     \"control\": [0.61, 0.62, null], \"experiment\": [0.60, 0.63, 0.61]}]}
Everything but judge, thresholds, name, control and experiment may be left out.

Exit code 0 says that it could be judged, and came to what was kept, whatever the verdict.";

const FORMS: &str = "there is nothing to judge in it: neither metrics (a Kayenta analysis), nor a situation (what an \
automatic act was judged from), entries or seq (of the audit trail), or a spec (the evidence of an indicator)";

/// What tells the forms of a document apart.
#[derive(Debug, Deserialize)]
struct Shape {
    metrics: Option<IgnoredAny>,
    situation: Option<IgnoredAny>,
    seq: Option<IgnoredAny>,
    entries: Option<IgnoredAny>,
    spec: Option<IgnoredAny>,
}

/// Runs it.
///
/// # Errors
/// With exit code 2 when it cannot be judged: what file, what field, and what was expected there. With 1
/// when it comes to something else than what was kept.
pub fn run(session: &Session, args: &Args) -> Result<()> {
    let document = Document::read(args.file.as_deref())?;
    let shape: Shape = document.parse()?;
    match shape {
        Shape { metrics: Some(_), .. } => analysis::run(session, &document),
        Shape { situation: Some(_), .. } => act::of_act(session, &document),
        Shape { entries: Some(_), .. } => act::of_page(session, &document),
        Shape { seq: Some(_), .. } => act::of_entry(session, &document),
        Shape { spec: Some(_), .. } => act::of_indicator(session, &document),
        _ => Err(document.wrong(FORMS).into()),
    }
}

/// A file and what is in it.
struct Document {
    name: String,
    text: String,
}

impl Document {
    fn read(path: Option<&Path>) -> Result<Self> {
        let path = path.filter(|path| *path != Path::new("-"));
        let name = path.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
        let failed = |error: std::io::Error| Failure::Usage(format!("cannot read {name}: {error}"));
        let mut text = String::new();
        let read = |input: &mut dyn Read, text: &mut String| input.take(FILE_MAX + 1).read_to_string(text);
        if let Some(path) = path {
            let mut file = std::fs::File::open(path).map_err(failed)?;
            read(&mut file, &mut text).map_err(failed)?;
        } else {
            let mut input = std::io::stdin().lock();
            if input.is_terminal() {
                return Err(Failure::Usage("name a FILE to judge, or pipe it in".to_owned()).into());
            }
            read(&mut input, &mut text).map_err(failed)?;
        }
        let document = Self { name, text };
        if document.text.len() as u64 > FILE_MAX {
            return Err(document.wrong("it is larger than 64 MiB").into());
        }
        Ok(document)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.parse_text(&self.text, "")?)
    }

    /// Parses a text that is in it, at some place.
    fn parse_text<T: DeserializeOwned>(&self, text: &str, place: &str) -> Result<T, Failure> {
        let mut json = serde_json::Deserializer::from_slice(text.as_bytes());
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { String::new() } else { format!("{path}: ") };
            self.wrong(&format!("{place}{field}{}", error.inner()))
        })?;
        json.end().map_err(|error| self.wrong(&format!("{place}{error}")))?;
        Ok(value)
    }

    /// What is wrong with it, with its name.
    fn wrong(&self, what: &str) -> Failure {
        Failure::Usage(format!("{}: {what}", self.name))
    }
}
