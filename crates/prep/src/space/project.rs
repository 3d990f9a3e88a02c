//! `project`: longitude and latitude become x and y in metres of a map.

use std::sync::Arc;

use proj4rs::Proj;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind, Layout,
    Registry, Result, Slot, State, Training,
};
use tidemill_kernel::geo::Place;

use super::{OfPoints, Reads};
use crate::PrepError;

/// The map to project to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a map is auto, utm, gauss_kruger, mercator or web_mercator, or the number of an EPSG code such as 25832"
)]
pub enum To {
    /// By name.
    Named(Map),
    /// By its code in the EPSG register, such as 25832.
    Epsg(u16),
}

/// A family of maps; the zone is the one in the middle of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Map {
    /// UTM where the rows span at most 12 degrees of longitude between 80 degrees south and 84 north; else Lambert's azimuthal
    /// equal-area map around their middle.
    Auto,
    /// Gauss-Krüger: transverse Mercator in zones of 3 degrees on WGS 84, scale 1, false easting 500,000 m without the zone's number.
    GaussKruger,
    /// Universal transverse Mercator, WGS 84.
    Utm,
    /// Mercator on the ellipsoid of WGS 84 (EPSG:3395).
    Mercator,
    /// Mercator on a sphere, as maps on the web (EPSG:3857).
    WebMercator,
}

/// Replaces each column of points in degrees by points in metres of a map, and adds their coordinates as numbers: of `place` come the
/// point `place`, `place_x` (east) and `place_y` (north).
///
/// Agrees with PROJ's pipelines without grids to 1 cm (0.1 mm where no datum is changed). Straight distances on a map are true near
/// the middle of its zone only; `geo_features` on degrees measures great circles and needs no map. A place that the map does not
/// reach is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// The columns to project; by default, every point that is a feature.
    pub columns: Columns,
    /// The map: `auto`, `gauss_kruger`, `utm`, `mercator`, `web_mercator`, or an EPSG code.
    pub to: To,
    /// The EPSG code of the points as they are; by default they are degrees on WGS 84 (EPSG:4326), and points in a plane are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u16>,
}

impl Default for Project {
    fn default() -> Self {
        Project { columns: Columns::default(), to: To::Named(Map::Auto), from: None }
    }
}

impl Estimator for Project {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema().clone();
        let batch = training.train.collect()?;
        let mut columns = Vec::new();
        for at in super::points(&self.columns, &schema, Self::KIND)? {
            let column = &schema.columns()[at];
            if self.from.is_none() && !super::metric_of(column).degrees {
                return Err(PrepError::PlanarPoint { column: column.name.clone() }.into());
            }
            let points = batch.points(at)?;
            let places: Vec<Place> = (0..batch.n_rows()).filter_map(|row| points.of(row)).collect();
            let from =
                self.from.map_or_else(|| "+proj=longlat +datum=WGS84".into(), |code| format!("EPSG:{code}"));
            let to_degrees = Crossing::new(&from, "+proj=longlat +datum=WGS84")?;
            let degrees: Vec<Place> = places.iter().filter_map(|&place| to_degrees.of(place)).collect();
            let to = self.to.definition(&degrees);
            let crossing = Crossing::new(&from, &to)?;
            let lost = places.iter().filter(|&&place| crossing.of(place).is_none()).count();
            if lost > 0 {
                let message = format!(
                    "column '{}': {lost} of {} places lie beyond the map; they are missing",
                    column.name,
                    places.len()
                );
                context.warn("beyond_the_map", message);
            }
            let notes = Notes { column: column.name.clone(), from, to };
            columns.push(Projected { notes, crossing });
        }
        Ok(Arc::new(Reads { kind: Self::KIND, version: Self::VERSION, columns }))
    }
}

impl Builtin for Project {
    const KIND: &'static str = "project";

