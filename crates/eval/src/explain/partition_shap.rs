//! Owen values: Shapley values of players that come in groups, which come in groups, and so on.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use tidemill_core::Context;

use super::estimate::ShapEstimate;
use super::game::Game;
use crate::Error;

/// Pairs of groups that are looked at together.
const TOGETHER: usize = 64;

/// Players in pairs of groups: the leaves are the players.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    /// One player.
    Player(usize),
    /// Two groups.
    Pair(Box<[Group; 2]>),
}

impl Group {
    /// Players that are joined two by two, as hierarchical clustering does: each step names two groups, of which the first
    /// `n_players` are the players and every step makes one more. `None` where the steps do not join all players once.
    pub fn of_steps(n_players: usize, steps: &[[usize; 2]]) -> Option<Self> {
        let mut groups: Vec<Option<Group>> =
            (0..n_players).map(|player| Some(Group::Player(player))).collect();
        for &[a, b] in steps {
            let (a, b) = (groups.get_mut(a)?.take()?, groups.get_mut(b)?.take()?);
            groups.push(Some(Group::Pair(Box::new([a, b]))));
        }
        let mut left = groups.into_iter().flatten();
        left.next().filter(|_| left.next().is_none())
    }

    /// The players of the group.
    pub fn players(&self) -> Vec<usize> {
        match self {
            Group::Player(player) => vec![*player],
            Group::Pair(parts) => parts.iter().flat_map(Group::players).collect(),
        }
    }
}

/// Owen values of any model, exactly or as far as `max_evaluations` coalitions reach (the `Partition` explainer of the `shap` package;
/// Owen 1977, "Values of games with a priori unions"; Winter 1989 for groups within groups).
///
/// What a pair of groups adds is divided between them as by Shapley of two players, what each gets is divided within it in the same
/// way, and the other group is there as a whole or not at all. So columns that go together share what they say, and about the
/// square of the number of players is asked instead of all coalitions. The pair whose division may change most comes first; a group that
/// was not divided gives each of its players the same, and then the estimate has not `converged`.
///
/// Errors when the model does, for groups that are not those of the game's players, and once cancelled.
pub fn partition_shap<G: Game>(
    game: &G,
    groups: &Group,
    max_evaluations: usize,
    context: &Context,
) -> Result<ShapEstimate, G::Error> {
    let (p, k) = (game.n_players(), game.n_outputs());
    let mut players = groups.players();
    players.sort_unstable();
    if players != (0..p).collect::<Vec<_>>() {
        let what = "the groups do not hold every player once".into();
        return Err(Error::Explain { what, remedy: "group all players".into() }.into());
    }
    let ends = game.values(&[vec![false; p], vec![true; p]].concat())?;
    let mut estimate = ShapEstimate {
        base: ends[..k].to_vec(),
        values: vec![0.0; k * p],
        standard_errors: vec![0.0; k * p],
        n_evaluations: 2,
        converged: true,
    };
    let mut open = BinaryHeap::new();
    open.push(Open {
        group: groups,
        others: vec![false; p],
        without: ends[..k].to_vec(),
        with: ends[k..].to_vec(),
        weight: 1.0,
        order: 0,
    });
    let mut order = 0;
    while !open.is_empty() {
        context.check().map_err(Error::from)?;
        let mut pairs = Vec::new();
        while pairs.len() < TOGETHER
            && let Some(next) = open.pop()
        {
            match next.group {
                Group::Pair(parts)
                    if estimate.n_evaluations + 2 * (pairs.len() + 1) <= max_evaluations.max(4) =>
                {
                    pairs.push((next, parts));
                }
                _ => next.give(&mut estimate, p),
            }
        }
        let coalitions: Vec<bool> =
            pairs.iter().flat_map(|(open, parts)| parts.iter().flat_map(|part| open.joined(part))).collect();
        if coalitions.is_empty() {
            continue;
        }
        let values = game.values(&coalitions)?;
        estimate.n_evaluations += 2 * pairs.len();
        for ((from, parts), values) in pairs.iter().zip(values.chunks_exact(2 * k)) {
            for side in 0..2 {
                let (own, other) =
                    (&values[side * k..(side + 1) * k], &values[(1 - side) * k..(2 - side) * k]);
                let ways = [
                    (from.others.clone(), from.without.clone(), own.to_vec()),
                    (from.joined(&parts[1 - side]), other.to_vec(), from.with.clone()),
                ];
                for (others, without, with) in ways {
                    order += 1;
                    let weight = 0.5 * from.weight;
                    open.push(Open { group: &parts[side], others, without, with, weight, order });
                }
            }
        }
    }
    Ok(estimate)
}

/// A group that comes to `others`, and what is answered without and with it.
struct Open<'a> {
    group: &'a Group,
    others: Vec<bool>,
    without: Vec<f64>,
    with: Vec<f64>,
    weight: f64,
    /// Of equals, the first comes first.
    order: usize,
}

impl Open<'_> {
    fn joined(&self, group: &Group) -> Vec<bool> {
        let mut players = self.others.clone();
        group.players().into_iter().for_each(|player| players[player] = true);
        players
    }

    /// What the group adds, to each of its players the same.
    fn give(&self, estimate: &mut ShapEstimate, p: usize) {
        let players = self.group.players();
        estimate.converged &= players.len() == 1;
        let share = self.weight / players.len() as f64;
        for (output, (with, without)) in self.with.iter().zip(&self.without).enumerate() {
            players
                .iter()
                .for_each(|player| estimate.values[output * p + player] += share * (with - without));
        }
    }

    /// How much is to be divided.
    fn size(&self) -> f64 {
        let most = self.with.iter().zip(&self.without).map(|(with, without)| (with - without).abs());
        self.weight * most.fold(0.0, f64::max)
    }
}

impl Ord for Open<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.size().total_cmp(&other.size()).then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Open<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open<'_> {}
