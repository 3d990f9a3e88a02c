//! `track_features`: how something moved, from where it was and when.

mod cells;
mod known;
mod motion;
mod rotation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Axis, Builtin, BuiltinStep, Column, Context, Error, Estimator, Fitted, KeyPath, Kind, Layout, Registry,
    Result, Role, Schema, Slot, State, Training,
};

use cells::Cells;
use known::{Flaws, Known, Parts};
use motion::{MOTION, POSE, STOPPED};

use crate::joint::{self, Added, Together};
use crate::placing::{self, Placing};

/// Adds how something moved: each row is a fix of a track (where it was, and when), or holds a whole track.
///
/// Of a fix and those of its track before it come (behind `name`): `track_gap` (the time since the fix before, in seconds),
/// `track_distance` and `track_speed` of the step from there, `track_acceleration`, `track_heading_sin` and `track_heading_cos` (of the
/// angle from north through east), `track_turn_rate` (degrees to the right per second, by the shorter way round), `track_stopped`
/// (whether the speed is at most `stop_speed`), `track_still_for` (since when it has), `track_from_start`, `track_from_start_sin` and
/// `track_from_start_cos` (how far the start is, and in which direction it left it), and of all steps so far `track_elapsed`,
/// `track_travelled`, `track_mean_speed`, `track_top_speed`, `track_still_share`, `track_turned` (degrees, left and right alike) and
/// `track_straightness` (how far the start is of what was travelled). Distances are great circles in metres where x and y are degrees,
/// else straight lines. With `pose` come `track_rotation_angle` and `track_rotation_x`, `_y`, `_z` (the rotation since the fix before
/// as axis times angle in degrees) and `track_moved_x`, `_y`, `_z` (the step), both in the frame of the earlier pose; a pose turns the
/// axes of the body to east, north and up (x, y and height).
///
/// Nothing looks ahead. Where x and y are numbers, a row is a fix, and those before it are the fixes of training: the model keeps them
/// (`[privacy] rows_in_model = false` refuses it), so a row alone is answered as in a batch, and a row of a track that is new says what
/// a first fix says. Where x and y are series, a row holds its own track up to its time, and features of its last fix replace them: that
/// serves tracks that nobody knew. The order of the rows is of no interest; of several fixes at one time the last row counts for others. What has
/// no direction (no step before, no movement) is missing.
///
/// Agrees with the geodesics of PROJ on a sphere and with SciPy's `Rotation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackFeatures {
    /// The column of longitude or x, of numbers or series; by default the one that `[data] point` names, or that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The column of latitude or y.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Whether they are degrees on the earth, else lengths in a plane; by default as `[data] coordinates` says, or as was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degrees: Option<bool>,
    /// The column of heights, in metres or in the unit of the plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    /// The four columns of a quaternion, its real part first: `pose = ["qw", "qx", "qy", "qz"]`. Of any length but 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pose: Vec<String>,
    /// The column that tells tracks apart; by default the column in the role `group`, and else all rows are one track.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The column of times or numbers along which fixes are ordered; by default the column in the role `time`, or the only one of times. Of
    /// series, the time up to which a row knows its track; by default all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Up to this speed something stands: metres, or units of the plane, per second.
    pub stop_speed: f64,
    /// How the names of the new columns begin.
    pub name: String,
}

impl Default for TrackFeatures {
    fn default() -> Self {
        TrackFeatures {
            x: None,
            y: None,
            degrees: None,
            height: None,
            pose: Vec::new(),
            key: None,
            time: None,
            stop_speed: 0.5,
            name: "track".into(),
        }
    }
}

/// The columns of a fix.
struct Found {
    /// x, y, then the height and the pose where they are asked for.
    places: Vec<usize>,
    parts: Parts,
    /// Whether they are series.
    held: bool,
}

/// What the new columns are called, each behind its ending.
fn names(name: &str, pose: bool) -> impl Iterator<Item = (&'static str, String)> {
    let pose = if pose { POSE.as_slice() } else { &[] };
    MOTION.iter().chain(pose).map(move |ending| (*ending, format!("{name}_{ending}")))
}

impl TrackFeatures {
    const NAME: &'static str = Self::KIND;
    const VERSION_OF_CELLS: u32 = Self::VERSION;

    /// The place of the column of an axis, and whether it is known to be degrees.
    fn axis(&self, schema: &Schema, axis: Axis) -> Result<(usize, Option<bool>)> {
        let told = if axis == Axis::X { &self.x } else { &self.y };
        let layout = |c: &Column| match c.layout {
            Some(Layout::Coordinate { axis: own, degrees }) if own == axis => Some(degrees),
            _ => None,
        };
        if let Some(name) = told {
            let at = schema.index(name)?;
            return Ok((at, layout(&schema.columns()[at])));
        }
        let columns = schema.columns().iter().enumerate();
        let found =
            columns.filter(|(_, c)| c.role == Role::Feature).find_map(|(at, c)| Some((at, layout(c)?)));
        let (at, degrees) = found.ok_or_else(|| {
            Error::data(
                "step 'track_features' reads where something was, and no columns say it",
                "name them: x = \"lon\" and y = \"lat\" of the step, or [data] point = [\"lon\", \"lat\"]",
            )
        })?;
        Ok((at, Some(degrees)))
    }

