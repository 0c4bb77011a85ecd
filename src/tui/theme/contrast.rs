//! How well one colour can be read on another, by number.

use ratatui::style::{Color, Modifier};

use super::{Role, Theme, color};

/// Red, green and blue, 0 to 255.
pub(super) type Rgb = (u8, u8, u8);

/// What text must have to be read by most eyes (WCAG 2.2, success criterion 1.4.3, level AA).
pub const TEXT: f64 = 4.5;
/// What lines and signs must have that are no text (WCAG 2.2, success criterion 1.4.11).
pub const LINES: f64 = 3.0;

/// The relative luminance of a colour of sRGB, 0 to 1, as WCAG 2.2 defines it.
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |channel: u8| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// The contrast of two colours, 1 to 21, as WCAG 2.2 defines it.
pub(super) fn ratio(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

impl Role {
    /// The contrast that it needs: lines and shades need less than what is read.
    #[must_use]
    pub const fn needs_contrast(self) -> f64 {
        match self {
            Self::Border | Self::BorderFocused | Self::Band => LINES,
            _ => TEXT,
        }
    }
}

impl Theme {
    /// The contrast of each role whose two colours are known, on the background that the theme sets or is made
    /// for. What the terminal's own palette decides is not among them.
    pub(super) fn contrasts(&self) -> Vec<(Role, f64)> {
        let known = |color: Option<Color>| match color {
            Some(Color::Rgb(r, g, b)) => Some((r, g, b)),
            Some(Color::Indexed(index @ 16..)) => Some(color::rgb_of(index)),
            _ => None,
        };
        let normal = self.style(Role::Normal);
        let contrast = |role: &Role| {
            let style = self.style(*role);
            let text = known(style.fg.or(normal.fg))?;
            let ground = known(style.bg.or(normal.bg).or(self.background))?;
            Some((*role, ratio(text, ground)))
        };
        Role::ALL.iter().filter_map(contrast).collect()
    }

    /// The roles that many people cannot read: with less contrast than they need, or dim.
    #[must_use]
    pub fn hard_to_read(&self) -> Vec<(Role, String)> {
        let faint = self.contrasts().into_iter().filter(|(role, ratio)| *ratio < role.needs_contrast());
        let faint = faint.map(|(role, ratio)| {
            (role, format!("has a contrast of {ratio:.1} to 1, where {} are needed", role.needs_contrast()))
        });
        let is_dim =
            |role: &&Role| self.style(**role).add_modifier.contains(Modifier::DIM) && role.needs_contrast() >= TEXT;
        let dim = Role::ALL.iter().filter(is_dim).map(|role| (*role, "is dim".to_owned()));
        faint.chain(dim).collect()
    }
}
