//! Flags, evaluated: what a place and a caller get of a flag, and why.
