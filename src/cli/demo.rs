//! `rolldeck demo`: the dashboard on a simulated warehouse fleet in this process.
