//! The page of a plan, for people who were not there.

use tidemill_report::words::{Words, fill};
use tidemill_report::{
    Align, Bar, BarChart, Block, Cell, Figure, Finding, Level, LineChart, Point, Report, Scale, Section,
    Series, Table, Text, Tile, Verdict,
};
use tidemill_value::cash::Month;
use tidemill_value::market::{BassFit, Spread};
use tidemill_value::plan::Growth;
use tidemill_value::team::TeamReport;
use tidemill_value::{Forecast, MarketReport, Money, Plan};

use super::figures::{between, brief, money, percent, whole};
use super::lines::{FLOWS, Line, STANDS, by_year, returns, runway, years};
use super::market::parts;
use super::team::{area, support};

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
pub(super) fn write(words: &'static Words, plan: &Plan, parts: &Parts<'_>) -> String {
    let (said, company) = (&words.business, &plan.company);
    let mut page = Report::new(words, Text::name(&company.name));
    page.kicker = Text::plain(said.kicker);
    let end = plan.month_name(company.months - 1);
    page.lead = Text::plain(fill(
        said.lead,
        &[
            ("months", &company.months),
            ("start", &company.start),
            ("end", &end),
            ("currency", &company.currency),
        ],
    ));
    page.foot = Text::plain(fill(words.foot, &[("version", &env!("CARGO_PKG_VERSION"))]));
    page.verdict = parts.money.map(|found| verdict(words, plan, parts, found));
    let mut sections = Vec::new();
    if let Some(found) = parts.market {
        sections.push(market(words, plan, found));
        sections.extend(customers(words, plan, found));
    }
    if let Some(found) = parts.money {
        sections.extend([cash(words, plan, found), statement(words, plan, found), risk(words, plan, found)]);
    }
    if let Some(found) = parts.team {
        sections.push(team(words, plan, found));
    }
    sections.into_iter().fold(page, Report::with).html()
}

fn tile(name: &str, value: String, aside: impl Into<Text>) -> Tile {
    Tile { name: name.into(), value, aside: aside.into() }
}

/// The ends of a spread, as an aside.
fn ends(words: &Words, of: &Spread) -> Text {
    Text::plain(between(words, of.low, of.high))
}

fn verdict(words: &Words, plan: &Plan, parts: &Parts<'_>, found: &Forecast) -> Verdict {
    let (said, s) = (&words.business, &found.simulated);
    let template = match s.solvent {
        1.0 => said.solvent_all,
        0.0 => said.solvent_none,
        _ => said.solvent_some,
    };
    let values: [(&str, &dyn std::fmt::Display); 2] =
        [("share", &percent(s.solvent)), ("draws", &whole(s.draws as f64))];
    let mut verdict = Verdict::new(Text::plain(fill(template, &values)));
    verdict.more = Text::plain(fill(said.medians_say, &[("runway", &runway(words, plan, found))]));
    let revenue = found.statement.years(|m| m.revenue).last().copied().unwrap_or(Money::ZERO);
    verdict.tiles = vec![
        tile(said.tile_revenue, brief(revenue.units()), ""),
        tile(said.tile_cash, brief(s.closing_cash.median), ends(words, &s.closing_cash)),
        tile(said.tile_least, brief(s.lowest_cash.median), ends(words, &s.lowest_cash)),
        tile(said.npv, brief(s.npv.median), ends(words, &s.npv)),
        tile(said.tile_irr, returns(words, found), said.tile_irr_of),
    ];
    if let Some(size) = parts.market.map(|market| market.size) {
        let most = size.obtainable.or(size.reachable).unwrap_or(size.total);
        verdict.tiles.insert(0, tile(said.tile_market, brief(most.median), ends(words, &most)));
    }
    verdict.findings = findings(words, plan, found);
    verdict
}

fn findings(words: &Words, plan: &Plan, found: &Forecast) -> Vec<Finding> {
    let (said, s) = (&words.business, &found.simulated);
    let mut findings = Vec::new();
    if s.solvent < 0.9 {
        let level = if s.solvent < 0.5 { Level::Severe } else { Level::Warning };
        let text = fill(said.more_needed, &[("missing", &brief(-s.lowest_cash.low.min(0.0)))]);
        findings.push(Finding::new(level, Text::plain(text)).chip(said.cash_title));
    }
    if let Some(gap) = found.team.gaps.first().filter(|_| !found.team.hired) {
        let month = plan.month_name(gap.month - 1);
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("share", &percent(gap.share)), ("area", &area(words, gap.area)), ("month", &month)];
        let text = Text::plain(fill(said.nobody_covers, &values));
        findings.push(Finding::new(Level::Note, text).chip(said.team_title));
    }
    findings
}