    fn check(&self) -> Result<(), KeyPath> {
        let known = |code: u16| definition(&format!("EPSG:{code}")).map_err(|problem| problem.to_string());
        if let To::Epsg(code) = self.to {
            known(code).map_err(|problem| KeyPath::new("to", problem))?;
        }
        match self.from {
            Some(code) => known(code).map(drop).map_err(|problem| KeyPath::new("from", problem)),
            None => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        Reads::<Projected>::load(Self::KIND, Self::VERSION, &state)
    }
}

impl BuiltinStep for Project {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "projected to a map in metres";
    const READS_POINTS: bool = true;
}

impl To {
    /// The map in PROJ's words, its zone chosen by these places in degrees.
    fn definition(self, places: &[Place]) -> String {
        let middle = |axis: usize| {
            let mut values: Vec<f64> = places.iter().map(|place| place[axis]).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let (lon, lat) = (middle(0), middle(1));
        let utm = || {
            let zone = ((lon + 180.0) / 6.0).floor().clamp(0.0, 59.0) as u32 + 1;
            let south = if lat < 0.0 { " +south" } else { "" };
            format!("+proj=utm +zone={zone}{south} +datum=WGS84 +units=m")
        };
        match self {
            To::Epsg(code) => format!("EPSG:{code}"),
            To::Named(Map::Utm) => utm(),
            To::Named(Map::GaussKruger) => {
                let meridian = (lon / 3.0).round() * 3.0;
                format!(
                    "+proj=tmerc +lat_0=0 +lon_0={meridian} +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m"
                )
            }
            To::Named(Map::Mercator) => "EPSG:3395".into(),
            To::Named(Map::WebMercator) => "EPSG:3857".into(),
            To::Named(Map::Auto) => {
                let narrow =
                    places.iter().all(|p| (p[0] - lon).abs() <= 6.0 && (-80.0..=84.0).contains(&p[1]));
                if narrow {
                    return utm();
                }
                let (lon, lat) = (lon.round(), lat.round());
                format!("+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m")
            }
        }
    }
}

/// A coordinate system by its definition: an EPSG code or PROJ's words.
fn definition(text: &str) -> Result<Proj, Error> {
    let found = match text.strip_prefix("EPSG:") {
        Some(code) => code.parse().map_err(|_| "the code is not a number".to_string()).and_then(|code| {
            Proj::from_epsg_code(code).map_err(|_| "no coordinate system of this code is known".to_string())
        }),
        None => Proj::from_proj_string(text).map_err(|e| e.to_string()),
    };
    found.map_err(|problem| Error::data(format!("{text}: {problem}"), "name another EPSG code, or `auto`"))
}

/// From one coordinate system to another.
struct Crossing {
    from: Proj,
    to: Proj,
}

impl Crossing {
    fn new(from: &str, to: &str) -> Result<Self> {
        Ok(Crossing { from: definition(from)?, to: definition(to)? })
    }

    /// Where a place is in the other system; `None` where it is not on its map.
    fn of(&self, [x, y]: Place) -> Option<Place> {
        let mut at = if self.from.is_latlong() { (x.to_radians(), y.to_radians(), 0.0) } else { (x, y, 0.0) };
        proj4rs::transform::transform(&self.from, &self.to, &mut at).ok()?;
        let place = if self.to.is_latlong() { [at.0.to_degrees(), at.1.to_degrees()] } else { [at.0, at.1] };
        place.iter().all(|x| x.is_finite()).then_some(place)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    column: String,
    /// The systems in PROJ's words or by EPSG code.
    from: String,
    to: String,
}

struct Projected {
    notes: Notes,
    crossing: Crossing,
}

impl OfPoints for Projected {
    type Notes = Notes;

    fn column(&self) -> &str {
        &self.notes.column
    }

    fn notes(&self) -> Notes {
        self.notes.clone()
    }

    fn load(notes: Notes, _: &mut dyn FnMut(&str) -> Result<Vec<f64>>) -> Result<Self> {
        let crossing = Crossing::new(&notes.from, &notes.to)
            .map_err(|problem| Error::state(Project::KIND, problem.to_string()))?;
        Ok(Projected { notes, crossing })
    }

    fn point(&self, input: &Column) -> Option<Column> {
        let degrees = self.crossing.to.is_latlong();
        let point = Column::new(&input.name, Kind::Point).with_layout(Layout::Point { degrees });
        Some(point.with_role(input.role))
    }

    fn endings(&self) -> Vec<String> {
        ["x", "y"].map(String::from).to_vec()
    }

    fn read(&self, place: Option<Place>) -> (Option<Place>, Vec<f64>) {
        let place = place.and_then(|place| self.crossing.of(place));
        (place, place.unwrap_or([f64::NAN; 2]).to_vec())
    }
}
