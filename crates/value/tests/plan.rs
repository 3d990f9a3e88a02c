//! Plans as users write them, right and wrong.
#![expect(clippy::unwrap_used, reason = "a plan that cannot be read is a failed test")]

use std::path::Path;

use proptest::prelude::*;
use tidemill_value::cash::{Account, Ledger};
use tidemill_value::{Money, Plan, TEMPLATES, forecast, market_report, template};

const SMALL: &str = "\
[company]
name = \"A\"
start = \"2027-01\"
months = 12
opening_cash = 1000
[[products]]
name = \"P\"
price = 100
new_customers = 1
";

fn error(text: &str) -> String {
    let e = Plan::parse(text, "plan.toml").unwrap_err();
    format!("{e} | {}", e.remedy().unwrap_or_default())
}

#[test]
fn every_template_is_a_plan_whose_balance_balances() {
    for (name, _) in TEMPLATES {
        let text = template(name).unwrap().replace("[company]", "[simulation]\ndraws = 50\n[company]");
        let (plan, document) = Plan::parse(&text, name).unwrap();
        let found = forecast(&plan).map_err(|fault| document.error(&fault)).unwrap();
        assert_eq!(found.statement.months.len(), plan.company.months);
        let mut cash = Money::ZERO;
        for month in &found.statement.months {
            assert_eq!(month.assets, month.liabilities_and_equity, "{name}");
            cash += month.operating_cash_flow + month.investing_cash_flow + month.financing_cash_flow;
            assert_eq!(month.cash, cash, "{name}");
        }
        assert!(!found.tornado.is_empty() && found.simulated.cash.len() == plan.company.months);
    }
}

#[test]
fn the_startup_of_the_examples() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/startup/plan.toml");
    let (plan, document) = Plan::open(&file).unwrap();
    let market = market_report(&plan, &document, file.parent().unwrap()).unwrap();
    let customers = market.customers.unwrap();
    // `make.py` drew 420 customers who spend about 56 at a time at most.
    assert_eq!(customers.customers, 420);
    assert!(
        customers.alive > 100.0 && customers.alive < 420.0 && customers.mean_value > 0.0,
        "{customers:?}"
    );
    assert!((market.growth.unwrap().model.potential - 18_712.7).abs() < 0.1);
    let size = market.size;
    assert!(
        size.total.low < size.total.median && size.obtainable.unwrap().high < size.reachable.unwrap().high
    );
    let found = forecast(&plan).unwrap();
    assert!(found.statement.months.iter().all(|m| m.assets == m.liabilities_and_equity));
    assert!(found.team.hires.iter().any(|h| h.month == 4));
}

/// By hand: one customer more each month at 100; 78 customer months are 7800, with 1000 to begin with.
#[test]
fn a_plan_that_can_be_done_by_hand() {
    let (plan, _) = Plan::parse(SMALL, "plan.toml").unwrap();
    let found = forecast(&plan).unwrap();
    let end = found.statement.months[11];
    assert_eq!((end.cash, end.retained_earnings), (Money::cents(880_000), Money::cents(780_000)));
    assert_eq!(found.simulated.solvent, 1.0);
    assert!(found.tornado.is_empty() && found.irr.is_empty());
}

/// By hand: 1200 a year ahead from one customer in month 1, paid two months later, earned at 100 a month; 2400 written off over 24
/// months; a loan of 600 at 12% repaid over 6 months from the second; tax of 50% paid a month later.
#[test]
fn invoices_write_offs_loans_and_tax_by_hand() {
    let text = "\
[company]
name = \"A\"
start = \"2027-01\"
months = 3
opening_cash = 3000
tax_rate = \"50%\"
tax_paid_after = 1
[[products]]
name = \"P\"
price = 1200
billing = \"yearly\"
new_customers = 1
growth = \"-100%\"
paid_after = 2
[[investments]]
name = \"M\"
amount = 480
life = 24
[[loans]]
name = \"L\"
amount = 600
rate = \"12%\"
months = 6
";
    let (plan, _) = Plan::parse(text, "plan.toml").unwrap();
    let months = forecast(&plan).unwrap().statement.months;
    let cents = |units: i64| Money::cents(100 * units);
    // 100 earned less 20 written off.
    assert_eq!((months[0].net_profit, months[0].tax_payable), (cents(40), cents(40)));
    assert_eq!((months[0].deferred_revenue, months[0].receivables), (cents(1100), cents(1200)));
    assert_eq!(months[0].cash, cents(3000 - 480 + 600));
    // Interest of 1% on 600, then on 500.
    assert_eq!((months[1].interest, months[2].interest), (cents(6), cents(5)));
    assert_eq!((months[2].loans, months[2].fixed_assets), (cents(400), cents(420)));
    // Tax of 40 and of 37 is paid; the customer's 1200 came in the third month.
    assert_eq!(months[2].cash, Money::cents(312_000 - 10_600 - 4000 + 120_000 - 10_500 - 3700));
    assert_eq!(months[2].assets, months[2].liabilities_and_equity);
}

