//! (area: pty)
