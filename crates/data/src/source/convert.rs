//! Arrays of typed files as the arrays that columns are made of: floats, texts, bytes and times.
//!
//! `arrow-cast` can do the same and much more; it and what it needs took a tenth of the time of the release build.

use std::fmt::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float64Array, PrimitiveArray, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow_schema::{ArrowError, DataType, TimeUnit};

type Result<T> = std::result::Result<T, ArrowError>;

/// Whole numbers below this are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The rows of a dictionary, each with its value; any other array as it is.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => arrow_select::take::take(dictionary.values(), dictionary.keys(), None),
        None => Ok(array.clone()),
    }
}

/// Numbers of any type as 64-bit floats, each the nearest there is.
pub(super) fn floats(array: &dyn Array) -> Result<Float64Array> {
    Ok(match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().clone(),
        DataType::Float32 => array.as_primitive::<Float32Type>().unary(f64::from),
        DataType::Float16 => array.as_primitive::<Float16Type>().unary(f64::from),
        DataType::Int8 => array.as_primitive::<Int8Type>().unary(f64::from),
        DataType::Int16 => array.as_primitive::<Int16Type>().unary(f64::from),
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(f64::from),
        DataType::Int64 => array.as_primitive::<Int64Type>().unary(|x| x as f64),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().unary(f64::from),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().unary(f64::from),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().unary(f64::from),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().unary(|x| x as f64),
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array, |x| x as f64),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array, |x| x as f64),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array, |x| x as f64),
        DataType::Decimal256(..) => {
            decimals::<Decimal256Type>(array, |x| x.to_i128().map_or(f64::INFINITY, |x| x as f64))
        }
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => seconds(array)?,
        other => return Err(unreadable(other)),
    })
}

/// Times of day and lengths of time in seconds.
fn seconds(array: &dyn Array) -> Result<Float64Array> {
    let by = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    let whole: Float64Array = match array.data_type() {
        DataType::Time32(TimeUnit::Second) => array.as_primitive::<Time32SecondType>().unary(f64::from),
        DataType::Time32(_) => array.as_primitive::<Time32MillisecondType>().unary(f64::from),
        DataType::Time64(TimeUnit::Microsecond) => {
            array.as_primitive::<Time64MicrosecondType>().unary(|x| x as f64)
        }
        DataType::Time64(_) => array.as_primitive::<Time64NanosecondType>().unary(|x| x as f64),
        DataType::Duration(TimeUnit::Second) => {
            array.as_primitive::<DurationSecondType>().unary(|x| x as f64)
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            array.as_primitive::<DurationMillisecondType>().unary(|x| x as f64)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            array.as_primitive::<DurationMicrosecondType>().unary(|x| x as f64)
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            array.as_primitive::<DurationNanosecondType>().unary(|x| x as f64)
        }
        other => return Err(unreadable(other)),
    };
    let (DataType::Time32(unit) | DataType::Time64(unit) | DataType::Duration(unit)) = array.data_type()
    else {
        return Err(unreadable(array.data_type()));
    };
    let parts = by(unit);
    Ok(whole.unary(|x: f64| x / parts))
}

/// A quotient of two exact floats is the nearest float to a decimal; where they are not exact, its digits are read.
fn decimals<T: DecimalType>(array: &dyn Array, whole: impl Fn(T::Native) -> f64) -> Float64Array {
    let array = array.as_primitive::<T>();
    let scale = i32::from(array.scale());
    let unit = 10f64.powi(scale);
    let number = |row: usize| match whole(array.value(row)) {
        x if x.abs() < EXACT && (0..=22).contains(&scale) => x / unit,
        _ => array.value_as_string(row).parse().unwrap_or(f64::NAN),
    };
    (0..array.len()).map(|row| array.is_valid(row).then(|| number(row))).collect()
}

/// Texts of any type; numbers digit for digit; bytes as UTF-8, and missing where they are not.
pub(super) fn texts(array: &dyn Array) -> Result<StringArray> {
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().clone(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().collect(),
        DataType::Utf8View => array.as_string_view().iter().collect(),
        DataType::Null => new_null_array(&DataType::Utf8, array.len()).as_string::<i32>().clone(),
        DataType::Binary => array.as_binary::<i32>().iter().map(utf8).collect(),
        DataType::LargeBinary => array.as_binary::<i64>().iter().map(utf8).collect(),
        DataType::BinaryView => array.as_binary_view().iter().map(utf8).collect(),
        DataType::Boolean => {
            array.as_boolean().iter().map(|flag| flag.map(|flag| flag.to_string())).collect()
        }
        found if found.is_numeric() => {
            let number = Printed::of(array)?;
            (0..array.len()).map(|row| array.is_valid(row).then(|| number.row(row))).collect()
        }
        other => return Err(unreadable(other)),
    })
}

