//! `rolldeck screenshot`: one frame of a view as text, as what a terminal is told, or as SVG.

use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use clap::{ValueEnum, builder::PossibleValuesParser};
use color_eyre::{Result, eyre::WrapErr as _};
use ratatui::{buffer::Buffer, layout::Size};

use super::{
    dashboard, demo,
    exit::{Failure, say},
    output, parse,
    session::Session,
};
use crate::{
    backend::{Backend, BackendError, local::Local},
    domain::Via,
    settings::Settings,
    sim::{self, SimOptions, Still},
    tui::{
        Options,
        capability::{Capability, Depth, Glyphs, Wishes},
        keymap::Keymap,
        picture,
        screenshot::{ScreenshotError, Shown, take},
        theme::Theme,
    },
};

/// Who looks at a picture of the demo.
const VIEWER: &str = "k.berg";
/// The day of all pictures of the demo: one on which nothing else happens.
const BEGAN: &str = "2026-03-26T12:00:00Z";

/// Pictures of the main screens: the file's name, what it shows, its size.
const GALLERY: [(&str, &str, (u16, u16)); 7] = [
    ("overview", "overview", (120, 30)),
    ("detail", "detail webshop/basket", (120, 40)),
    ("dialog", "dialog rollback dc-west/pick-assist", (120, 40)),
    ("audit", "audit -action:told", (120, 30)),
    ("calendar", "windows", (120, 40)),
    ("flags", "flags", (120, 30)),
    ("follow", "follow stores-nordic/oslo-1", (120, 40)),
];

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to show: overview, detail TARGET/NAME, sites, audit [FILTER], windows, flags, overrides, approvals,
    /// contexts, follow SITE, help, menu, dialog ACTION TARGET/NAME
    #[arg(value_name = "VIEW")]
    view: Vec<String>,
    /// Columns and rows
    #[arg(long, value_name = "WxH", default_value = "120x40")]
    size: Extent,
    /// As what
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: Format,
    /// The file to write instead of standard output
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Of the simulated fleet instead of a context: the same picture each time, to the last digit
    #[arg(long)]
    demo: bool,
    /// The demo's chance
    #[arg(long, value_name = "N", default_value_t = 1, requires = "demo")]
    seed: u64,
    /// The demo's story
    #[arg(long, value_name = "NAME", default_value = sim::DEFAULT_SCENARIO, requires = "demo", value_parser = PossibleValuesParser::new(sim::scenarios()))]
    scenario: String,
    /// How long after the demo's story begins; at most 1h
    #[arg(long, value_name = "D", default_value = "75s", requires = "demo", value_parser = parse::duration)]
    after: Duration,
    /// Write SVG pictures of the demo's main screens into this directory
    #[arg(long, value_name = "DIR", requires = "demo", conflicts_with_all = ["view", "to", "format"])]
    all: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Words alone
    #[default]
    Text,
    /// Lines with colours, as a terminal is told them
    Ansi,
    /// A picture; its words are in it too
    Svg,
}

/// `--size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent(Size);

impl FromStr for Extent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once(['x', 'X']).and_then(|(width, height)| {
            let side = |text: &str, most: u16| text.parse().ok().filter(|side| (1..=most).contains(side));
            Some(Size { width: side(width, 1000)?, height: side(height, 500)? })
        });
        sides
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no size: expected columns x rows such as 120x40, at most 1000x500"))
    }
}

/// Runs it.
///
/// # Errors
/// When there is no such view, or what it needs does not come.
pub async fn run(session: &Session, args: Args) -> Result<()> {
    let shown = Shown::of(&args.view).map_err(|error| Failure::Usage(error.to_string()))?;
    if args.after > Duration::from_hours(1) {
        return Err(Failure::Usage("--after is at most 1h".to_owned()).into());
    }
    if !args.demo {
        let options = dashboard::options(session, None, None)?;
        let buffer = paint(options, &shown, args.size.0, args.format).await?;
        return finish(session, &args, &shown, &buffer);
    }
    let options = SimOptions { seed: args.seed, speed: 1.0, scenario: args.scenario.clone() };
    let began: DateTime<Utc> = BEGAN.parse().wrap_err("the day of the demo")?;
    let still = sim::still(options, began, args.after).await?;
    let Some(dir) = &args.all else {
        let buffer = paint(of_demo(session, &still)?, &shown, args.size.0, args.format).await?;
        return finish(session, &args, &shown, &buffer);
    };
    let doing = || format!("cannot write the pictures to {}", dir.display());
    std::fs::create_dir_all(dir).wrap_err_with(doing)?;
    for (name, words, (width, height)) in GALLERY {
        let shown = Shown::of(&[words]).map_err(|error| Failure::Usage(error.to_string()))?;
        let buffer = paint(of_demo(session, &still)?, &shown, Size { width, height }, Format::Svg).await?;
        let file = dir.join(format!("{name}.svg"));
        std::fs::write(&file, picture::svg(&buffer, &paper(session, &shown)?)).wrap_err_with(doing)?;
        say(&file.display().to_string());
    }
    Ok(())
}

