//! Whether an intent would do anything here, or why not: palette and help ask, so that what cannot be done
//! stays visible with its reason.

use super::{act, flags};
use crate::tui::{
    app::{App, View, calendar::Pane, offer::Why, sort::SortBy},
    intent::Intent,
};

/// Why an intent does nothing on the view as it is; nothing where it does something.
pub(in crate::tui) fn refused(app: &App, intent: Intent) -> Option<String> {
    let unless = |can: bool, why: &str| (!can).then(|| why.to_owned());
    if let Some(action) = act::action_of(intent) {
        return told(act::Item::Action(action.spec()).offer(app));
    }
    if let Some(verb) = flags::verb_of(intent) {
        return told(act::Item::Flag(verb).offer(app));
    }
    let view = app.view;
    let on_bars = view == View::Windows && app.calendar.pane == Pane::Bars;
    match intent {
        Intent::AddWindow => told(act::Item::AddWindow.offer(app)),
        Intent::LiftWindow => told(act::Item::LiftWindow.offer(app)),
        Intent::Approve | Intent::Reject => {
            let here = unless(view == View::Approvals, "works where approvals are: :approvals");
            here.or_else(|| told(act::Item::Consent(intent).offer(app)))
        }
        Intent::Countersign => {
            let here = unless(view == View::Overrides, "works where overrides are: :overrides");
            here.or_else(|| told(act::Item::Consent(intent).offer(app)))
        }
        Intent::Withdraw => {
            let here = unless(matches!(view, View::Approvals | View::Overrides), "works on approvals and overrides");
            here.or_else(|| told(act::Item::Consent(intent).offer(app)))
        }
        Intent::AskOverride => Some("works in the dialog of what a window holds".to_owned()),
        Intent::Press => Some("works in a dialog".to_owned()),
        Intent::HistoryOlder | Intent::HistoryNewer | Intent::Editor => Some("works in a text field".to_owned()),
        Intent::Filter => unless(view == View::Audit || app.filter().is_some(), "there is nothing to filter here"),
        Intent::Sort | Intent::ReverseSort => {
            unless(app.order().is_some() && !SortBy::of(view).is_empty(), "what is shown here has one order only")
        }
        Intent::Wide => unless(view == View::Overview, "there are no more columns here"),
        Intent::Zoom => unless(view == View::Detail, "works on a rollout"),
        Intent::ChartMode => unless(matches!(view, View::Overview | View::Detail), "no chart is shown here"),
        Intent::CalendarNow | Intent::ZoomIn | Intent::ZoomOut => unless(on_bars, "works on the calendar of windows"),
        Intent::Pivot | Intent::ChangedOnly => unless(view == View::Flags, "works where flags are: :flags"),
        Intent::NextPane | Intent::PreviousPane => {
            unless(matches!(view, View::Detail | View::Windows | View::Flags), "there is one pane only")
        }
        Intent::ViewForward => unless(!app.ahead.is_empty(), "no view was left by going back"),
        Intent::LastView => unless(!app.views.is_empty(), "no view was left yet"),
        Intent::Newest => unless(!app.rollouts.unseen.is_empty(), "nothing is new"),
        Intent::Arm => unless(app.is_protected(), "this context is not protected: there is nothing to arm"),
        Intent::ViewDetail => {
            unless(app.detail.is_some() || app.rollouts.selected().is_some(), "no rollout is selected")
        }
        _ => None,
    }
}

fn told(offer: Result<(), Why>) -> Option<String> {
    match offer {
        Ok(()) => None,
        Err(Why::Held(why)) => Some(format!("HELD: {why}")),
        Err(Why::Never(why)) => Some(why),
    }
}
