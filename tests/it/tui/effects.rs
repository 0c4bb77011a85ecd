//! The tasks behind the dashboard, against a backend that fails on purpose.