fn utf8(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// Bytes of any type.
pub(super) fn bytes(array: &dyn Array) -> Result<BinaryArray> {
    Ok(match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().clone(),
        DataType::LargeBinary => array.as_binary::<i64>().iter().collect(),
        DataType::BinaryView => array.as_binary_view().iter().collect(),
        other => return Err(unreadable(other)),
    })
}

/// Timestamps in UTC: a time zone changes only how they are shown; times without one are taken as UTC. What lies beyond the range of
/// microseconds is missing.
pub(super) fn times(array: &dyn Array) -> Result<TimestampMicrosecondArray> {
    let micros: TimestampMicrosecondArray = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => scaled::<TimestampSecondType>(array, 1_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => scaled::<TimestampMillisecondType>(array, 1000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().clone()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|x| x.div_euclid(1000))
        }
        DataType::Date32 => scaled::<Date32Type>(array, MICROS_PER_DAY),
        DataType::Date64 => scaled::<Date64Type>(array, 1000),
        other => return Err(unreadable(other)),
    };
    Ok(micros.with_timezone("UTC"))
}

fn scaled<T: ArrowPrimitiveType>(array: &dyn Array, micros: i64) -> TimestampMicrosecondArray
where
    i64: From<T::Native>,
{
    array.as_primitive::<T>().unary_opt(|x| i64::from(x).checked_mul(micros))
}

/// Whether the items of a list can be written as JSON.
pub(super) fn writes_json(item: &DataType) -> bool {
    match item {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            writes_json(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| writes_json(field.data_type())),
        DataType::Dictionary(_, value) => writes_json(value),
        DataType::Null | DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            true
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => true,
        number => number.is_numeric(),
    }
}

/// Appends one cell as JSON: bytes in hexadecimal, times in the form of RFC 3339, numbers that JSON lacks as `null`.
pub(super) fn write_json(array: &ArrayRef, row: usize, out: &mut String) -> Result<()> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::List(_) => write_items(&array.as_list::<i32>().value(row), out),
        DataType::LargeList(_) => write_items(&array.as_list::<i64>().value(row), out),
        DataType::FixedSizeList(..) => write_items(&array.as_fixed_size_list().value(row), out),
        DataType::Struct(fields) => {
            for (i, field) in fields.iter().enumerate() {
                out.push(if i > 0 { ',' } else { '{' });
                write_text(field.name(), out);
                out.push(':');
                write_json(array.as_struct().column(i), row, out)?;
            }
            out.push_str(if fields.is_empty() { "{}" } else { "}" });
            Ok(())
        }
        _ => write_leaf(&plain(&array.slice(row, 1))?, out),
    }
}

fn write_items(items: &ArrayRef, out: &mut String) -> Result<()> {
    out.push('[');
    for i in 0..items.len() {
        out.push_str(if i > 0 { "," } else { "" });
        write_json(items, i, out)?;
    }
    out.push(']');
    Ok(())
}

/// The only cell of an array without parts.
fn write_leaf(cell: &ArrayRef, out: &mut String) -> Result<()> {
    match cell.data_type() {
        _ if cell.is_null(0) => out.push_str("null"),
        DataType::Boolean => out.push_str(if cell.as_boolean().value(0) { "true" } else { "false" }),
        DataType::Float16 | DataType::Float32 | DataType::Float64 if !floats(cell)?.value(0).is_finite() => {
            out.push_str("null");
        }
        found if found.is_numeric() => out.push_str(&Printed::of(cell)?.row(0)),
        DataType::Timestamp(..) => write_text(&time_of(cell)?, out),
        DataType::Date32 | DataType::Date64 => write_text(time_of(cell)?.get(..10).unwrap_or_default(), out),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let mut hex = String::new();
            bytes(cell)?.value(0).iter().try_for_each(|byte| write!(hex, "{byte:02x}")).unwrap_or_default();
            write_text(&hex, out);
        }
        _ => write_text(texts(cell)?.value(0), out),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn time_of(cell: &ArrayRef) -> Result<String> {
    let micros = times(cell)?.value(0);
    let stamp = jiff::Timestamp::from_microsecond(micros);
    Ok(stamp.map_or_else(|_| micros.to_string(), |stamp| stamp.to_string()))
}

/// Numbers digit for digit.
struct Printed<'a> {
    row: Box<dyn Fn(usize) -> String + 'a>,
}

