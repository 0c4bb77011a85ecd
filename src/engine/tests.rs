//! The engine held against random plans and stories.
