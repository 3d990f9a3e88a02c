//! What must be true of every chart, whatever it is given, and small ones as they look today.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a chart that cannot be read has failed")]

use quick_xml::Reader;
use quick_xml::events::Event;
use tidemill_report::words::EN;
use tidemill_report::{
    Bar, BarChart, Beeswarm, Bin, Chart, ConfusionMatrix, DecisionPlot, Dependence, HeatMap, Histogram,
    Interval, IntervalPlot, LineChart, Mark, PairMap, Point, Reference, Scale, Scatter, ScoreLine, Series,
    Spot, SwarmDot, Waterfall,
};

/// Names that break careless charts.
fn names() -> Vec<String> {
    vec![
        "<script>alert('x')</script>".into(),
        "a & b \"quoted\"".into(),
        "n".repeat(300),
        "שם העמודה".into(),
        "\u{0}\u{1f}\u{ffff}".into(),
        String::new(),
    ]
}

/// Numbers that break careless charts.
const NUMBERS: [f64; 9] =
    [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -0.0, 1e-300];

/// Every sort of chart: with usual numbers, or with those that are not.
fn every(numbers: &[f64], names: &[String]) -> Vec<Box<dyn Chart>> {
    let name = |i: usize| names[i % names.len()].clone();
    let points = numbers.iter().enumerate().map(|(i, y)| Point {
        x: numbers[(i * 7) % numbers.len()],
        y: *y,
        low: Some(numbers[(i + 1) % numbers.len()]),
        high: Some(numbers[(i + 2) % numbers.len()]),
    });
    let points: Vec<Point> = points.collect();
    let mut line = LineChart::new(name(0), Scale::number(name(1)), Scale::number(name(2)))
        .with(Series::new(name(3), points.clone()).with_dots())
        .with(Series::new(name(2), points.clone()))
        .against(name(4), [numbers[0], numbers[1 % numbers.len()]], [1.0, 1.0])
        .behind(name(1), vec![numbers.iter().map(|y| [*y, numbers[0]]).collect(), Vec::new()]);
    line.marks.push(Mark { x: numbers[0], label: name(0) });
    line.spots.push(Spot { x: numbers[0], y: numbers[1 % numbers.len()], name: name(0) });
    let mut bars = BarChart::new(name(0), Scale::number(name(1)), name(2));
    let mut intervals =
        IntervalPlot::new(name(0), Scale::number(name(1)), name(2)).against(name(3), numbers[0]);
    for (i, value) in numbers.iter().enumerate() {
        let ends = Some([numbers[(i + 1) % numbers.len()], numbers[(i + 2) % numbers.len()]]);
        bars.bars.push(Bar { name: name(i), value: *value, spread: ends, label: None });
        intervals.rows.push(Interval { name: name(i), value: *value, ends, strong: i == 0 });
    }
    let pairs: Vec<[f64; 2]> =
        numbers.iter().enumerate().map(|(i, x)| [*x, numbers[(i * 5) % numbers.len()]]).collect();
    let scatter = |points: Vec<[f64; 2]>| Scatter {
        words: &EN,
        title: name(0),
        x: Scale::number(name(1)),
        y: Scale::number(name(2)),
        points,
        reference: Some(Reference { name: name(3), ends: [[numbers[0], numbers[0]], [1.0, 1.0]] }),
        what: "rows".into(),
    };
    let histogram = |small| Histogram {
        title: name(0),
        x: Scale::time(name(1)),
        y_name: name(2),
        bins: Histogram::bins(numbers.iter().copied(), 8),
        mark: Some((name(3), numbers[0])),
        small,
    };
    let dots = |i: usize| SwarmDot {
        value: numbers[i],
        level: (!i.is_multiple_of(4)).then_some(numbers[(i + 1) % numbers.len()]),
    };
    let swarm = Beeswarm {
        title: name(0),
        x: Scale::number(name(1)),
        y_name: name(2),
        rows: (0..numbers.len()).map(|i| (name(i), (0..numbers.len()).map(dots).collect())).collect(),
        levels: [name(3), name(4), name(5)],
        other: name(0),
    };
    let dependence = Dependence {
        title: name(0),
        x: Scale::number(name(1)),
        y: Scale::number(name(2)),
        dots: pairs.iter().enumerate().map(|(i, at)| (*at, dots(i).level)).collect(),
        levels: [name(3), name(4), name(5)],
        other: name(0),
        what: "rows".into(),
    };
    let decision = DecisionPlot {
        title: name(0),
        x: Scale::number(name(1)),
        y_name: name(2),
        base: numbers[0],
        columns: (0..numbers.len()).map(name).collect(),
        lines: vec![numbers.to_vec(), numbers.iter().rev().copied().collect(), numbers[1..].to_vec()],
        levels: [name(3), name(4), name(5)],
    };
    let heat = HeatMap {
        title: name(0),
        x_name: name(1),
        y_name: name(2),
        total: (name(3), numbers.to_vec()),
        bands: (0..numbers.len()).map(|i| (name(i), numbers[i..].to_vec())).collect(),
        signs: [name(4), name(5)],
    };
    let waterfall = Waterfall {
        title: name(0),
        x: Scale::number(name(1)),
        y_name: name(2),
        first: (name(3), numbers[0]),
        steps: numbers.iter().enumerate().map(|(i, x)| (name(i), *x)).collect(),
        last: name(4),
    };
    let counts = vec![numbers.to_vec(); numbers.len()];
    vec![
        Box::new(line),
        Box::new(bars),
        Box::new(intervals),
        Box::new(scatter(pairs.clone())),
        Box::new(scatter(pairs.iter().cycle().take(2000).copied().collect())),
        Box::new(swarm),
        Box::new(dependence),
        Box::new(decision),
        Box::new(heat),
        Box::new(PairMap {
            title: name(0),
            names: (0..=numbers.len()).map(name).collect(),
            values: (1..=numbers.len()).map(|n| numbers[..n].to_vec()).collect(),
        }),
        Box::new(waterfall),
        Box::new(histogram(false)),
        Box::new(histogram(true)),
        Box::new(ConfusionMatrix {
            title: name(0),
            x_name: name(1),
            y_name: name(2),
            classes: (0..numbers.len()).map(name).collect(),
            counts,
        }),
        Box::new(ScoreLine {
            title: name(0),
            x: Scale::share(name(1)),
            model: (name(2), numbers[0]),
            interval: Some([numbers[1 % numbers.len()], numbers[2 % numbers.len()]]),
            baseline: Some((name(3), numbers[1 % numbers.len()])),
        }),
    ]
}

