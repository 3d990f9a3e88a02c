use std::path::PathBuf;

use tempfile::TempDir;
use tidemill_core::{Error as CoreError, Kind};

use super::*;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

/// Opens and reads all, in chunks so small that most records are cut off somewhere.
fn read(name: &str, bytes: impl AsRef<[u8]>) -> Result<(Batch, Provenance)> {
    read_with(name, bytes, &ReadOptions::default())
}

fn read_with(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Result<(Batch, Provenance)> {
    let folder = Folder::new();
    let path = folder.file(name, bytes);
    let (source, provenance) = open_in_chunks(&path, options, 16)?;
    Ok((source.collect()?, provenance))
}

fn names(batch: &Batch) -> Vec<&str> {
    batch.schema().names().collect()
}

fn texts(batch: &Batch, column: usize) -> Vec<&str> {
    batch.texts(column).unwrap().iter().map(|t| t.unwrap()).collect()
}

/// The code and message of the error, the folder left out.
fn error(name: &str, bytes: impl AsRef<[u8]>) -> (&'static str, String) {
    let e: CoreError = read(name, bytes).unwrap_err();
    assert!(e.remedy().is_some(), "{e}");
    let message = e.to_string();
    let from = message.find(name).unwrap_or(0);
    (e.code(), message[from..].to_string())
}

#[test]
fn plain_csv_is_read_as_it_is_written() {
    let (batch, found) = read("a.csv", "name,age\nAda,36\n Alan ,\nBo,007\n").unwrap();
    assert_eq!(names(&batch), ["name", "age"]);
    assert_eq!(texts(&batch, 0), ["Ada", " Alan ", "Bo"]);
    assert_eq!(texts(&batch, 1), ["36", "", "007"]);
    assert_eq!((found.delimiter, found.header, found.quote), (Some(','), Some(true), Some('"')));
    assert_eq!((&*found.encoding.unwrap(), &*found.format), ("UTF-8", "CSV"));
}

#[test]
fn quotes_line_breaks_and_blank_lines() {
    let text = "a,b\r\n\"x\n\"\"y\"\"\",\"1,5\"\r\n\r\nit's 5\" wide,\"\"\r\n\"q\"tail,2\n\n\n";
    let (batch, _) = read("a.csv", text).unwrap();
    assert_eq!(texts(&batch, 0), ["x\n\"y\"", "it's 5\" wide", "qtail"]);
    assert_eq!(texts(&batch, 1), ["1,5", "", "2"]);
    // The last line needs no line break, not even within quotes.
    assert_eq!(texts(&read("a.csv", "a,b\n1,\"2\"").unwrap().0, 1), ["2"]);
}

#[test]
fn delimiters_are_detected() {
    for (text, wanted) in [
        ("a;b\n1,5;2,7\n2,5;3,7\n", ';'),
        ("a\tb\n1,5\t2;7\n", '\t'),
        ("a|b\n1|2\n", '|'),
        ("a,b\n\"x;y\",2\n\"z;z\",3\n", ','),
        ("only\n1\n2\n", ','),
    ] {
        assert_eq!(read("a.txt", text).unwrap().1.delimiter, Some(wanted), "{text}");
    }
    let semicolon = ReadOptions { delimiter: Some(';'), ..ReadOptions::default() };
    assert_eq!(names(&read_with("a.csv", "a,b;c\n1;2\n", &semicolon).unwrap().0), ["a,b", "c"]);
    let wide = ReadOptions { delimiter: Some('é'), ..ReadOptions::default() };
    assert_eq!(read_with("a.csv", "a\n1\n", &wide).unwrap_err().code(), "parameter");
}

#[test]
fn single_quotes_are_detected() {
    let (batch, found) = read("a.csv", "'a','b'\n'x,y','it''s'\n").unwrap();
    assert_eq!(found.quote, Some('\''));
    assert_eq!((texts(&batch, 0), texts(&batch, 1)), (vec!["x,y"], vec!["it's"]));
}

#[test]
fn headers_are_detected() {
    for (text, wanted) in [
        ("name,age\nAda,36\n", true),
        ("Ada,36\nAlan,41\n", false),
        ("5.1,3.5\n4.9,3.0\n", false),
        ("colour,size\nred,small\nblue,large\n", true),
        ("red,small\nblue,large\nred,large\n", false),
        (",age,2019\nAda,36,7\nBo,41,8\n", true),
        ("when,what\n2020-01-02,rain\n", true),
        ("lonely,header\n", true),
        ("1,2\n", false),
    ] {
        assert_eq!(read("a.csv", text).unwrap().1.header, Some(wanted), "{text}");
    }
    assert_eq!(names(&read("a.csv", "1,2\n3,4\n").unwrap().0), ["column_1", "column_2"]);
    assert_eq!(names(&read("a.csv", " x , y\n3,4\n").unwrap().0), ["x", "y"]);
    let no = ReadOptions { header: Some(false), ..ReadOptions::default() };
    assert_eq!(read_with("a.csv", "name,age\nAda,36\n", &no).unwrap().0.n_rows(), 2);
}

#[test]
fn a_header_alone_is_a_table_of_no_rows() {
    let (batch, _) = read("a.csv", "name,age\n").unwrap();
    assert_eq!((names(&batch), batch.n_rows()), (vec!["name", "age"], 0));
}

#[test]
fn encodings_are_detected() {
    let utf16 = |little: bool| -> Vec<u8> {
        let text = "\u{feff}naïve;b\nrésumé;1\n世界;2\n";
        let pair = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(pair).collect()
    };
    for (bytes, wanted) in [(utf16(true), "UTF-16LE"), (utf16(false), "UTF-16BE")] {
        let (batch, found) = read("a.csv", bytes).unwrap();
        assert_eq!(found.encoding.as_deref(), Some(wanted));
        assert_eq!((names(&batch)[0], texts(&batch, 0)), ("naïve", vec!["résumé", "世界"]));
    }
    let (batch, found) = read("a.csv", "\u{feff}naïve;b\nrésumé;1\n").unwrap();
    assert_eq!((found.encoding.as_deref(), names(&batch)[0]), (Some("UTF-8"), "naïve"));
    let latin: Vec<u8> = "café;prix\nrésumé;1\ngarçon;2\ndéjà vu;3\n"
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let (batch, found) = read("a.csv", &latin).unwrap();
    assert_eq!(found.encoding.as_deref(), Some("windows-1252"));
    assert_eq!(texts(&batch, 0), ["résumé", "garçon", "déjà vu"]);
    let named = |label: &str| ReadOptions { encoding: Some(label.into()), ..ReadOptions::default() };
    assert_eq!(texts(&read_with("a.csv", &latin, &named("latin1")).unwrap().0, 0)[1], "garçon");
    let e = read_with("a.csv", &latin, &named("utf-8")).unwrap_err();
    assert_eq!(e.code(), "data_encoding");
    assert_eq!(read_with("a.csv", &latin, &named("utf-9")).unwrap_err().code(), "parameter");
}

#[test]
fn a_few_bytes_are_in_the_usual_encoding_where_they_fit_it() {
    let rows = |encoding: &'static encoding_rs::Encoding, city: &str| {
        encoding.encode(&format!("city,age\n{city},30\n")).0.into_owned()
    };
    let usually = |label: &str| ReadOptions::at_prediction(["city", "age"]).usually_in(Some(label));
    for (label, cities) in [
        ("windows-1251", "Москва Уфа Омск Пермь"),
        ("shift_jis", "東京 大阪 京都 津"),
        ("euc-kr", "서울 부산 대구 광주"),
        ("big5", "台北 高雄 台中 台南"),
        ("gbk", "北京 上海 广州 深圳"),
        ("iso-8859-2", "Žďár Děčín Plzeň Kraków"),
        ("windows-1254", "İstanbul Ağrı Iğdır Şırnak"),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        for city in cities.split(' ') {
            let (batch, found) = read_with("a.csv", rows(encoding, city), &usually(label)).unwrap();
            assert_eq!((texts(&batch, 0), found.encoding.as_deref()), (vec![city], Some(encoding.name())));
        }
    }
    // What says itself what it is, and what does not fit, is judged as without it.
    for (bytes, label, wanted) in [
        ("city,age\nМосква,30\n".as_bytes().to_vec(), "windows-1251", "UTF-8"),
        (rows(encoding_rs::WINDOWS_1252, "résumé: déjà vu à la gare du garçon"), "shift_jis", "windows-1252"),
        (rows(encoding_rs::WINDOWS_1252, "garçon"), "utf-8", "windows-1252"),
    ] {
        let (_, found) = read_with("a.csv", bytes, &usually(label)).unwrap();
        assert_eq!(found.encoding.as_deref(), Some(wanted), "{label}");
    }
}

