//! What can be done to a flag from the dashboard, and the definition that each of them asks for.

use chrono::{DateTime, Utc};

use super::cell::Serves;
use crate::{
    backend::{FlagRequest, FlagView},
    domain::{
        FlagDefinition, Operation, Revision, SafeText,
        flag::{FlagRule, Serve, SiteShare},
    },
    tui::intent::Intent,
};

/// Shares that one key steps through, in percent.
pub const STEPS: [u8; 4] = [10, 25, 50, 100];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Switched off everywhere, now.
    Kill,
    /// Its rules do not count any more.
    Disable,
    /// Its rules count.
    Enable,
    /// Another share of sites gets it.
    Widen,
    /// Brought back after a kill.
    Revive,
}

impl Verb {
    /// All of them: what stops comes first.
    pub const ALL: [Self; 5] = [Self::Kill, Self::Disable, Self::Enable, Self::Widen, Self::Revive];

    /// The words on a button and in the menu.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kill => "Kill",
            Self::Disable => "Switch off",
            Self::Enable => "Switch on",
            Self::Widen => "Share of sites",
            Self::Revive => "Bring back",
        }
    }

    /// Its name on the command line of the dashboard and of the program.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::Widen => "widen",
            Self::Revive => "revive",
        }
    }

    /// One sentence of what it does.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Kill => "serve the off variant everywhere, at once, whatever rules say",
            Self::Disable => "its rules do not count: every place gets the off variant",
            Self::Enable => "its rules count",
            Self::Widen => "give it to more sites, or to fewer",
            Self::Revive => "bring a killed flag back to its rules",
        }
    }

    /// The intent that chooses it.
    #[must_use]
    pub const fn intent(self) -> Intent {
        match self {
            Self::Kill => Intent::FlagKill,
            Self::Disable => Intent::FlagDisable,
            Self::Enable => Intent::FlagEnable,
            Self::Widen => Intent::FlagWiden,
            Self::Revive => Intent::FlagRevive,
        }
    }

    /// Why it is not to be done to a flag as it is; none when it can be.
    #[must_use]
    pub fn senseless(self, view: &FlagView) -> Option<String> {
        let flag = &view.flag;
        let killed = flag.killed.is_some();
        let by_plan = view.rollout.as_ref().filter(|_| self == Self::Widen);
        match self {
            Self::Kill if killed => Some("it is killed already".to_owned()),
            Self::Revive if !killed => Some("it is not killed".to_owned()),
            Self::Enable | Self::Widen if killed => Some("it is killed: bring it back first".to_owned()),
            Self::Enable if flag.definition.enabled => Some("it is on already".to_owned()),
            Self::Disable if !flag.definition.enabled => Some("it is off already".to_owned()),
            _ => by_plan.map(|rollout| format!("{rollout} widens it: promote that, or pause it")),
        }
    }
}

/// A change of a flag that a dialog is about.
#[derive(Debug, Clone)]
pub struct FlagChange {
    /// What is done.
    pub verb: Verb,
    /// The flag, as it was when the dialog was opened or looked at again.
    pub pinned: FlagView,
    /// What was on the screen, for the audit trail.
    pub saw: String,
}

/// The rule that gives a flag to a share of sites, where it has one.
#[must_use]
pub fn share_rule(definition: &FlagDefinition) -> Option<(usize, &SiteShare)> {
    definition.rules.iter().enumerate().find_map(|(at, rule)| match &rule.serve {
        Serve::Sites(share) => Some((at, share)),
        _ => None,
    })
}

/// The share of sites that it has now, in percent; 0 where no rule gives it to a share.
#[must_use]
pub fn present_share(definition: &FlagDefinition) -> f64 {
    share_rule(definition).map_or(0.0, |(_, share)| share.percent)
}

/// The variant that members of a new share get: `true`, else the first that is neither default nor off.
#[must_use]
pub fn treatment(definition: &FlagDefinition) -> Option<&str> {
    let names = || definition.variants.keys().map(String::as_str);
    let other = |name: &&str| *name != definition.default_variant && *name != definition.off_variant;
    names().find(|name| Serves::of(definition, name) == Serves::On).or_else(|| names().find(other))
}

/// Reads a share of sites: more than 0 and at most 100, with or without `%`.
///
/// # Errors
/// What was expected.
pub fn share(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        Ok(_) => {
            Err("a share of sites is more than 0 and at most 100 %: to take it from all, switch it off".to_owned())
        }
        Err(_) => Err("which share of sites? 10, 25, 50, 100, or another number of percent".to_owned()),
    }
}

