//! From what the configuration says of sources to sources that can be asked.

use std::sync::Arc;

use color_eyre::{Result, eyre::WrapErr as _};

use super::exit::Failure;
use crate::{
    domain::address,
    settings::{
        Settings,
        source::{SourceCredentials, SourceKind, SourceSettings},
    },
    source::{
        SliSource,
        prometheus::{Auth, Options, Prometheus},
    },
};

/// All sources of the configuration.
///
/// # Errors
/// When one of them cannot be used as it is written; says which, and what to do.
pub fn all(settings: &Settings) -> Result<Vec<Arc<dyn SliSource>>> {
    let mut sources: Vec<Arc<dyn SliSource>> = Vec::with_capacity(settings.sources.len());
    for (name, source) in &settings.sources {
        sources.push(Arc::new(prometheus(name, source)?));
    }
    Ok(sources)
}

/// One source.
///
/// # Errors
/// When it cannot be used as it is written; says what to do.
pub fn prometheus(name: &str, source: &SourceSettings) -> Result<Prometheus> {
    let place = || format!("[sources.{name}] of the configuration");
    let wrong = |message: String| Failure::Usage(format!("{}: {message}", place()));
    match source.kind {
        SourceKind::Prometheus => {}
    }
    let url = address::server_url(&source.url).map_err(|error| wrong(error.to_string()))?;
    let secrets = source.secrets().wrap_err_with(place)?;
    let options = Options {
        auth: match secrets.credentials {
            SourceCredentials::None => Auth::None,
            SourceCredentials::Bearer(token) => Auth::Bearer(token),
            SourceCredentials::Basic { username, password } => Auth::Basic { user: username, password },
        },
        ca: secrets.ca,
        identity: secrets.identity,
        tenant: source.tenant.clone(),
        timeout: source.patience(),
        ..Options::new(name, url)
    };
    Ok(Prometheus::new(options).map_err(|error| wrong(error.to_string()))?)
}
