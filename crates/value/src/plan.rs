//! The plan as written: a TOML file in which any number may be a range.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// A business plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The company as a whole.
    pub company: Company,
    /// Numbers with names, which formulas elsewhere may use.
    #[serde(default)]
    pub assumptions: IndexMap<String, Quantity>,
    /// The market.
    pub market: Option<Market>,
    /// What is sold.
    #[serde(default)]
    pub products: Vec<Product>,
    /// Costs by month.
    #[serde(default)]
    pub costs: Vec<Cost>,
    /// What is bought and used for years.
    #[serde(default)]
    pub investments: Vec<Investment>,
    /// Money borrowed.
    #[serde(default)]
    pub loans: Vec<Loan>,
    /// Money from owners.
    #[serde(default)]
    pub funding: Vec<Funding>,
    /// Who works here.
    #[serde(default)]
    pub people: Vec<Person>,
    /// The work there is to do.
    pub team: Option<Team>,
    /// Help for customers.
    pub support: Option<Support>,
    /// How uncertainty is computed.
    #[serde(default)]
    pub simulation: Simulation,
}

/// `[company]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// Its name.
    pub name: String,
    /// The currency of all amounts.
    #[serde(default = "euro")]
    pub currency: String,
    /// The first month: `2027-01`.
    pub start: String,
    /// How many months are planned.
    #[serde(default = "three_years")]
    pub months: usize,
    /// Cash on the first day, paid in by the owners.
    #[serde(default = "zero")]
    pub opening_cash: Quantity,
    /// The discount rate a year.
    #[serde(default = "tenth")]
    pub discount_rate: Quantity,
    /// The rate of tax on profit; losses are carried forward.
    #[serde(default = "zero")]
    pub tax_rate: Quantity,
    /// Months from when tax is owed until it is paid.
    #[serde(default = "three")]
    pub tax_paid_after: usize,
    /// What comes on top of salaries, as a share of them.
    #[serde(default = "zero")]
    pub salary_on_costs: Quantity,
}

/// `[market]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// Everything that could be sold a year.
    pub total: Quantity,
    /// What this product can reach of it; may use `total`.
    pub reachable: Option<Quantity>,
    /// What can be won within the plan; may use `total` and `reachable`.
    pub obtainable: Option<Quantity>,
    /// Growth by Bass's model.
    pub growth: Option<Growth>,
    /// Customers' worth from events.
    pub customers: Option<Customers>,
}

/// `[market.growth]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Sales of past periods of equal length, the first of the product's life first.
    pub sales: Vec<f64>,
    /// How many periods to look ahead.
    #[serde(default = "three")]
    pub ahead: usize,
    /// What a period is called; without it, a year.
    pub period: Option<String>,
}

/// `[market.customers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customers {
    /// A CSV file of purchases, seen from the plan's folder.
    pub events: String,
    /// Its column of customers.
    #[serde(default = "customer")]
    pub customer: String,
    /// Its column of dates.
    #[serde(default = "date")]
    pub date: String,
    /// Its column of amounts.
    #[serde(default = "amount")]
    pub amount: String,
    /// How far ahead customers are valued.
    #[serde(default = "weeks")]
    pub weeks: u32,
    /// The share of what they spend that remains after direct cost.
    #[serde(default = "one")]
    pub margin: Quantity,
}

/// How often a customer pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// Each month.
    #[default]
    Monthly,
    /// A year ahead.
    Yearly,
    /// Once.
    Once,
}

/// `[[products]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name.
    pub name: String,
    /// What a customer pays each time, without sales tax.
    pub price: Quantity,
    /// How often.
    #[serde(default)]
    pub billing: Billing,
    /// New customers in its first month.
    pub new_customers: Option<Quantity>,
    /// By which share more of them come with each month.
    #[serde(default = "zero")]
    pub growth: Quantity,
    /// Instead of the two: new customers by Bass's model.
    pub adoption: Option<Adoption>,
    /// The first month it is sold, from 1.
    #[serde(default = "first")]
    pub from: usize,
    /// Customers on the first day. With yearly billing, a twelfth of them renew each month.
    #[serde(default = "zero")]
    pub customers: Quantity,
    /// The share of customers that leave in a month.
    #[serde(default = "zero")]
    pub churn: Quantity,
    /// What serving a customer costs a month.
    #[serde(default = "zero")]
    pub unit_cost: Quantity,
    /// What winning a customer costs.
    #[serde(default = "zero")]
    pub acquisition_cost: Quantity,
    /// Months from the invoice until customers pay.
    #[serde(default)]
    pub paid_after: usize,
}

/// New customers by Bass's model: `adoption = { potential = …, innovation = …, imitation = … }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adoption {
    /// Who will buy in the end.
    pub potential: Quantity,
    /// p a year.
    pub innovation: Quantity,
    /// q a year.
    pub imitation: Quantity,
}

/// What a cost belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostKind {
    /// What delivering takes.
    CostOfSales,
    /// Everything else.
    #[default]
    Operating,
}

/// `[[costs]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Its name.
    pub name: String,
    /// The amount a month.
    pub amount: Quantity,
    /// What it belongs to.
    #[serde(default)]
    pub kind: CostKind,
    /// The first month, from 1.
    #[serde(default = "first")]
    pub from: usize,
    /// The last month; that of the plan without any.
    pub until: Option<usize>,
    /// By which share it grows a year.
    #[serde(default = "zero")]
    pub growth: Quantity,
    /// Months from the invoice until it is paid.
    #[serde(default)]
    pub paid_after: usize,
}

