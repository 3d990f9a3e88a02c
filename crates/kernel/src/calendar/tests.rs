use super::dates::{civil, days, weekday};
use super::*;

fn at(year: i64, month: i64, day: i64) -> i64 {
    days(year, month, day) * DAY
}

fn found(times: &[i64]) -> Found {
    Step::infer(&[times.to_vec()]).unwrap()
}

#[test]
fn days_and_dates_are_each_other() {
    for day in (-800_000..800_000).step_by(37) {
        let (year, month, of_month) = civil(day);
        assert_eq!(days(year, month, of_month), day);
    }
    assert_eq!(civil(0), (1970, 1, 1));
}

#[test]
fn months_quarters_and_years_come_on_their_first_or_last_day() {
    let first: Vec<i64> = (0..30).map(|i| at(2020 + i / 12, i % 12 + 1, 1)).collect();
    let step = found(&first).step;
    assert_eq!((step, step.season()), (Step::Months { n: 1, on: MonthDay::Same }, Some(12)));
    for (i, time) in first.iter().enumerate() {
        assert_eq!(step.later(first[0], i as i64, None), *time);
        assert_eq!(step.between(first[0], *time), i as i64);
    }
    let ends: Vec<i64> = first.iter().skip(1).map(|t| t - DAY).collect();
    let step = found(&ends).step;
    assert_eq!(step, Step::Months { n: 1, on: MonthDay::Last });
    assert!(ends.windows(2).all(|w| step.later(w[0], 1, None) == w[1]));
    let quarters: Vec<i64> = (0..200).map(|i| at(1956 + i / 4, i % 4 * 3 + 1, 1)).collect();
    let step = found(&quarters).step;
    assert_eq!((step, step.season()), (Step::Months { n: 3, on: MonthDay::Same }, Some(4)));
    assert_eq!(step.between(quarters[0], quarters[199]), 199);
    let years: Vec<i64> = (1871..1970).map(|y| at(y, 1, 1)).collect();
    let step = found(&years).step;
    assert_eq!((step.to_string().as_str(), step.season()), ("1 year", None));
    assert_eq!(step.later(years[98], 3, None), at(1972, 1, 1));
}

#[test]
fn a_day_that_a_month_lacks_is_its_last() {
    let times = [at(2023, 1, 30), at(2023, 2, 28), at(2023, 3, 30), at(2023, 4, 30)];
    let step = found(&times).step;
    assert_eq!(step, Step::Months { n: 1, on: MonthDay::Same });
    let day = Step::day_of_month(times.into_iter());
    assert_eq!(step.later(at(2023, 2, 28), 1, day), at(2023, 3, 30));
}

#[test]
fn weekdays_are_those_of_the_table() {
    let all = (0..400).map(|d| at(2022, 1, 1) + d * DAY);
    let working: Vec<i64> = all.filter(|t| weekday(t / DAY) < 5).collect();
    let Found { step, regular } = found(&working);
    assert_eq!((step, regular), (Step::Weekdays(0b1_1111), 1.0));
    assert!(working.windows(2).all(|w| step.later(w[0], 1, None) == w[1] && step.between(w[0], w[1]) == 1));
    assert_eq!(step.season(), Some(5));
    let shop: Vec<i64> =
        (0..100).map(|d| at(2022, 1, 1) + d * DAY).filter(|t| weekday(t / DAY) != 0).collect();
    let step = found(&shop).step;
    assert!(shop.windows(2).all(|w| step.later(w[0], 1, None) == w[1]));
    // A holiday is a step that is missing, not another step.
    let mut holiday = working.clone();
    holiday.remove(40);
    assert_eq!(found(&holiday).step, Step::Weekdays(0b1_1111));
}

