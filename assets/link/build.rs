//! Tells the linker of a release to lay the functions that a session of the dashboard runs side by side: see
//! `session.ld`. Without it a dashboard works the same, and has twice as much of its program in memory.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=assets/link/build.rs");
    println!("cargo:rerun-if-changed=assets/link/session.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Its names are those that .cargo/config.toml asks for.
    let is_named_so = flags.contains("symbol-mangling-version=v0");
    // There rustc brings a linker that reads such a list (lld, and GNU ld does too); somebody who chose another
    // may have one that does not.
    let is_known = is("TARGET", "x86_64-unknown-linux-gnu") && env::var_os("RUSTC_LINKER").is_none();
    let chose = ["fuse-ld", "linker", "link-arg", "link-self-contained"].iter().any(|flag| flags.contains(flag));
    if !is_named_so || !is_known || chose || is("OPT_LEVEL", "0") {
        return;
    }
    if let Ok(directory) = env::var("CARGO_MANIFEST_DIR") {
        println!("cargo:rustc-link-arg-bin=rolldeck=-T{directory}/assets/link/session.ld");
    }
}
