//! Tokens: who may. Of their text only a hash ever comes here.

use std::sync::Arc;

use super::{
    authorize::{self, Wish},
    core::Core,
    journal::Draft,
};
use crate::{
    domain::{Outcome, Principal, Role, SafeText, Scope, Subject, SubjectKind},
    store::{TokenRecord, Write},
    wire::{Code, Problem, ReasonRequest, TokenReply, TokenRequest, TokenView, TokensPage},
};

/// Most patterns of targets of a token.
const TARGETS_MAX: usize = 64;
/// Longest name of a token, in characters.
const NAME_MAX: usize = 100;

/// All tokens, the newest first, revoked ones too.
pub(super) fn page(who: &Principal, tokens: &[TokenRecord]) -> Result<TokensPage, Problem> {
    if !(who.role.covers(Role::Commander) && authorize::holds_everywhere(who)) {
        return Err(Problem::new(Code::Forbidden, "tokens are for a commander of all targets (*) to see"));
    }
    let mut tokens: Vec<TokenView> = tokens.iter().map(view).collect();
    tokens.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.as_str().cmp(b.id.as_str())));
    Ok(TokensPage { tokens })
}

fn view(token: &TokenRecord) -> TokenView {
    TokenView {
        id: SafeText::new(&token.id),
        name: SafeText::new(&token.name),
        role: token.role,
        holder: token.holder,
        targets: token.targets.iter().map(SafeText::new).collect(),
        binding: token.binding.clone(),
        created_at: token.created_at,
        revoked_at: token.revoked_at,
    }
}

/// Refuses a token that could not be used, or not be read in the audit trail.
fn check(request: &TokenRequest) -> Result<(), Problem> {
    let invalid = |field: &str, detail: &str| Err(Problem::new(Code::Invalid, detail).in_field(field));
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !request.id.strip_prefix("t-").is_some_and(|rest| hex(rest, 10)) {
        return invalid("id", "the id of a token is t- and ten hex digits, the ones in its text");
    }
    if !hex(&request.secret_hash, 64) {
        return invalid("secret_hash", "secret_hash is the SHA-256 of the token's text, 64 lower-case hex digits");
    }
    let name = request.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || SafeText::new(name).as_str() != name {
        return invalid("name", "a token's name is 1 to 100 printable characters: the audit trail shows it");
    }
    // A pattern of targets is a scope with nothing but a target in it.
    let is_pattern =
        |text: &String| text.parse::<Scope>().is_ok_and(|scope| scope.targets.as_slice() == std::slice::from_ref(text));
    if !(1..=TARGETS_MAX).contains(&request.targets.len()) || !request.targets.iter().all(is_pattern) {
        return invalid("targets", "targets are 1 to 64 names or patterns such as dc-*, or * for all");
    }
    if request.role == Role::Agent && request.holder.is_some() {
        return invalid("holder", "an agent's token is held by a site's agent, and by nobody else");
    }
    match (request.role, &request.binding) {
        (Role::Agent, None) => invalid("binding", "an agent's token is bound: name its group and its site"),
        (Role::Agent, Some(binding)) => {
            let covers = |target: &String| wildmatch::WildMatch::new(target).matches(binding.group.as_str());
            if request.targets.iter().any(covers) {
                Ok(())
            } else {
                invalid("targets", "an agent's token holds for the group that it is bound to")
            }
        }
        (_, Some(_)) => invalid("binding", "only an agent's token is bound to a site"),
        (_, None) => Ok(()),
    }
}

impl Core {
    pub(super) fn add_token(&mut self, who: &Principal, request: TokenRequest) -> Result<TokenReply, Problem> {
        check(&request)?;
        let subject = Subject { kind: SubjectKind::Token, target: None, name: SafeText::new(&request.id) };
        self.allow_tokens(who, &subject, "token_add", None)?;
        if self.tokens.iter().any(|t| t.id == request.id) {
            return Err(Problem::new(Code::Invalid, "there is a token of that id already").in_field("id"));
        }
        let token = TokenRecord {
            id: request.id,
            name: request.name.trim().to_owned(),
            secret_hash: request.secret_hash,
            role: request.role,
            holder: request.holder,
            targets: request.targets,
            binding: request.binding,
            created_at: self.now(),
            revoked_at: None,
        };
        let holder = token.holder.map_or_else(String::new, |holder| format!(" ({})", holder.as_str()));
        let effect = format!("{} for {}, {}{holder}", token.role.as_str(), token.targets.join(", "), token.name);
        self.batch.push(Write::Token(token.clone()));
        let shown = view(&token);
        Arc::make_mut(&mut self.tokens).push(token);
        let entry = self.journal(Draft {
            effect: Some(SafeText::new(effect)),
            ..Draft::new(who.actor(), "token_add", subject, Outcome::Applied)
        });
        Ok(TokenReply { token: shown, audit: Some(entry) })
    }