/// Names and values: of attributes, or classes and the texts in them.
type Pairs = Vec<(String, String)>;

/// The attributes and the texts of a document, read by somebody else's parser.
fn read(svg: &str) -> (Pairs, Pairs) {
    let mut reader = Reader::from_str(svg);
    let (mut attributes, mut texts, mut open) = (Vec::new(), Vec::new(), Vec::<String>::new());
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e} in {svg}")) {
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "script" => {
                panic!("a script in {svg}")
            }
            Event::Start(element) => {
                let class = element.try_get_attribute("class").unwrap();
                open.push(class.map(|c| c.value.into_owned()).unwrap_or_default());
                attributes.extend(pairs(&element));
            }
            Event::Empty(element) => attributes.extend(pairs(&element)),
            Event::Text(text) => {
                texts.push((open.last().cloned().unwrap_or_default(), text.to_string()));
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Eof => return (attributes, texts),
            _ => {}
        }
    }
}

fn pairs(element: &quick_xml::events::BytesStart<'_>) -> Pairs {
    element.attributes().map(|a| a.unwrap()).map(|a| (a.key.as_ref().into(), a.value.into_owned())).collect()
}

#[test]
fn every_chart_is_well_formed_and_all_its_numbers_are_numbers() {
    let usual: Vec<f64> = (0..12).map(|i| f64::from(i * i) / 10.0).collect();
    for numbers in [&usual[..], &NUMBERS[..], &[0.0][..], &[f64::NAN][..], &[1e308, -1e308][..]] {
        for chart in every(numbers, &names()) {
            for width in [200.0, 344.0, 860.0] {
                let (attributes, _) = read(&chart.inline(width, &EN));
                for (key, value) in attributes.iter().filter(|(key, _)| key != "aria-label" && key != "class")
                {
                    let bad = ["NaN", "inf", "e+", "e-"].iter().any(|word| value.contains(word));
                    assert!(!bad, "{key}=\"{value}\"");
                }
                let sizes =
                    attributes.iter().filter(|(key, _)| ["width", "height", "r"].contains(&key.as_str()));
                for (key, value) in sizes.filter(|(_, v)| v != "100%") {
                    assert!(value.parse::<f64>().unwrap() >= 0.0, "{key}=\"{value}\"");
                }
            }
        }
    }
}