fn market(words: &Words, plan: &Plan, found: &MarketReport) -> Section {
    let (said, currency) = (&words.business, &plan.company.currency);
    let axis = Scale::number(fill(said.market_axis, &[("currency", currency)]));
    let sizes = parts(words, &found.size);
    let bar = |(name, of): &(&str, Spread)| Bar {
        spread: Some([of.low, of.high]),
        label: Some(brief(of.median)),
        ..Bar::new(*name, of.median)
    };
    let empty = BarChart::new(said.market_chart, axis, said.market_part);
    let chart = sizes.iter().map(bar).fold(empty, BarChart::with);
    let ranges = sizes.iter().map(|(name, of)| format!("{name} {}", between(words, of.low, of.high)));
    let ranges = ranges.collect::<Vec<_>>().join(words.list);
    let note = fill(said.market_note, &[("parts", &ranges)]);
    let mut figures = vec![Figure::half(words, &chart).note(note)];
    if let Some((growth, asked)) =
        found.growth.as_ref().zip(plan.market.as_ref().and_then(|m| m.growth.as_ref()))
    {
        figures.push(grown(words, growth, asked));
    }
    Section::new("market", said.market_title).lead(said.market_lead).with(Block::Figures(figures))
}

fn grown(words: &Words, growth: &BassFit, asked: &Growth) -> Figure {
    let said = &words.business;
    let period = asked.period.as_deref().unwrap_or(said.growth_period);
    let line = |name: &str, values: &mut dyn Iterator<Item = f64>| {
        let points = values.enumerate().map(|(i, y)| Point::new((i + 1) as f64, y)).collect();
        Series::new(name, points)
    };
    let sold = line(said.growth_sold, &mut asked.sales.iter().copied()).with_dots();
    let model = line(said.growth_model, &mut growth.fitted.iter().chain(&growth.ahead).copied());
    let chart = LineChart::new(said.growth_chart, Scale::number(period), Scale::number(said.growth_sales))
        .with(sold)
        .with(model);
    let note = fill(
        said.growth_note,
        &[
            ("potential", &brief(growth.model.potential)),
            ("p", &format!("{:.4}", growth.model.innovation)),
            ("q", &format!("{:.4}", growth.model.imitation)),
            ("r2", &format!("{:.3}", growth.r2)),
        ],
    );
    Figure::half(words, &chart).note(note)
}

fn customers(words: &Words, plan: &Plan, found: &MarketReport) -> Option<Section> {
    let (said, c) = (&words.business, found.customers.as_ref()?);
    let again = fill(said.customers_again, &[("n", &whole(c.returning as f64))]);
    let discounted = fill(said.customers_discounted, &[("currency", &plan.company.currency)]);
    let tiles = vec![
        tile(said.customers_title, whole(c.customers as f64), again),
        tile(said.customers_alive, whole(c.alive), said.customers_expected),
        tile(said.customers_each, format!("{:.2}", c.mean_value), discounted),
        tile(said.customers_all, brief(c.total_value), ""),
    ];
    let most = c.cohorts.iter().map(|cohort| cohort.active.len()).max().unwrap_or(1).min(7);
    let mut head = vec![
        (said.cohorts_month.to_string(), Align::Left),
        (said.cohorts_customers.to_string(), Align::Right),
    ];
    head.extend((1..most).map(|m| (format!("+{m}"), Align::Right)));
    let head: Vec<(&str, Align)> = head.iter().map(|(name, align)| (name.as_str(), *align)).collect();
    let mut table = Table::new(said.cohorts_caption, &head);
    table.shown = 6;
    for cohort in &c.cohorts {
        let mut row: Vec<Cell> = vec![cohort.month.as_str().into(), whole(cohort.customers as f64).into()];
        row.extend((1..most).map(|m| cohort.active.get(m).map_or(String::new(), |s| percent(*s)).into()));
        table.rows.push(row);
    }
    let section = Section::new("customers", said.customers_title).lead(said.customers_lead);
    Some(section.with(Block::Tiles(tiles)).with(Block::Table(table)))
}