#[test]
fn bad_bytes_far_into_a_file_are_found_with_their_line() {
    let mut bytes = b"a,b\n".to_vec();
    bytes.extend(b"some text,1\n".repeat(200_000));
    bytes.extend(b"caf\xe9,1\nx,2\n");
    assert_eq!(
        error("a.csv", &bytes),
        ("data_encoding", "a.csv, line 200002: bytes that are not UTF-8".into())
    );
    let end = bytes.len() - 8;
    bytes[end] = 0;
    assert_eq!(error("a.csv", &bytes).0, "data_binary");
    // An unpaired surrogate.
    let utf16: Vec<u8> =
        "\u{feff}a,b\n1,2\n".encode_utf16().chain([0xd800, 10]).flat_map(u16::to_le_bytes).collect();
    assert_eq!(error("a.csv", utf16).0, "data_encoding");
}

#[test]
fn errors_name_file_and_line() {
    assert_eq!(error("a.csv", ""), ("data_empty", "a.csv is empty".into()));
    assert_eq!(error("a.csv", "\u{feff}\r\n\n").0, "data_empty");
    assert_eq!(
        error("a.csv", "a,b,c\n\"1\n1\",2,3\n\n1,2\n"),
        ("csv_ragged_row", "a.csv, line 5: 2 fields, but the first row has 3".into())
    );
    assert_eq!(
        error("a.csv", "a,b\n1,2\n1,2,3,\"4,5\"\n").1,
        "a.csv, line 3: 4 fields, but the first row has 2"
    );
    assert_eq!(
        error("a.csv", "b,a,b,a\n1,2,3,4\n"),
        ("data_duplicate_names", "a.csv: more than one column is named 'a', 'b'".into())
    );
    assert_eq!(
        error("a.csv", "a,b\n1,2\n3,\"4\n5,6\n"),
        ("csv_unclosed_quote", "a.csv, line 3: a quoted cell begins here and never ends".into())
    );
    assert_eq!(error("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR").0, "data_binary");
    assert_eq!(error("a.csv", b"\x01\x02\x03\x04,\x05\n\x06").0, "data_binary");
    assert_eq!(error("a.xlsx", b"PK\x03\x04....").0, "data_corrupt");
    assert_eq!(error("a.csv", b"PK\x03\x04....").0, "data_format");
    assert_eq!(error("a.json", "[\n{\"a\": 1}, 2]").0, "data_format");
    assert_eq!(error("a.parquet", "a,b\n1,2\n").0, "data_corrupt");
    assert_eq!(error("a.parquet", "PAR1 and then nothing").0, "data_corrupt");
    assert_eq!(error("a.arrow", "ARROW1 and then nothing").0, "data_corrupt");
    assert_eq!(error("a.csv.gz", b"\x1f\x8b\x08\x00 broken").0, "data_corrupt");
}