    pub(super) fn revoke_token(
        &mut self,
        who: &Principal,
        id: &str,
        request: &ReasonRequest,
    ) -> Result<TokenReply, Problem> {
        let why = authorize::reason(&request.reason)?;
        let subject = Subject { kind: SubjectKind::Token, target: None, name: SafeText::new(id) };
        self.allow_tokens(who, &subject, "token_revoke", Some(&why))?;
        let now = self.now();
        let Some(at) = self.tokens.iter().position(|t| t.id == id) else {
            return Err(Problem::new(Code::NotFound, format!("there is no token {}", SafeText::new(id))));
        };
        let Some(token) = Arc::make_mut(&mut self.tokens).get_mut(at) else {
            return Err(Problem::new(Code::NotFound, format!("there is no token {}", SafeText::new(id))));
        };
        let outcome = if token.revoked_at.is_some() { Outcome::NoOp } else { Outcome::Applied };
        token.revoked_at.get_or_insert(now);
        let (write, shown) = (Write::Token(token.clone()), view(token));
        self.batch.push(write);
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            ticket: authorize::ticket(request.ticket.as_ref()),
            effect: Some(SafeText::new("its requests are refused from now on")),
            ..Draft::new(who.actor(), "token_revoke", subject, outcome)
        });
        Ok(TokenReply { token: shown, audit: Some(entry) })
    }

    /// Tokens are changed by a commander of all targets only.
    fn allow_tokens(
        &mut self,
        who: &Principal,
        subject: &Subject,
        verb: &str,
        why: Option<&crate::domain::Reason>,
    ) -> Result<(), Problem> {
        self.allow(Wish {
            who,
            needed: Role::Commander,
            here: authorize::holds_everywhere(who),
            target: None,
            subject: subject.clone(),
            verb,
            why,
            dry_run: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Holder;

    fn request() -> TokenRequest {
        TokenRequest {
            id: "t-0123456789".to_owned(),
            name: "mira".to_owned(),
            secret_hash: "a".repeat(64),
            role: Role::Operator,
            holder: None,
            targets: vec!["dc-*".to_owned()],
            binding: None,
        }
    }

    #[test]
    fn a_token_that_could_not_be_used_or_read_is_refused_with_the_field() {
        assert!(check(&request()).is_ok());
        let binding: crate::domain::Binding =
            serde_json::from_value(serde_json::json!({"group": "g", "site": "s", "lane": null})).unwrap();
        let agent = TokenRequest { role: Role::Agent, binding: Some(binding.clone()), ..request() };
        assert!(check(&TokenRequest { targets: vec!["g".to_owned()], ..agent.clone() }).is_ok());
        let held = TokenRequest { holder: Some(Holder::Automation), ..request() };
        assert!(check(&held).is_ok());
        let table: [(&str, TokenRequest); 10] = [
            ("holder", TokenRequest { role: Role::Agent, ..held }),
            ("id", TokenRequest { id: "x".to_owned(), ..request() }),
            ("secret_hash", TokenRequest { secret_hash: "rdk_secret".to_owned(), ..request() }),
            ("name", TokenRequest { name: " ".to_owned(), ..request() }),
            ("name", TokenRequest { name: "mi\u{1b}[31mra".to_owned(), ..request() }),
            ("binding", TokenRequest { role: Role::Agent, ..request() }),
            ("binding", TokenRequest { binding: Some(binding), ..request() }),
            ("targets", agent),
            ("targets", TokenRequest { targets: Vec::new(), ..request() }),
            ("targets", TokenRequest { targets: vec!["site=x".to_owned()], ..request() }),
        ];
        for (field, bad) in table {
            let problem = check(&bad).unwrap_err();
            assert_eq!(problem.field.as_ref().map(SafeText::as_str), Some(field));
            assert!(!problem.detail.as_str().contains("rdk_secret"));
        }
    }
}
