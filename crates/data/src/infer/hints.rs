//! What the name of a column suggests. Names never decide alone: see where each hint is asked for.

/// What is measured or counted, as the last word of a name.
const MEASURES: &[&str] = &[
    "count",
    "counts",
    "cnt",
    "total",
    "totals",
    "sum",
    "amount",
    "amounts",
    "qty",
    "quantity",
    "length",
    "len",
    "size",
    "width",
    "height",
    "depth",
    "weight",
    "area",
    "volume",
    "age",
    "rate",
    "ratio",
    "share",
    "pct",
    "percent",
    "percentage",
    "score",
    "scores",
    "rating",
    "ratings",
    "rank",
    "population",
    "density",
    "income",
    "revenue",
    "sales",
    "price",
    "prices",
    "cost",
    "costs",
    "charge",
    "charges",
    "bill",
    "fee",
    "fees",
    "salary",
    "spend",
    "budget",
    "profit",
    "minutes",
    "seconds",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "duration",
    "distance",
    "calls",
    "visits",
    "views",
    "clicks",
    "users",
    "members",
    "usage",
    "presses",
    "strokes",
    "wins",
    "losses",
    "points",
    "goals",
    "satisfaction",
    "temperature",
    "temp",
    "speed",
    "mean",
    "avg",
    "average",
    "median",
    "min",
    "max",
    "std",
    "capacity",
    "balance",
];
/// What a number of a row is called.
const ROW_NUMBERS: &[&str] = &["index", "unnamed", "row", "rownum", "rownumber", "rownames", "idx"];

/// The words of a column's name, in lower case.
pub(crate) struct Hints {
    words: Vec<String>,
}

