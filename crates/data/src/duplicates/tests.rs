use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, StringArray, UInt32Array};
use tidemill_core::{Categories, Column, Kind, Schema, dense_vector};
use tidemill_kernel::Random;

use super::*;

fn batch(columns: Vec<(Column, ArrayRef)>) -> Batch {
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

fn numbers(name: &str, values: impl IntoIterator<Item = f64>) -> (Column, ArrayRef) {
    (Column::number(name), Arc::new(Float64Array::from_iter_values(values)))
}

fn texts(values: impl IntoIterator<Item = String>) -> (Column, ArrayRef) {
    (Column::new("text", Kind::Text), Arc::new(StringArray::from_iter_values(values)))
}

fn categories(name: &str, n: u32, values: impl IntoIterator<Item = u32>) -> (Column, ArrayRef) {
    let names = Categories::new((0..n).map(|i| format!("{name}{i}")));
    let codes = names.column(UInt32Array::from_iter_values(values)).unwrap();
    (Column::category(name, names), codes)
}

fn found(batch: &Batch) -> Copies {
    find(batch, &Context::default()).unwrap()
}

/// `n` rows of which each is one of `different`.
fn drawn(n: usize, different: usize) -> Vec<usize> {
    let mut random = Random::new(5, 0);
    (0..n).map(|i| if i < different { i } else { random.below(different) }).collect()
}

fn rounded(x: f64, decimals: i32) -> f64 {
    (x * 10f64.powi(decimals)).round() / 10f64.powi(decimals)
}

#[test]
fn equal_rows_of_decimals_are_copies_and_others_are_none() {
    let which = drawn(900, 300);
    let mut random = Random::new(1, 0);
    let (a, b): (Vec<f64>, Vec<f64>) =
        (0..300).map(|_| (rounded(random.normal(), 3), rounded(100.0 * random.unit(), 2))).unzip();
    let copies = found(&batch(vec![
        numbers("a", which.iter().map(|&i| a[i])),
        numbers("b", which.iter().map(|&i| b[i])),
    ]));
    assert_eq!((copies.equal, copies.near), (600, 0));
    for (row, &i) in which.iter().enumerate() {
        assert_eq!(copies.first[row] as usize, i);
    }
}

#[test]
fn tables_that_repeat_by_nature_stay_as_they_are() {
    let mut random = Random::new(2, 0);
    // A few categories; whole numbers of few values; decimals of few values, as of prices; zeros beside decimals.
    let few = batch(
        (0..5).map(|c| categories(&format!("c{c}"), 4, (0..2000).map(|_| random.below(4) as u32))).collect(),
    );
    assert!(found(&few).is_empty());
    let ages = (0..2000).map(|_| 18.0 + random.below(60) as f64).collect::<Vec<_>>();
    let scores = (0..2000).map(|_| random.below(11) as f64).collect::<Vec<_>>();
    assert!(found(&batch(vec![numbers("age", ages.clone()), numbers("score", scores)])).is_empty());
    let prices = [7.25, 7.8958, 8.05, 13.0, 26.0, 10.5, 7.775, 26.55];
    let prices = (0..2000).map(|_| prices[random.below(8)]).collect::<Vec<_>>();
    let ticket = vec![
        numbers("fare", prices),
        numbers("age", ages),
        categories("class", 3, (0..2000).map(|_| random.below(3) as u32)),
    ];
    assert!(found(&batch(ticket)).is_empty());
    let sparse = (0..4).map(|c| {
        numbers(
            &format!("n{c}"),
            (0..2000)
                .map(|_| if random.unit() < 0.9 { 0.0 } else { rounded(random.normal(), 4) })
                .collect::<Vec<_>>(),
        )
    });
    assert!(found(&batch(sparse.collect())).is_empty());
}

#[test]
fn what_comes_again_and_again_is_no_chance_though_each_pair_might_be() {
    // Whole years and hundredths between 1 and 9: among 60 rows two may agree, but not each of them with three others.
    let mut random = Random::new(7, 0);
    let people: Vec<(f64, f64)> =
        (0..60).map(|_| (18.0 + random.below(63) as f64, rounded(1.0 + 8.0 * random.unit(), 2))).collect();
    let of = |times: usize| {
        let rows = (0..60 * times).map(|i| people[i % 60]).collect::<Vec<_>>();
        found(&batch(vec![
            numbers("age", rows.iter().map(|r| r.0)),
            numbers("income", rows.iter().map(|r| r.1)),
        ]))
    };
    assert_eq!(of(4).equal, 180);
    assert!(of(1).is_empty());
}

#[test]
fn values_of_a_long_tail_are_not_near_because_the_tail_is_long() {
    for seed in 0..20 {
        let mut random = Random::new(8, seed);
        let mut column = |name: &str| {
            let values: Vec<f64> =
                (0..60).map(|_| rounded(10f64.powf(3.0 + 4.0 * random.unit()), 2)).collect();
            numbers(name, values)
        };
        let copies = found(&batch(vec![column("revenue"), column("assets")]));
        assert!(copies.is_empty(), "{seed}: {copies:?}");
    }
}

#[test]
fn survey_answers_that_follow_one_opinion_are_no_copies() {
    // Forty questions of yes and no that one attitude answers: independent columns would never repeat like this.
    let mut random = Random::new(3, 0);
    let attitudes: Vec<f64> = (0..1500).map(|_| random.normal()).collect();
    let question = |c: usize| {
        let mut random = Random::new(4, c as u64);
        let values: Vec<bool> = attitudes.iter().map(|a| 3.0 * a + random.normal() > 0.0).collect();
        let array: ArrayRef = Arc::new(BooleanArray::from(values));
        (Column::new(format!("q{c}"), Kind::Flag), array)
    };
    let copies = found(&batch((0..40).map(question).collect()));
    assert!(copies.equal < 75, "{} of 1500 rows are taken for copies", copies.equal);
}

#[test]
fn long_texts_that_differ_in_a_word_are_copies_and_short_ones_are_not() {
    let mut random = Random::new(6, 0);
    let words: Vec<String> = (0..400).map(|i| format!("w{i}")).collect();
    let stories: Vec<Vec<usize>> = (0..40).map(|_| (0..25).map(|_| random.below(400)).collect()).collect();
    let mut told = |story: usize| -> String {
        let mut story = stories[story].clone();
        story[random.below(25)] = random.below(400);
        story.iter().map(|&w| words[w].to_uppercase()).collect::<Vec<_>>().join(", ")
    };
    let copies = found(&batch(vec![texts((0..400).map(|i| told(i % 40)))]));
    // A copy of a copy differs in two words: 23 of 27 terms are the same.
    let right = (0..400).filter(|&i| copies.first[i] as usize == i % 40).count();
    assert!(right >= 396, "{right} of 400");
    let short = (0..400)
        .map(|_| format!("{} {} {}", words[random.below(9)], words[random.below(9)], words[random.below(9)]));
    assert!(found(&batch(vec![texts(short.collect::<Vec<_>>())])).is_empty());
    let scripts =
        ["深度学习模型需要大量的数据才能训练得很好我们", "今天的天气非常好我们一起去公园散步吃冰淇淋吧"];
    let chinese: Vec<String> =
        (0..60).map(|i| format!("{}{}", scripts[i % 2], ["吗", "呢", "了"][i / 2 % 3])).collect();
    let copies = found(&batch(vec![texts(chinese), numbers("n", (0..60).map(f64::from))]));
    // More than 5% of the rows are like each other, so that nothing is joined.
    assert!(copies.is_empty());
}

#[test]
fn templates_do_not_join_the_whole_table() {
    let mut random = Random::new(7, 0);
    let call = |random: &mut Random, i: usize| {
        format!(
            "customer number {i} called us about the invoice of last month and asked to be called back on day {}",
            random.below(30)
        )
    };
    let mut rows: Vec<String> = (0..500).map(|i| call(&mut random, i)).collect();
    rows[77] = rows[3].clone();
    let copies = found(&batch(vec![texts(rows)]));
    assert_eq!((copies.equal, copies.near, copies.first[77]), (1, 0, 3));
}

#[test]
fn numbers_that_were_rounded_are_near_copies() {
    let mut random = Random::new(8, 0);
    let columns: Vec<Vec<f64>> =
        (0..8).map(|_| (0..500).map(|_| rounded(random.normal(), 4)).collect()).collect();
    let twice = |c: usize| {
        let own = columns[c].iter().copied();
        numbers(&format!("n{c}"), own.clone().chain(own.take(100).map(|x| rounded(x, 3))).collect::<Vec<_>>())
    };
    let copies = found(&batch((0..8).map(twice).collect()));
    let right = (0..100).filter(|&i| copies.first[500 + i] as usize == i).count();
    assert!(right >= 95 && copies.near + copies.equal <= 100, "{right} of 100, {copies:?}");
    // Noise of a tenth of the spread is no rounding.
    let noisy = |c: usize| {
        let mut random = Random::new(9, c as u64);
        let own = columns[c].iter().copied();
        let noise: Vec<f64> = own.clone().take(100).map(|x| x + 0.1 * random.normal()).collect();
        numbers(&format!("n{c}"), own.chain(noise).collect::<Vec<_>>())
    };
    assert!(found(&batch((0..8).map(noisy).collect())).is_empty());
}

/// An uncompressed BMP picture, or a PPM-like variant of the same pixels with another row order.
fn bmp(pixels: &[[u8; 3]], side: usize, upside_down: bool) -> Vec<u8> {
    let row = (side * 3).div_ceil(4) * 4;
    let size = 54 + row * side;
    let mut out = b"BM".to_vec();
    out.extend((size as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(54u32.to_le_bytes());
    out.extend(40u32.to_le_bytes());
    out.extend((side as i32).to_le_bytes());
    out.extend((if upside_down { side as i32 } else { -(side as i32) }).to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(24u16.to_le_bytes());
    out.extend([0; 24]);
    for y in 0..side {
        let y = if upside_down { side - 1 - y } else { y };
        let before = out.len();
        pixels[y * side..(y + 1) * side].iter().for_each(|[r, g, b]| out.extend([*b, *g, *r]));
        out.resize(before + row, 0);
    }
    out
}

#[test]
fn pictures_of_equal_pixels_are_copies_however_encoded() {
    let mut random = Random::new(10, 0);
    let noise: Vec<Vec<[u8; 3]>> = (0..30)
        .map(|_| (0..81).map(|_| std::array::from_fn(|_| random.below(256) as u8)).collect())
        .collect();
    let bytes: Vec<Vec<u8>> = (0..90).map(|i| bmp(&noise[i % 30], 9, i >= 60)).collect();
    assert_ne!(bytes[0], bytes[60]);
    let pictures: ArrayRef = Arc::new(BinaryArray::from_iter_values(&bytes));
    let copies = found(&batch(vec![(Column::new("picture", Kind::Image), pictures)]));
    assert_eq!((copies.equal, copies.near), (60, 0));
    assert!((0..90).all(|i| copies.first[i] as usize == i % 30));
    // Read to pixels, they are equal, too; blank ones say nothing.
    let floats = |i: usize| -> Vec<f32> {
        if i >= 60 {
            vec![0.0; 243]
        } else {
            noise[i % 30].iter().flatten().map(|&x| f32::from(x) / 255.0).collect()
        }
    };
    let parts: Vec<String> = (0..243).map(|i| format!("p{i}")).collect();
    let values = dense_vector((0..90).flat_map(floats).collect(), 243).unwrap();
    let copies = found(&batch(vec![(Column::vector("pixels", parts), values)]));
    assert_eq!(copies.equal, 30);
    assert!((60..90).all(|i| copies.first[i] as usize == i));
}

#[test]
fn keys_targets_and_weights_are_not_looked_at() {
    let mut random = Random::new(11, 0);
    let x: Vec<f64> = (0..100).map(|_| rounded(random.normal(), 5)).collect();
    let role = |(column, array): (Column, ArrayRef), role| (column.with_role(role), array);
    let copies = found(&batch(vec![
        role(numbers("id", (0..200).map(f64::from)), Role::Key),
        role(numbers("w", (0..200).map(|_| random.unit()).collect::<Vec<_>>()), Role::Weight),
        role(numbers("when", (0..200).map(f64::from)), Role::Time),
        numbers("x", (0..200).map(|i| x[i % 100])),
        numbers("z", (0..200).map(|i| rounded(x[i % 100].sin(), 3))),
        role(numbers("y", (0..200).map(|_| random.unit()).collect::<Vec<_>>()), Role::Target),
    ]));
    assert_eq!(copies.equal, 100);
}

#[test]
fn equal_rows_of_one_key_are_copies_though_equal_rows_are_usual() {
    let mut random = Random::new(14, 0);
    let (a, b): (Vec<u32>, Vec<u32>) =
        (0..300).map(|_| (random.below(5) as u32, random.below(6) as u32)).unzip();
    let (key, array) = numbers("id", (0..900).map(|i| f64::from(i % 300)));
    let copies = found(&batch(vec![
        (key.with_role(Role::Key), array),
        categories("a", 5, (0..900).map(|i| a[i % 300])),
        categories("b", 6, (0..900).map(|i| b[i % 300])),
    ]));
    assert_eq!((copies.equal, copies.near), (600, 0));
    assert!((0..900).all(|i| copies.first[i] as usize == i % 300));
}

#[test]
fn the_same_copies_whatever_the_number_of_threads() {
    let mut random = Random::new(12, 0);
    let which = drawn(9000, 6000);
    let x: Vec<f64> = (0..6000).map(|_| rounded(random.normal(), 4)).collect();
    let words: Vec<String> =
        (0..6000).map(|i| (0..12).map(|w| format!("t{} ", (i * 31 + w * w * 7) % 5000)).collect()).collect();
    let table = batch(vec![
        numbers("x", which.iter().map(|&i| x[i] + if i % 3 == 0 { 1e-5 } else { 0.0 })),
        numbers("x2", which.iter().map(|&i| rounded(x[i] * 7.0, 4))),
        texts(which.iter().map(|&i| words[i].clone())),
    ]);
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| found(&table))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
    assert!(one.equal >= 3000);
}

#[test]
fn tables_without_features_or_rows_have_no_copies() {
    assert!(found(&batch(vec![numbers("x", [])])).is_empty());
    assert!(found(&batch(vec![numbers("x", [1.5])])).is_empty());
    let target = Column::number("y").with_role(Role::Target);
    assert!(found(&batch(vec![(target, Arc::new(Float64Array::from(vec![0.25; 4])))])).is_empty());
    let missing: ArrayRef = Arc::new(Float64Array::from(vec![None; 50]));
    assert!(found(&batch(vec![(Column::number("x"), missing)])).is_empty());
}

/// A target of two classes.
fn classes_of(values: impl IntoIterator<Item = u32>) -> (Column, ArrayRef) {
    let (column, codes) = categories("y", 2, values);
    (column.with_role(Role::Target), codes)
}

/// 150 records of four measurements, each recorded three times, with a class by chance.
fn recorded_thrice() -> (Vec<usize>, Vec<Vec<f64>>, Vec<u32>) {
    let mut random = Random::new(15, 0);
    let mut rows: Vec<usize> = (0..450).map(|i| i % 150).collect();
    random.shuffle(&mut rows);
    let measured = (0..4).map(|_| (0..150).map(|_| rounded(random.normal(), 3)).collect()).collect();
    let classes = (0..150).map(|_| random.below(2) as u32).collect();
    (rows, measured, classes)
}

#[test]
fn a_record_that_comes_again_under_another_number_or_time_is_a_copy() {
    let (rows, measured, classes) = recorded_thrice();
    let mut random = Random::new(16, 0);
    let day = 86_400_000_000i64;
    let mut times = |name: &str| -> (Column, ArrayRef) {
        let values = (0..450).map(|_| day * random.below(300) as i64);
        let array = arrow_array::TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC");
        (Column::new(name, Kind::Time), Arc::new(array))
    };
    let (seen, changed) = (times("seen"), times("changed"));
    let mut random = Random::new(17, 0);
    let number = numbers("number", (0..450).map(|_| random.below(90_000) as f64).collect::<Vec<_>>());
    let all = || {
        (0..3).map(|c| numbers(&format!("m{c}"), rows.iter().map(|&i| measured[c][i]).collect::<Vec<_>>()))
    };
    let whole = |copies: &Copies| {
        let right = rows.iter().enumerate().filter(|&(row, &i)| {
            copies.first[row] as usize == rows.iter().position(|&other| other == i).unwrap()
        });
        right.count()
    };
    let target = || classes_of(rows.iter().map(|&i| classes[i]));
    for left in [vec![number.clone()], vec![seen.clone()], vec![seen, changed]] {
        let copies = found(&batch(all().chain(left).chain([target()]).collect()));
        assert!(whole(&copies) >= 445, "{} of 450: {:?}", whole(&copies), copies.near);
    }
    // A cell that one of them lacks.
    let mut gaps = Random::new(18, 0);
    let holed = (0..4).map(|c| {
        let cells: Vec<Option<f64>> =
            rows.iter().map(|&i| (gaps.below(8) > 0 || c > 0).then(|| measured[c][i])).collect();
        let array: ArrayRef = Arc::new(Float64Array::from(cells));
        (Column::number(format!("m{c}")), array)
    });
    let copies = found(&batch(holed.chain([target()]).collect()));
    assert!(whole(&copies) >= 440, "{} of 450", whole(&copies));
    // The same measurements with a result of their own each time are no copies: a dose, a month.
    let own = classes_of((0..450).map(|row| (row * 7919 % 13 % 2) as u32));
    let copies = found(&batch(all().chain([number, own]).collect()));
    // But for a few whose numbers happen to lie near each other.
    assert!(copies.equal + copies.near <= 5, "{copies:?}");
}

#[test]
fn short_texts_of_the_same_words_are_copies_where_their_labels_agree() {
    let words =
        ["red", "blue", "fast", "slow", "car", "bike", "boat", "plane", "train", "house", "tree", "river"];
    let mut random = Random::new(19, 0);
    let titles: Vec<String> =
        (0..200).map(|_| (0..5).map(|_| words[random.below(12)]).collect::<Vec<_>>().join(" ")).collect();
    let classes: Vec<u32> = (0..200).map(|_| random.below(2) as u32).collect();
    let told = |i: usize| match i / 200 {
        0 => titles[i % 200].clone(),
        1 => titles[i % 200].to_uppercase(),
        _ => format!("{}!", titles[i % 200]),
    };
    let copies =
        found(&batch(vec![texts((0..600).map(told)), classes_of((0..600).map(|i| classes[i % 200]))]));
    assert!((0..600).filter(|&i| copies.first[i] as usize == i % 200).count() >= 590, "{copies:?}");
    let other = classes_of((0..600).map(|i| (i / 200 % 2) as u32));
    assert!(found(&batch(vec![texts((0..600).map(told)), other])).is_empty());
}

#[test]
fn rows_that_all_say_the_same_are_no_copies() {
    let same = || texts((0..60).map(|_| "hello".to_string()));
    assert!(found(&batch(vec![same(), classes_of((0..60).map(|i| i % 2))])).is_empty());
}

#[test]
fn panels_and_designs_are_no_copies_though_but_one_column_agrees() {
    let mut random = Random::new(20, 0);
    // Forty shops of a fixed size, thirty days: the sales are each day's own.
    let size: Vec<f64> = (0..40).map(|_| rounded(500.0 * random.unit(), 1)).collect();
    let shop = |row: usize| row % 40;
    let panel = batch(vec![
        numbers("size", (0..1200).map(|row| size[shop(row)])),
        numbers("day", (0..1200).map(|row| (row / 40) as f64)),
        {
            let (column, sales) =
                numbers("sales", (0..1200).map(|_| rounded(100.0 * random.unit(), 2)).collect::<Vec<_>>());
            (column.with_role(Role::Target), sales)
        },
    ]);
    assert!(found(&panel).is_empty());
    // Every combination of a few settings once.
    let design = batch(vec![
        categories("a", 4, (0..64).map(|i| i % 4)),
        categories("b", 4, (0..64).map(|i| i / 4 % 4)),
        numbers("c", (0..64).map(|i| f64::from(i / 16) * 0.25)),
        classes_of((0..64).map(|i| u32::from(i % 4 > 1))),
    ]);
    assert!(found(&design).is_empty());
}

#[test]
fn rows_made_from_others_by_noise_are_copies_where_their_classes_agree() {
    let mut random = Random::new(21, 0);
    let made: Vec<(Vec<f64>, u32)> = (0..60)
        .map(|_| ((0..8).map(|_| 10.0 + 5.0 * random.normal()).collect(), random.below(2) as u32))
        .collect();
    let noisy: Vec<Vec<f64>> = (0..240)
        .map(|i| made[i % 60].0.iter().map(|x| rounded(x * (1.0 + 0.005 * random.normal()), 4)).collect())
        .collect();
    let of = |class: &dyn Fn(usize) -> u32| {
        let columns = (0..8).map(|c| numbers(&format!("x{c}"), noisy.iter().map(|row| row[c])));
        found(&batch(columns.chain([classes_of((0..240).map(class))]).collect()))
    };
    let copies = of(&|i| made[i % 60].1);
    assert!(copies.near >= 170, "{copies:?}");
    assert!((0..240).all(|i| copies.first[i] as usize % 60 == i % 60), "{copies:?}");
    // With a result of their own they are measurements that were repeated.
    assert!(of(&|i| (i / 60 % 2) as u32).is_empty());
    // What changes slowly is near what was before, in all columns at once.
    let slow = (0..8).map(|c| {
        numbers(&format!("x{c}"), (0..500).map(move |i| (f64::from(i) / 50.0 + f64::from(c) * 0.7).sin()))
    });
    let copies = found(&batch(slow.chain([classes_of((0..500).map(|i| i / 100 % 2))]).collect()));
    assert!(copies.is_empty(), "{copies:?}");
}

#[test]
fn a_record_that_comes_again_under_another_number_at_another_time_is_a_copy() {
    let (rows, measured, classes) = recorded_thrice();
    let mut random = Random::new(22, 0);
    let day = 86_400_000_000i64;
    let times = arrow_array::TimestampMicrosecondArray::from_iter_values(
        (0..450).map(|_| day * random.below(300) as i64),
    );
    let seen: (Column, ArrayRef) = (Column::new("seen", Kind::Time), Arc::new(times.with_timezone("UTC")));
    let mut numbered = |name: &str| {
        let values: Vec<f64> = (0..450).map(|_| random.below(9_000_000) as f64).collect();
        numbers(name, values)
    };
    let (ticket, order) = (numbered("ticket"), numbered("order"));
    for left in [vec![ticket.clone(), seen], vec![ticket, order]] {
        let all = (0..3)
            .map(|c| numbers(&format!("m{c}"), rows.iter().map(|&i| measured[c][i]).collect::<Vec<_>>()));
        let target = classes_of(rows.iter().map(|&i| classes[i]));
        let copies = found(&batch(all.chain(left).chain([target]).collect()));
        let firsts = (0..450).filter(|&row| copies.first[row] as usize == row).count();
        assert!((150..=160).contains(&firsts), "{firsts} of 150");
    }
}
