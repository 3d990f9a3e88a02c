//! The program as its users meet it: each module is a set of stories told through the command line.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed")]

mod augment;
#[cfg(unix)]
mod backups;
mod bad_input;
mod business;
mod check;
mod choice;
mod compare;
mod compress;
mod desk;
mod distill;
mod explain;
mod graphs;
mod honest;
mod json;
#[cfg(unix)]
mod keys;
mod lang;
mod language;
mod limits;
mod nets;
mod parts;
mod prepare;
mod reading;
mod report;
mod round;
mod search;
#[cfg(unix)]
mod service;
mod snapshots;
mod start;
mod synthesize;
mod tables;