fn cash(words: &Words, plan: &Plan, found: &Forecast) -> Section {
    let said = &words.business;
    let axis = || Scale::number(fill(said.cash_axis, &[("start", &plan.company.start)]));
    let point = |(m, s): (usize, &Spread)| Point {
        low: Some(s.low),
        high: Some(s.high),
        ..Point::new((m + 1) as f64, s.median)
    };
    let points = found.simulated.cash.iter().enumerate().map(point).collect();
    let n = plan.company.months as f64;
    let amounts = Scale::number(&plan.company.currency);
    let chart = LineChart::new(said.cash_chart, axis(), amounts.clone())
        .with(Series::new(said.cash, points))
        .against(said.cash_nothing, [1.0, 0.0], [n, 0.0]);
    let line = |name: &str, figure: &dyn Fn(&Month) -> f64| {
        let months = found.statement.months.iter();
        Series::new(name, months.map(|m| Point::new(m.month as f64, figure(m))).collect())
    };
    let monthly = LineChart::new(said.monthly_chart, axis(), amounts)
        .with(line(said.revenue, &|m| m.revenue.units()))
        .with(line(said.net_profit, &|m| m.net_profit.units()));
    let names = Scale::number(said.cohorts_customers);
    let customers = LineChart::new(said.customers_title, axis(), names)
        .with(line(said.cohorts_customers, &|m| m.customers));
    Section::new("cash", said.cash_title)
        .lead(said.cash_lead)
        .with(Block::Figures(vec![Figure::whole(words, &chart)]))
        .with(Block::Figures(vec![Figure::half(words, &monthly), Figure::half(words, &customers)]))
}

fn statement(words: &Words, plan: &Plan, found: &Forecast) -> Section {
    let said = &words.business;
    let years = years(words, plan);
    let mut head = vec![(plan.company.currency.as_str(), Align::Left)];
    head.extend(years.iter().map(|year| (year.as_str(), Align::Right)));
    let table = |caption: &str, lines: &[Line], stands: bool| {
        let mut table = Table::new(caption, &head);
        table.shown = lines.len();
        for line in lines {
            let mut row: Vec<Cell> = vec![line.0(said).into()];
            row.extend(by_year(found, *line, stands).into_iter().map(|amount| Cell::from(money(amount))));
            table.rows.push(row);
        }
        Block::Table(table)
    };
    Section::new("statement", said.statement_title)
        .lead(said.statement_lead)
        .with(Block::Heading(said.profit_head.into()))
        .with(table(said.profit_caption, &FLOWS[..10], false))
        .with(Block::Heading(said.flow_head.into()))
        .with(table(said.flow_caption, &FLOWS[10..], false))
        .with(Block::Heading(said.balance_head.into()))
        .with(table(said.balance_caption, &STANDS, true))
}

fn risk(words: &Words, plan: &Plan, found: &Forecast) -> Section {
    let said = &words.business;
    let section = Section::new("risk", said.risk_title);
    if found.tornado.is_empty() {
        return section;
    }
    let axis = Scale::number(fill(said.risk_axis, &[("currency", &plan.company.currency)]));
    let base = found.base.closing_cash;
    let mut chart = BarChart::new(said.risk_chart, axis, said.risk_range);
    for swing in found.tornado.iter().take(10) {
        let (low, high) = (swing.at_low.min(swing.at_high), swing.at_low.max(swing.at_high));
        let label = Some(between(words, low, high));
        chart = chart.with(Bar { spread: Some([low, high]), label, ..Bar::new(&swing.name, base) });
    }
    section
        .lead(fill(said.risk_lead, &[("cash", &brief(base))]))
        .with(Block::Figures(vec![Figure::whole(words, &chart)]))
}

fn team(words: &Words, plan: &Plan, found: &TeamReport) -> Section {
    let (said, right) = (&words.business, Align::Right);
    let head = [
        (said.team_work, Align::Left),
        (said.team_needed, right),
        (said.team_covered, right),
        (said.team_by, Align::Left),
    ];
    let mut table = Table::new(said.team_caption, &head);
    for of in &found.areas {
        let short = of.covered + 1e-9 < of.needed;
        let covered =
            Cell { text: format!("{:.2}", of.covered).into(), level: short.then_some(Level::Warning) };
        let people = Text::name(of.people.join(words.list));
        let needed = format!("{:.2}", of.needed);
        table.rows.push(vec![area(words, of.area).into(), needed.into(), covered, people.into()]);
    }
    let mut section = Section::new("team", said.team_title).lead(said.team_lead).with(Block::Table(table));
    if !found.hires.is_empty() {
        let paid = if found.hired { said.hires_paid_head } else { said.hires_unpaid_head };
        section = section.with(Block::Heading(paid.into())).with(hires(words, plan, found));
    }
    if let Some(last) = found.support.last() {
        section = section.with(Block::Text(Text::plain(support(words, last))));
    }
    section
}

fn hires(words: &Words, plan: &Plan, found: &TeamReport) -> Block {
    let (said, right) = (&words.business, Align::Right);
    let head = [
        (said.hires_from, Align::Left),
        (said.team_work, Align::Left),
        (said.hires_positions, right),
        (said.hires_salary, right),
    ];
    let mut table = Table::new(said.hires_caption, &head);
    for hire in &found.hires {
        table.rows.push(vec![
            plan.month_name(hire.month - 1).into(),
            area(words, hire.area).into(),
            format!("{:.2}", hire.positions).into(),
            whole(hire.salary).into(),
        ]);
    }
    Block::Table(table)
}