    fn find(&self, schema: &Schema) -> Result<Found> {
        let ((x, known), (y, _)) = (self.axis(schema, Axis::X)?, self.axis(schema, Axis::Y)?);
        let mut places = vec![x, y];
        for name in self.height.iter().chain(&self.pose) {
            places.push(schema.index(name)?);
        }
        joint::refuse_target(Self::KIND, schema, &places)?;
        let held = schema.columns()[x].kind == Kind::Series;
        for column in places.iter().map(|&at| &schema.columns()[at]) {
            let wanted = match (held, column.kind) {
                (true, Kind::Series) | (false, Kind::Number) => continue,
                (true, _) => "a series as 'x' is",
                (false, _) => "a number of each fix, or a series of each track",
            };
            let (column, found) = (column.name.clone(), column.kind);
            return Err(Error::WrongKind { column, found, wanted: wanted.into() });
        }
        let degrees = self.degrees.or(known).ok_or_else(|| {
            let name = &schema.columns()[x].name;
            Error::data(
                format!("step 'track_features' cannot tell whether '{name}' holds degrees or lengths"),
                "say it: degrees = true for longitudes and latitudes, degrees = false in a plane",
            )
        })?;
        let parts = Parts { degrees, height: self.height.is_some(), pose: !self.pose.is_empty() };
        Ok(Found { places, parts, held })
    }

    fn tracks(&self, training: Training<'_>, found: &Found, context: &Context) -> Result<Together<Known>> {
        let schema = training.train.schema();
        let along = placing::along(schema, self.time.as_deref())?;
        let key = match &self.key {
            Some(name) => Some(name.clone()),
            None => schema.role(Role::Group).map(|at| schema.columns()[at].name.clone()),
        };
        let by: Vec<String> = key.into_iter().collect();
        let batch = training.train.collect()?;
        let (placing, places) = Placing::learn(&batch, &by, Some(along))?;
        let x = joint::matrix(&batch, &found.places)?;
        context.check()?;
        let by_time = schema.columns()[along].kind == Kind::Time;
        let rule = (found.parts, by_time, self.stop_speed);
        let (known, flaws) = Known::learn(&x, &places, placing.n_groups(), rule);
        self.warn(&flaws, (schema, &found.places, along), context);
        let pose = found.places.len().saturating_sub(4);
        let added = names(&self.name, found.parts.pose).enumerate().map(|(i, (ending, name))| Added {
            name,
            flag: ending == STOPPED,
            from: if i < MOTION.len() { 0 } else { pose },
        });
        let changed = vec![false; found.places.len()];
        let kind = (Self::KIND, Self::VERSION);
        Ok(Together::new(kind, schema, &found.places, changed, added.collect(), known).placed(placing))
    }

    /// Says which training rows are no fixes, or only in part.
    fn warn(&self, flaws: &Flaws, (schema, places, along): (&Schema, &[usize], usize), context: &Context) {
        let name = |at: usize| &schema.columns()[at].name;
        let say = |code: &str, rows: &[usize], what: String| {
            if let Some(first) = rows.iter().min() {
                let n = rows.len();
                context.warn(code, format!("{n} rows {what}; the first is training row {}", first + 1));
            }
        };
        say(
            "no_rotation",
            &flaws.unturned,
            format!(
                "have a quaternion of length 0 in '{}', which is no rotation and counts as missing: leave the cells empty, or write \
                 1, 0, 0, 0 for no turn",
                self.pose.join("', '")
            ),
        );
        say(
            "no_place",
            &flaws.nowhere,
            format!(
                "have numbers in '{}' and '{}' that cannot be a place; correct them",
                name(places[0]),
                name(places[1])
            ),
        );
        say(
            "repeated_times",
            &flaws.repeated,
            format!(
                "repeat a time ('{}') of their track, and the last of each counts: {}",
                name(along),
                match &self.key {
                    Some(key) => format!("take the others out, or check the key '{key}'"),
                    None => "name the column that tells tracks apart as the step's 'key'".into(),
                }
            ),
        );
    }
}

impl Estimator for TrackFeatures {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let found = self.find(schema)?;
        if !found.held {
            return Ok(Arc::new(self.tracks(training, &found, context)?));
        }
        if let Some(key) = &self.key {
            let name = &schema.columns()[found.places[0]].name;
            return Err(Error::data(
                format!(
                    "step 'track_features': '{name}' holds a track in each row, and 'key' names '{key}' to tell tracks apart"
                ),
                "leave 'key' out",
            ));
        }
        Ok(Arc::new(Cells::new(schema, &found.places, found.parts, self)?))
    }
}

impl Builtin for TrackFeatures {
    const KIND: &'static str = "track_features";

    fn check(&self) -> Result<(), KeyPath> {
        match (&self.x, &self.y) {
            (Some(_), None) => return Err(KeyPath::new("y", "is missing beside 'x'")),
            (None, Some(_)) => return Err(KeyPath::new("x", "is missing beside 'y'")),
            _ => {}
        }
        if !matches!(self.pose.len(), 0 | 4) {
            let problem = format!(
                "must name the 4 columns of a quaternion (w, x, y, z), but names {}",
                self.pose.len()
            );
            return Err(KeyPath::new("pose", problem));
        }
        if !(self.stop_speed >= 0.0 && self.stop_speed.is_finite()) {
            return Err(KeyPath::new(
                "stop_speed",
                format!("must be a speed from 0 up, but is {}", self.stop_speed),
            ));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        // The tracks of training are numbers; where rows hold their tracks there are none.
        match state.tensors.is_empty() {
            true => Cells::load(&state),
            false => Together::<Known>::load((Self::KIND, Self::VERSION), &state),
        }
    }
}

impl BuiltinStep for TrackFeatures {
    const SLOT: Slot = Slot::Derived;
    const DONE: &'static str = "read as how something moved";
    const KEEPS_ROWS: bool = true;
    const TRACKS: &'static [&'static str] = &["x", "y", "height", "pose"];
}
