//! The page of a plan, for people who were not there.

use tidemill_report::words::EN;
use tidemill_report::{
    Align, Bar, BarChart, Block, Cell, Figure, Finding, Level, LineChart, Point, Report, Scale, Section,
    Series, Table, Text, Tile, Verdict,
};
use tidemill_value::cash::Month;
use tidemill_value::market::Spread;
use tidemill_value::team::TeamReport;
use tidemill_value::{Forecast, MarketReport, Money, Plan};

use super::figures::{brief, money, percent, whole};
use super::lines::{FLOWS, Line, STANDS, by_year, returns, runway, years};

/// What the page tells of.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// The market.
    pub market: Option<&'a MarketReport>,
    /// The money.
    pub money: Option<&'a Forecast>,
    /// The team.
    pub team: Option<&'a TeamReport>,
}

/// The page as one HTML file.
pub(super) fn write(plan: &Plan, parts: &Parts<'_>) -> String {
    let mut page = Report::new(&EN, Text::name(&plan.company.name));
    page.kicker = Text::plain("Tidemill · Business plan");
    let last = plan.month_name(plan.company.months - 1);
    page.lead = Text::plain(format!(
        "{} months, {} to {last}. Amounts in {}. A range such as 8 to 12 holds the truth nine times out of ten.",
        plan.company.months, plan.company.start, plan.company.currency
    ));
    page.foot = Text::plain(EN.foot.replace("{version}", env!("CARGO_PKG_VERSION")));
    page.verdict = parts.money.map(|found| verdict(plan, parts, found));
    let mut sections = Vec::new();
    if let Some(found) = parts.market {
        sections.push(market(plan, found));
        sections.extend(customers(plan, found));
    }
    if let Some(found) = parts.money {
        sections.extend([cash(plan, found), statement(plan, found), risk(plan, found)]);
    }
    if let Some(found) = parts.team {
        sections.push(team(plan, found));
    }
    sections.into_iter().fold(page, Report::with).html()
}

fn tile(name: &str, value: String, aside: impl Into<Text>) -> Tile {
    Tile { name: name.into(), value, aside: aside.into() }
}

fn verdict(plan: &Plan, parts: &Parts<'_>, found: &Forecast) -> Verdict {
    let s = &found.simulated;
    let draws = whole(s.draws as f64);
    let sentence = match s.solvent {
        1.0 => format!("In all {draws} draws of its ranges, the company never runs out of cash."),
        0.0 => format!("In each of {draws} draws of its ranges, the company runs out of cash."),
        share => format!(
            "In {} of {draws} draws of its ranges, the company never runs out of cash.",
            percent(share)
        ),
    };
    let mut verdict = Verdict::new(Text::plain(sentence));
    verdict.more = Text::plain(format!("With every range at its median, {}.", runway(plan, found)));
    let size = parts.market.map(|market| market.size);
    let revenue = found.statement.years(|m| m.revenue).last().copied().unwrap_or(Money::ZERO);
    let mut tiles = vec![
        tile("Revenue, last year", brief(revenue.units()), ""),
        tile("Closing cash", brief(s.closing_cash.median), between(&s.closing_cash)),
        tile("Least cash", brief(s.lowest_cash.median), between(&s.lowest_cash)),
        tile("NPV", brief(s.npv.median), between(&s.npv)),
        tile("IRR a year", returns(found), "free cash flow, nothing after the plan"),
    ];
    if let Some(size) = size {
        let most = size.obtainable.or(size.reachable).unwrap_or(size.total);
        tiles.insert(0, tile("Obtainable market", brief(most.median), between(&most)));
    }
    verdict.tiles = tiles;
    if s.solvent < 0.9 {
        let level = if s.solvent < 0.5 { Level::Severe } else { Level::Warning };
        let missing = brief(-s.lowest_cash.low.min(0.0));
        let text = format!("To stay solvent in nineteen of twenty draws, about {missing} more is needed.");
        verdict.findings.push(Finding::new(level, Text::plain(text)).chip("Cash"));
    }
    if let Some(gap) = found.team.gaps.first().filter(|_| !found.team.hired) {
        let text = format!(
            "Nobody covers {} of the {} work from {}.",
            percent(gap.share),
            gap.area.name(),
            plan.month_name(gap.month - 1)
        );
        verdict.findings.push(Finding::new(Level::Note, Text::plain(text)).chip("Team"));
    }
    verdict
}

fn between(of: &Spread) -> Text {
    Text::plain(format!("{} to {}", brief(of.low), brief(of.high)))
}

