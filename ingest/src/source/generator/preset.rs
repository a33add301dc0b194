//! What a column of made up rows gets, by its name and type.

use sluicedb::db::{DataType, Field, Interval, Schema, SqlError, Value};

/// The presets that there are.
pub(super) const NAMES: [&str; 4] = ["trades", "sensors", "clickstream", "metrics"];

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Made {
    /// The number of the row, from 0.
    Number,
    /// Event time.
    Time,
    /// Any number between two, with two digits behind the point.
    Between(f64, f64),
    /// One of some texts.
    OneOf(&'static [&'static str]),
    /// This word and a number below that.
    Named(&'static str, u64),
    /// Whatever the type has.
    Any,
    /// NULL: nothing is made up for such a type.
    Null,
}

const SYMBOLS: &[&str] = &["AAPL", "AMZN", "BTC", "ETH", "GOOG", "MSFT", "NVDA", "TSLA"];
const COUNTRIES: &[&str] = &["BR", "CN", "DE", "FR", "GB", "IN", "JP", "US"];
const PAGES: &[&str] = &["/", "/cart", "/checkout", "/help", "/login", "/product", "/search"];
const REGIONS: &[&str] = &["ap-south", "eu-central", "us-east", "us-west"];

/// The columns of a preset where none are declared.
pub(super) fn columns(preset: &str) -> Result<Schema, SqlError> {
    const PRICE: DataType = DataType::Decimal { precision: 10, scale: 2 };
    let columns: &[(&str, DataType)] = match preset {
        "sensors" => &[
            ("sensor", DataType::Text),
            ("location", DataType::Text),
            ("temperature", DataType::Double),
            ("humidity", DataType::Double),
        ],
        "clickstream" => &[
            ("user_id", DataType::Text),
            ("session_id", DataType::Text),
            ("page", DataType::Text),
            ("action", DataType::Text),
            ("country", DataType::Text),
            ("duration_ms", DataType::BigInt),
        ],
        "metrics" => &[
            ("host", DataType::Text),
            ("region", DataType::Text),
            ("metric", DataType::Text),
            ("value", DataType::Double),
        ],
        _ => &[
            ("symbol", DataType::Text),
            ("side", DataType::Text),
            ("price", PRICE),
            ("volume", DataType::BigInt),
        ],
    };
    let time = Field::not_null("ts", DataType::Timestamp);
    let fields = columns.iter().map(|(name, data_type)| Field::not_null(*name, *data_type));
    Schema::new(fields.chain([time]).collect())
}

/// What the columns of a preset get, by their names.
fn known(preset: &str, name: &str) -> Option<Made> {
    Some(match (preset, name) {
        ("trades", "symbol" | "ticker") => Made::OneOf(SYMBOLS),
        ("trades", "price") => Made::Between(50.0, 500.0),
        ("trades", "volume" | "quantity" | "qty" | "size") => Made::Between(1.0, 1000.0),
        ("trades", "side") => Made::OneOf(&["buy", "sell"]),
        ("trades", "exchange" | "venue") => Made::OneOf(&["ARCA", "BATS", "NASDAQ", "NYSE"]),
        ("sensors", "sensor" | "sensor_id" | "device" | "device_id") => Made::Named("sensor-", 50),
        ("sensors", "temperature") => Made::Between(-10.0, 40.0),
        ("sensors", "humidity" | "battery") => Made::Between(0.0, 100.0),
        ("sensors", "pressure") => Made::Between(950.0, 1050.0),
        ("sensors", "location" | "room") => Made::OneOf(&["attic", "cellar", "hall", "kitchen"]),
        ("clickstream", "user" | "user_id") => Made::Named("user-", 1000),
        ("clickstream", "session" | "session_id") => Made::Named("session-", 5000),
        ("clickstream", "page" | "url" | "path") => Made::OneOf(PAGES),
        ("clickstream", "action" | "event" | "event_type") => {
            Made::OneOf(&["click", "purchase", "scroll", "view"])
        }
        ("clickstream", "referrer") => Made::OneOf(&["ads", "direct", "mail", "search"]),
        ("clickstream", "country") => Made::OneOf(COUNTRIES),
        ("clickstream", "duration" | "duration_ms") => Made::Between(10.0, 30_000.0),
        ("metrics", "host" | "instance") => Made::Named("host-", 20),
        ("metrics", "metric" | "name") => Made::OneOf(&["cpu", "disk", "load", "memory"]),
        ("metrics", "value" | "cpu" | "memory" | "mem" | "disk") => Made::Between(0.0, 100.0),
        ("metrics", "region") => Made::OneOf(REGIONS),
        (_, "id" | "trade_id" | "event_id" | "reading_id") => Made::Number,
        _ => return None,
    })
}