#[test]
fn missing_files_and_folders() {
    let folder = Folder::new();
    let missing = folder.0.path().join("none.csv").display().to_string();
    assert_eq!(open(&missing, &ReadOptions::default()).err().unwrap().code(), "io");
    let pattern = folder.0.path().join("*.csv").display().to_string();
    assert_eq!(open(&pattern, &ReadOptions::default()).err().unwrap().code(), "data_no_files");
    let itself = folder.0.path().display().to_string();
    assert_eq!(open(&itself, &ReadOptions::default()).err().unwrap().code(), "data_format");
}

#[test]
fn a_quote_that_never_closes_does_not_fill_the_memory() {
    let mut bytes = b"a,b\n1,2\n3,\"4\n".to_vec();
    bytes.extend(b"5,6\n".repeat(9 << 20));
    let folder = Folder::new();
    let path = folder.file("a.csv", bytes);
    let source = open(&path, &ReadOptions::default()).unwrap();
    let e = source.scan().unwrap().find_map(Result::err).unwrap();
    assert_eq!(e.code(), "data_long_row");
    assert!(e.to_string().contains("line 3:"), "{e}");
}

#[test]
fn packed_text_is_unpacked() {
    use std::io::Write;
    let text = "a,b\n1,x\n2,y\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert_eq!(texts(&read("a.csv.gz", &gzip).unwrap().0, 1), ["x", "y"]);
    // Two members, as `cat a.gz b.gz` makes them, the names of the second being no row; and a name that does not say that it is packed.
    let twice = [&gzip[..], &gzip[..]].concat();
    let named = ReadOptions { header: Some(true), ..ReadOptions::default() };
    assert_eq!(read_with("a.csv", &twice, &named).unwrap().0.n_rows(), 4);
    assert_eq!(error("a.csv.gz", &gzip[..gzip.len() - 9]).0, "data_corrupt");
    let zstd = zstd::encode_all("{\"a\": 1}\n{\"a\": 2}\n".as_bytes(), 3).unwrap();
    assert_eq!(read("a.jsonl.zst", zstd).unwrap().0.numbers(0).unwrap().values(), &[1.0, 2.0]);
}