fn market(plan: &Plan, found: &MarketReport) -> Section {
    let size = found.size;
    let sizes = [("Total", Some(size.total)), ("Reachable", size.reachable), ("Obtainable", size.obtainable)];
    let axis = Scale::number(format!("{} a year", plan.company.currency));
    let mut chart = BarChart::new("Market a year", axis, "part");
    for (name, of) in sizes {
        if let Some(of) = of {
            let bar = Bar {
                spread: Some([of.low, of.high]),
                label: Some(brief(of.median)),
                ..Bar::new(name, of.median)
            };
            chart = chart.with(bar);
        }
    }
    let parts = sizes.iter().filter_map(|(name, of)| of.map(|of| format!("{name} {}", between(&of))));
    let parts = parts.collect::<Vec<_>>().join(", ");
    let note = format!("Bars: medians. Whiskers hold 90% of the draws: {}.", parts);
    let mut figures = vec![Figure::half(&EN, &chart).note(note)];
    if let Some((growth, asked)) =
        found.growth.as_ref().zip(plan.market.as_ref().and_then(|m| m.growth.as_ref()))
    {
        let line = |name: &str, values: &mut dyn Iterator<Item = f64>| {
            let points = values.enumerate().map(|(i, y)| Point::new((i + 1) as f64, y)).collect();
            Series::new(name, points)
        };
        let sold = line("sold", &mut asked.sales.iter().copied()).with_dots();
        let model = line("model", &mut growth.fitted.iter().chain(&growth.ahead).copied());
        let chart = LineChart::new("Growth", Scale::number(&asked.period), Scale::number("sales"))
            .with(sold)
            .with(model);
        let note = format!(
            "Bass's model: potential {}, innovation {:.4}, imitation {:.4}; R² {:.3}.",
            brief(growth.model.potential),
            growth.model.innovation,
            growth.model.imitation,
            growth.r2
        );
        figures.push(Figure::half(&EN, &chart).note(note));
    }
    Section::new("market", "Market").lead("How much could be sold a year.").with(Block::Figures(figures))
}

fn customers(plan: &Plan, found: &MarketReport) -> Option<Section> {
    let c = found.customers.as_ref()?;
    let tiles = vec![
        tile("Customers", whole(c.customers as f64), format!("{} bought again", whole(c.returning as f64))),
        tile("Still buying", whole(c.alive), "expected"),
        tile("Worth each", format!("{:.2}", c.mean_value), format!("{}, discounted", plan.company.currency)),
        tile("Worth together", brief(c.total_value), ""),
    ];
    let most = c.cohorts.iter().map(|cohort| cohort.active.len()).max().unwrap_or(1).min(7);
    let mut head = vec![("month".to_string(), Align::Left), ("customers".to_string(), Align::Right)];
    head.extend((1..most).map(|m| (format!("+{m}"), Align::Right)));
    let head: Vec<(&str, Align)> = head.iter().map(|(name, align)| (name.as_str(), *align)).collect();
    let mut table = Table::new("Share active in the months after the first purchase", &head);
    table.shown = 6;
    for cohort in &c.cohorts {
        let mut row: Vec<Cell> = vec![cohort.month.as_str().into(), whole(cohort.customers as f64).into()];
        row.extend((1..most).map(|m| cohort.active.get(m).map_or(String::new(), |s| percent(*s)).into()));
        table.rows.push(row);
    }
    let lead = "What customers are expected to buy, from what they bought: BG/NBD for how often, Gamma-Gamma for how much.";
    Some(
        Section::new("customers", "Customers").lead(lead).with(Block::Tiles(tiles)).with(Block::Table(table)),
    )
}

fn cash(plan: &Plan, found: &Forecast) -> Section {
    let axis = || Scale::number(format!("month from {}", plan.company.start));
    let point = |(m, s): (usize, &Spread)| Point {
        low: Some(s.low),
        high: Some(s.high),
        ..Point::new((m + 1) as f64, s.median)
    };
    let points = found.simulated.cash.iter().enumerate().map(point).collect();
    let n = plan.company.months as f64;
    let amounts = Scale::number(&plan.company.currency);
    let chart = LineChart::new("Cash at the end of each month", axis(), amounts.clone())
        .with(Series::new("cash", points))
        .against("nothing left", [1.0, 0.0], [n, 0.0]);
    let line = |name: &str, figure: &dyn Fn(&Month) -> f64| {
        let months = found.statement.months.iter();
        Series::new(name, months.map(|m| Point::new(m.month as f64, figure(m))).collect())
    };
    let monthly = LineChart::new("Revenue and profit by month", axis(), amounts)
        .with(line("revenue", &|m| m.revenue.units()))
        .with(line("net profit", &|m| m.net_profit.units()));
    let customers = LineChart::new("Customers", axis(), Scale::number("customers"))
        .with(line("customers", &|m| m.customers));
    Section::new("cash", "Cash")
        .lead("The line is the median of the draws, the band holds 90% of them.")
        .with(Block::Figures(vec![Figure::whole(&EN, &chart)]))
        .with(Block::Figures(vec![Figure::half(&EN, &monthly), Figure::half(&EN, &customers)]))
}

