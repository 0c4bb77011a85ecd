//! All that can happen to the dashboard, and all that it can ask of the world.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    intent::Intent,
    keymap::{Keymap, Sequence},
    theme::Theme,
};
use crate::{
    backend::{
        ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, BackendError,
        CalendarPage, Conditions, FlagReply, FlagRequest, FlagsPage, OverrideChange, OverrideReply, OverrideRequest,
        OverridesPage, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, Tagged, VerifyReport, WindowReply,
        WindowRequest, WindowsPage, WindowsQuery, WindowsState, Witnessed,
    },
    domain::{FlagKey, Rollout, RolloutId, SafeText},
};

/// When something happened: by the wall and since the program started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock.
    pub wall: DateTime<Utc>,
    /// Since the program started; never goes back.
    pub elapsed: Duration,
}

/// What came from the keyboard.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key, or a sequence of keys, that the keymap knows in the contexts of [`super::app::App::contexts`].
    Intent(Intent),
    /// A key that edits the focused text field.
    Edit(tui_input::InputRequest),
    /// A paste.
    Paste(String),
    /// The mouse, where it is on.
    Pointer(Pointer),
    /// A key that means nothing here.
    Unbound,
}

/// What was done with the mouse, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// What.
    pub kind: PointerKind,
    /// The column, from 0.
    pub x: u16,
    /// The row, from 0.
    pub y: u16,
}

/// What can be done with the mouse. Dragging stays the terminal's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointerKind {
    /// The left button was pressed.
    Press,
    /// The right button was pressed.
    Menu,
    /// The wheel was turned by a notch.
    Wheel {
        /// Towards the end.
        down: bool,
    },
}

/// A context's connection: answers of another one than the current are dropped.
pub type Generation = u64;

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// From the keyboard.
    Input(Input),
    /// The first frame after the last change was written out.
    Painted,
    /// A deadline that [`super::app::App::deadline`] named has come, or the minute turned.
    Deadline,
    /// The terminal has another size.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The program was suspended and goes on.
    Resumed,
    /// A sequence of keys was begun and waits, or was taken back.
    Sequence(Option<Box<Sequence>>),
    /// The person's theme was read again, or another one was chosen.
    Theme(Box<Theme>),
    /// The person's keymap was read again, or another one was chosen.
    Keymap(Box<Keymap>),
    /// Something is wrong with the person's own files; nothing was changed because of it.
    Told(SafeText),
    /// What painting costs, as was asked.
    Measured(Box<Cost>),
    /// A person's editor ended: the text for the dialog of this idempotency key, or why there is none.
    Edited(String, Result<String, SafeText>),
    /// An answer of the backend of some connection.
    Answer(Generation, Box<Answer>),
}

/// What counts as lately in what painting costs.
pub const LATELY: Duration = Duration::from_mins(1);

/// What painting costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// How long the dashboard has been open.
    pub since: Duration,
    /// Frames that went to the terminal.
    pub frames: u64,
    /// Bytes that went to it.
    pub bytes: u64,
    /// Bytes that went to it [lately](LATELY).
    pub lately: u64,
    /// Bytes of the first frame.
    pub first: usize,
    /// Bytes of the last frame.
    pub last: usize,
    /// How long writing the last frame took; none while it is written.
    pub took: Option<Duration>,
    /// How long the terminal takes to answer a frame; none of one that does not.
    pub round_trip: Option<Duration>,
}

/// What a backend answered.
#[derive(Debug)]
pub enum Answer {
    /// Who we are to it.
    Info(Result<ServerInfo, BackendError>),
    /// The list; asked again for ever by the poll task.
    View(Result<RolloutsPage, BackendError>),
    /// One rollout; asked again for as long as it is watched.
    Rollout(RolloutId, Result<Tagged<Rollout>, BackendError>),
    /// Audit entries for the audit view.
    Audit(AuditQuery, Result<AuditPage, BackendError>),
    /// The timeline of a rollout.
    Timeline(RolloutId, Result<AuditPage, BackendError>),
    /// What a verification found.
    Verified(Result<VerifyReport, BackendError>),
    /// What holding the trail against what is remembered of it has shown.
    Witnessed(Result<Witnessed, BackendError>),
    /// Windows.
    Windows(Result<WindowsPage, BackendError>),
    /// Sites.
    Sites(Result<SitesPage, BackendError>),
    /// Flags.
    Flags(Result<FlagsPage, BackendError>),
    /// What happened to a flag.
    FlagHistory(FlagKey, Result<AuditPage, BackendError>),
    /// The connection is lost; it is tried again after that time.
    RetryIn(Duration),
    /// An answer was lost: the action with this idempotency key was asked for again, that many times by now.
    AskedAgain(String, u32),
    /// A dry run, for the dialog of this idempotency key.
    Previewed(String, Result<ActionReply, BackendError>),
    /// An action's answer, by its idempotency key.
    Acted(String, Result<ActionReply, BackendError>),
    /// A window's change, by its idempotency key.
    WindowChanged(String, Result<WindowReply, BackendError>),
    /// Spans of windows from when until when.
    Calendar(DateTime<Utc>, DateTime<Utc>, Result<CalendarPage, BackendError>),
    /// Overrides.
    Overrides(Result<OverridesPage, BackendError>),
    /// An override was asked for, or changed, by the dialog's key.
    OverrideChanged(String, Result<OverrideReply, BackendError>),
    /// What waits for a second person.
    Approvals(Result<ApprovalsPage, BackendError>),
    /// What waited was decided, by the dialog's key.
    ApprovalDecided(String, Result<Box<ApprovalReply>, BackendError>),
    /// What holds the site that is followed.
    SiteState(WindowsQuery, Result<WindowsState, BackendError>),
    /// Audit entries since the site is followed.
    SiteTrail(AuditQuery, Result<AuditPage, BackendError>),
    /// Audit entries of the time before something began to be wrong, and since.
    RecoveryTrail(AuditQuery, Result<AuditPage, BackendError>),
    /// A dry run of a flag's change, for the dialog of this idempotency key.
    FlagPreviewed(String, Result<FlagReply, BackendError>),
    /// A flag's change, by its idempotency key.
    FlagChanged(String, Result<FlagReply, BackendError>),
}

