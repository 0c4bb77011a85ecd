//! Requests and answers about tokens. The text of one never crosses to a server in a body.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{AuditEntry, Binding, Holder, Role, SafeText};

/// A token as it is listed: nothing of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    /// Its public id.
    pub id: SafeText,
    /// The name its holder goes by.
    pub name: SafeText,
    /// What it is good for.
    pub role: Role,
    /// Who holds it; what its client claims to be, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Patterns of targets that it holds for.
    pub targets: Vec<SafeText>,
    /// For an agent: its site.
    pub binding: Option<Binding>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The answer of `GET /tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokensPage {
    /// Tokens, the newest first, revoked ones too.
    pub tokens: Vec<TokenView>,
}

/// The body of `POST /tokens`. The client makes the token; its text never leaves the client.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Its public id, as in its text.
    pub id: String,
    /// The name its holder goes by, as the audit trail shows it.
    pub name: String,
    /// The SHA-256 of its text, in hex.
    pub secret_hash: String,
    /// What it is good for.
    pub role: Role,
    /// Who holds it: windows for people or for automation go by that, whatever its client claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Patterns of targets that it holds for.
    pub targets: Vec<String>,
    /// For an agent: its site.
    #[serde(default)]
    pub binding: Option<Binding>,
}

/// The answer of a change to a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenReply {
    /// The token as it is now.
    pub token: TokenView,
    /// The entry in the audit trail, where the server says it.
    #[serde(default)]
    pub audit: Option<AuditEntry>,
}
