//! What a key asks for. Keys become intents once, at the edge; nothing behind it sees a key.
//! One table: help, hints, keymap files and the palette read it.

macro_rules! intents {
    ($($variant:ident = $id:literal, $help:literal;)*) => {
        /// What a key asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Intent {
            $(#[doc = $help] $variant,)*
        }

        impl Intent {
            /// Every intent, in the order of the help.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in a keymap file.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What it does, for the help.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

intents! {
    Help = "help", "keys that work here";
    CommandLine = "command-line", "command line";
    Filter = "filter", "filter the list";
    NextMatch = "next-match", "next match";
    PreviousMatch = "previous-match", "previous match";
    Up = "up", "up";
    Down = "down", "down";
    Left = "left", "left";
    Right = "right", "right";
    Top = "top", "first";
    Bottom = "bottom", "last";
    PageUp = "page-up", "a page up";
    PageDown = "page-down", "a page down";
    HalfPageUp = "half-page-up", "half a page up";
    HalfPageDown = "half-page-down", "half a page down";
    ScreenTop = "screen-top", "the first row on the screen";
    ScreenMiddle = "screen-middle", "the middle row on the screen";
    ScreenBottom = "screen-bottom", "the last row on the screen";
    RowToTop = "row-to-top", "scroll until the row is at the top";
    RowToMiddle = "row-to-middle", "scroll until the row is in the middle";
    RowToBottom = "row-to-bottom", "scroll until the row is at the bottom";
    Open = "open", "open; in a dialog, press the focused button";
    Back = "back", "back, or cancel";
    NextPane = "next-pane", "next pane or field";
    PreviousPane = "previous-pane", "previous pane or field";
    Press = "press", "press the focused button";
    ViewOverview = "view-overview", "all rollouts";
    ViewDetail = "view-detail", "the selected rollout";
    ViewSites = "view-sites", "sites of the fleet";
    ViewAudit = "view-audit", "audit trail";
    ViewWindows = "view-windows", "change windows";
    ViewFlags = "view-flags", "flags by site and lane";
    ViewOverrides = "view-overrides", "overrides: who may pass which window";
    ViewApprovals = "view-approvals", "what waits for a second person";
    ViewRecover = "view-recover", "guided recovery: what is wrong, what changed, what to do";
    LastView = "last-view", "the view before";
    ViewForward = "view-forward", "the view that was left by going back";
    NextView = "next-view", "the next view by number";
    PreviousView = "previous-view", "the view before this one by number";
    Sort = "sort", "what the list is sorted by; puts it into order where that changed";
    ReverseSort = "reverse-sort", "the order of the list the other way round";
    Wide = "wide", "more columns, or the usual ones";
    Zoom = "zoom", "give the pane the whole screen";
    HoldDisplay = "hold-display", "hold the display";
    Refresh = "refresh", "ask the backend again now";
    Redraw = "redraw", "paint the screen again";
    Newest = "newest", "jump to the newest unseen event";
    TimeZone = "time-zone", "time zone: UTC, mine, the site's";
    Raw = "raw", "raw record";
    Copy = "copy", "copy: id, link, command line, row, view";
    PreviousStage = "previous-stage", "previous stage";
    NextStage = "next-stage", "next stage";
    ChartMode = "chart-mode", "charts: difference, ratio, raw";
    CalendarNow = "calendar-now", "calendar: now";
    ZoomIn = "zoom-in", "calendar: finer";
    ZoomOut = "zoom-out", "calendar: coarser";
    ActionMenu = "action-menu", "actions for the selection";
    Pause = "pause", "pause (opens the dialog)";
    Resume = "resume", "resume (opens the dialog)";
    Promote = "promote", "promote (opens the dialog)";
    PromoteFull = "promote-full", "promote fully (opens the dialog)";
    Rollback = "rollback", "roll back (opens the dialog)";
    Retry = "retry", "retry (opens the dialog)";
    Restart = "restart", "restart all pods (opens the dialog)";
    Terminate = "terminate", "end the analysis that runs (opens the dialog)";
    AddWindow = "add-window", "add a freeze (opens the dialog)";
    LiftWindow = "lift-window", "lift the selected freeze (opens the dialog)";
    FlagKill = "flag-kill", "kill the selected flag (opens the dialog)";
    FlagDisable = "flag-disable", "switch the selected flag off (opens the dialog)";
    FlagEnable = "flag-enable", "switch the selected flag on (opens the dialog)";
    FlagWiden = "flag-widen", "share of sites that gets the selected flag (opens the dialog)";
    FlagRevive = "flag-revive", "bring a killed flag back (opens the dialog)";
    Pivot = "pivot", "columns: lanes of sites, or stages";
    ChangedOnly = "changed-only", "only what somebody should look at, or all";
    AskOverride = "ask-override", "use or ask for an override of what holds it (opens the dialog)";
    Approve = "approve", "agree to what waits (opens the dialog)";
    Reject = "reject", "refuse what waits (opens the dialog)";
    Withdraw = "withdraw", "take back what was asked for (opens the dialog)";
    Countersign = "countersign", "stand by what was taken without waiting (opens the dialog)";
    Arm = "arm", "arm or disarm what widens a change in a protected context";
    VerifyAudit = "verify-audit", "verify the audit trail now";
    HistoryOlder = "history-older", "an older entry of the history";
    HistoryNewer = "history-newer", "a newer entry of the history";
    Editor = "editor", "write the text in $EDITOR";
    Choose1 = "choose-1", "line 1: the answer, or the dialog of the step";
    Choose2 = "choose-2", "line 2: the answer, or the dialog of the step";
    Choose3 = "choose-3", "line 3: the answer, or the dialog of the step";
    Choose4 = "choose-4", "line 4: the answer, or the dialog of the step";
    Choose5 = "choose-5", "line 5: the answer, or the dialog of the step";
    Choose6 = "choose-6", "line 6: the answer, or the dialog of the step";
    Choose7 = "choose-7", "line 7: the answer, or the dialog of the step";
    Choose8 = "choose-8", "line 8: the answer, or the dialog of the step";
    Choose9 = "choose-9", "line 9: the answer, or the dialog of the step";
    Suspend = "suspend", "suspend to the shell";
    Quit = "quit", "leave";
    QuitNow = "quit-now", "leave, pressed twice";
}
