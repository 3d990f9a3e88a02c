//! Numerics that several rooms need. Every reduction has a fixed order, so answers never depend on the number of
//! threads, and every random stream belongs to a named piece of work, not to a thread.

mod random;

pub use random::Random;