/// What the dashboard is started with on a demo that stands still.
fn of_demo(session: &Session, still: &Still) -> Result<Options> {
    let settings = of_settings(session)?;
    let backend: Arc<dyn Backend> = Arc::new(Local::new(still.control.clone(), Local::person(VIEWER, Via::Tui)));
    let place = backend.place();
    Ok(Options {
        connect: Arc::new(move |_: &str| Ok(Arc::clone(&backend))),
        contexts: vec![demo::context(place)],
        current: demo::CONTEXT.to_owned(),
        clock: Arc::clone(&still.clock),
        filters: std::collections::BTreeMap::new(),
        ..dashboard::plain(session, &settings, Vec::new())
    })
}

/// The settings; a demo needs nothing of a config but its theme, and not even that.
fn of_settings(session: &Session) -> Result<Settings> {
    let overrides = session.global.overrides();
    match Settings::load(&overrides, &session.env) {
        Ok(settings) => Ok(settings),
        Err(_) => Ok(Settings::without_file(&overrides, &session.env)?),
    }
}

async fn paint(options: Options, shown: &Shown, size: Size, format: Format) -> Result<Buffer> {
    let mut wishes = Wishes { depth: options.color, glyphs: options.glyphs };
    if format == Format::Svg {
        // A picture is not limited by the terminal that it is made on.
        wishes.depth = wishes.depth.or(Some(Depth::True));
        wishes.glyphs = wishes.glyphs.or(Some(Glyphs::Unicode));
    }
    let capability = Capability::here(wishes);
    take(options, shown, size, &capability).await.map_err(|error| match error {
        ScreenshotError::Backend(error) => error.into(),
        ScreenshotError::Late(_) => {
            BackendError::Unreachable { place: "the backend".to_owned(), why: error.to_string() }.into()
        }
        ScreenshotError::Refused(why) => Failure::Blocked(why.to_string()).into(),
    })
}

fn paper(session: &Session, shown: &Shown) -> Result<picture::Paper> {
    let theme = of_settings(session)?.theme;
    Ok(picture::Paper { title: format!("Rolldeck: {shown}"), light: theme.contains("light") })
}

/// Says what is wrong with the theme and the keymap: a picture may have no row for it.
fn complain(session: &Session) -> Result<()> {
    let settings = of_settings(session)?;
    let dir = Some(settings.paths.config_dir.as_path());
    let capability = Capability::here(Wishes { depth: None, glyphs: None });
    let (_, mut findings) = Theme::load(Some(&settings.theme), dir, &capability);
    findings.extend(Keymap::load(Some(&settings.keymap), dir).1);
    for finding in &findings {
        say(finding.notice().as_str());
    }
    Ok(())
}

/// Prints a picture, or writes it into its file.
fn finish(session: &Session, args: &Args, shown: &Shown, buffer: &Buffer) -> Result<()> {
    complain(session)?;
    let picture = match args.format {
        Format::Text => picture::text(buffer),
        Format::Ansi => picture::ansi(buffer),
        Format::Svg => picture::svg(buffer, &paper(session, shown)?),
    };
    match &args.to {
        Some(file) => std::fs::write(file, picture).wrap_err_with(|| format!("cannot write {}", file.display())),
        None => output::write(&picture),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_columns_and_rows_within_reason() {
        let size = |text: &str| text.parse::<Extent>().map(|extent| (extent.0.width, extent.0.height));
        assert_eq!(size("80x24"), Ok((80, 24)));
        assert_eq!(size("1000X500"), Ok((1000, 500)));
        for wrong in ["", "80", "80x", "x24", "0x24", "80x0", "1001x10", "80x501", "-1x5", "80x24x2"] {
            assert!(size(wrong).unwrap_err().contains("such as 120x40"), "{wrong}");
        }
    }

    #[test]
    fn every_picture_of_the_gallery_is_one_that_can_be_taken() {
        for (name, words, _) in GALLERY {
            assert!(Shown::of(&[words]).is_ok(), "{name}");
        }
    }
}
