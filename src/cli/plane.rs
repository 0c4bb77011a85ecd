//! A control plane in this process on a data directory or a database: for `serve`, and for tokens before a first start.

use std::{path::PathBuf, sync::Arc};

use color_eyre::Result;
use sha2::{Digest as _, Sha256};

use super::{
    exit::{Failure, say},
    session::Session,
    storage::{self, Storage},
};
use crate::{
    audit::{Signer, Verifier},
    backend::{Backend, local::Local},
    clock::Clock,
    control::{Control, Declared, Options, Policy},
    domain::{Via, hex},
    driver::Driver,
    settings::{Env, edit::private_directory},
    source::SliSource,
    store::{
        Store, StoreError, VERIFIER_KEY, Write, key,
        postgres::Postgres,
        sqlite::{Durability, Sqlite},
    },
};

/// A backend, and what is to be closed after it.
#[derive(Debug)]
pub enum Place {
    /// Over HTTP.
    Remote(Arc<dyn Backend>),
    /// In this process, on a data directory.
    Here(Arc<dyn Backend>, Control),
}

impl Place {
    /// The backend.
    pub fn backend(&self) -> &dyn Backend {
        match self {
            Self::Remote(backend) | Self::Here(backend, _) => &**backend,
        }
    }

    /// Ends what runs in this process.
    pub async fn close(self) {
        if let Self::Here(_, control) = self {
            control.shutdown().await;
        }
    }
}

/// What a control plane is connected to.
#[derive(Debug, Default)]
pub struct Carries {
    /// Where indicators come from.
    pub sources: Vec<Arc<dyn SliSource>>,
    /// What carries rollouts out elsewhere.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// Indicators of what they carry out.
    pub declared: Option<Declared>,
    /// Whether it lasts long enough to pause what goes on by itself when a window says so.
    pub pauses: bool,
    /// What it demands beside roles.
    pub policy: Policy,
}

/// Opens the store of a data directory or a database and starts a control plane on it; with `new_key`, with
/// another key than the lost one that signed its audit trail.
///
/// # Errors
/// [`StoreError`], which says what to do.
pub async fn open(clock: &Arc<dyn Clock>, storage: &Storage, new_key: bool, carries: Carries) -> Result<Control> {
    let Carries { sources, drivers, declared, pauses, policy } = carries;
    let dir = storage.dir();
    private_directory(dir).map_err(|error| Failure::Failed(format!("cannot make {}: {error}", dir.display())))?;
    let store: Arc<dyn Store> = match storage {
        Storage::Directory(dir) => Arc::new(Sqlite::open(dir, Durability::Full).await?),
        Storage::Database { address, .. } => Arc::new(Postgres::open(address).await?),
    };
    let mut named = store.meta(VERIFIER_KEY).await?;
    if new_key && named.is_some() && key::read(dir)?.is_none() {
        store.commit(&[Write::Meta(VERIFIER_KEY.to_owned(), String::new())]).await?;
        named = None;
    }
    let log = named.as_deref().and_then(|key| key.parse::<Verifier>().ok());
    if let Some(log) = &log {
        key::settle(dir, |seed| Signer::new(log.origin(), seed).verifier() == *log)?;
    }
    if named.is_none() {
        storage.is_free_for_a_new_trail()?;
    }
    let signing_seed = key::of_trail(dir, named.as_deref())?;
    let options = Options {
        simulated: false,
        signing_seed,
        origin: log.map_or_else(|| origin(&signing_seed), |log| log.origin().to_owned()),
        sources,
        drivers,
        declared,
        pauses,
        policy,
        beside: Some(dir.to_path_buf()),
    };
    let control = Control::start(store, Arc::clone(clock), options).await?;
    if let Some(fault) = control.trail_fault().await {
        say(&format!(
            "THE AUDIT TRAIL IS NOT AS IT WAS WRITTEN, after entry {}: {}. It is journalled, and nothing is stopped by it",
            fault.after, fault.why
        ));
    }
    Ok(control)
}

/// The name of a new log, from its first key: it stays when that is passed on, whatever the machine is called.
fn origin(seed: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(b"rolldeck audit log name").chain_update(seed).finalize();
    format!("rolldeck/audit/{}", hex(&hash[..4]))
}

/// The backend for something that works with and without a server: the data directory or database that was
/// named, or the server that options or context name, or else what this machine's environment or platform names.
///
/// # Errors
/// When neither can be had; while a server runs on it, what to do instead.
pub async fn reach(session: &Session, data: Option<PathBuf>, database: Option<&str>, change: bool) -> Result<Place> {
    let settings = session.settings()?;
    let named = data.is_some() || database.is_some();
    if !named && settings.endpoint()?.is_some() {
        let connection = if change { session.connect_to_change()? } else { session.connect()? };
        return Ok(Place::Remote(connection.backend));
    }
    let storage = Storage::find(session, data, database)?;
    match &storage {
        _ if named => {}
        Storage::Directory(dir) => {
            say(&format!("no context and no --server: on this machine's data directory {}", dir.display()));
        }
        Storage::Database { address, .. } => {
            say(&format!("no context and no --server: on the database of {}, {address}", storage::VARIABLE));
        }
    }
    if change && settings.read_only {
        return Err(Failure::Usage("--read-only: nothing was changed".to_owned()).into());
    }
    let control = match open(&session.clock, &storage, false, Carries::default()).await {
        Ok(control) => control,
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Locked { .. })) => {
            return Err(Failure::Failed(format!(
                "a server runs on {storage}: ask it instead, with --server URL (and --token-file FILE once it has tokens)"
            ))
            .into());
        }
        Err(error) => return Err(error),
    };
    let who = Local::person(&user(&session.env), Via::Cli);
    Ok(Place::Here(Arc::new(Local::new(control.clone(), who)), control))
}

/// The operating system's name for whoever runs this.
pub fn user(env: &Env) -> String {
    env.get("USER").or_else(|| env.get("LOGNAME")).unwrap_or("local").to_owned()
}
