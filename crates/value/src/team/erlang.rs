//! Erlang's formula C: how long callers wait for a number of agents.

/// Calls that arrive at random, wait in one queue, and take an exponential time each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// The load in erlangs: calls an hour times hours a call.
    pub load: f64,
    /// Agents.
    pub agents: u32,
}

impl Queue {
    /// The probability that a caller waits (Erlang 1917), by the recursion of formula B, which is stable for any load; 1 where
    /// the load is too much for the agents.
    ///
    /// ```
    /// use tidemill_value::team::Queue;
    /// let queue = Queue { load: 10.0, agents: 14 };
    /// assert!((queue.waits() - 0.174132).abs() < 5e-7);
    /// ```
    pub fn waits(&self) -> f64 {
        let n = f64::from(self.agents);
        if self.load <= 0.0 {
            return 0.0;
        }
        if self.load >= n {
            return 1.0;
        }
        let blocked = (1..=self.agents).fold(1.0, |b, k| self.load * b / (f64::from(k) + self.load * b));
        n * blocked / (n - self.load * (1.0 - blocked))
    }

    /// The share of callers answered within `t`, where a call takes `handling` in the same unit.
    pub fn answered_within(&self, t: f64, handling: f64) -> f64 {
        let spare = f64::from(self.agents) - self.load;
        if spare <= 0.0 { 0.0 } else { 1.0 - self.waits() * (-spare * t / handling).exp() }
    }

    /// The mean wait of all callers, in the unit of `handling`; infinite where the load is too much.
    pub fn mean_wait(&self, handling: f64) -> f64 {
        let spare = f64::from(self.agents) - self.load;
        if spare <= 0.0 { f64::INFINITY } else { self.waits() * handling / spare }
    }
}

/// The fewest agents that answer at least `share` of the callers within `t`.
pub fn agents(load: f64, handling: f64, t: f64, share: f64) -> u32 {
    if load <= 0.0 {
        return 0;
    }
    // Formula B goes on from one number of agents to the next, so that the search is no slower than one evaluation.
    let (mut blocked, mut n) = (1.0, 0u32);
    loop {
        n += 1;
        blocked = load * blocked / (f64::from(n) + load * blocked);
        let spare = f64::from(n) - load;
        if spare <= 0.0 {
            if n == u32::MAX {
                return n;
            }
            continue;
        }
        let waits = f64::from(n) * blocked / (f64::from(n) - load * (1.0 - blocked));
        if 1.0 - waits * (-spare * t / handling).exp() >= share {
            return n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_erlangs_and_fourteen_agents() {
        let queue = Queue { load: 10.0, agents: 14 };
        assert!((queue.waits() - 0.174_132).abs() < 5e-7, "{}", queue.waits());
        assert!((queue.mean_wait(180.0) - 0.174_132 * 45.0).abs() < 1e-4);
        let within = 1.0 - 0.174_132 * f64::exp(-4.0 * 20.0 / 180.0);
        assert!((queue.answered_within(20.0, 180.0) - within).abs() < 1e-6);
    }

    #[test]
    fn the_fewest_agents_are_enough_and_one_less_are_not() {
        for load in [0.1, 1.0, 7.3, 60.0] {
            let n = agents(load, 180.0, 20.0, 0.8);
            assert!(Queue { load, agents: n }.answered_within(20.0, 180.0) >= 0.8);
            assert!(n == 1 || Queue { load, agents: n - 1 }.answered_within(20.0, 180.0) < 0.8);
        }
        assert_eq!(agents(0.0, 180.0, 20.0, 0.8), 0);
        assert_eq!(Queue { load: 5.0, agents: 4 }.waits(), 1.0);
    }
}
