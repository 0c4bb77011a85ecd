//! Who may do what, where.

use chrono::{DateTime, Utc};

use super::{
    core::{Core, rollout_subject},
    journal::Draft,
};
use crate::{
    domain::{Holder, Outcome, Principal, Reason, Role, RolloutId, SafeText, Scope, Subject, TargetName, UnitId},
    store::TokenRecord,
    wire::{Code, Problem},
};

/// Whether the caller's role holds for a target.
pub(super) fn holds_for(who: &Principal, target: &TargetName) -> bool {
    who.targets.iter().any(|pattern| wildmatch::WildMatch::new(pattern).matches(target.as_str()))
}

/// Whether the caller's role holds everywhere.
pub(super) fn holds_everywhere(who: &Principal) -> bool {
    who.targets.iter().any(|pattern| pattern == "*")
}

/// Whether the caller's role holds for all that a scope can cover.
pub(super) fn holds_for_scope(who: &Principal, scope: &Scope) -> bool {
    let covered = |pattern: &String| {
        who.targets.iter().any(|mine| mine == pattern || wildmatch::WildMatch::new(mine).matches(pattern))
    };
    holds_everywhere(who) || (!scope.targets.is_empty() && scope.targets.iter().all(covered))
}

/// Whether a scope can cover anything in a target that the caller may see.
pub(super) fn sees_scope(who: &Principal, scope: &Scope) -> bool {
    who.targets.iter().any(|pattern| scope.meets_targets(pattern))
}

/// Whether the caller is this person: by name, or by the token that both used.
pub(super) fn is_person(who: &Principal, id: &SafeText, with: Option<&SafeText>) -> bool {
    id.as_str().eq_ignore_ascii_case(who.id.as_str()) || (with.is_some() && with == who.credential.as_ref())
}

/// Reads need a person's or a machine's role; an agent's credential reads nothing.
pub(super) fn may_read(who: &Principal) -> Result<(), Problem> {
    if who.role.covers(Role::Viewer) {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden, "an agent's token is for its own unit only: use a viewer's token to read"))
    }
}

/// Whether the caller may see what lies in a target.
pub(super) fn may_see(who: &Principal, target: &TargetName) -> Result<(), Problem> {
    may_read(who)?;
    if holds_for(who, target) {
        Ok(())
    } else {
        Err(Problem::new(
            Code::Forbidden,
            format!("{} may see {}, and {target} is not among them", who.id, who.targets.join(", ")),
        ))
    }
}

/// The reason of a change.
pub(super) fn reason(text: &str) -> Result<Reason, Problem> {
    Reason::new(text).map_err(|error| Problem::new(Code::ReasonRequired, error.to_string()).in_field("reason"))
}

/// A ticket's id, where there is one.
pub(super) fn ticket(text: Option<&String>) -> Option<SafeText> {
    text.map(|t| SafeText::new(t.trim())).filter(|t| !t.is_empty())
}

/// A change that a role is held against.
pub(super) struct Wish<'a> {
    pub(super) who: &'a Principal,
    pub(super) needed: Role,
    /// Whether the role holds for what is changed.
    pub(super) here: bool,
    pub(super) target: Option<&'a TargetName>,
    pub(super) subject: Subject,
    pub(super) verb: &'a str,
    pub(super) why: Option<&'a Reason>,
    /// A dry run leaves no entry.
    pub(super) dry_run: bool,
}

impl Core {
    /// What somebody may now, who once came with this token; none when it was revoked. Whoever came
    /// without one, while there was none at all, has to be let in by a token by the time there are some.
    pub(super) fn powers(&self, with: Option<&SafeText>) -> Option<(Role, Vec<String>)> {
        match with {
            Some(with) => {
                let token = self.tokens.iter().find(|token| token.id == with.as_str())?;
                token.revoked_at.is_none().then(|| (token.role, token.targets.clone()))
            }
            None => self.tokens.is_empty().then(|| (Role::Commander, vec!["*".to_owned()])),
        }
    }

    /// Whether a caller's token is known to be a machine's: it does as it is told, and is nobody's second person.
    pub(super) fn is_machine(&self, who: &Principal) -> bool {
        self.token_of(who).is_some_and(|token| token.holder == Some(Holder::Automation))
    }

    /// Whether a caller's token is younger than what somebody asked for: whoever asked could have made it since.
    pub(super) fn is_younger(&self, who: &Principal, asked_at: DateTime<Utc>) -> bool {
        self.token_of(who).is_some_and(|token| token.created_at >= asked_at)
    }

    fn token_of(&self, who: &Principal) -> Option<&TokenRecord> {
        who.credential.as_ref().and_then(|id| self.tokens.iter().find(|token| token.id == id.as_str()))
    }

    /// Holds a role against a change to a rollout; what it refuses is journalled.
    pub(super) fn authorize(
        &mut self,
        who: &Principal,
        needed: Role,
        id: &RolloutId,
        verb: &str,
        why: Option<&Reason>,
    ) -> Result<(), Problem> {
        let (subject, here) = (rollout_subject(id), holds_for(who, &id.target));
        self.allow(Wish { who, needed, here, target: Some(&id.target), subject, verb, why, dry_run: why.is_none() })
    }

    /// Holds a role against a change; what it refuses is journalled.
    pub(super) fn allow(&mut self, wish: Wish<'_>) -> Result<(), Problem> {
        let Wish { who, needed, here, target, subject, verb, why, dry_run } = wish;
        if who.role.covers(needed) && here {
            return Ok(());
        }
        let place = target.map(ToString::to_string).or_else(|| subject.target.as_ref().map(ToString::to_string));
        let place = place.map_or_else(|| "everywhere".to_owned(), |place| format!("on {place}"));
        let detail = format!(
            "{verb} {place} needs the role {}; {} is {} for {}",
            needed.as_str(),
            who.id,
            who.role.as_str(),
            who.targets.join(", "),
        );
        let audit = (!dry_run).then(|| {
            self.journal(Draft {
                reason: why.map(|r| SafeText::new(r.as_str())),
                effect: Some(SafeText::new(&detail)),
                ..Draft::new(who.actor(), verb, subject, Outcome::Refused)
            })
            .seq
        });
        Err(Problem { audit, ..Problem::new(Code::Forbidden, detail) })
    }
}

/// Holds an agent's credential against the unit that it speaks for.
pub(super) fn speaks_for(who: &Principal, unit: &UnitId) -> Result<(), Problem> {
    let bound = match &who.binding {
        Some(binding) => {
            binding.group == unit.group
                && binding.site == unit.site
                && binding.lane.as_ref().is_none_or(|lane| *lane == unit.lane)
        }
        // Loopback without any token: whoever may do everything here may be an agent too.
        None => who.role == Role::Commander && who.credential.is_none(),
    };
    if bound && holds_for(who, &unit.group) {
        return Ok(());
    }
    let what = match &who.binding {
        Some(b) => format!("this token is for site {} of group {}", b.site, b.group),
        None => format!("a {}'s token is not an agent's", who.role.as_str()),
    };
    Err(Problem::new(
        Code::Forbidden,
        format!(
            "{what}, not for {unit}: make one with `rolldeck token add --role agent --group {} --site {}`",
            unit.group, unit.site
        ),
    ))
}
