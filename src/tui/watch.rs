//! Watches the person's own themes and keymaps, and the names of them in the configuration, so that what they
//! save is seen without leaving. It looks once a second at when three files were changed, and only where
//! there is a directory for them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::mpsc::Sender,
    task::{AbortHandle, spawn_blocking},
    time::sleep,
};

use super::{capability::Capability, keymap::Keymap, message::Message, theme::Theme};
use crate::domain::SafeText;

/// How often it looks; what changed is read when it has stood still from one look to the next.
const EVERY: Duration = Duration::from_secs(1);

/// A theme and a keymap by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The theme's.
    pub theme: String,
    /// The keymap's.
    pub keymap: String,
}

/// Reads the names from the configuration; the error says what is wrong with it, for people.
pub type ReadNames = Arc<dyn Fn() -> Result<Names, SafeText> + Send + Sync>;

/// The configuration, as far as it is watched.
#[derive(Clone)]
pub struct WatchedConfig {
    /// Its file.
    pub file: PathBuf,
    /// How the names in it are read.
    pub names: ReadNames,
}

/// What is watched.
#[derive(Clone)]
struct Files {
    dir: PathBuf,
    config: Option<WatchedConfig>,
    capability: Capability,
    names: Arc<Mutex<Names>>,
}

/// A watch that goes on until it is dropped.
pub(super) struct Watch {
    names: Arc<Mutex<Names>>,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// When a file was changed last, and how large it is; none where there is none.
type Stamp = Option<(SystemTime, u64)>;

/// What one look shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    names: Names,
    theme: Stamp,
    keymap: Stamp,
    config: Stamp,
}

impl Watch {
    /// Begins to watch, where there is a directory to be watched.
    pub fn start(
        dir: &Path,
        config: Option<WatchedConfig>,
        names: Names,
        capability: &Capability,
        sender: Sender<Message>,
    ) -> Option<Self> {
        if !dir.is_dir() {
            return None;
        }
        let names = Arc::new(Mutex::new(names));
        let files = Files { dir: dir.to_owned(), config, capability: capability.clone(), names: Arc::clone(&names) };
        let task = tokio::spawn(watch(files, sender)).abort_handle();
        Some(Self { names, task })
    }

    /// Another theme is in force: its file is watched from now on.
    pub fn theme(&self, name: &str) {
        name.clone_into(&mut lock(&self.names).theme);
    }

    /// Another keymap is in force.
    pub fn keymap(&self, name: &str) {
        name.clone_into(&mut lock(&self.names).keymap);
    }
}

