//! Schemes of combination, on origins before the last three (tuning) and on the last three.
use rayon::prelude::*;
use std::collections::BTreeMap;
use tidemill_learn::series::Method;
fn mae(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64
}
fn main() {
    let settings = [
        ("airline", 12, 12),
        ("ausbeer", 4, 8),
        ("elec_equip", 12, 12),
        ("nile", 1, 10),
        ("pbs", 12, 12),
        ("solar", 48, 48),
        ("us_leisure", 12, 12),
        ("woolyrnq", 4, 8),
    ];
    let folder = std::env::args().nth(1).unwrap();
    let last = std::env::args().nth(2).as_deref() == Some("last");
    let methods = Method::ALL;
    let mut logs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, m, h) in settings {
        let text = std::fs::read_to_string(format!("{folder}/{name}.csv")).unwrap();
        let y: Vec<f64> =
            text.lines().skip(1).filter_map(|l| l.split(',').nth(1).unwrap().parse().ok()).collect();
        let origins: Vec<usize> = if last {
            (1..=3).map(|k| y.len() - k * h).collect()
        } else {
            (0..6)
                .filter_map(|k| y.len().checked_sub(3 * h + h + k * (h / 2).max(1)))
                .filter(|n| *n > 4 * m + 2 * h + 10 || (*n > 2 * m && m > 24))
                .collect()
        };
        let done: Vec<BTreeMap<String, f64>> = origins
            .par_iter()
            .map(|&n| {
                let train = &y[..n];
                let truth = &y[n..n + h];
                let scale =
                    train[m..].iter().zip(train).map(|(a, b)| (a - b).abs()).sum::<f64>() / (n - m) as f64;
                let fc = |y: &[f64]| -> Vec<Vec<f64>> {
                    methods
                        .iter()
                        .map(|k| match k.fit(y, m) {
                            Some(f) => f.forecast(y, m, h, true),
                            None => vec![f64::NAN; h],
                        })
                        .collect()
                };
                let f = fc(train);
                let mut out = BTreeMap::new();
                for (k, v) in methods.iter().zip(&f) {
                    out.insert(format!("0 {k:?}"), mae(v, truth) / scale);
                }
                let mix = |w: &[f64]| -> Vec<f64> {
                    (0..h)
                        .map(|i| {
                            let (mut s, mut t) = (0.0, 0.0);
                            for (k, v) in f.iter().enumerate() {
                                if w[k] > 0.0 && v[i].is_finite() {
                                    s += w[k] * v[i];
                                    t += w[k];
                                }
                            }
                            s / t
                        })
                        .collect()
                };
                for (inner, tag) in [(3usize, "3h"), (6, "6h/2")] {
                    let step = if inner == 3 { h } else { (h / 2).max(1) };
                    let at: Vec<usize> = (0..inner)
                        .filter_map(|k| n.checked_sub(h + k * step))
                        .filter(|a| *a >= (2 * m).max(8) && *a >= n / 3)
                        .collect();
                    let mut errs = vec![Vec::new(); methods.len()];
                    for a in &at {
                        for (k, v) in fc(&y[..*a]).iter().enumerate() {
                            errs[k].push(mae(v, &y[*a..*a + h]) / scale);
                        }
                    }
                    let mean: Vec<f64> = errs
                        .iter()
                        .map(|e| if e.is_empty() { f64::NAN } else { e.iter().sum::<f64>() / e.len() as f64 })
                        .collect();
                    let best = mean.iter().copied().filter(|x| x.is_finite()).fold(f64::INFINITY, f64::min);
                    let one = |k: usize| -> Vec<f64> {
                        (0..methods.len()).map(|j| f64::from(u8::from(j == k))).collect()
                    };
                    if at.is_empty() {
                        for s in [
                            "best",
                            "inv1",
                            "inv2",
                            "inv4",
                            "inv2<1.5",
                            "inv2<1.25",
                            "inv4<1.5",
                            "inv3<1.25",
                            "inv2<1.15",
                            "inv2nn<1.5",
                        ] {
                            out.insert(
                                format!("{tag} {s}"),
                                mae(
                                    &mix(if m > 24 {
                                        [0., 1., 0., 0., 0., 0., 1., 1.]
                                    } else {
                                        [0., 0., 0., 1., 1., 1., 1., 1.]
                                    }
                                    .as_slice()),
                                    truth,
                                ) / scale,
                            );
                        }
                        continue;
                    }
                    let k = (0..methods.len())
                        .filter(|&k| mean[k].is_finite())
                        .min_by(|&a, &b| mean[a].total_cmp(&mean[b]))
                        .unwrap();
                    out.insert(format!("{tag} best"), mae(&mix(&one(k)), truth) / scale);
                    let weighted = |power: f64, most: f64, naive: bool| -> Vec<f64> {
                        mean.iter()
                            .enumerate()
                            .map(|(k, e)| {
                                if e.is_finite()
                                    && *e <= most * best.max(1e-9)
                                    && (naive || !methods[k].is_naive() || mean[k] == best)
                                {
                                    (best.max(1e-9) / e).powf(power)
                                } else {
                                    0.0
                                }
                            })
                            .collect()
                    };
                    for (s, w) in [
                        ("inv1", weighted(1.0, 1e9, true)),
                        ("inv2", weighted(2.0, 1e9, true)),
                        ("inv4", weighted(4.0, 1e9, true)),
                        ("inv2<1.5", weighted(2.0, 1.5, true)),
                        ("inv2<1.25", weighted(2.0, 1.25, true)),
                        ("inv4<1.5", weighted(4.0, 1.5, true)),
                        ("inv3<1.25", weighted(3.0, 1.25, true)),
                        ("inv2<1.15", weighted(2.0, 1.15, true)),
                        ("inv2nn<1.5", weighted(2.0, 1.5, false)),
                    ] {
                        out.insert(format!("{tag} {s}"), mae(&mix(&w), truth) / scale);
                    }
                }
                let good = [3, 4, 5, 6, 7];
                let med: Vec<f64> = (0..h)
                    .map(|i| {
                        let mut v: Vec<f64> =
                            good.iter().map(|&k| f[k][i]).filter(|x| x.is_finite()).collect();
                        v.sort_by(f64::total_cmp);
                        let n = v.len();
                        if n % 2 == 1 { v[n / 2] } else { (v[n / 2] + v[n / 2 - 1]) / 2.0 }
                    })
                    .collect();
                out.insert("1 median".into(), mae(&med, truth) / scale);
                out.insert(
                    "1 mean".into(),
                    mae(
                        &mix(if m > 24 {
                            [0., 1., 0., 0., 0., 0., 1., 1.]
                        } else {
                            [0., 0., 0., 1., 1., 1., 1., 1.]
                        }
                        .as_slice()),
                        truth,
                    ) / scale,
                );
                out
            })
            .collect();
        if done.is_empty() {
            continue;
        }
        let mean = |k: &str| done.iter().map(|d| d[k]).sum::<f64>() / done.len() as f64;
        let naive = if m > 1 { mean("0 SeasonalNaive") } else { mean("0 LastValue") };
        for k in done[0].keys() {
            let r = mean(k);
            logs.entry(k.clone()).or_default().push(if r.is_finite() { r / naive } else { f64::NAN });
        }
        println!("{name} {} naive {naive:.3}", done.len());
    }
    for (k, v) in logs {
        let known: Vec<f64> = v.iter().copied().filter(|x| x.is_finite()).collect();
        println!(
            "{k:20} {:.3}  {}",
            (known.iter().map(|x| x.max(0.05).ln()).sum::<f64>() / known.len() as f64).exp(),
            v.iter().map(|x| format!("{x:.2} ")).collect::<String>()
        );
    }
}