fn statement(plan: &Plan, found: &Forecast) -> Section {
    let years = years(plan);
    let mut head = vec![(plan.company.currency.as_str(), Align::Left)];
    head.extend(years.iter().map(|year| (year.as_str(), Align::Right)));
    let table = |caption: &str, lines: &[Line], stands: bool| {
        let mut table = Table::new(caption, &head);
        table.shown = lines.len();
        for line in lines {
            let mut row: Vec<Cell> = vec![line.0.into()];
            row.extend(by_year(found, *line, stands).into_iter().map(|amount| Cell::from(money(amount))));
            table.rows.push(row);
        }
        Block::Table(table)
    };
    Section::new("statement", "Statement")
        .lead("With every range at its median. Every entry has two sides, so that assets equal liabilities and equity to the cent.")
        .with(Block::Heading("Profit and loss".into()))
        .with(table("Profit and loss by year", &FLOWS[..10], false))
        .with(Block::Heading("Cash flow".into()))
        .with(table("Cash flow by year", &FLOWS[10..], false))
        .with(Block::Heading("Balance at the end of the year".into()))
        .with(table("Balance at the end of each year", &STANDS, true))
}

fn risk(plan: &Plan, found: &Forecast) -> Section {
    let section = Section::new("risk", "What it hangs on");
    if found.tornado.is_empty() {
        return section;
    }
    let axis = Scale::number(format!("closing cash ({})", plan.company.currency));
    let base = found.base.closing_cash;
    let mut chart = BarChart::new("Closing cash with each range at its ends", axis, "range");
    for swing in found.tornado.iter().take(10) {
        let (low, high) = (swing.at_low.min(swing.at_high), swing.at_low.max(swing.at_high));
        let label = Some(format!("{} to {}", brief(low), brief(high)));
        chart = chart.with(Bar { spread: Some([low, high]), label, ..Bar::new(&swing.name, base) });
    }
    section
        .lead(format!("All ranges at their medians leave {}. Each whisker moves one range from its low to its high end.", brief(base)))
        .with(Block::Figures(vec![Figure::whole(&EN, &chart)]))
}

fn team(plan: &Plan, found: &TeamReport) -> Section {
    let right = Align::Right;
    let mut table = Table::new(
        "Work at the end of the plan, in full-time positions",
        &[("work", Align::Left), ("needed", right), ("covered", right), ("by", Align::Left)],
    );
    for area in &found.areas {
        let short = area.covered + 1e-9 < area.needed;
        let covered =
            Cell { text: format!("{:.2}", area.covered).into(), level: short.then_some(Level::Warning) };
        let people = Text::name(area.people.join(", "));
        let row = vec![area.area.name().into(), format!("{:.2}", area.needed).into(), covered, people.into()];
        table.rows.push(row);
    }
    let mut section = Section::new("team", "Team").lead("Before hiring.").with(Block::Table(table));
    if !found.hires.is_empty() {
        let head =
            [("from", Align::Left), ("work", Align::Left), ("positions", right), ("salary a year", right)];
        let mut table = Table::new("Hires in order", &head);
        for hire in &found.hires {
            table.rows.push(vec![
                plan.month_name(hire.month - 1).into(),
                hire.area.name().into(),
                format!("{:.2}", hire.positions).into(),
                whole(hire.salary).into(),
            ]);
        }
        let paid = if found.hired { "Hires, paid in the plan" } else { "Hires, not paid in the plan" };
        section = section.with(Block::Heading(paid.into())).with(Block::Table(table));
    }
    if let Some(last) = found.support.last() {
        section = section.with(Block::Text(Text::plain(format!(
            "Support at the end of the plan: {} contacts a month need {} at a time and {} employed; {} of the customers wait (Erlang C), {} are \
             answered in time.",
            whole(last.contacts),
            last.agents,
            last.employed,
            percent(last.waits),
            percent(last.in_time)
        ))));
    }
    section
}