#[test]
fn weekdays_with_days_between_them() {
    let monday = days(2024, 1, 1);
    for (mask, name) in
        [(0b1_0101, "weekdays mon wed fri"), (0b110_0000, "weekdays sat sun"), (0b1010, "weekdays tue thu")]
    {
        let on = |day: &i64| mask >> weekday(*day) & 1 == 1;
        let times: Vec<i64> = (monday..monday + 70).filter(on).map(|day| day * DAY).collect();
        let found = found(&times);
        assert_eq!((found.step.to_string().as_str(), found.regular), (name, 1.0));
    }
    // Every second day is on any weekday.
    let second: Vec<i64> = (0..40).map(|i| (monday + 2 * i) * DAY).collect();
    assert_eq!(found(&second).step, Step::Clock(2 * DAY));
}

#[test]
fn clocks_and_a_changed_clock() {
    let hours: Vec<i64> = (0..50).map(|h| h * HOUR).collect();
    assert_eq!(found(&hours), Found { step: Step::Clock(HOUR), regular: 1.0 });
    // Midnight in a zone whose clock goes forward after day 20.
    let local: Vec<i64> = (0..40).map(|d| d * DAY - if d > 20 { HOUR } else { 0 }).collect();
    assert_eq!(found(&local), Found { step: Step::Clock(DAY), regular: 1.0 });
    let odd: Vec<i64> = (0..40).map(|i| i * i * HOUR).collect();
    assert!(found(&odd).regular < 0.9);
}

#[test]
fn steps_are_read_as_they_are_written() {
    let steps = [
        Step::Clock(30 * 60 * SECOND),
        Step::Clock(7 * DAY),
        Step::Clock(1_500_000),
        Step::Weekdays(0b101_0101),
        Step::Months { n: 3, on: MonthDay::Last },
        Step::Months { n: 12, on: MonthDay::Same },
        Step::Months { n: 3, on: MonthDay::LastWeekday },
        Step::Open(Open { length: 30 * MINUTE, first: 22 * HOUR, n: 10, days: 0b1_1111 }),
    ];
    for step in steps {
        assert_eq!(step.to_string().parse(), Ok(step));
    }
    assert_eq!("1 quarter".parse(), Ok(Step::Months { n: 3, on: MonthDay::Same }));
    for wrong in [
        "",
        "soon",
        "0 days",
        "1 fortnight",
        "weekdays",
        "weekdays someday",
        "-1 month",
        "1 day end",
        "1 hour 9-17",
        "7 hours 09:00-16:00",
        "1 month first",
    ] {
        assert!(wrong.parse::<Step>().is_err(), "{wrong}");
    }
}

/// pandas 2.3: `date_range("2023-01-01", periods=15, freq="BMS")` and `freq="BME"`.
#[test]
fn months_come_on_their_first_or_last_weekday() {
    let starts = [
        (2023, 1, 2),
        (2023, 2, 1),
        (2023, 3, 1),
        (2023, 4, 3),
        (2023, 5, 1),
        (2023, 6, 1),
        (2023, 7, 3),
        (2023, 8, 1),
        (2023, 9, 1),
        (2023, 10, 2),
        (2023, 11, 1),
        (2023, 12, 1),
        (2024, 1, 1),
        (2024, 2, 1),
        (2024, 3, 1),
    ];
    let ends = [
        (2023, 1, 31),
        (2023, 2, 28),
        (2023, 3, 31),
        (2023, 4, 28),
        (2023, 5, 31),
        (2023, 6, 30),
        (2023, 7, 31),
        (2023, 8, 31),
        (2023, 9, 29),
        (2023, 10, 31),
        (2023, 11, 30),
        (2023, 12, 29),
        (2024, 1, 31),
        (2024, 2, 29),
        (2024, 3, 29),
    ];
    for (dates, on, name) in [
        (starts, MonthDay::FirstWeekday, "1 month first weekday"),
        (ends, MonthDay::LastWeekday, "1 month last weekday"),
    ] {
        let mut times: Vec<i64> = dates.into_iter().map(|(y, m, d)| at(y, m, d)).collect();
        let Found { step, regular } = found(&times);
        assert_eq!((step, regular), (Step::Months { n: 1, on }, 1.0));
        assert_eq!((step.to_string().as_str(), step.season()), (name, Some(12)));
        for (i, time) in times.iter().enumerate() {
            assert_eq!(
                (step.later(times[0], i as i64, None), step.between(times[0], *time)),
                (*time, i as i64)
            );
        }
        // A holiday puts a date off by a day or two.
        times[6] += if on == MonthDay::FirstWeekday { DAY } else { -DAY };
        assert_eq!(found(&times).step, step);
    }
    // The second of each month is no weekday.
    let second: Vec<i64> = (0..24).map(|i| at(2020 + i / 12, i % 12 + 1, 2)).collect();
    assert_eq!(found(&second).step, Step::Months { n: 1, on: MonthDay::Same });
}