impl Hints {
    pub(crate) fn of(name: &str) -> Self {
        let mut words: Vec<String> = Vec::new();
        let mut word = String::new();
        let mut was_lower = false;
        for c in name.chars() {
            // `customerId` is two words, `ID` is one.
            if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
                words.push(std::mem::take(&mut word));
            }
            if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
            }
            was_lower = c.is_lowercase() || c.is_numeric();
        }
        words.push(word);
        words.retain(|w| !w.is_empty());
        Hints { words }
    }

    fn any(&self, known: &[&str]) -> bool {
        self.words.iter().any(|w| known.contains(&w.as_str()))
    }

    fn last(&self, known: &[&str]) -> bool {
        self.words.last().is_some_and(|w| known.contains(&w.as_str()))
    }

    /// How much of something there is, whatever that is: of `token_count`, `phone_minutes` and `zip_population` only the last word counts.
    fn measure(&self) -> bool {
        self.words.len() > 1 && self.last(MEASURES)
    }

    /// An identifier: `id`, `customer_id`, `uuid`, `invoice_no`, …
    pub(crate) fn identifier(&self) -> bool {
        if self.measure() {
            return false;
        }
        let joined =
            self.words.last().is_some_and(|w| w.len() > 4 && (w.ends_with("uuid") || w.ends_with("guid")));
        self.any(&[
            "id",
            "ids",
            "uuid",
            "guid",
            "key",
            "pk",
            "identifier",
            "hash",
            "token",
            "ssn",
            "isbn",
            "sku",
            "imei",
            "vin",
        ]) || (self.words.len() > 1 && self.last(&["no", "nr", "nbr"]))
            || self.words.iter().any(|w| {
                matches!(
                    w.as_str(),
                    "userid" | "customerid" | "rowid" | "passengerid" | "orderid" | "sessionid" | "clientid"
                )
            })
            || joined
    }

    /// Someone or something that several rows may be about: `patient`, `customer`, …
    pub(crate) fn person(&self) -> bool {
        self.last(&[
            "patient",
            "subject",
            "participant",
            "person",
            "customer",
            "client",
            "user",
            "household",
            "family",
            "animal",
            "device",
            "machine",
            "session",
            "account",
        ])
    }

    /// A row number that a tool left behind.
    pub(crate) fn row_number(&self) -> bool {
        let beside = ["row", "number", "num", "no", "nr", "id", "original", "old", "df", "line", "record"];
        let known = |w: &String| ROW_NUMBERS.contains(&w.as_str());
        // Every word must fit: `price_index` is a measure, not a row number.
        let all = || {
            self.words
                .iter()
                .all(|w| known(w) || beside.contains(&w.as_str()) || w.bytes().all(|b| b.is_ascii_digit()))
        };
        self.words.is_empty() || (self.words.len() <= 2 && self.words.iter().any(known) && all())
    }

    /// A code that only looks like a number.
    pub(crate) fn code(&self) -> bool {
        if self.measure() || (self.last(&["code"]) && self.any(&["lines", "loc"])) {
            return false;
        }
        // The Italian postcode; elsewhere a limit, or what a company is worth.
        self.words == ["cap"]
            || self.any(&[
                "zip",
                "zipcode",
                "postcode",
                "postal",
                "plz",
                "code",
                "codes",
                "cd",
                "sic",
                "naics",
                "icd",
                "fips",
                "iata",
                "gtin",
                "ean",
                "cpt",
                "areacode",
                "phone",
                "telephone",
                "tel",
                "fax",
            ])
    }

    /// The name of a set of names, so that few whole numbers are codes.
    pub(crate) fn group(&self) -> bool {
        !self.measure()
            && self.any(&[
                "type",
                "class",
                "category",
                "cat",
                "status",
                "segment",
                "region",
                "cluster",
                "season",
                "weekday",
                "dow",
                "gender",
                "sex",
                "race",
                "ethnicity",
                "marital",
                "occupation",
                "job",
                "state",
                "city",
                "country",
                "channel",
                "brand",
                "colour",
                "color",
                "shape",
                "species",
                "kind",
                "department",
                "dept",
                "store",
                "shop",
                "branch",
                "zone",
                "sector",
                "industry",
                "plan",
                "product",
                "group",
                "mode",
                "method",
                "label",
                "workclass",
                "religion",
                "language",
                "weather",
                "weathersit",
                "quarter",
                "team",
                "vendor",
                "supplier",
                "line",
                "station",
                "ward",
                "district",
                "province",
            ])
    }

    /// A number that may well be 0 or 1 in all rows seen.
    pub(crate) fn count(&self) -> bool {
        self.any(&[
            "n", "num", "count", "counts", "cnt", "number", "nr", "total", "sum", "amount", "qty",
            "quantity", "times", "children", "visits", "price", "age", "size", "length",
        ])
    }

    /// A day of the calendar.
    pub(crate) fn date(&self) -> bool {
        self.any(&["date", "datetime", "datum", "fecha", "birthday", "dob"])
    }

    /// A version, whose parts are numbers of their own: `1.10` comes after `1.9`.
    pub(crate) fn version(&self) -> bool {
        self.last(&["version", "ver", "firmware"]) || self.words == ["release"]
    }

    /// A timestamp.
    pub(crate) fn time(&self) -> bool {
        self.any(&[
            "time",
            "timestamp",
            "ts",
            "date",
            "datetime",
            "epoch",
            "unix",
            "created",
            "updated",
            "modified",
            "day",
            "dt",
            "when",
            "at",
            "since",
            "until",
            "birthday",
            "dob",
            "datum",
            "fecha",
        ])
    }

    /// A month of a year, or another period of the calendar.
    pub(crate) fn month(&self) -> bool {
        self.any(&[
            "month",
            "months",
            "yearmonth",
            "yyyymm",
            "ym",
            "period",
            "monat",
            "mois",
            "mes",
            "mese",
            "maand",
            "periode",
        ])
    }

    /// Another period of the calendar.
    pub(crate) fn period(&self) -> bool {
        self.any(&[
            "quarter",
            "qtr",
            "quartal",
            "trimestre",
            "week",
            "wk",
            "woche",
            "semaine",
            "semana",
            "fiscal",
            "fy",
            "half",
            "halfyear",
        ])
    }

    /// A year.
    pub(crate) fn year(&self) -> bool {
        self.any(&["year", "yr", "jahr", "annee", "ano", "vintage", "born", "built"])
            || self.words.iter().any(|w| w.ends_with("year") || w.starts_with("year"))
    }
}

#[cfg(test)]
mod tests {
    use super::Hints;

    #[test]
    fn what_is_measured_is_no_name() {
        for name in
            ["token_count", "key_presses", "hash_rate", "phone_minutes", "zip_population", "lines_of_code"]
        {
            let hints = Hints::of(name);
            assert!(!hints.identifier() && !hints.code(), "{name}");
        }
        for name in ["market_cap", "salary_cap"] {
            assert!(!Hints::of(name).code(), "{name}");
        }
        for name in ["zip_code", "phone_number", "code_postal", "cap", "area code", "ICD"] {
            assert!(Hints::of(name).code(), "{name}");
        }
        for name in ["customer_id", "id_cliente", "invoice_no", "sessionUuid", "key"] {
            assert!(Hints::of(name).identifier(), "{name}");
        }
        assert!(!Hints::of("job_satisfaction").group() && Hints::of("job").group());
    }

    #[test]
    fn an_index_of_prices_is_no_row_number() {
        for name in ["", "Unnamed: 0", "index", "row_id", "row number", "idx"] {
            assert!(Hints::of(name).row_number(), "{name}");
        }
        for name in ["price_index", "heat index", "row_height"] {
            assert!(!Hints::of(name).row_number(), "{name}");
        }
    }
}