#[test]
fn every_axis_is_named_and_every_chart_says_what_it_is() {
    let plain = ["alpha", "beta", "gamma", "delta", "epsilon"].map(String::from);
    let usual: Vec<f64> = (0..12).map(|i| f64::from(i * i) / 10.0).collect();
    for chart in every(&usual, &plain) {
        let svg = chart.inline(344.0, &EN);
        let (_, texts) = read(&svg);
        let named: Vec<&str> =
            texts.iter().filter(|(class, _)| class == "axis-name").map(|(_, text)| text.as_str()).collect();
        assert_eq!(named, chart.axes(), "{svg}");
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>alpha</title><desc>"), "{svg}");
        assert!(!chart.description(&EN).is_empty());
    }
}

#[test]
fn the_same_chart_is_the_same_bytes() {
    for (a, b) in every(&NUMBERS, &names()).iter().zip(every(&NUMBERS, &names())) {
        assert_eq!(a.svg(&EN), b.svg(&EN));
    }
}

#[test]
fn a_document_of_its_own_needs_no_variables() {
    let svg = ConfusionMatrix {
        title: "t".into(),
        x_name: "x".into(),
        y_name: "y".into(),
        classes: vec!["a".into()],
        counts: vec![vec![1.0]],
    }
    .svg(&EN);
    assert!(!svg.contains("var(") && svg.contains("prefers-color-scheme:dark"), "{svg}");
}

fn of_classes(k: usize) -> ConfusionMatrix {
    ConfusionMatrix {
        title: "many".into(),
        x_name: "predicted class".into(),
        y_name: "true class".into(),
        classes: (0..k).map(|i| format!("class number {i}")).collect(),
        counts: (0..k).map(|i| (0..k).map(|j| f64::from(u8::from(i == j)) * 9.0).collect()).collect(),
    }
}

#[test]
fn no_turned_name_stands_outside() {
    for (k, width) in (2..80).flat_map(|k| [(k, 312.0), (k, 860.0)]) {
        let (attributes, _) = read(&of_classes(k).inline(width, &EN));
        for (_, place) in attributes.iter().filter(|(key, value)| key == "transform" && value.contains("-90"))
        {
            let x: f64 = place["translate(".len()..].split(' ').next().unwrap().parse().unwrap();
            // Letters reach some 3.5 below their line.
            assert!(x + 3.5 <= width, "{k} classes, {width} wide: {place}");
        }
    }
}

#[test]
fn sixty_classes_fit() {
    let chart = of_classes(60);
    let svg = chart.inline(800.0, &EN);
    let (_, texts) = read(&svg);
    // Names are thinned out rather than drawn on each other, and no cell's count is written.
    let shown = texts.iter().filter(|(class, _)| class == "name").count();
    assert!((20..=120).contains(&shown), "{shown}");
    assert!(!texts.iter().any(|(class, _)| class.starts_with("count")));
}

