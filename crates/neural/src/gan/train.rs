//! The two nets against each other, step after step.

use rayon::join;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_kernel::Random;

use super::columns::Columns;
use super::condition::{Asked, Conditions};
use super::critic::Critic;
use super::generator::{Generator, WIDTH};
use crate::graph::Chance;
use crate::parameters::Parameters;

/// Rows that the critic judges at a time, and packs of a step.
const PACK: usize = 10;
const PACKS: usize = 20;
/// How much slopes of another length count.
const PENALTY: f32 = 10.0;
/// How much of the average of generators goes on from step to step.
const AVERAGE: f32 = 0.999;

/// What there is to learn.
pub(super) struct Task<'a> {
    pub(super) columns: &'a Columns,
    pub(super) conditions: &'a Conditions,
    pub(super) generator: &'a Generator,
    pub(super) rows: &'a [f32],
}

impl Task<'_> {
    /// The generator's parameters after so many steps.
    pub(super) fn train(&self, steps: usize, context: &Context) -> Result<Parameters> {
        let critic = Critic { inputs: PACK * (self.columns.width + self.conditions.width), width: WIDTH };
        let mut maker = Parameters::start(self.generator.declare(), context.seed_for("gan/generator"));
        let mut judge = Parameters::start(critic.declare(), context.seed_for("gan/critic"));
        let mut average = maker.values.clone();
        let mut makers = Adam::of(maker.values.len());
        let mut judges = Adam::of(judge.values.len());
        context.tell(&Event::Begin { what: "training a GAN".into(), steps: Some(steps as u64) });
        for step in 0..steps {
            context.check()?;
            let mut random = Random::new(context.seed_for("gan/steps"), step as u64);
            let chance = Chance::new(context.seed_for(&format!("gan/drop/{step}")));
            let slope = self.judge(&critic, &judge, &maker, &mut random, &chance);
            judges.step(&mut judge.values, &slope);
            let slope = self.make(&critic, &judge, &maker, &mut random, &chance);
            makers.step(&mut maker.values, &slope);
            // The first steps count no more than the later ones.
            let keep = AVERAGE.min((step as f32 + 1.0) / (step as f32 + 10.0));
            average.iter_mut().zip(&maker.values).for_each(|(a, w)| *a = keep * *a + (1.0 - keep) * w);
            if !slope.iter().all(|x| x.is_finite()) || !judge.values.iter().all(|x| x.is_finite()) {
                let problem = format!("the loss of the GAN was not a number any more in step {}", step + 1);
                return Err(Error::data(problem, "give another --seed, or use the method copula"));
            }
            context.tell(&Event::Step(1));
        }
        context.tell(&Event::End);
        maker.values = average;
        Ok(maker)
    }

    /// Asks for as many rows as a step has: the noise with the marks, the marks alone, what was asked for, and rows that have it.
    fn ask(&self, random: &mut Random) -> (Vec<f32>, Vec<f32>, Vec<Option<Asked>>, Vec<u32>) {
        let n_rows = self.rows.len() / self.columns.width.max(1);
        let (mut asked, mut marks) = (Vec::new(), Vec::new());
        let (mut wanted, mut rows) = (Vec::new(), Vec::new());
        for _ in 0..PACK * PACKS {
            self.generator.noise(random, &mut asked);
            let first = asked.len();
            let found = self.conditions.for_training(random, &mut asked);
            marks.extend_from_slice(&asked[first..]);
            rows.push(found.map_or_else(|| random.below(n_rows) as u32, |(_, row)| row));
            wanted.push(found.map(|(asked, _)| asked));
        }
        (asked, marks, wanted, rows)
    }

    /// The gradient of what the critic is to lessen: the answers for made rows less those for real ones, and the penalty.
    fn judge(
        &self,
        critic: &Critic,
        judge: &Parameters,
        maker: &Parameters,
        random: &mut Random,
        chance: &Chance,
    ) -> Vec<f32> {
        let width = self.columns.width;
        let (asked, marks, _, rows) = self.ask(random);
        let real: Vec<f32> =
            rows.iter().flat_map(|&r| &self.rows[r as usize * width..][..width]).copied().collect();
        let made = self.generator.make(maker, asked, &self.columns.spans, random).rows;
        let (real, made) = (self.packs(&real, &marks), self.packs(&made, &marks));
        let between: Vec<f32> = real
            .chunks_exact(critic.inputs)
            .zip(made.chunks_exact(critic.inputs))
            .flat_map(|(real, made)| {
                let share = random.unit() as f32;
                real.iter().zip(made).map(move |(real, made)| share * real + (1.0 - share) * made)
            })
            .collect();
        let seeds: [u64; 3] = std::array::from_fn(|_| chance.next().bits());
        let of = |x: &[f32], sign: f32, seed: u64| {
            let mut gradient = vec![0.0; judge.values.len()];
            let trace = critic.run(judge, x, &Chance::new(seed));
            critic.back(judge, (x, &trace), &[sign / PACKS as f32; PACKS], &mut gradient);
            gradient
        };
        let (mut gradient, (others, penalty)) = join(
            || of(&made, 1.0, seeds[0]),
            || {
                let others = of(&real, -1.0, seeds[1]);
                let mut penalty = vec![0.0; judge.values.len()];
                critic.penalty(judge, &between, &Chance::new(seeds[2]), PENALTY, &mut penalty);
                (others, penalty)
            },
        );
        let all = gradient.iter_mut().zip(others).zip(penalty);
        all.for_each(|((sum, other), penalty)| *sum += other + penalty);
        gradient
    }

    /// The gradient of what the generator is to lessen: minus the critic's answers, and how unsure it is of what it was asked for.
    fn make(
        &self,
        critic: &Critic,
        judge: &Parameters,
        maker: &Parameters,
        random: &mut Random,
        chance: &Chance,
    ) -> Vec<f32> {
        let width = self.columns.width;
        let (asked, marks, wanted, _) = self.ask(random);
        let made = self.generator.make(maker, asked, &self.columns.spans, random);
        let packs = self.packs(&made.rows, &marks);
        let trace = critic.run(judge, &packs, chance);
        let mut unused = vec![0.0; judge.values.len()];
        let back = critic.back(judge, (&packs, &trace), &[-1.0 / PACKS as f32; PACKS], &mut unused);
        let own = back.chunks_exact((width + self.conditions.width).max(1));
        let slopes: Vec<f32> = own.flat_map(|row| &row[..width]).copied().collect();
        let mut gradient = vec![0.0; maker.values.len()];
        self.generator.back(maker, made, (slopes, &self.columns.spans), &wanted, &mut gradient);
        gradient
    }

    /// Rows with their marks, side by side.
    fn packs(&self, rows: &[f32], marks: &[f32]) -> Vec<f32> {
        let (width, n) = (self.columns.width, self.conditions.width);
        let mut packs = Vec::with_capacity(rows.len() + marks.len());
        for (at, row) in rows.chunks_exact(width.max(1)).enumerate() {
            packs.extend_from_slice(row);
            packs.extend_from_slice(&marks[at * n..(at + 1) * n]);
        }
        packs
    }
}

/// Adam (Kingma and Ba 2015) with little memory of the direction, as Gulrajani et al. use it.
struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

const RATE: f32 = 5e-4;
const FIRST: f32 = 0.5;
const SECOND: f32 = 0.9;

impl Adam {
    fn of(n: usize) -> Self {
        Adam { first: vec![0.0; n], second: vec![0.0; n], steps: 0 }
    }

    fn step(&mut self, values: &mut [f32], gradient: &[f32]) {
        self.steps += 1;
        let (a, b) = (1.0 - FIRST.powi(self.steps), 1.0 - SECOND.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, slope), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *first = FIRST * *first + (1.0 - FIRST) * slope;
            *second = SECOND * *second + (1.0 - SECOND) * slope * slope;
            *value -= RATE * (*first / a) / ((*second / b).sqrt() + 1e-8);
        }
    }
}
