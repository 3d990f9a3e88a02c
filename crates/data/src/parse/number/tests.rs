use super::*;

fn read(words: &str, text: &str) -> Option<f64> {
    NumberFormat::of_words(words).unwrap().parse(text)
}

#[test]
fn decorations_are_read() {
    assert_eq!(read("decimal_comma", "3,15"), Some(3.15));
    assert_eq!(read("thousands_comma", "-1,234,567.5"), Some(-1234567.5));
    assert_eq!(read("thousands_comma", "1,23"), None);
    assert_eq!(read("thousands_space+decimal_comma", "12\u{a0}345,6"), Some(12345.6));
    assert_eq!(read("percent", "12.5 %"), Some(12.5));
    assert_eq!(read("currency+thousands_comma", "($1,500.00)"), Some(-1500.0));
    assert_eq!(read("currency", "-$5"), Some(-5.0));
    assert_eq!(read("currency", "CHF 12.50"), Some(12.5));
    assert_eq!(read("currency", "--5"), None);
    assert_eq!(read("currency", "$"), None);
    assert_eq!(read("", "1_000"), None);
}

#[test]
fn numbers_as_the_world_writes_them() {
    assert_eq!(read("thousands_apostrophe", "1'234'567.5"), Some(1234567.5));
    assert_eq!(read("thousands_apostrophe", "301\u{2019}212"), Some(301212.0));
    assert_eq!(read("thousands_lakh", "1,23,45,678.5"), Some(12345678.5));
    assert_eq!(read("thousands_lakh", "12,345"), Some(12345.0));
    assert_eq!(read("thousands_lakh", "123,456"), None);
    assert_eq!(read("magnitude", "1.2K"), Some(1200.0));
    assert_eq!(read("magnitude+currency", "-$3.4 bn"), Some(-3.4e9));
    assert_eq!(read("magnitude+decimal_comma", "1,5 Mio."), Some(1.5e6));
    assert_eq!(read("magnitude", "950"), Some(950.0));
    assert_eq!(read("magnitude", "5x"), None);
    assert_eq!(read("clock", "1:02:03.5"), Some(3723.5));
    assert_eq!(read("clock", "-0:30"), Some(-1800.0));
    assert_eq!(read("clock", "1:60"), None);
    assert_eq!(read("clock", "100:00:01"), Some(360001.0));
    assert_eq!(read("clock", "12:30 AM"), Some(1800.0));
    assert_eq!(read("clock", "1:05:30 p.m."), Some(47_130.0));
    assert_eq!(read("clock", "13:00 pm"), None);
    assert_eq!(read("", "−5.5"), Some(-5.5));
    assert_eq!(read("censored", "<0.5"), Some(0.5));
    assert_eq!(read("censored+decimal_comma", ">= 1,5"), Some(1.5));
    assert_eq!(read("censored", "<"), None);
    assert_eq!(read("censored", "90+"), Some(90.0));
    assert_eq!(read("censored", "+"), None);
    assert_eq!(read("stopwatch", "35:30"), Some(2130.0));
    assert_eq!(read("stopwatch", "1:20:47"), Some(4847.0));
    assert_eq!(read("stopwatch", "125:00.5"), Some(7500.5));
    assert_eq!(read("stopwatch", "35:61"), None);
    assert_eq!(read("unit:kg", "12.5 KG"), Some(12.5));
    assert_eq!(read("unit:°C", "-3°c"), Some(-3.0));
    assert_eq!(read("unit:kg", "12 g"), None);
    assert_eq!(read("unit:kg", "kg"), None);
    assert_eq!(read("unit:star", "3.5 stars"), Some(3.5));
    assert_eq!(read("unit:star", "1 Star"), Some(1.0));
    assert_eq!(read("unit:kg", "1 kgs"), None);
    assert_eq!(read("clock", "2h 30m"), Some(9000.0));
    assert_eq!(read("clock", "-1 days +22:00:00"), Some(-7200.0));
    assert_eq!(read("clock", "45m"), Some(2700.0));
    // By the definitions of the international pound and inch.
    assert_eq!(read("units:kg", "300 g"), Some(0.3));
    assert_eq!(read("units:kg", "2 lb"), Some(0.90718474));
    assert_eq!(read("units:m", "5 in"), Some(0.127));
    assert_eq!(read("units:min", "1.5 h"), Some(90.0));
    assert_eq!(read("units:kg+decimal_comma", "1,5 t"), Some(1500.0));
    assert_eq!(read("units:kg", "5"), Some(5.0));
    assert_eq!(read("units:kg", "5 cm"), None);
    assert_eq!(read("units:in", "5'11\""), Some(71.0));
    assert_eq!(read("units:in", "5 ft 11 in"), Some(71.0));
    assert_eq!(read("units:in", "71\""), Some(71.0));
    assert_eq!(read("about+units:in", "~5'11"), Some(71.0));
    assert_eq!(read("unit:\"", "15.6\""), Some(15.6));
    assert_eq!(read("about", "5.1 ± 0.2"), Some(5.1));
    assert_eq!(read("about", "-5.1 +/- 0.2"), Some(-5.1));
    assert_eq!(read("percent", "12 pct"), Some(12.0));
    assert_eq!(read("percent", "-1.5 Percent"), Some(-1.5));
    assert_eq!(read("percent", "%"), None);
    assert_eq!(read("clock", "7.30 Uhr"), Some(27_000.0));
    assert_eq!(read("clock", "7 Uhr"), Some(25_200.0));
    assert_eq!(read("clock", "19h05"), Some(68_700.0));
    assert_eq!(read("clock", "7h5"), None);
    assert_eq!(read("units:year", "6 months"), Some(0.5));
    assert_eq!(read("degrees", "52°30'N"), Some(52.5));
    assert_eq!(read("degrees", "52.5"), Some(52.5));
    assert_eq!(read("degrees", "0°30'W"), Some(-0.5));
    assert_eq!(read("degrees", "52°70'N"), None);
    assert_eq!(read("about", "~5"), Some(5.0));
    assert_eq!(read("about", "ca. 5.5"), Some(5.5));
    assert_eq!(read("about+units:kg", "ca 300 g"), Some(0.3));
    assert_eq!(read("about", "5"), Some(5.0));
    assert_eq!(read("about", "~"), None);
}

