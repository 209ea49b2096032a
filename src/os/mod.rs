//! The process and its descriptors: errno values, limits, signals, standard error.

pub mod descriptors;
pub mod errno;
pub mod signals;
pub mod stderr;