/// What a column gets; one that no preset knows gets what its type has.
pub(super) fn of(preset: Option<&str>, name: &str, data_type: DataType) -> Made {
    match data_type {
        DataType::Timestamp | DataType::TimestampTz | DataType::Date => return Made::Time,
        data_type if data_type.is_nested() => return Made::Null,
        _ => {}
    }
    let fits = data_type.is_numeric() || data_type == DataType::Text;
    let made = known(preset.unwrap_or("trades"), &name.to_lowercase());
    made.filter(|_| fits).unwrap_or(Made::Any)
}

/// Random numbers of one value.
#[derive(Debug)]
pub(super) struct Draw(u64);

impl Draw {
    /// For a column of a row.
    pub(super) fn new(seed: u64, number: u64, column: u64) -> Draw {
        Draw(mix(mix(mix(seed) ^ number) ^ column))
    }

    /// Any 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `most`.
    fn below(&mut self, most: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(most)) >> 64) as u64
    }
}

/// Spreads what differs in some bits over all of them; the finish of SplitMix64.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

const DAY_US: i64 = 86_400_000_000;

impl Made {
    /// The value of a column of this type.
    pub(super) fn value(
        self,
        data_type: DataType,
        number: u64,
        time_us: i64,
        draw: &mut Draw,
    ) -> Value {
        match self {
            Made::Null => Value::Null,
            Made::Number => number_of(data_type, number as f64, i128::from(number) * 100),
            Made::Time => match data_type {
                DataType::Timestamp => Value::Timestamp(time_us),
                DataType::TimestampTz => Value::TimestampTz(time_us),
                _ => Value::Date(time_us.div_euclid(DAY_US) as i32),
            },
            Made::Between(low, high) => {
                let steps = ((high - low) * 100.0) as u64 + 1;
                let hundredths = (low * 100.0) as i64 + draw.below(steps) as i64;
                number_of(data_type, hundredths as f64 / 100.0, i128::from(hundredths))
            }
            Made::OneOf(texts) => {
                let at = draw.below(texts.len() as u64);
                if data_type == DataType::Text {
                    return Value::text(texts[at as usize]);
                }
                number_of(data_type, at as f64, i128::from(at) * 100)
            }
            Made::Named(word, most) => {
                let at = draw.below(most);
                if data_type == DataType::Text {
                    return Value::text(&format!("{word}{at}"));
                }
                number_of(data_type, at as f64, i128::from(at) * 100)
            }
            Made::Any => any(data_type, draw),
        }
    }
}

/// A number as a column of numbers or texts has it.
fn number_of(data_type: DataType, number: f64, hundredths: i128) -> Value {
    let whole = hundredths / 100;
    match data_type {
        DataType::SmallInt => Value::SmallInt((whole & 0x7fff) as i16),
        DataType::Int => Value::Int((whole & 0x7fff_ffff) as i32),
        DataType::BigInt => Value::BigInt(whole as i64),
        DataType::Real => Value::Real(number as f32),
        DataType::Double => Value::Double(number),
        DataType::Decimal { precision, scale } => {
            let power = |digits: u8| 10_i128.checked_pow(u32::from(digits)).unwrap_or(i128::MAX);
            let units = match scale {
                0 | 1 => hundredths / power(2 - scale),
                scale => hundredths.saturating_mul(power(scale - 2)),
            };
            // A column with fewer digits has the last ones.
            Value::Decimal { units: units % power(precision), scale }
        }
        _ => Value::text(&number.to_string()),
    }
}

/// A value of the type.
fn any(data_type: DataType, draw: &mut Draw) -> Value {
    let bytes = |draw: &mut Draw| {
        let halves = [draw.bits().to_be_bytes(), draw.bits().to_be_bytes()];
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&halves[0]);
        bytes[8..].copy_from_slice(&halves[1]);
        bytes
    };
    match data_type {
        DataType::Boolean => Value::Boolean(draw.bits() & 1 == 1),
        DataType::Text => Value::text(&format!("value-{}", draw.below(100))),
        DataType::Bytea => Value::bytea(&bytes(draw)),
        DataType::Uuid => Value::Uuid(bytes(draw)),
        DataType::Time => Value::Time(draw.below(DAY_US as u64) as i64),
        DataType::Interval => {
            let micros = draw.below(DAY_US as u64) as i64;
            Value::Interval(Interval::new(0, 0, micros).expect("a day is in range"))
        }
        DataType::Json => {
            let text = format!("{{\"value\": {}}}", draw.below(100));
            Value::parse(&text, DataType::Json).expect("it is JSON")
        }
        _ => {
            let hundredths = draw.below(100_000);
            number_of(data_type, hundredths as f64 / 100.0, i128::from(hundredths))
        }
    }
}
