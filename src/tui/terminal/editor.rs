//! A person's own editor on a text of the dashboard: `VISUAL`, then `EDITOR`, on a file that only they can
//! read. The text comes back; nothing else does.

use std::{
    io::{self, Read as _, Write as _},
    path::Path,
    process::ExitStatus,
};

use tempfile::NamedTempFile;

/// What stands between the text and what is said of it. All below it is cut off.
const CUT: &str = "# ---- above this line is the text; this line and all below it are left out ----";
/// Most bytes of a text that come back.
const TEXT_MAX: u64 = 64 * 1024;
/// What is used where neither variable says anything, as POSIX's own programs do.
const USUAL: &str = "vi";

/// Why a text was not edited. What was typed before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditorError {
    /// The variable's value is no command.
    #[error("{variable} is no command line: {value}")]
    Command {
        /// `VISUAL` or `EDITOR`.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The program cannot be started.
    #[error("cannot start {program} ({variable}): {source}")]
    Start {
        /// The program.
        program: String,
        /// Where it was named.
        variable: &'static str,
        /// Why.
        source: io::Error,
    },
    /// It said that it failed.
    #[error("{program} ended with {status}, so the text is as it was")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The file cannot be written or read.
    #[error("the text cannot be handed to an editor: {0}")]
    File(#[from] io::Error),
}

/// An editor that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editor {
    program: String,
    arguments: Vec<String>,
    variable: &'static str,
}

impl Editor {
    /// The one that the environment names, split as a shell splits words.
    ///
    /// # Errors
    /// [`EditorError::Command`] for a value that is no command line.
    pub fn of(env: impl Fn(&str) -> Option<String>) -> Result<Self, EditorError> {
        let named = ["VISUAL", "EDITOR"]
            .into_iter()
            .find_map(|variable| env(variable).filter(|value| !value.trim().is_empty()).map(|value| (variable, value)));
        let (variable, value) = named.unwrap_or(("neither VISUAL nor EDITOR is set", USUAL.to_owned()));
        let mut words = shlex::split(&value).unwrap_or_default().into_iter();
        match words.next().filter(|program| !program.is_empty()) {
            Some(program) => Ok(Self { program, arguments: words.collect(), variable }),
            None => Err(EditorError::Command { variable, value }),
        }
    }

    /// The one of this process's environment.
    ///
    /// # Errors
    /// [`EditorError::Command`].
    pub fn here() -> Result<Self, EditorError> {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Starts it on a file. It dies with the handle: a person who is gone edits nothing.
    ///
    /// # Errors
    /// [`EditorError::Start`].
    pub fn start(&self, sheet: &Sheet) -> Result<tokio::process::Child, EditorError> {
        tokio::process::Command::new(&self.program)
            .args(&self.arguments)
            .arg(sheet.path())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EditorError::Start { program: self.program.clone(), variable: self.variable, source })
    }

    /// Whether it ended as one that did its work.
    ///
    /// # Errors
    /// [`EditorError::Failed`].
    pub fn ended(&self, status: ExitStatus) -> Result<(), EditorError> {
        if status.success() { Ok(()) } else { Err(EditorError::Failed { program: self.program.clone(), status }) }
    }
}

/// The file that is edited; it is gone when this is dropped.
#[derive(Debug)]
pub struct Sheet {
    file: NamedTempFile,
}

impl Sheet {
    /// A file, readable for its person alone, with the text and under it what there is to say of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(text: &str, about: &[String]) -> io::Result<Self> {
        let mut file = tempfile::Builder::new().prefix("rolldeck-").suffix(".txt").tempfile()?;
        writeln!(file, "{text}\n{CUT}")?;
        for line in about {
            writeln!(file, "# {line}")?;
        }
        file.flush()?;
        Ok(Self { file })
    }

    fn path(&self) -> &Path {
        self.file.path()
    }

    /// The text that is in it now, also where the editor put another file in its place.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        std::fs::File::open(self.path())?.take(TEXT_MAX).read_to_end(&mut bytes)?;
        Ok(kept(&String::from_utf8_lossy(&bytes)))
    }
}

/// The text above the line that cuts it. A line that begins with `#` is text like any other there: it may be
/// the number of a ticket.
fn kept(text: &str) -> String {
    let lines: Vec<&str> = text.lines().take_while(|line| line.trim_end() != CUT).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Editor, EditorError> {
        Editor::of(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_editor_is_that_of_visual_then_editor_split_as_a_shell_does() {
        let editor = of(&[("VISUAL", "'my editor' --wait"), ("EDITOR", "nano")]).unwrap();
        assert_eq!((editor.program.as_str(), editor.arguments.as_slice()), ("my editor", &["--wait".to_owned()][..]));
        assert_eq!(of(&[("VISUAL", " "), ("EDITOR", "nano")]).unwrap().program, "nano");
        assert_eq!(of(&[]).unwrap().program, "vi");
        assert!(of(&[("EDITOR", "vi 'unclosed")]).unwrap_err().to_string().contains("EDITOR is no command line"));
    }

    #[test]
    fn what_is_said_of_the_text_does_not_come_back_and_a_ticket_does() {
        let sheet = Sheet::new("errors since noon", &["rollback shop/cart".to_owned()]).unwrap();
        assert_eq!(std::fs::metadata(sheet.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(sheet.text().unwrap(), "errors since noon");
        let written = std::fs::read_to_string(sheet.path()).unwrap();
        std::fs::write(sheet.path(), format!("#4711 is why\n{written}")).unwrap();
        assert_eq!(sheet.text().unwrap(), "#4711 is why\nerrors since noon");
        std::fs::write(sheet.path(), b"all of it \xff was replaced").unwrap();
        assert_eq!(sheet.text().unwrap(), "all of it \u{fffd} was replaced");
    }

    #[tokio::test]
    async fn an_editor_that_is_missing_or_fails_says_which() {
        let sheet = Sheet::new("text", &[]).unwrap();
        let missing = of(&[("EDITOR", "/nowhere/editor")]).unwrap();
        let error = missing.start(&sheet).unwrap_err().to_string();
        assert!(error.contains("/nowhere/editor (EDITOR)"), "{error}");
        let failing = of(&[("EDITOR", "false")]).unwrap();
        let status = failing.start(&sheet).unwrap().wait().await.unwrap();
        assert!(failing.ended(status).unwrap_err().to_string().contains("false ended with exit status: 1"));
    }
}
