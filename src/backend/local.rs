//! A control plane in this process, spoken to as one caller.

use std::{sync::Arc, time::Duration};

use super::{
    ActionReply, ActionRequest, AuditPage, AuditQuery, Backend, BackendError, BackendResult, CheckpointView,
    CheckpointsPage, Code, Conditions, Cursor, Problem, ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage,
    SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest, Tagged, TokenReply, TokenRequest, TokenView,
    TokensPage, VerifyReport, WindowReply, WindowRequest, WindowsPage,
};
use crate::{
    clock::Clock,
    control::Control,
    domain::{ActorKind, Digest, Principal, Role, Rollout, RolloutId, SafeText, Scope, Via},
    store::TokenRecord,
};

/// A control plane and who speaks to it.
#[derive(Debug, Clone)]
pub struct Local {
    control: Control,
    who: Principal,
    clock: Arc<dyn Clock>,
}

impl Local {
    /// The control plane, spoken to as `who`.
    #[must_use]
    pub fn new(control: Control, who: Principal, clock: Arc<dyn Clock>) -> Self {
        Self { control, who, clock }
    }

    /// The person at this machine, who may everything here: named by the operating system's user.
    #[must_use]
    pub fn person(name: &str, via: Via) -> Principal {
        Principal {
            id: SafeText::new(name),
            kind: ActorKind::Human,
            role: Role::Commander,
            targets: vec!["*".to_owned()],
            binding: None,
            credential: None,
            via,
            source: None,
        }
    }

    fn needs_commander(&self, what: &str) -> BackendResult<()> {
        if self.who.role.covers(Role::Commander) {
            return Ok(());
        }
        let role = self.who.role.as_str();
        Err(Problem::new(Code::Forbidden, format!("{what} needs the role commander; you are {role}")).into())
    }

    fn token(&self, id: &str) -> BackendResult<TokenView> {
        let tokens = self.control.tokens();
        let found = tokens.iter().find(|token| token.id == id).map(shown);
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no token of that id").into())
    }
}

fn shown(token: &TokenRecord) -> TokenView {
    TokenView {
        id: SafeText::new(&token.id),
        name: SafeText::new(&token.name),
        role: token.role,
        targets: token.targets.iter().map(SafeText::new).collect(),
        binding: token.binding.clone(),
        created_at: token.created_at,
        revoked_at: token.revoked_at,
    }
}

fn checked(request: TokenRequest) -> Result<TokenRequest, Problem> {
    let invalid = |field: &str, detail: &str| Err(Problem::new(Code::Invalid, detail).in_field(field));
    let hex =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !request.id.strip_prefix("t-").is_some_and(|rest| hex(rest, 10)) {
        return invalid("id", "the id of a token is t- and ten hex digits, the ones in its text");
    }
    if !hex(&request.secret_hash, 64) {
        return invalid("secret_hash", "secret_hash is the SHA-256 of the token's text, 64 lower-case hex digits");
    }
    let name = request.name.trim();
    if name.is_empty() || name.chars().count() > 100 || SafeText::new(name).as_str() != name {
        return invalid("name", "a token's name is 1 to 100 printable characters: the audit trail shows it");
    }
    match (request.role, &request.binding) {
        (Role::Agent, None) => {
            return invalid("binding", "an agent's token is bound: name its group and its site");
        }
        (Role::Agent, Some(_)) | (_, None) => {}
        (_, Some(_)) => return invalid("binding", "only an agent's token is bound to a site"),
    }
    if request.targets.is_empty() {
        return invalid("targets", "name the targets that the token holds for; * is all of them");
    }
    for target in &request.targets {
        // A pattern of targets is a scope with nothing but a target in it.
        let scope = target.parse::<Scope>();
        if scope.as_ref().map(|scope| scope.targets.as_slice()).ok() != Some(std::slice::from_ref(target)) {
            return invalid("targets", "a target is letters, digits, - _ . and the wildcards * and ?");
        }
    }
    Ok(TokenRequest { name: name.to_owned(), ..request })
}

fn problem(problem: Problem) -> BackendError {
    problem.into()
}

#[async_trait::async_trait]
impl Backend for Local {
    fn place(&self) -> String {
        "this process".to_owned()
    }

    async fn info(&self) -> BackendResult<ServerInfo> {
        Ok(ServerInfo {
            version: SafeText::new(env!("CARGO_PKG_VERSION")),
            simulated: self.control.simulated(),
            actor: self.who.id.clone(),
            role: self.who.role,
            targets: self.who.targets.iter().map(SafeText::new).collect(),
        })
    }

    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage> {
        self.control.rollouts(&self.who, after, wait).await.map_err(problem)
    }

    async fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> BackendResult<Tagged<Rollout>> {
        self.control.rollout(&self.who, id, tag.as_deref(), wait).await.map_err(problem)
    }