#[test]
fn hours_of_a_shop_are_steps_of_their_own() {
    // Every half hour from 9:00 to 17:30, Mondays to Saturdays.
    let monday = days(2024, 1, 1);
    let day = |d: i64| (0..18).map(move |slot| (monday + d) * DAY + 9 * HOUR + slot * HOUR / 2);
    let mut times: Vec<i64> = (0..60).filter(|d| d % 7 != 6).flat_map(day).collect();
    let Found { step, regular } = found(&times);
    assert_eq!((step.to_string().as_str(), regular), ("30 minutes 09:00-17:30 mon tue wed thu fri sat", 1.0));
    assert_eq!(step.season(), Some(18));
    for (i, time) in times.iter().enumerate() {
        assert_eq!((step.later(times[0], i as i64, None), step.between(times[0], *time)), (*time, i as i64));
    }
    assert_eq!((step.steps_in(DAY), step.steps_in(7 * DAY), step.steps_in(HOUR)), (18, 108, 2));
    // A holiday and a late opening are steps that are missing.
    times.drain(180..198);
    times.drain(200..203);
    assert_eq!(found(&times).step, step);
    // A bar whose nights belong to the day on which they begin.
    let night = |d: i64| (0..9).map(move |slot| (monday + d) * DAY + (18 + slot) * HOUR);
    let nights: Vec<i64> = (0..40).flat_map(night).collect();
    let step = found(&nights).step;
    assert_eq!(step.to_string(), "1 hour 18:00-02:00");
    assert!(nights.windows(2).all(|w| step.later(w[0], 1, None) == w[1] && step.between(w[0], w[1]) == 1));
    // Hours that are missing here and there go round the clock.
    let some: Vec<i64> = (0..600).filter(|h| h * h % 7 != 2).map(|h| h * HOUR).collect();
    assert_eq!(found(&some).step, Step::Clock(HOUR));
}

#[test]
fn months_of_a_zone_whose_clock_is_put_forward() {
    // The first of each month in London: 23:00 of the day before by universal time from April to October.
    let london: Vec<i64> = (0..24)
        .map(|i| at(2023 + i / 12, i % 12 + 1, 1) - if (3..10).contains(&(i % 12)) { HOUR } else { 0 })
        .collect();
    let Found { step, regular } = found(&london);
    assert_eq!((step, regular), (Step::Months { n: 1, on: MonthDay::Same }, 1.0));
    for (i, time) in london.iter().enumerate() {
        assert_eq!(step.between(london[0], *time), i as i64);
    }
    let day = Step::day_of_month(london.iter().copied());
    assert_eq!((day, step.later(london[3], 1, day)), (Some(1), london[4]));
    // The last second of each month.
    let ends: Vec<i64> = (1..25).map(|i| at(2023 + i / 12, i % 12 + 1, 1) - SECOND).collect();
    let step = found(&ends).step;
    assert_eq!(step, Step::Months { n: 1, on: MonthDay::Last });
    assert!(ends.windows(2).all(|w| step.later(w[0], 1, None) == w[1] && step.between(w[0], w[1]) == 1));
}