#[test]
fn accounts_powers_of_ten_and_digits_of_other_scripts() {
    for (words, text, wanted) in [
        ("currency+thousands_comma", "$(1,200.50)", Some(-1200.5)),
        ("currency+thousands_comma", "($1,200.50)", Some(-1200.5)),
        ("currency", "350.85-", Some(-350.85)),
        ("currency+decimal_comma", "84587,-", Some(84587.0)),
        ("currency", "CHF 120.-", Some(120.0)),
        ("currency+decimal_comma", "-5,–", Some(-5.0)),
        ("currency+thousands_lakh", "Rs. 12,34,567", Some(1234567.0)),
        ("currency", "-(5)", None),
        ("decimal_comma", "8,602E+04", Some(86020.0)),
        ("thousands_comma", "8,602E+04", None),
        ("thousands_comma", "8602.5E+01", Some(86025.0)),
        ("", "４７１６.５", Some(4716.5)),
        ("", "-٨٦٢٫٥", Some(-862.5)),
        ("thousands_comma", "۱٬۲۳۴", Some(1234.0)),
        ("percent", "१२%", Some(12.0)),
        ("percent", "12.5％", Some(12.5)),
        ("currency+thousands_comma", "￥1,234", Some(1234.0)),
        ("currency+thousands_lakh", "Rs. 5,00,000/-", Some(500_000.0)),
    ] {
        assert_eq!(read(words, text), wanted, "{words}: {text}");
    }
    assert_eq!(plain_number("十"), None);
}

#[test]
fn unknown_words_are_named() {
    assert!(NumberFormat::of_words("decimal_koma").unwrap_err().contains("decimal_koma"));
    assert!(NumberFormat::of_words("decimal_comma+thousands_comma").is_err());
}
