//! Parses, runs, and says how it went with an exit code; everything else is the library's.

fn main() -> std::process::ExitCode {
    rolldeck::cli::main()
}