impl<'a> Printed<'a> {
    fn of(array: &'a dyn Array) -> Result<Self> {
        fn whole<T: ArrowPrimitiveType>(array: &dyn Array) -> Printed<'_>
        where
            T::Native: std::fmt::Debug,
        {
            let array: &PrimitiveArray<T> = array.as_primitive();
            Printed { row: Box::new(|row| format!("{:?}", array.value(row))) }
        }
        fn decimal<T: DecimalType>(array: &dyn Array) -> Printed<'_> {
            let array: &PrimitiveArray<T> = array.as_primitive();
            Printed { row: Box::new(|row| array.value_as_string(row)) }
        }
        Ok(match array.data_type() {
            DataType::Int8 => whole::<Int8Type>(array),
            DataType::Int16 => whole::<Int16Type>(array),
            DataType::Int32 => whole::<Int32Type>(array),
            DataType::Int64 => whole::<Int64Type>(array),
            DataType::UInt8 => whole::<UInt8Type>(array),
            DataType::UInt16 => whole::<UInt16Type>(array),
            DataType::UInt32 => whole::<UInt32Type>(array),
            DataType::UInt64 => whole::<UInt64Type>(array),
            DataType::Float16 => whole::<Float16Type>(array),
            DataType::Float32 => whole::<Float32Type>(array),
            DataType::Float64 => whole::<Float64Type>(array),
            DataType::Decimal32(..) => decimal::<Decimal32Type>(array),
            DataType::Decimal64(..) => decimal::<Decimal64Type>(array),
            DataType::Decimal128(..) => decimal::<Decimal128Type>(array),
            DataType::Decimal256(..) => decimal::<Decimal256Type>(array),
            other => return Err(unreadable(other)),
        })
    }

    fn row(&self, row: usize) -> String {
        (self.row)(row)
    }
}

fn unreadable(found: &DataType) -> ArrowError {
    ArrowError::CastError(format!("a column of type {found} cannot be read"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::Int8Type as Keys;
    use arrow_array::{Date32Array, Decimal128Array, DictionaryArray, ListArray, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn decimals_are_the_nearest_floats() {
        let cells = [Some(12_345), Some(-1), None, Some(99_999_999_999_999_999_999_999_999_999)];
        let array = Decimal128Array::from_iter(cells).with_precision_and_scale(30, 2).unwrap();
        let found = floats(&array).unwrap();
        let wanted = [Some(123.45), Some(-0.01), None, Some(999_999_999_999_999_999_999_999_999.99)];
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
        let texts = texts(&array).unwrap();
        assert_eq!(texts.value(0), "123.45");
        assert_eq!(texts.value(3), "999999999999999999999999999.99");
        let whole = Decimal128Array::from_iter([Some(7)]).with_precision_and_scale(20, -3).unwrap();
        assert_eq!(floats(&whole).unwrap().value(0), 7000.0);
    }

    #[test]
    fn times_are_cut_to_microseconds_and_missing_beyond_them() {
        let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(-1), Some(1_999), None]));
        assert_eq!(times(&nanos).unwrap().iter().collect::<Vec<_>>(), [Some(-1), Some(1), None]);
        let days = times(&Date32Array::from(vec![-1, i32::MAX])).unwrap();
        assert_eq!(days.value(0), -MICROS_PER_DAY);
        let seconds = times(&arrow_array::TimestampSecondArray::from(vec![i64::MAX])).unwrap();
        assert!(seconds.is_null(0));
    }

    #[test]
    fn dictionaries_give_their_values() {
        let array: ArrayRef =
            Arc::new(DictionaryArray::<Keys>::from_iter([Some("a"), None, Some("b"), Some("a")]));
        let found = texts(&plain(&array).unwrap()).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some("a"), None, Some("b"), Some("a")]);
    }

    #[test]
    fn lists_are_json() {
        let numbers = [Some(vec![Some(1.5), None, Some(f64::NAN)]), Some(vec![])];
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(numbers));
        let mut out = String::new();
        (0..2).for_each(|row| write_json(&list, row, &mut out).unwrap());
        assert_eq!(out, "[1.5,null,null][]");
        let days: ArrayRef = Arc::new(Date32Array::from(vec![19_723]));
        let mut out = String::new();
        write_json(&days, 0, &mut out).unwrap();
        assert_eq!(out, "\"2024-01-01\"");
        assert!(writes_json(&DataType::Date32) && !writes_json(&DataType::Duration(TimeUnit::Second)));
    }
}