#[test]
fn hexagons_hold_every_point_once() {
    let points: Vec<[f64; 2]> = (0..5000).map(|i| [f64::from(i % 71), f64::from(i % 67)]).collect();
    let chart = Scatter {
        words: &EN,
        title: "t".into(),
        x: Scale::number("x"),
        y: Scale::number("y"),
        points: points.clone(),
        reference: None,
        what: "rows".into(),
    };
    let dots = Scatter { words: &EN, points: points[..100].to_vec(), ..chart.clone() };
    assert!(
        chart.inline(344.0, &EN).contains("class=\"hex") && !dots.inline(344.0, &EN).contains("class=\"hex")
    );
    assert_eq!(dots.inline(344.0, &EN).matches("h0").count(), 100);
}

#[test]
fn a_far_reference_is_named_and_not_drawn() {
    let row = |value| Interval {
        name: "learner".into(),
        value,
        ends: Some([value - 0.1, value + 0.1]),
        strong: true,
    };
    let plot = IntervalPlot::new("t", Scale::number("loss"), "learner").with(row(0.2)).with(row(0.3));
    let near = plot.clone().against("baseline", 0.5).inline(800.0, &EN);
    assert!(near.contains("class=\"reference\"") && near.contains("baseline 0.5000<"));
    let far = plot.against("baseline", 9.0).inline(800.0, &EN);
    assert!(!far.contains("class=\"reference\"") && far.contains("baseline 9.000 →"));
}

#[test]
fn bins_count_every_finite_value_once() {
    let values: Vec<f64> =
        (0..1000).map(|i| f64::from((i * 37) % 101)).chain([f64::NAN, f64::INFINITY]).collect();
    let bins = Histogram::bins(values.iter().copied(), 13);
    assert_eq!(bins.iter().map(|b| b.count).sum::<f64>(), 1000.0);
    assert!(bins.windows(2).all(|w| w[0].high == w[1].low));
    let same = Histogram::bins([7.0; 5].into_iter(), 4);
    assert_eq!(same.iter().map(|b| b.count).sum::<f64>(), 5.0);
}

/// Holds a chart against the image of it in `tests/looks`, which any browser shows; with `TIDEMILL_BLESS=1` in the
/// environment the image is drawn anew.
fn looks_as_it_did(name: &str, chart: &dyn Chart) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/looks/{name}.svg"));
    let svg = chart.svg(&EN).replace("><", ">\n<");
    if std::env::var_os("TIDEMILL_BLESS").is_some() {
        std::fs::write(&file, &svg).unwrap();
    }
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = svg.lines().zip(before.lines()).find(|(now, before)| now != before);
    assert!(svg == before, "{name} looks different: {differs:?}");
}

#[test]
fn single_rows_stand_behind_their_average_and_within_the_chart() {
    let average = Series::new("on average", vec![Point::new(0.0, 1.0), Point::new(1.0, 2.0)]);
    let chart = LineChart::new("Effect", Scale::number("age"), Scale::number("price"))
        .with(average)
        .behind("single rows", vec![vec![[0.0, -5.0], [1.0, 9.0]], vec![[0.0, f64::NAN], [1.0, 3.0]]]);
    let svg = chart.svg(&EN);
    let [strand, line] = ["<path class=\"strand\" d=\"M", "<path class=\"series s0\" d=\"M"]
        .map(|start| svg.rfind(start).unwrap());
    assert!(strand < line, "the average is drawn above the single rows");
    // One in the legend, one on the chart: a line of a single point is none.
    assert_eq!(svg.matches("<path class=\"strand\"").count(), 2);
    assert!(svg.contains("single rows") && !svg.contains("NaN"), "{svg}");
}

