//! (room: driver)
