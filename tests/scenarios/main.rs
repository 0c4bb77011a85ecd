//! One test per scenario file: a story told to the engine, and what is expected of it.
//!
//! `stories/*.toml` each say what the story is `about`, the `units` with what they run, the `plan`,
//! and the steps. A step is one thing that happens and what is expected after it (see
//! [`story::StepFile`]). Facts and tells are compared exactly, so that a step that
//! names none says that there are none.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot be told fails its test"
)]

mod play;
mod story;

use std::path::Path;

#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the harness asks for it so")]
fn plays_as_written(_: &Path, text: String) -> datatest_stable::Result<()> {
    let story: story::Story = toml::from_str(&text).unwrap_or_else(|error| panic!("not a story: {error}"));
    play::play(&story);
    Ok(())
}

datatest_stable::harness! {
    { test = plays_as_written, root = "tests/scenarios/stories", pattern = r"\.toml$" },
}