/// `[[investments]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Investment {
    /// Its name.
    pub name: String,
    /// What it costs.
    pub amount: Quantity,
    /// The month it is bought and paid, from 1.
    #[serde(default = "first")]
    pub month: usize,
    /// Months over which it is written off in equal parts, from the month it is bought.
    #[serde(default = "three_years")]
    pub life: usize,
}

/// `[[loans]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loan {
    /// Its name.
    pub name: String,
    /// What is borrowed.
    pub amount: Quantity,
    /// The month it is paid out, from 1.
    #[serde(default = "first")]
    pub month: usize,
    /// Interest a year, paid monthly on what is owed.
    pub rate: Quantity,
    /// Equal monthly repayments, from the month after the grace period.
    pub months: usize,
    /// Months with interest alone.
    #[serde(default)]
    pub grace: usize,
}

/// `[[funding]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    /// Its name.
    pub name: String,
    /// The amount.
    pub amount: Quantity,
    /// The month it is paid in, from 1.
    #[serde(default = "first")]
    pub month: usize,
}

/// A sort of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Building the product.
    Technical,
    /// Selling it and speaking with customers.
    Business,
    /// Keeping it and the company running.
    Operations,
    /// Money and books.
    Finance,
    /// Contracts, privacy, licences.
    Legal,
}

impl Area {
    /// All of them, in the order in which equal gaps are filled.
    pub const ALL: [Area; 5] =
        [Area::Technical, Area::Business, Area::Operations, Area::Finance, Area::Legal];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Area::Technical => "technical",
            Area::Business => "business",
            Area::Operations => "operations",
            Area::Finance => "finance",
            Area::Legal => "legal",
        }
    }
}

/// `[[people]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who, or which position.
    pub name: String,
    /// The salary a year of the whole position.
    pub salary: Quantity,
    /// The first month, from 1.
    #[serde(default = "first")]
    pub from: usize,
    /// The last month; that of the plan without any.
    pub until: Option<usize>,
    /// The share of a full-time position that each sort of work gets.
    #[serde(default)]
    pub covers: IndexMap<Area, f64>,
}

/// `[team]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// The work there is to do.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// The salary a year of a new full-time position, by sort of work.
    #[serde(default)]
    pub salaries: IndexMap<Area, Quantity>,
    /// Whether the hires proposed are part of the cash plan.
    #[serde(default)]
    pub hire: bool,
}

/// `[[team.needs]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Which sort of work.
    pub area: Area,
    /// How many full-time positions it takes from then on.
    pub people: Quantity,
    /// The first month, from 1.
    #[serde(default = "first")]
    pub from: usize,
}

/// `[support]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// Calls or chats a customer has a month.
    pub contacts_per_customer: Quantity,
    /// How long one takes, in minutes.
    pub handling_minutes: Quantity,
    /// Hours a month in which somebody answers.
    #[serde(default = "office")]
    pub open_hours: Quantity,
    /// How long customers may wait, in seconds.
    #[serde(default = "half_minute")]
    pub within_seconds: Quantity,
    /// The share of customers who must not wait longer.
    #[serde(default = "four_fifths")]
    pub share: Quantity,
    /// The share of an agent's paid time that is not spent answering: holidays, illness, training.
    #[serde(default = "three_tenths")]
    pub shrinkage: Quantity,
    /// The salary a year of an agent.
    pub salary: Quantity,
    /// The first month with agents, from 1: before, the founders answer.
    #[serde(default = "first")]
    pub from: usize,
}

/// `[simulation]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Simulation {
    /// How often the plan is played through.
    pub draws: usize,
    /// The seed of the draws.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Simulation { draws: 2000, seed: 0 }
    }
}

const fn zero() -> Quantity {
    Quantity::number(0.0)
}
const fn one() -> Quantity {
    Quantity::number(1.0)
}
const fn tenth() -> Quantity {
    Quantity::number(0.1)
}
const fn office() -> Quantity {
    Quantity::number(168.0)
}
const fn half_minute() -> Quantity {
    Quantity::number(30.0)
}
const fn four_fifths() -> Quantity {
    Quantity::number(0.8)
}
const fn three_tenths() -> Quantity {
    Quantity::number(0.3)
}
const fn first() -> usize {
    1
}
const fn three() -> usize {
    3
}
const fn three_years() -> usize {
    36
}
const fn weeks() -> u32 {
    52
}
fn euro() -> String {
    "EUR".into()
}
fn customer() -> String {
    "customer".into()
}
fn date() -> String {
    "date".into()
}
fn amount() -> String {
    "amount".into()
}

impl Plan {
    /// The year and the month (1 to 12) of month `m` of the plan, from 0.
    pub fn calendar(&self, m: usize) -> (i64, u8) {
        let (year, month) = start(&self.company.start).unwrap_or((1970, 1));
        let months = year * 12 + i64::from(month) - 1 + m as i64;
        (months.div_euclid(12), months.rem_euclid(12) as u8 + 1)
    }

    /// `2027-01` of month `m`, from 0.
    pub fn month_name(&self, m: usize) -> String {
        let (year, month) = self.calendar(m);
        format!("{year:04}-{month:02}")
    }
}

/// The year and the month of `2027-01`.
pub(crate) fn start(text: &str) -> Option<(i64, u8)> {
    let (year, month) = text.split_once('-')?;
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let month: u8 = Some(month).filter(|m| digits(m, 2))?.parse().ok()?;
    let year = Some(year).filter(|y| digits(y, 4))?.parse().ok()?;
    (1..=12).contains(&month).then_some((year, month))
}
