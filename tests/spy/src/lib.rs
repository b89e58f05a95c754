//! The spy interposer.