impl FlagChange {
    /// Whether it gives something to more places; then windows, locks and stale data may hold it.
    #[must_use]
    pub fn widens(&self, percent: Option<f64>) -> bool {
        match self.verb {
            Verb::Kill | Verb::Disable => false,
            Verb::Enable | Verb::Revive => true,
            Verb::Widen => percent.is_none_or(|percent| percent > present_share(&self.pinned.flag.definition)),
        }
    }

    /// The definition that it asks for; none of a kill, and of a share that there is nothing to give.
    #[must_use]
    pub fn definition(&self, percent: Option<f64>) -> Option<FlagDefinition> {
        let mut definition = self.pinned.flag.definition.clone();
        match self.verb {
            Verb::Kill => return None,
            Verb::Disable => definition.enabled = false,
            Verb::Enable => definition.enabled = true,
            Verb::Revive => {}
            Verb::Widen => {
                let percent = percent?;
                let at = share_rule(&definition).map(|(at, _)| at);
                let rule = at.and_then(|at| definition.rules.get_mut(at));
                if let Some(FlagRule { serve: Serve::Sites(share), .. }) = rule {
                    share.percent = percent;
                } else {
                    let variant = treatment(&definition)?.to_owned();
                    definition.rules.push(FlagRule {
                        id: SafeText::new(format!("{variant}-sites")),
                        when: None,
                        serve: Serve::Sites(SiteShare { variant, percent, members: Vec::new() }),
                    });
                }
            }
        }
        Some(definition)
    }

    /// The request that asks for it, or what it would do; none of a kill.
    #[must_use]
    pub fn request(
        &self,
        percent: Option<f64>,
        reason: String,
        ticket: Option<String>,
        dry_run: bool,
    ) -> Option<FlagRequest> {
        Some(FlagRequest {
            definition: self.definition(percent)?,
            reason,
            ticket,
            override_id: None,
            saw: (!dry_run).then(|| self.saw.clone()),
            revive: self.verb == Verb::Revive,
            dry_run,
        })
    }

    /// What it is to windows, where they can hold it.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self.verb {
            Verb::Widen => Operation::FlagWiden,
            _ => Operation::FlagEnable,
        }
    }

    /// The revision that the request names.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision(SafeText::new(self.pinned.flag.revision.to_string()))
    }

    /// Sites that it brings in and those that it takes out, by what a dry run says it would be.
    #[must_use]
    pub fn moves(&self, after: &FlagView) -> (Vec<String>, Vec<String>) {
        let at = |view: &FlagView| -> Vec<(String, Option<Serves>)> {
            let of = |name: &SafeText| Serves::of(&view.flag.definition, name.as_str());
            view.places
                .iter()
                .map(|place| (format!("{}/{}", place.site, place.lane), place.wanted.as_ref().map(of)))
                .collect()
        };
        let before = at(&self.pinned);
        let (mut gets, mut loses) = (Vec::new(), Vec::new());
        for (place, now) in at(after) {
            let was = before.iter().find(|(other, _)| *other == place).and_then(|(_, was)| was.clone());
            match (was, now) {
                (was, now) if was == now => {}
                (_, Some(Serves::Off)) => loses.push(place),
                (_, Some(now)) => gets.push(format!("{place} {now}")),
                (_, None) => gets.push(format!("{place} by caller")),
            }
        }
        (gets, loses)
    }
}

/// What is on the screen of a flag, in a sentence for the audit trail.
#[must_use]
pub fn saw(view: &FlagView, as_of: Option<DateTime<Utc>>, live: bool) -> String {
    use super::{cell::Cell, cell::State};
    let cells: Vec<Cell> = view.places.iter().filter_map(|place| Cell::of(view, &[place])).collect();
    let on = cells.iter().filter(|cell| cell.wanted != Serves::Off).count();
    let drift = cells.iter().filter(|cell| matches!(cell.state, State::Drift(_))).count();
    let silent = cells.iter().filter(|cell| cell.state == State::Silent).count();
    let flag = &view.flag;
    let switch = match (&flag.killed, flag.definition.enabled) {
        (Some(_), _) => "killed",
        (None, true) => "enabled",
        (None, false) => "off",
    };
    let at = as_of.map_or_else(String::new, |at| format!(", data of {}", at.format("%H:%M:%SZ")));
    let link = if live { "live" } else { "backend LOST" };
    format!(
        "{switch}, wanted on {on} of {} units, {drift} with drift, {silent} silent, revision {}{at}, {link}",
        cells.len(),
        flag.revision
    )
}
