//! A distribution for each class of the target: what differs between classes is then no matter of correlations.

use arrow_array::Array;
use tidemill_core::{Batch, Context, Kind, Result, Role};
use tidemill_kernel::Random;
use tidemill_prep::Copula;

/// The fewest rows of a class that has a distribution of its own; the others share one.
const OWN: usize = 50;

/// `n` new rows: of each class as large a share as it has, in random order.
pub(super) fn sample(real: &Batch, n: usize, context: &Context) -> Result<Batch> {
    let groups = groups(real)?;
    let mut made = Vec::with_capacity(groups.len());
    let (mut before, mut so_far) = (0, 0);
    for (at, rows) in groups.iter().enumerate() {
        before += rows.len();
        let upto = (before as f64 / real.n_rows() as f64 * n as f64).round() as usize;
        let copula = Copula::fit(&real.take(rows)?, context)?;
        made.push(copula.sample(upto - so_far, context.seed_for(&format!("synthesize {at}")))?);
        so_far = upto;
    }
    let made = Batch::concat(real.schema(), &made)?;
    if groups.len() == 1 {
        return Ok(made);
    }
    let mut order: Vec<u32> = (0..made.n_rows() as u32).collect();
    Random::new(context.seed_for("synthesize"), 0).shuffle(&mut order);
    made.take(&order)
}

/// The rows of each class that has enough, and those of all others together; all rows where the target has no classes.
fn groups(real: &Batch) -> Result<Vec<Vec<u32>>> {
    let all = || vec![(0..real.n_rows() as u32).collect::<Vec<u32>>()];
    let schema = real.schema();
    let Some(at) = schema.role(Role::Target).filter(|&at| schema.columns()[at].kind == Kind::Category) else {
        return Ok(all());
    };
    let codes = real.codes(at)?;
    let mut by_class = vec![Vec::new(); schema.columns()[at].categories()?.len() + 1];
    let last = by_class.len() - 1;
    for row in 0..codes.len() {
        let class = if codes.is_valid(row) { (codes.value(row) as usize).min(last) } else { last };
        by_class[class].push(row as u32);
    }
    let (mut groups, few): (Vec<_>, Vec<_>) = by_class.into_iter().partition(|rows| rows.len() >= OWN);
    let mut rest: Vec<u32> = few.concat();
    rest.sort_unstable();
    match groups.first_mut() {
        None => return Ok(all()),
        // Too few for a distribution, even together.
        Some(first) if rest.len() < OWN => {
            first.extend(rest);
            first.sort_unstable();
        }
        Some(_) => groups.push(rest),
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, UInt32Array};
    use tidemill_core::{Categories, Column, Schema};

    use super::*;

    /// Rows of classes `a`, `b` and `c`; the number of a row is around 0 for `a` and else around 10.
    fn rows(counts: [u32; 3]) -> Batch {
        let names = Categories::new(["a", "b", "c"]);
        let codes: Vec<u32> = (0..3).flat_map(|class| vec![class; counts[class as usize] as usize]).collect();
        let mut random = Random::new(1, 0);
        let x = codes.iter().map(|class| random.normal() + if *class == 0 { 0.0 } else { 10.0 });
        let x: ArrayRef = Arc::new(x.collect::<Float64Array>());
        let columns = vec![Column::number("x"), Column::category("y", names.clone()).with_role(Role::Target)];
        let y = names.column(UInt32Array::from(codes)).unwrap();
        Batch::new(Arc::new(Schema::new(columns).unwrap()), vec![x, y]).unwrap()
    }

    #[test]
    fn classes_keep_their_shares_and_what_tells_them_apart() {
        let made = sample(&rows([100, 60, 40]), 1000, &Context::default()).unwrap();
        let (x, y) = (made.numbers(0).unwrap(), made.codes(1).unwrap());
        let count = |class: u32| y.values().iter().filter(|code| **code == class).count();
        assert_eq!(count(0) + count(1) + count(2), 1000);
        assert!((450..=550).contains(&count(0)) && (150..=250).contains(&count(2)), "{}", count(2));
        let alike = y.values().iter().zip(x.values()).filter(|(class, x)| (**class == 0) == (**x < 5.0));
        assert!(alike.count() > 880);
    }

    #[test]
    fn few_rows_of_a_class_join_others() {
        let sizes = |counts| groups(&rows(counts)).unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes([100, 60, 50]), [100, 60, 50]);
        assert_eq!(sizes([100, 30, 30]), [100, 60]);
        assert_eq!(sizes([100, 10, 0]), [110]);
        assert_eq!(sizes([20, 20, 0]), [40]);
    }
}