#[test]
fn small_charts_look_as_they_did() {
    let line =
        LineChart::new("ROC curve", Scale::share("false positive rate"), Scale::share("true positive rate"))
            .with(Series::new(
                "yes",
                vec![Point::new(0.0, 0.0), Point::new(0.25, 0.75), Point::new(1.0, 1.0)],
            ))
            .against("guessing", [0.0, 0.0], [1.0, 1.0]);
    looks_as_it_did("line", &line);
    let bars = BarChart::new("Importance", Scale::number("loss of accuracy"), "column").with(Bar {
        name: "age".into(),
        value: 0.25,
        spread: Some([0.2, 0.3]),
        label: None,
    });
    looks_as_it_did("bar", &bars);
    let matrix = ConfusionMatrix {
        title: "Right and wrong".into(),
        x_name: "predicted".into(),
        y_name: "true".into(),
        classes: vec!["no".into(), "yes".into()],
        counts: vec![vec![40.0, 2.0], vec![3.0, 15.0]],
    };
    looks_as_it_did("confusion", &matrix);
    let histogram = Histogram {
        title: "Errors".into(),
        x: Scale::number("error (km)"),
        y_name: "rows".into(),
        bins: vec![Bin { low: -1.0, high: 0.0, count: 3.0 }, Bin { low: 0.0, high: 1.0, count: 5.0 }],
        mark: Some(("no error".into(), 0.0)),
        small: true,
    };
    looks_as_it_did("histogram", &histogram);
}

/// The x of every point of the first path of this class.
fn across(svg: &str, class: &str) -> Vec<f64> {
    let (_, rest) = svg.rsplit_once(&format!("class=\"{class}\" d=\"")).unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    path.split(['M', 'L'])
        .filter(|at| !at.is_empty())
        .map(|at| at.split_once(' ').unwrap().0.parse().unwrap())
        .collect()
}

#[test]
fn a_line_starts_at_the_base_and_ends_at_its_sum() {
    let chart = DecisionPlot {
        title: "t".into(),
        x: Scale::number("x").within(0.0, 10.0),
        y_name: "column".into(),
        base: 4.0,
        columns: vec!["a".into(), "b".into()],
        // The last column comes first; what is not finite is left out.
        lines: vec![vec![-3.0, 1.0], vec![0.0, 2.0], vec![3.0, 2.0], vec![f64::NAN, 1.0]],
        levels: ["low", "middle", "high"].map(String::from),
    };
    let svg = chart.inline(800.0, &EN);
    let [low, middle, high] = ["way p-low", "way p-mid", "way p-high"].map(|class| across(&svg, class));
    let value = |x: f64| 4.0 + (x - low[0]) * (9.0 - 4.0) / (high[2] - high[0]);
    let near = |found: &[f64], wanted: [f64; 3]| {
        assert_eq!(found.len(), 3);
        assert!(found.iter().zip(wanted).all(|(x, wanted)| (value(*x) - wanted).abs() < 0.01), "{found:?}");
    };
    near(&low, [4.0, 5.0, 2.0]);
    near(&middle, [4.0, 6.0, 6.0]);
    near(&high, [4.0, 6.0, 9.0]);
}

#[test]
fn neighbours_of_one_colour_are_one_stripe() {
    let chart = HeatMap {
        title: "t".into(),
        x_name: "rows".into(),
        y_name: "column".into(),
        total: ("all".into(), vec![2.0, 2.0, -1.0, 0.0]),
        bands: vec![("a".into(), vec![1.0, 1.0, -1.0, f64::NAN]), ("b".into(), vec![0.0, 0.01, 0.4, 0.0])],
        signs: ["lowers", "raises"].map(String::from),
    };
    let svg = chart.inline(800.0, &EN);
    let stripes = |class: &str| {
        let start = format!("<path class=\"{class}\" d=\"");
        let paths = svg.split(&*start).skip(1);
        paths.map(|path| path.split_once('"').unwrap().0.matches('M').count()).collect::<Vec<_>>()
    };
    // The sum and the first column at full colour, and what is next to nothing without any.
    assert_eq!(
        (stripes("raises o5"), stripes("lowers o5"), stripes("raises o2")),
        (vec![1, 1], vec![1, 1], vec![1])
    );
    assert!(["o1", "o3"].iter().all(|step| stripes(&format!("raises {step}")).is_empty()));
    assert!(!svg.contains("NaN"));
}
