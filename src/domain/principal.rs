//! Who asks, and what they may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, ActorKind, LaneName, SafeText, SiteName, TargetName, Via};

/// What a credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads, and acts on rollouts.
    Operator,
    /// All that an operator may, and windows, overrides, known-good marks.
    Commander,
    /// One site's agent: asks for its desired state and reports.
    Agent,
}

impl Role {
    /// The role as it is written in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Commander => "commander",
            Self::Agent => "agent",
        }
    }

    /// Whether it may do what `needed` may. An agent may nothing but an agent's work.
    #[must_use]
    pub fn covers(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Agent, _) | (_, Self::Agent) => self == needed,
            _ => self >= needed,
        }
    }
}

/// Who holds a credential, where that is known of it and not only what its client claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A person.
    Human,
    /// A machine: a pipeline, a scheduler. It is nobody's second person.
    Automation,
}

impl Holder {
    /// Its name in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Automation => "automation",
        }
    }
}

impl From<Holder> for ActorKind {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Human => Self::Human,
            Holder::Automation => Self::Automation,
        }
    }
}

/// The unit or site that an agent's credential is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// The site group.
    pub group: TargetName,
    /// The site.
    pub site: SiteName,
    /// The lane; every lane of the site, when absent.
    pub lane: Option<LaneName>,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name it goes by.
    pub id: SafeText,
    /// What kind of caller it is.
    pub kind: ActorKind,
    /// What it may do.
    pub role: Role,
    /// Patterns of targets that the role holds for (`*` for all).
    pub targets: Vec<String>,
    /// For an agent: whose agent.
    pub binding: Option<Binding>,
    /// The id of its token; none on loopback without tokens, or in this process.
    pub credential: Option<SafeText>,
    /// What it said it is.
    pub via: Via,
    /// Where the connection came from.
    pub source: Option<SafeText>,
}

impl Principal {
    /// How the audit trail names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            id: self.id.clone(),
            kind: self.kind,
            role: Some(self.role),
            via: Some(self.via),
            credential: self.credential.clone(),
            source: self.source.clone(),
        }
    }
}
