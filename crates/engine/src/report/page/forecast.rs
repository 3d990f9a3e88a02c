//! Forecast errors by horizon.

use tidemill_eval::forecast::ForecastScore;
use tidemill_report::{Align, Block, Cell, Section, Table, Text, number};

use super::{Words, fill, plain};
use crate::forecast::Backtest;

pub(super) fn section(words: &'static Words, backtest: &Backtest) -> Section {
    let count = |n: usize| plain(number::count(n as f64));
    let lead =
        fill(words.forecast_lead, &[("n", count(backtest.all.n)), ("origins", count(backtest.origins))]);
    let head = [
        (words.forecast_ahead, Align::Right),
        (words.forecast_n, Align::Right),
        (words.forecast_rmse, Align::Right),
        (words.forecast_smape, Align::Right),
        (words.forecast_mase, Align::Right),
        (words.forecast_naive, Align::Right),
    ];
    let mut table = Table::new(words.forecast_caption, &head);
    let row = |ahead: Cell, score: &ForecastScore| {
        let figures =
            [score.rmse, score.smape, score.mase, score.naive_mase].map(|x| Cell::from(number::short(x)));
        [ahead, number::count(score.n as f64).into()].into_iter().chain(figures).collect::<Vec<Cell>>()
    };
    table.rows.push(row(words.forecast_all.into(), &backtest.all));
    let steps = backtest.by_step.iter().enumerate();
    table.rows.extend(steps.map(|(i, score)| row(number::count((i + 1) as f64).into(), score)));
    table.marked = Some(0);
    Section::new("forecast", words.forecast)
        .lead(lead)
        .with(Block::Table(table))
        .with(Block::Text(Text::plain(words.forecast_note)))
}
