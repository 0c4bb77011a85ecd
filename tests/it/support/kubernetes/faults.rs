//! What goes wrong when a test wants it to, and what was asked for.

use std::time::Duration;

use serde_json::Value;
use wildmatch::WildMatch;

/// What happens to a request instead of, or beside, being answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is answered later.
    Late(Duration),
    /// It is refused with 429 and a `Retry-After` in seconds.
    TooManyRequests(u32),
    /// It is refused with this code and the text of a server that has trouble.
    Fails(u16),
    /// It is refused with a page of HTML, as proxies do.
    Page(u16),
    /// The connection ends without an answer, and nothing was done.
    Reset,
    /// It is done, and the connection ends before the answer: nobody knows.
    AnswerLost,
    /// It is done, and the answer ends in its middle.
    AnswerCut,
    /// Nobody ever answers.
    Silence,
}

/// Where and how often.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// With the verb first: `patch /apis/argoproj.io/*`, `watch *`.
    pattern: WildMatch,
    pub fault: Fault,
    left: Option<usize>,
}

impl Trouble {
    pub fn new(pattern: &str, fault: Fault, times: Option<usize>) -> Self {
        Self { pattern: WildMatch::new(pattern), fault, left: times }
    }

    pub fn spent(&self) -> bool {
        self.left == Some(0)
    }

    /// Whether it happens to this request; counted.
    pub fn strikes(&mut self, verb: &str, path: &str) -> bool {
        if self.spent() || !self.pattern.matches(&format!("{verb} {path}")) {
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }
}

/// What an open watch is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// It ends as it does after its time.
    End,
    /// Its connection breaks.
    Break,
    /// It breaks in the middle of its next event.
    BreakInNext,
    /// It says nothing any more, and stays open.
    BeSilent,
    /// It is told that its version is too old, and ends.
    Expire,
    /// It gets a bookmark, if it allowed them.
    Bookmark,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, as rules name them; the method where it is of no object.
    pub verb: String,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Null when there was none, a text when it was no JSON.
    pub body: Value,
    pub content_type: String,
    pub user_agent: String,
    /// Of whom; empty when the token is not known.
    pub user: String,
    /// The code of the answer; 0 while there is none.
    pub code: u16,
}

impl Asked {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