#[test]
fn json_lines() {
    let text = "{\"n\": 1, \"t\": \"x\\n\\u00e9\", \"f\": true, \"m\": 1, \"z\": null}\n\n\
                {\"t\": null, \"n\": 2.5e0, \"late\": 10000000000000000001, \"m\": \"1.50\", \"f\": false}\n\
                {\"n\": null, \"m\": 1.50, \"big\": 1e400}";
    let (batch, _) = read("a.jsonl", text).unwrap();
    assert_eq!(names(&batch), ["n", "t", "f", "m", "z", "late", "big"]);
    let kinds: Vec<Kind> = batch.schema().columns().iter().map(|c| c.kind).collect();
    assert_eq!(kinds[..4], [Kind::Number, Kind::Text, Kind::Flag, Kind::Text]);
    let numbers: Vec<_> = batch.numbers(0).unwrap().iter().collect();
    assert_eq!(numbers, [Some(1.0), Some(2.5), None]);
    let read_texts = |i: usize| -> Vec<Option<&str>> { batch.texts(i).unwrap().iter().collect() };
    assert_eq!(read_texts(1), [Some("x\né"), None, None]);
    assert_eq!(read_texts(3), [Some("1"), Some("1.50"), Some("1.50")]);
    assert_eq!(read_texts(4), [None, None, None]);
    assert_eq!(read_texts(5)[1], Some("10000000000000000001"));
    assert_eq!(read_texts(6)[2], Some("1e400"));
    assert_eq!(batch.flags(2).unwrap().iter().collect::<Vec<_>>(), [Some(true), Some(false), None]);
    let nested = "{\"a\": {\"x\": 1, \"y\": {\"z\": true}}}\n{\"b\": [1, \"c\"], \"a\": null}\n";
    let (batch, _) = read("a.jsonl", nested).unwrap();
    assert_eq!(names(&batch), ["a.x", "a.y.z", "b", "a"]);
    assert_eq!(batch.texts(2).unwrap().value(1), "[1, \"c\"]");
    let (code, message) = error("a.jsonl", "{\"a\": 1}\n{\"b\": {\"c\": 1}, \"b.c\": 2}\n");
    assert_eq!((code, &*message), ("data_json", "a.jsonl, line 2: 'b.c' comes twice"));
    let (code, message) = error("a.jsonl", "{\"a\": 1}\n\n{\"b\": 1, \"a\": 1, \"b\": 2}\n");
    assert_eq!((code, &*message), ("data_json", "a.jsonl, line 3: 'b' comes twice"));
    assert_eq!(error("a.jsonl", "{\"a\": 1}\n{\"a\": \n").0, "data_json");
    assert!(error("a.jsonl", "{\"a\": 1}\n3\n").1.starts_with("a.jsonl, line 2: not a JSON object"));
}

