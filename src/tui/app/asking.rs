//! The form of an override: which windows it is to lift for what, how often and how long, and what is sent.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    dialog::{Dialog, Pinned, Subject},
    text::Field,
    when,
    zone::Zone,
};
use crate::{
    backend::OverrideRequest,
    domain::{Freeze, Operation, Overridable, OverrideKind, WindowRef},
};

/// Fewest characters of the reason of an override: whoever reads it later was not there.
pub const REASON_MIN: usize = 12;
/// How long an override counts, where nobody says otherwise.
pub const LASTS: &str = "4h";

/// What an override is asked for.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The windows that it is to lift, as they are now.
    pub windows: Vec<Freeze>,
    /// For what.
    pub operation: Operation,
    /// The rollout that may pass, as it is now.
    pub pinned: Pinned,
    /// What it is for.
    pub kind: OverrideKind,
    /// How long, or until when.
    pub expires: Field,
    /// How often.
    pub uses: Field,
    /// Whether nobody is waited for.
    pub break_glass: bool,
    /// The dialog that goes on with it.
    pub then: Box<Dialog>,
}

impl Asking {
    /// The form with what goes without saying in it.
    #[must_use]
    pub fn new(windows: Vec<Freeze>, operation: Operation, pinned: Pinned, then: Dialog) -> Self {
        Self {
            windows,
            operation,
            pinned,
            kind: OverrideKind::default(),
            expires: Field::with(40, LASTS),
            uses: Field::with(4, "1"),
            break_glass: false,
            then: Box::new(then),
        }
    }

    /// Who has to agree, by the strictest of the windows.
    #[must_use]
    pub fn people(&self) -> Overridable {
        self.windows.iter().map(|freeze| freeze.overridable).max().unwrap_or_default()
    }

    /// Whether it counts without a second person.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.break_glass || self.people() == Overridable::Single
    }

    /// Until when it is to count.
    ///
    /// # Errors
    /// What is wrong with what was typed.
    pub fn expires_at(&self, now: DateTime<Utc>, zone: Zone) -> Result<DateTime<Utc>, String> {
        let text = self.expires.text().trim();
        let at = match text {
            "" => now + TimeDelta::hours(4),
            text => when::instant(text, now, zone).map_err(|why| format!("expires: {why}"))?,
        };
        if at <= now {
            return Err("it would have expired before it counts".to_owned());
        }
        Ok(at)
    }

    /// How often it is to be used.
    ///
    /// # Errors
    /// What is wrong with what was typed.
    pub fn uses_max(&self) -> Result<u32, String> {
        let text = self.uses.text().trim();
        match text.parse::<u32>() {
            _ if text.is_empty() => Ok(1),
            Ok(uses) if uses > 0 => Ok(uses),
            _ => Err(format!("uses: '{text}' is no number of uses, write 1 or more")),
        }
    }

    /// The next kind, or the one before.
    pub fn step_kind(&mut self, forward: bool) {
        use OverrideKind::{Hotfix, Incident, Scheduled};
        self.kind = match (self.kind, forward) {
            (Hotfix, true) | (Scheduled, false) => Incident,
            (Incident, true) | (Hotfix, false) => Scheduled,
            (Scheduled, true) | (Incident, false) => Hotfix,
        };
    }
}

/// What a dialog asks for, without its reason being checked by the rule of every reason.
///
/// # Errors
/// Which field is not filled in, or wrong.
pub fn request(dialog: &Dialog, now: DateTime<Utc>, zone: Zone) -> Result<OverrideRequest, String> {
    let Subject::Override(asking) = &dialog.subject else { return Err("this asks for no override".to_owned()) };
    let expires_at = asking.expires_at(now, zone)?;
    let uses = asking.uses_max()?;
    let reason = dialog.reason.text().trim();
    if reason.chars().count() < REASON_MIN {
        return Err(format!("the reason of an override has {REASON_MIN} characters or more"));
    }
    Ok(OverrideRequest {
        // As they were on the screen: one that was changed since is not lifted unseen.
        windows: asking.windows.iter().map(|freeze| WindowRef::from(freeze).to_string()).collect(),
        actions: vec![asking.operation],
        rollout: Some(asking.pinned.id.clone()),
        kind: asking.kind,
        reason: reason.to_owned(),
        ticket: dialog.checked_ticket(),
        expires_at: Some(expires_at),
        uses: Some(uses),
        break_glass: asking.break_glass,
        saw: Some(asking.pinned.saw.clone()),
        ..OverrideRequest::default()
    })
}
