//! `rolldeck token add|list|revoke`: who may talk to a server.
//!
//! The token's text is made here and shown once; the server is told its hash only. It is added
//! through the API of the server that options or context name, or, with `--data` or `--database`, straight to a
//! data directory or database on which no server runs (so that there is a first token before a first start).

use std::path::PathBuf;

use color_eyre::{Result, eyre::WrapErr as _};
use serde_json::json;

use super::{
    exit::{Failure, say},
    output::{Table, maybe_time, time},
    plane,
    session::{Session, reason},
};
use crate::{
    backend::{ReasonRequest, TokenRequest, TokenView},
    clock,
    domain::{Binding, Holder, LaneName, Role, SiteName, TargetName, TokenText},
    settings::edit::write_private,
};

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token, and print it once
    Add(Add),
    /// List tokens, revoked ones too
    List {
        #[command(flatten)]
        at: At,
    },
    /// Revoke a token
    Revoke {
        /// Its id, t-...
        #[arg(value_name = "ID")]
        id: String,
        /// Why: 10 to 500 characters; kept in the audit trail
        #[arg(short, long, value_name = "TEXT")]
        reason: Option<String>,
        /// A ticket's id, kept with it
        #[arg(long, value_name = "TICKET")]
        ticket: Option<String>,
        #[command(flatten)]
        at: At,
    },
}

/// Where, when no server runs there.
#[derive(Debug, clap::Args)]
pub struct At {
    /// Straight in a data directory on which no server runs
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Straight in a database on which no server runs; the key of its audit trail is in --data DIR
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl At {
    async fn reach(self, session: &Session, change: bool) -> Result<plane::Place> {
        plane::reach(session, self.data, self.database.as_deref(), change).await
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleArg {
    /// Reads
    Viewer,
    /// Reads, and acts on rollouts
    Operator,
    /// And windows, known-good marks, tokens
    Commander,
    /// One site's agent; needs --group and --site
    Agent,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Operator => Self::Operator,
            RoleArg::Commander => Self::Commander,
            RoleArg::Agent => Self::Agent,
        }
    }
}

/// Who holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum HolderArg {
    /// A person
    Human,
    /// A machine, such as a pipeline: it is nobody's second person
    Automation,
}

impl From<HolderArg> for Holder {
    fn from(holder: HolderArg) -> Self {
        match holder {
            HolderArg::Human => Self::Human,
            HolderArg::Automation => Self::Automation,
        }
    }
}

/// Arguments of `add`.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The name its holder goes by in the audit trail; yours, or the site's, when absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it is good for
    #[arg(long, value_name = "R", value_enum)]
    role: RoleArg,
    /// Who holds it: windows for people or for automation go by that, whatever its client claims; what its client claims,
    /// when absent
    #[arg(long, value_name = "WHO", value_enum)]
    holder: Option<HolderArg>,
    /// The targets it holds for, such as dc-*; several times or with commas. All, when absent
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    targets: Vec<String>,
    /// For an agent: its site group
    #[arg(long, value_name = "G", required_if_eq("role", "agent"))]
    group: Option<TargetName>,
    /// For an agent: its site
    #[arg(long, value_name = "S", required_if_eq("role", "agent"))]
    site: Option<SiteName>,
    /// For an agent: its lane; every lane of the site, when absent
    #[arg(long, value_name = "L")]
    lane: Option<LaneName>,
    /// Write it to this new file, readable by you alone, instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    at: At,
}

