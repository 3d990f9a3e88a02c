//! Agents in support, month by month.

use serde::Serialize;

use super::erlang::{Queue, agents};
use crate::inputs::Inputs;

/// Support in a month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SupportMonth {
    /// The month, from 1.
    pub month: usize,
    /// Calls and chats.
    pub contacts: f64,
    /// Agents who must be there at a time.
    pub agents: u32,
    /// Agents to employ, with the time in which they do not answer.
    pub employed: u32,
    /// The share of customers who wait at all.
    pub waits: f64,
    /// The share of customers answered in time.
    pub in_time: f64,
}

/// The support that so many customers need in month `m`, from 0; `None` where there is none yet.
pub(crate) fn support(inputs: &Inputs, m: usize, customers: f64) -> Option<SupportMonth> {
    let s = inputs.support.as_ref().filter(|s| m >= s.from)?;
    let contacts = customers * s.contacts;
    // Beyond a hundred thousand agents at a time the plan is no plan.
    let load = (contacts / s.open_hours * s.handling_hours).min(1e5);
    let agents = agents(load, s.handling_hours, s.within_hours, s.share);
    let queue = Queue { load, agents };
    Some(SupportMonth {
        month: m + 1,
        contacts,
        agents,
        employed: (f64::from(agents) / (1.0 - s.shrinkage) - 1e-9).ceil().max(0.0) as u32,
        waits: queue.waits(),
        in_time: queue.answered_within(s.within_hours, s.handling_hours),
    })
}