#[test]
fn files_of_one_pattern_are_matched_by_name() {
    let folder = Folder::new();
    folder.file("part-1.csv", "a,b\n1,2\n");
    folder.file("part-2.csv", "b,a\n4,3\n");
    let pattern = folder.0.path().join("part-*.csv").display().to_string();
    let (source, found) = open_described(&pattern, &ReadOptions::default()).unwrap();
    let rows = source.collect().unwrap();
    assert_eq!((texts(&rows, 0), texts(&rows, 1)), (vec!["1", "3"], vec!["2", "4"]));
    assert_eq!((found.n_files, found.bytes), (2, 16));
    assert_eq!(texts(&source.take(&[1, 0, 1]).unwrap(), 0), ["3", "1", "3"]);
    assert_eq!(fingerprint(&pattern).unwrap().len(), 64);
    folder.file("part-3.csv", "a,c\n1,2\n");
    let e = open(&pattern, &ReadOptions::default()).err().unwrap();
    assert_eq!(e.code(), "data_other_columns");
    assert!(e.to_string().ends_with("'b' is missing"), "{e}");
}

#[test]
fn fingerprints_are_sha256() {
    let folder = Folder::new();
    let path = folder.file("abc", "abc");
    let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, B.1
    assert_eq!(fingerprint(&path).unwrap(), wanted);
}

#[test]
fn batches_are_bounded_and_rows_can_be_taken() {
    let folder = Folder::new();
    let rows: String = (0..300_000).map(|i| format!("{i}\n")).collect();
    let path = folder.file("a.csv", format!("i\n{rows}"));
    let source = open(&path, &ReadOptions::default()).unwrap();
    let sizes: Vec<usize> = source.scan().unwrap().map(|b| b.unwrap().n_rows()).collect();
    assert!(sizes.iter().all(|&n| n <= tidemill_core::BATCH_ROWS));
    assert_eq!(sizes.iter().sum::<usize>(), 300_000);
    assert_eq!(texts(&source.take(&[299_999, 5, 70_000]).unwrap(), 0), ["299999", "5", "70000"]);
    assert!(source.take(&[300_000]).is_err());
}

#[test]
fn features_of_geojson_are_rows() {
    let text = r#"{ "type": "FeatureCollection", "features": [
        { "type": "Feature", "properties": { "price": 47.5, "kind": "house" }, "geometry": { "type": "Point", "coordinates": [-76.6, 39.3, 12] } },
        { "type": "Feature", "properties": { "price": null, "kind": "flat" }, "geometry": null },
        { "type": "Feature", "properties": { "price": 9, "kind": "lot" },
          "geometry": { "type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 4], [0, 4], [0, 0]]] } } ] }"#;
    let (rows, provenance) = read("homes.geojson", text).unwrap();
    assert_eq!((names(&rows), &*provenance.format), (vec!["price", "kind", "lon", "lat"], "GeoJSON"));
    assert_eq!(rows.numbers(2).unwrap().iter().collect::<Vec<_>>(), [Some(-76.6), None, Some(1.0)]);
    assert_eq!(rows.numbers(3).unwrap().iter().collect::<Vec<_>>(), [Some(39.3), None, Some(2.0)]);
    assert_eq!(texts(&rows, 1), ["house", "flat", "lot"]);
    // A property of that name keeps it.
    let (rows, _) = read("a.json", text.replace("price", "lat")).unwrap();
    assert_eq!(names(&rows), ["lat", "kind", "geometry_lon", "geometry_lat"]);
    let (_, told) = error("a.geojson", text.replace("\"Polygon\"", "\"LineString\""));
    assert!(told.contains("feature 3 has a geometry of LineString"), "{told}");
    let (_, told) = error("a.geojson", &text[..200]);
    assert!(told.contains("not GeoJSON") && told.contains("line"), "{told}");
}