/// Runs it.
///
/// # Errors
/// With the exit codes of the contract.
pub async fn run(session: &Session, command: Command) -> Result<()> {
    match command {
        Command::Add(args) => add(session, args).await,
        Command::List { at } => {
            let place = at.reach(session, false).await?;
            let page = place.backend().tokens().await;
            place.close().await;
            let page = page?;
            session.print(&page, || {
                let mut table = Table::new(&["ID", "NAME", "ROLE", "TARGETS", "BOUND TO", "MADE", "REVOKED"]);
                for token in &page.tokens {
                    table.row(row(token));
                }
                if page.tokens.is_empty() {
                    session
                        .note("no tokens: everybody on the server's machine may everything, and nobody else anything");
                    return String::new();
                }
                table.text(0)
            })
        }
        Command::Revoke { id, reason: given, ticket, at } => {
            let request = ReasonRequest { reason: reason(given.as_deref())?.to_string(), ticket, saw: None };
            let place = at.reach(session, true).await?;
            let reply = place.backend().revoke_token(&id, request).await;
            place.close().await;
            let reply = reply?;
            session.print(&reply, || {
                let mut table = Table::plain();
                table.row(["revoked".to_owned(), format!("{} {}", reply.token.id, reply.token.name)]);
                table.row(["at".to_owned(), maybe_time(reply.token.revoked_at)]);
                table.text(0)
            })
        }
    }
}

fn row(token: &TokenView) -> [String; 7] {
    let targets: Vec<&str> = token.targets.iter().map(crate::domain::SafeText::as_str).collect();
    let bound = token.binding.as_ref().map(|binding| {
        let lane = binding.lane.as_ref().map_or("*", LaneName::as_str);
        format!("{}/{}/{lane}", binding.group, binding.site)
    });
    [
        token.id.to_string(),
        token.name.to_string(),
        match token.holder {
            Some(holder) => format!("{} ({})", token.role.as_str(), holder.as_str()),
            None => token.role.as_str().to_owned(),
        },
        targets.join(","),
        bound.unwrap_or_else(|| "-".to_owned()),
        time(token.created_at),
        maybe_time(token.revoked_at),
    ]
}

async fn add(session: &Session, args: Add) -> Result<()> {
    let binding = match (args.role, args.group, args.site) {
        (RoleArg::Agent, Some(group), Some(site)) => Some(Binding { group, site, lane: args.lane }),
        (RoleArg::Agent, _, _) => {
            return Err(Failure::Usage("an agent's token is bound: give --group and --site".to_owned()).into());
        }
        (_, None, None) if args.lane.is_none() => None,
        _ => return Err(Failure::Usage("--group, --site and --lane are for --role agent".to_owned()).into()),
    };
    let name = match (&args.name, &binding) {
        (Some(name), _) => name.clone(),
        (None, Some(binding)) => format!("agent {}/{}", binding.group, binding.site),
        (None, None) => plane::user(&session.env),
    };
    if let Some(path) = args.out.as_ref().filter(|path| path.exists()) {
        return Err(Failure::Usage(format!("{} is there already: name a new file", path.display())).into());
    }
    let targets = match (&binding, args.targets.is_empty()) {
        (Some(binding), true) => vec![binding.group.to_string()],
        (None, true) => vec!["*".to_owned()],
        (_, false) => args.targets,
    };
    let text = make()?;
    let request = TokenRequest {
        id: text.id(),
        name,
        secret_hash: text.hash(),
        role: args.role.into(),
        holder: args.holder.map(Into::into),
        targets,
        binding,
    };
    let place = args.at.reach(session, true).await?;
    let reply = place.backend().add_token(request).await;
    place.close().await;
    let token = reply?.token;
    let cells = row(&token);
    say(&format!("{} for {}: {} on {}", token.id, token.name, cells[2], cells[3]));
    if let Some(path) = &args.out {
        write_private(path, &format!("{}\n", text.expose())).wrap_err_with(|| {
            format!(
                "the token was added and cannot be written to {}: revoke {}, and add another",
                path.display(),
                token.id
            )
        })?;
        say(&format!("it is in {}", path.display()));
        return session.print(&json!({"token": &token, "file": path}), || format!("{}\n", path.display()));
    }
    say("this is the only time it is shown; keep it in a file that only its holder can read (chmod 600)");
    session.print(&json!({"token": &token, "text": text.expose()}), || format!("{}\n", text.expose()))
}

fn make() -> Result<TokenText> {
    let no_randomness = "this machine gives no randomness to make a token from";
    let secret = clock::secret().wrap_err(no_randomness)?;
    let id = clock::secret().wrap_err(no_randomness)?;
    Ok(TokenText::new([id[0], id[1], id[2], id[3], id[4]], &secret))
}