    async fn start(&self, request: StartRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        Ok(self.control.begin(&self.who, request, conditions).await.map_err(problem)?.body)
    }

    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        Ok(self.control.act(&self.who, id, request, conditions).await.map_err(problem)?.body)
    }

    async fn audit(&self, query: AuditQuery) -> BackendResult<AuditPage> {
        self.control.audit(&self.who, query).await.map_err(problem)
    }

    async fn checkpoint(&self) -> BackendResult<CheckpointView> {
        self.control.checkpoint(&self.who).await.map_err(problem)
    }

    async fn proof(&self, from: u64, to: u64) -> BackendResult<ProofView> {
        self.control.proof(&self.who, from, to).await.map_err(problem)
    }

    async fn verify(&self) -> BackendResult<VerifyReport> {
        self.control.verify(&self.who).await.map_err(problem)
    }

    async fn windows(&self) -> BackendResult<WindowsPage> {
        self.control.windows(&self.who).await.map_err(problem)
    }

    async fn add_window(&self, request: WindowRequest, conditions: Conditions) -> BackendResult<WindowReply> {
        self.control.add_window(&self.who, request, conditions).await.map_err(problem)
    }

    async fn lift_window(&self, id: &str, request: ReasonRequest) -> BackendResult<WindowReply> {
        self.control.lift_window(&self.who, id, request).await.map_err(problem)
    }

    async fn sites(&self) -> BackendResult<SitesPage> {
        self.control.sites(&self.who).await.map_err(problem)
    }

    async fn snapshots(&self) -> BackendResult<SnapshotsPage> {
        self.control.snapshots(&self.who).await.map_err(problem)
    }

    async fn add_snapshot(&self, request: SnapshotRequest) -> BackendResult<SnapshotReply> {
        self.control.add_snapshot(&self.who, request).await.map_err(problem)
    }

    async fn artifact(&self, digest: &Digest) -> BackendResult<Vec<u8>> {
        self.control.artifact(&self.who, digest).await.map_err(problem)
    }

    async fn checkpoints(&self) -> BackendResult<CheckpointsPage> {
        let (notes, key) = self.control.checkpoints(&self.who).await.map_err(problem)?;
        Ok(CheckpointsPage { notes, key: SafeText::new(key) })
    }

    async fn tokens(&self) -> BackendResult<TokensPage> {
        self.needs_commander("seeing who has a token")?;
        let mut tokens: Vec<TokenView> = self.control.tokens().iter().map(shown).collect();
        tokens.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(TokensPage { tokens })
    }

    async fn add_token(&self, request: TokenRequest) -> BackendResult<TokenReply> {
        self.needs_commander("adding a token")?;
        let request = checked(request).map_err(problem)?;
        let id = request.id.clone();
        if self.control.tokens().iter().any(|token| token.id == id) {
            return Err(Problem::new(Code::Invalid, "there is a token of that id already").in_field("id").into());
        }
        let record = TokenRecord {
            id: request.id,
            name: request.name,
            secret_hash: request.secret_hash,
            role: request.role,
            targets: request.targets,
            binding: request.binding,
            created_at: self.clock.now(),
            revoked_at: None,
        };
        self.control.add_token(&self.who, record).await.map_err(problem)?;
        Ok(TokenReply { token: self.token(&id)?, audit: None })
    }

    async fn revoke_token(&self, id: &str, request: ReasonRequest) -> BackendResult<TokenReply> {
        self.needs_commander("revoking a token")?;
        self.control.revoke_token(&self.who, id, request).await.map_err(problem)?;
        Ok(TokenReply { token: self.token(id)?, audit: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> TokenRequest {
        TokenRequest {
            id: "t-0123456789".to_owned(),
            name: "mira".to_owned(),
            secret_hash: "a".repeat(64),
            role: Role::Operator,
            targets: vec!["dc-*".to_owned()],
            binding: None,
        }
    }

    #[test]
    fn a_token_that_could_not_be_used_or_read_is_refused_with_the_field() {
        assert!(checked(request()).is_ok());
        let binding: crate::domain::Binding =
            serde_json::from_value(serde_json::json!({"group": "g", "site": "s", "lane": null})).unwrap();
        let table: [(&str, TokenRequest); 8] = [
            ("id", TokenRequest { id: "x".to_owned(), ..request() }),
            ("secret_hash", TokenRequest { secret_hash: "rdk_secret".to_owned(), ..request() }),
            ("name", TokenRequest { name: " ".to_owned(), ..request() }),
            ("name", TokenRequest { name: "mi\u{1b}[31mra".to_owned(), ..request() }),
            ("binding", TokenRequest { role: Role::Agent, ..request() }),
            ("binding", TokenRequest { binding: Some(binding), ..request() }),
            ("targets", TokenRequest { targets: Vec::new(), ..request() }),
            ("targets", TokenRequest { targets: vec!["site=x".to_owned()], ..request() }),
        ];
        for (field, bad) in table {
            let problem = checked(bad).unwrap_err();
            assert_eq!(problem.field.as_ref().map(SafeText::as_str), Some(field));
            assert!(!problem.detail.as_str().contains("rdk_secret"));
        }
    }
}