fn lock(names: &Mutex<Names>) -> std::sync::MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(files: Files, sender: Sender<Message>) {
    let look = |files: &Files| {
        let files = files.clone();
        spawn_blocking(move || files.look())
    };
    let Ok(mut last) = look(&files).await else { return };
    // What the configuration says now is in force, or something else was asked for on the command line.
    let mut said = files.config.as_ref().and_then(|config| (config.names)().ok());
    let mut settles: Option<Look> = None;
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(EVERY) => {}
        }
        let Ok(now) = look(&files).await else { return };
        if now.names != last.names {
            // It was chosen by hand, and read then; what the configuration says was not.
            (last, settles) = (Look { config: last.config, ..now }, None);
        } else if now == last {
            settles = None;
        } else if settles.as_ref() != Some(&now) {
            // An editor may still be writing, or has moved the file away to put another in its place.
            settles = Some(now);
        } else {
            let (files, before, then) = (files.clone(), last, now.clone());
            let read = spawn_blocking(move || {
                let mut said = said;
                let messages = files.read(&before, &then, &mut said);
                (messages, said)
            });
            let Ok((messages, names)) = read.await else { return };
            (last, settles, said) = (now, None, names);
            for message in messages {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Files {
    fn look(&self) -> Look {
        let stamp = |path: &Path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        let names = lock(&self.names).clone();
        Look {
            theme: stamp(&self.dir.join("themes").join(format!("{}.toml", names.theme))),
            keymap: stamp(&self.dir.join("keymaps").join(format!("{}.toml", names.keymap))),
            config: self.config.as_ref().and_then(|config| stamp(&config.file)),
            names,
        }
    }

    /// Reads what changed between two looks. `said` is what the configuration said before.
    fn read(&self, before: &Look, now: &Look, said: &mut Option<Names>) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut names = now.names.clone();
        if now.config != before.config
            && let Some(config) = &self.config
        {
            match (config.names)() {
                Ok(says) => {
                    // A name that did not change there leaves what was chosen meanwhile.
                    if said.as_ref().is_none_or(|said| said.theme != says.theme) {
                        names.theme.clone_from(&says.theme);
                    }
                    if said.as_ref().is_none_or(|said| said.keymap != says.keymap) {
                        names.keymap.clone_from(&says.keymap);
                    }
                    *said = Some(says);
                }
                Err(why) => messages.push(Message::Told(why)),
            }
        }
        if now.theme != before.theme || names.theme != now.names.theme {
            let theme = Theme::load(Some(&names.theme), Some(&self.dir), &self.capability).0;
            messages.push(Message::Theme(Box::new(theme)));
        }
        if now.keymap != before.keymap || names.keymap != now.names.keymap {
            let keymap = Keymap::load(Some(&names.keymap), Some(&self.dir)).0;
            messages.push(Message::Keymap(Box::new(keymap)));
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::timeout};

    use super::*;
    use crate::tui::capability::Wishes;

    fn names(theme: &str, keymap: &str) -> Names {
        Names { theme: theme.to_owned(), keymap: keymap.to_owned() }
    }

    async fn next(messages: &mut mpsc::Receiver<Message>) -> Message {
        timeout(Duration::from_secs(20), messages.recv()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_is_saved_is_read_and_what_the_config_names_anew_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        for kind in ["themes", "keymaps"] {
            std::fs::create_dir(dir.path().join(kind)).unwrap();
        }
        let config = dir.path().join("config.toml");
        std::fs::write(&config, "dark mine").unwrap();
        let place = config.clone();
        let read: ReadNames = Arc::new(move || {
            let text = std::fs::read_to_string(&place).unwrap();
            let (theme, keymap) = text.split_once(' ').ok_or_else(|| SafeText::new("two names are missing"))?;
            Ok(names(theme, keymap))
        });
        let capability = Capability::of(|_| None, Wishes::default());
        let (sender, mut messages) = mpsc::channel(8);
        let config_file = Some(WatchedConfig { file: config.clone(), names: read });
        let watch = Watch::start(dir.path(), config_file, names("dark", "mine"), &capability, sender).unwrap();

        // Its first look is behind it when it sees a change: until then the file is changed again and again.
        let path = dir.path().join("keymaps/mine.toml");
        let mut text = "[global]\n\"F9\" = \"sort\"\n".to_owned();
        let keymap = loop {
            std::fs::write(&path, &text).unwrap();
            match timeout(EVERY * 4, messages.recv()).await {
                Ok(Some(Message::Keymap(keymap))) => break keymap,
                Ok(other) => panic!("{other:?}"),
                Err(_) => text.push('\n'),
            }
        };
        assert!(keymap.all().iter().any(|key| key.keys == "F9"));

        std::fs::write(&config, "light mine").unwrap();
        let Message::Theme(theme) = next(&mut messages).await else { panic!("no theme") };
        assert_eq!(theme.name(), "light");
        watch.theme("light");

        std::fs::write(&config, "nonsense").unwrap();
        let Message::Told(why) = next(&mut messages).await else { panic!("not told") };
        assert_eq!(why.as_str(), "two names are missing");
        drop(watch);
        assert!(messages.recv().await.is_none(), "the watch ends with the dashboard");
    }

    #[tokio::test]
    async fn where_there_is_no_directory_nothing_is_watched() {
        let (sender, _messages) = mpsc::channel(1);
        let capability = Capability::of(|_| None, Wishes::default());
        let none = Path::new("/nonexistent/rolldeck");
        assert!(Watch::start(none, None, Names::default(), &capability, sender).is_none());
    }
}