/// By hand: 24 customers, 2 of whom renew each month; without churn all stay, and with everybody leaving none is left after a year.
#[test]
fn customers_of_a_year_stay_for_it() {
    let text = SMALL.replace("months = 12", "months = 24").replace("new_customers = 1", "new_customers = 0");
    let text = format!("{text}customers = 24\nbilling = \"yearly\"\n");
    let customers = |text: &str| -> Vec<f64> {
        let found = forecast(&Plan::parse(text, "plan.toml").unwrap().0).unwrap();
        found.statement.months.iter().map(|m| m.customers).collect()
    };
    assert!(customers(&text).iter().all(|n| (n - 24.0).abs() < 1e-9));
    let left = customers(&format!("{text}churn = \"100%\"\n"));
    assert!((left[0] - 22.0).abs() < 1e-9 && left[11].abs() < 1e-9 && left[23].abs() < 1e-9, "{left:?}");
}

#[test]
fn the_same_seed_gives_the_same_result() {
    let text = format!("{SMALL}churn = \"1% to 5%\"\n[simulation]\ndraws = 200\nseed = 3\n");
    let (plan, _) = Plan::parse(&text, "plan.toml").unwrap();
    let (a, b) = (forecast(&plan).unwrap().simulated, forecast(&plan).unwrap().simulated);
    assert_eq!(a, b);
    let other = text.replace("seed = 3", "seed = 4");
    assert_ne!(a, forecast(&Plan::parse(&other, "plan.toml").unwrap().0).unwrap().simulated);
    assert!(a.closing_cash.low < a.closing_cash.median && a.closing_cash.median < a.closing_cash.high);
}

#[test]
fn what_is_wrong_is_shown_with_its_line() {
    let cases = [
        (SMALL.replace("price = 100", "price = 0"), "line 8", "must be above 0"),
        (SMALL.replace("price = 100", "price = \"12 to 8\""), "line 8", "write 8 to 12"),
        (SMALL.replace("price = 100", "prise = 100"), "line 8", "did you mean 'price'?"),
        (SMALL.replace("price = 100", "price = \"fee * 2\""), "line 8", "'fee', which is not an assumption"),
        (SMALL.replace("2027-01", "2027-13"), "line 3", "no month"),
        (SMALL.replace("months = 12", "months = 0"), "line 4", "must be 1 to 600"),
        (format!("{SMALL}churn = \"50% to 150%\"\n"), "line 10", "must be from 0 to 1"),
        (format!("{SMALL}billing = \"montly\"\n"), "line 10", "did you mean 'monthly'?"),
        (format!("{SMALL}from = 0\n"), "line 10", "count from 1"),
        (format!("{SMALL}[assumptions]\na = \"b\"\nb = \"a + 1\"\n"), "line 11", "a -> b -> a"),
        (format!("{SMALL}[assumptions]\na = \"1 / (3 - 3)\"\n"), "line 11", "no finite number"),
        (format!("{SMALL}[market]\ntotal = 5\nreachable = 6\n"), "line 12", "more than the 5"),
        (
            format!("{SMALL}[[people]]\nname = \"X\"\nsalary = 1\ncovers = {{ techncal = 1 }}\n"),
            "line 13",
            "technical",
        ),
        (SMALL.replace("price = 100\n", ""), "line 6", "lacks 'price'"),
        ("[company\n".into(), "line 1", "TOML"),
    ];
    for (text, line, words) in cases {
        let said = error(&text);
        assert!(said.starts_with("plan.toml, ") && said.contains(line) && said.contains(words), "{said}");
    }
}

#[test]
fn growth_without_end_is_an_error_and_no_number() {
    let (plan, document) = Plan::parse(
        &format!("{}growth = \"900%\"\n", SMALL.replace("months = 12", "months = 60")),
        "plan.toml",
    )
    .unwrap();
    let said = forecast(&plan).map_err(|fault| document.error(&fault)).unwrap_err().to_string();
    assert!(said.contains("line 6") && said.contains("hundred billion"), "{said}");
}

proptest! {
    #[test]
    fn whatever_is_posted_balances(posts in proptest::collection::vec((0usize..14, 0usize..5, 0usize..5, -9_000_000i64..9_000_000), 0..60)) {
        let accounts = [Account::Cash, Account::Loans, Account::Revenue, Account::Payables, Account::FixedAssets];
        let mut ledger = Ledger::new(12);
        for (month, debit, credit, cents) in posts {
            ledger.post(month, accounts[debit], accounts[credit], Money::cents(cents));
        }
        for m in 0..12 {
            prop_assert_eq!(accounts.iter().map(|a| ledger.moved(m, *a)).sum::<Money>(), Money::ZERO);
        }
    }
}
