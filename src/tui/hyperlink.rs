//! Links behind cells (OSC 8). A cell has no room for a URL, so it carries a number in the colour of its
//! underline, which no theme uses: cells with another link are other cells, and are painted again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use ratatui::style::{Color, Style};

/// Most links that are known at once; a screen has far fewer.
const LINKS_MAX: usize = 2048;

#[derive(Debug, Default)]
struct Table {
    last: u32,
    urls: BTreeMap<u32, Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// The links that are on the screen: filled by what paints, read by what writes.
#[derive(Debug, Clone, Default)]
pub struct Hyperlinks(Arc<Mutex<Table>>);

impl Hyperlinks {
    /// The style of a cell that links to a URL, which is printable ASCII.
    #[must_use]
    pub fn style(&self, url: &str) -> Style {
        let number = self.number(url);
        let [_, r, g, b] = number.to_be_bytes();
        Style::new().underline_color(Color::Rgb(r, g, b))
    }

    fn number(&self, url: &str) -> u32 {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = table.numbers.get(url) {
            return *number;
        }
        if table.urls.len() >= LINKS_MAX {
            // Numbers are never given again: what is still shown gets a new one when it is painted next.
            table.urls.clear();
            table.numbers.clear();
        }
        // Of 24 bits: a session does not come near.
        table.last = (table.last + 1) & 0x00ff_ffff;
        let (number, url): (u32, Arc<str>) = (table.last, url.into());
        table.urls.insert(number, Arc::clone(&url));
        table.numbers.insert(url, number);
        number
    }

    /// The number that a cell carries.
    #[must_use]
    pub const fn number_of(color: Color) -> Option<u32> {
        match color {
            Color::Rgb(r, g, b) => Some(u32::from_be_bytes([0, r, g, b])),
            _ => None,
        }
    }

    /// The URL of a number.
    #[must_use]
    pub fn url(&self, number: u32) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).urls.get(&number).cloned()
    }
}