/// What the terminal is asked for beside its cells. It goes out in front of the next frame, in the same
/// write; nothing tells whether the terminal did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalRequest {
    /// Put a text into the clipboard (OSC 52). Line breaks stay.
    Clipboard(String),
    /// Ring the bell.
    Bell,
    /// Report the mouse's buttons and wheel, or leave the mouse to the terminal.
    Mouse(bool),
    /// Show a notification (OSC 9), outside of the terminal's screen if the terminal can.
    Notification(SafeText),
}

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenPart {
    /// The row of the selection.
    Row,
    /// All of it.
    View,
}

/// What the dashboard asks of the world.
#[derive(Debug, Clone)]
pub enum Command {
    /// Watch this rollout (long polls), or none.
    Watch(Option<RolloutId>),
    /// Ask for everything again now.
    Refresh,
    /// Ask for audit entries.
    Audit(AuditQuery),
    /// Ask for the timeline of a rollout.
    Timeline(RolloutId),
    /// Verify the audit trail.
    Verify,
    /// Hold the audit trail against what is remembered of it.
    Witness,
    /// Ask for windows.
    Windows,
    /// Ask for sites.
    Sites,
    /// Ask for flags.
    Flags,
    /// Ask what happened to a flag.
    FlagHistory(FlagKey),
    /// Ask what an action would do (a dry run).
    Preview {
        /// The dialog's idempotency key.
        key: String,
        /// The rollout.
        id: RolloutId,
        /// The action.
        request: ActionRequest,
    },
    /// Act. Asked again with the same key when the answer is lost.
    Act {
        /// The rollout.
        id: RolloutId,
        /// The action.
        request: ActionRequest,
        /// Key and revision.
        conditions: Conditions,
    },
    /// Add a freeze.
    AddWindow {
        /// The dialog's idempotency key.
        key: String,
        /// The freeze.
        request: Box<WindowRequest>,
    },
    /// Lift a freeze.
    LiftWindow {
        /// The dialog's idempotency key.
        key: String,
        /// The window's id.
        id: String,
        /// Why.
        request: ReasonRequest,
    },
    /// Ask for the spans of windows from when until when.
    Calendar {
        /// From when.
        from: DateTime<Utc>,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// Ask for overrides.
    Overrides,
    /// Ask for an override to be given.
    AddOverride {
        /// The dialog's idempotency key.
        key: String,
        /// What it is to lift.
        request: Box<OverrideRequest>,
    },
    /// Countersign an override, or take it back.
    ChangeOverride {
        /// The dialog's key.
        key: String,
        /// The override's id.
        id: String,
        /// Which of the two.
        change: OverrideChange,
        /// Why.
        request: ReasonRequest,
    },
    /// Ask what waits for a second person.
    Approvals,
    /// Agree to what waits, refuse it, or take it back.
    DecideApproval {
        /// The dialog's key.
        key: String,
        /// The approval's id.
        id: String,
        /// Which of the three.
        change: ApprovalChange,
        /// Why.
        request: ReasonRequest,
    },
    /// Ask what holds the site that is followed.
    SiteState(WindowsQuery),
    /// Ask for audit entries since the site is followed.
    SiteTrail(AuditQuery),
    /// Ask for audit entries of the time before something began to be wrong, and since.
    RecoveryTrail(AuditQuery),
    /// Ask what a flag's change would do (a dry run).
    PreviewFlag {
        /// The dialog's idempotency key.
        key: String,
        /// The flag.
        flag: FlagKey,
        /// What it is to be.
        request: Box<FlagRequest>,
    },
    /// Change a flag. Asked again with the same key when the answer is lost.
    PutFlag {
        /// The flag.
        flag: FlagKey,
        /// What it is to be.
        request: Box<FlagRequest>,
        /// Key and revision.
        conditions: Conditions,
    },
    /// Switch a flag off everywhere, now.
    KillFlag {
        /// The dialog's idempotency key.
        key: String,
        /// The flag.
        flag: FlagKey,
        /// Why.
        request: ReasonRequest,
    },
    /// Connect to another context.
    Connect(String),
    /// Use another theme, by its name.
    Theme(String),
    /// Use another keymap, by its name.
    Keymap(String),
    /// Read keys by this map from now on.
    Keys(Arc<Keymap>),
    /// Something for the terminal beside what it shows.
    Terminal(TerminalRequest),
    /// Hand what the screen shows to the terminal's clipboard.
    CopyScreen(ScreenPart),
    /// Let the person edit a text with their own editor; it comes back as [`Message::Edited`].
    Edit {
        /// The dialog that it is for, by its idempotency key.
        key: String,
        /// The text so far.
        text: String,
        /// What to say of it below it, line by line.
        about: Vec<String>,
    },
    /// Keep a reason for the next time.
    Remember(String),
    /// Say what painting costs: [`Message::Measured`].
    Measure,
    /// Paint everything again.
    Redraw,
    /// Stop, and let the shell go on.
    Suspend,
    /// Leave.
    Quit,
}
