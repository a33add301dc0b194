//! Moments as text, by the patterns of `to_char`.

use std::fmt::Write as _;

use crate::expr::kernel::call::time::civil::Civil;
use crate::expr::kernel::call::time::field::shown;

/// One piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Written as it is.
    Literal(char),
    /// A number or a name; `bare` without zeros or blanks that fill it up.
    Part { part: Part, bare: bool, ordinal: Option<bool> },
}

impl Piece {
    /// Whether it differs between moments of one day.
    fn is_of_hour(&self) -> bool {
        let Piece::Part { part, .. } = self else { return false };
        matches!(
            part,
            Part::Hour24
                | Part::Hour12
                | Part::Minute
                | Part::Second
                | Part::Millis
                | Part::Micros
                | Part::Fraction(_)
                | Part::DaySeconds
                | Part::Noon(..)
        )
    }
}

/// What a pattern names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Hour24,
    Hour12,
    Minute,
    Second,
    Millis,
    Micros,
    /// Tenths to microseconds.
    Fraction(u32),
    DaySeconds,
    /// AM or PM, in capitals or not, with dots or not.
    Noon(bool, bool),
    /// BC or AD.
    Era(bool, bool),
    /// So many digits of the year.
    Year(u32),
    YearComma,
    IsoYear(u32),
    Century,
    /// Names in capitals, as a name, or in small letters; short or full.
    MonthName(Case, bool),
    DayName(Case, bool),
    Month,
    RomanMonth(bool),
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoDayOfYear,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Quarter,
    Julian,
    /// The name of a zone: of moments without one, nothing.
    Zone,
    Offset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Upper,
    Name,
    Lower,
}

/// Longer spellings before those they begin with.
const PARTS: &[(&str, Part)] = &[
    ("HH24", Part::Hour24),
    ("HH12", Part::Hour12),
    ("HH", Part::Hour12),
    ("MI", Part::Minute),
    ("SSSSS", Part::DaySeconds),
    ("SSSS", Part::DaySeconds),
    ("SS", Part::Second),
    ("MS", Part::Millis),
    ("US", Part::Micros),
    ("FF1", Part::Fraction(1)),
    ("FF2", Part::Fraction(2)),
    ("FF3", Part::Fraction(3)),
    ("FF4", Part::Fraction(4)),
    ("FF5", Part::Fraction(5)),
    ("FF6", Part::Fraction(6)),
    ("Y,YYY", Part::YearComma),
    ("YYYY", Part::Year(4)),
    ("YYY", Part::Year(3)),
    ("YY", Part::Year(2)),
    ("Y", Part::Year(1)),
    ("IYYY", Part::IsoYear(4)),
    ("IYY", Part::IsoYear(3)),
    ("IY", Part::IsoYear(2)),
    ("IDDD", Part::IsoDayOfYear),
    ("ID", Part::IsoDayOfWeek),
    ("IW", Part::IsoWeek),
    ("I", Part::IsoYear(1)),
    ("DDD", Part::DayOfYear),
    ("DD", Part::Day),
    ("D", Part::DayOfWeek),
    ("MM", Part::Month),
    ("RM", Part::RomanMonth(true)),
    ("rm", Part::RomanMonth(false)),
    ("CC", Part::Century),
    ("WW", Part::WeekOfYear),
    ("W", Part::WeekOfMonth),
    ("Q", Part::Quarter),
    ("J", Part::Julian),
    ("OF", Part::Offset),
];

/// Spellings whose case is the case of what they write.
const CASED: &[(&str, Part)] = &[
    ("MONTH", Part::MonthName(Case::Upper, true)),
    ("Month", Part::MonthName(Case::Name, true)),
    ("month", Part::MonthName(Case::Lower, true)),
    ("MON", Part::MonthName(Case::Upper, false)),
    ("Mon", Part::MonthName(Case::Name, false)),
    ("mon", Part::MonthName(Case::Lower, false)),
    ("DAY", Part::DayName(Case::Upper, true)),
    ("Day", Part::DayName(Case::Name, true)),
    ("day", Part::DayName(Case::Lower, true)),
    ("DY", Part::DayName(Case::Upper, false)),
    ("Dy", Part::DayName(Case::Name, false)),
    ("dy", Part::DayName(Case::Lower, false)),
    ("A.M.", Part::Noon(true, true)),
    ("P.M.", Part::Noon(true, true)),
    ("a.m.", Part::Noon(false, true)),
    ("p.m.", Part::Noon(false, true)),
    ("AM", Part::Noon(true, false)),
    ("PM", Part::Noon(true, false)),
    ("am", Part::Noon(false, false)),
    ("pm", Part::Noon(false, false)),
    ("B.C.", Part::Era(true, true)),
    ("A.D.", Part::Era(true, true)),
    ("b.c.", Part::Era(false, true)),
    ("a.d.", Part::Era(false, true)),
    ("BC", Part::Era(true, false)),
    ("AD", Part::Era(true, false)),
    ("bc", Part::Era(false, false)),
    ("ad", Part::Era(false, false)),
    ("TZH", Part::Offset),
    ("TZ", Part::Zone),
    ("tz", Part::Zone),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const ROMAN: [&str; 12] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// A pattern, taken apart.
#[derive(Clone, Debug, Default)]
pub(in crate::expr) struct Pattern(Vec<Piece>);

/// The day of the last moment that was written, and what all moments of it have in common.
#[derive(Debug)]
pub(super) struct Day {
    civil: Option<Civil>,
    /// Whether the pattern writes hours or less, so that there is no such text.
    varies: bool,
    /// What the pattern writes on that day.
    text: String,
}

impl Day {
    /// None yet, for moments in this pattern, with room for a text.
    pub(super) fn of(pattern: &Pattern, text: String) -> Day {
        Day { civil: None, varies: pattern.0.iter().any(Piece::is_of_hour), text }
    }

    /// The room again.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Pattern {
    /// Replaces what is here by the pieces of a pattern. There are no wrong ones: what names
    /// nothing stands for itself.
    pub(super) fn read(&mut self, pattern: &str) {
        self.0.clear();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                rest = self.quoted(&rest[1..]);
                continue;
            }
            if first == '\\' && rest[1..].starts_with('"') {
                self.0.push(Piece::Literal('"'));
                rest = &rest[2..];
                continue;
            }
            let fills = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("FM"));
            let (bare, behind) = if fills { (true, &rest[2..]) } else { (false, rest) };
            match part(behind) {
                Some((part, bytes)) => {
                    rest = &behind[bytes..];
                    let ordinal = match rest.get(..2) {
                        Some("TH") => Some(true),
                        Some("th") => Some(false),
                        _ => None,
                    };
                    rest = if ordinal.is_some() { &rest[2..] } else { rest };
                    self.0.push(Piece::Part { part, bare, ordinal });
                }
                None if fills => rest = behind,
                None => {
                    self.0.push(Piece::Literal(first));
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
    }

    /// Text up to the closing quote; a backslash takes what follows as it is.
    fn quoted<'a>(&mut self, text: &'a str) -> &'a str {
        let mut chars = text.chars();
        while let Some(one) = chars.next() {
            match one {
                '"' => break,
                '\\' => self.0.extend(chars.next().map(Piece::Literal)),
                one => self.0.push(Piece::Literal(one)),
            }
        }
        chars.as_str()
    }

    /// Writes a moment.
    pub(super) fn write(&self, micros: i64, out: &mut String) {
        self.write_civil(&Civil::of(micros), out);
    }

    /// Writes a moment behind others, whose day is most often the same.
    pub(super) fn write_on(&self, day: &mut Day, micros: i64, out: &mut String) {
        let known = day.civil.and_then(|civil| civil.on_same_day(micros));
        let civil = known.unwrap_or_else(|| Civil::of(micros));
        day.civil = Some(civil);
        if day.varies {
            return self.write_civil(&civil, out);
        }
        if known.is_none() {
            day.text.clear();
            self.write_civil(&civil, &mut day.text);
        }
        out.push_str(&day.text);
    }

    fn write_civil(&self, civil: &Civil, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(one) => out.push(*one),
                Piece::Part { part, bare, ordinal } => {
                    let start = out.len();
                    part.write(civil, *bare, out);
                    if let Some(upper) = ordinal {
                        let suffix = ordinal_suffix(&out[start..]);
                        out.extend(suffix.chars().map(|one| match upper {
                            true => one.to_ascii_uppercase(),
                            false => one,
                        }));
                    }
                }
            }
        }
    }
}

/// What a pattern begins with, and its bytes.
fn part(pattern: &str) -> Option<(Part, usize)> {
    let cased = CASED.iter().find(|(spelling, _)| pattern.starts_with(spelling));
    let any = || {
        PARTS.iter().find(|(spelling, part)| {
            let start = pattern.get(..spelling.len());
            match part {
                Part::RomanMonth(_) => start == Some(spelling),
                _ => start.is_some_and(|start| {
                    let small = start.bytes().all(|byte| !byte.is_ascii_uppercase());
                    start == *spelling || small && start.eq_ignore_ascii_case(spelling)
                }),
            }
        })
    };
    cased.or_else(any).map(|(spelling, part)| (*part, spelling.len()))
}

impl Part {
    fn write(self, civil: &Civil, bare: bool, out: &mut String) {
        let seconds = civil.time / 1_000_000;
        let micros = civil.time % 1_000_000;
        let hour = seconds / 3600;
        let year = shown(civil.year).abs();
        let number = |value: i64, width: usize| (value, if bare { 0 } else { width });
        let (value, width) = match self {
            Part::Hour24 => number(hour, 2),
            Part::Hour12 => number((hour + 11) % 12 + 1, 2),
            Part::Minute => number(seconds / 60 % 60, 2),
            Part::Second => number(seconds % 60, 2),
            Part::Millis => number(micros / 1000, 3),
            Part::Micros => number(micros, 6),
            Part::Fraction(digits) => (micros / 10_i64.pow(6 - digits), digits as usize),
            Part::DaySeconds => (seconds, 0),
            Part::Year(digits @ 4..) => number(year, digits as usize),
            Part::Year(digits) => number(year % 10_i64.pow(digits), digits as usize),
            Part::IsoYear(digits @ 4..) => number(shown(civil.iso_week().0).abs(), digits as usize),
            Part::IsoYear(digits) => {
                number(shown(civil.iso_week().0).abs() % 10_i64.pow(digits), digits as usize)
            }
            Part::Century => match civil.year {
                1.. => number((civil.year + 99) / 100, 2),
                _ => number(-((99 - (civil.year - 1)) / 100), 2),
            },
            Part::Month => number(civil.month, 2),
            Part::Day => number(civil.day, 2),
            Part::DayOfWeek => (civil.day_of_week() + 1, 0),
            Part::IsoDayOfWeek => (civil.iso_day_of_week(), 0),
            Part::DayOfYear => number(civil.day_of_year(), 3),
            Part::IsoDayOfYear => number((civil.iso_week().1 - 1) * 7 + civil.iso_day_of_week(), 3),
            Part::WeekOfMonth => ((civil.day - 1) / 7 + 1, 0),
            Part::WeekOfYear => number((civil.day_of_year() - 1) / 7 + 1, 2),
            Part::IsoWeek => number(civil.iso_week().1, 2),
            Part::Quarter => ((civil.month + 2) / 3, 0),
            Part::Julian => (civil.days + 2_440_588, 0),
            other => return other.write_name(civil, bare, out),
        };
        digits(value, width, out);
    }

    /// What is written in letters.
    fn write_name(self, civil: &Civil, bare: bool, out: &mut String) {
        let noon = civil.time >= crate::interval::DAY_US / 2;
        let name = match self {
            Part::Noon(upper, dots) => half(noon, upper, dots, ["AM", "PM"], ["A.M.", "P.M."]),
            Part::Era(upper, dots) => {
                half(civil.year > 0, upper, dots, ["BC", "AD"], ["B.C.", "A.D."])
            }
            Part::MonthName(case, full) => {
                return name(MONTHS[civil.month as usize - 1], case, full, bare, out);
            }
            Part::DayName(case, full) => {
                return name(DAYS[civil.day_of_week() as usize], case, full, bare, out);
            }
            Part::RomanMonth(upper) => {
                let name = ROMAN[civil.month as usize - 1];
                let start = out.len();
                out.push_str(name);
                if !upper {
                    out[start..].make_ascii_lowercase();
                }
                return fill(4 - name.len(), bare, out);
            }
            Part::YearComma => {
                let year = shown(civil.year).abs();
                return write!(out, "{},{:03}", year / 1000, year % 1000)
                    .expect("a String takes all");
            }
            Part::Offset => ("+00", true),
            _ => return,
        };
        let start = out.len();
        out.push_str(name.0);
        if !name.1 {
            out[start..].make_ascii_lowercase();
        }
    }
}

/// A number with zeros before it, up to so many digits. It is most of what patterns write, and the
/// formatter of the language costs many times as much.
fn digits(value: i64, width: usize, out: &mut String) {
    let mut text = [b'0'; DIGITS_MAX];
    let (mut rest, mut at) = (value.unsigned_abs(), DIGITS_MAX);
    while rest > 0 {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if value < 0 {
        out.push('-');
    }
    let first = at.min(DIGITS_MAX - width.max(1));
    out.extend(text[first..].iter().map(|digit| char::from(*digit)));
}

/// Of the largest number there is.
const DIGITS_MAX: usize = 20;

/// One of two names, and whether it stays in capitals.
fn half(
    second: bool,
    upper: bool,
    dots: bool,
    plain: [&'static str; 2],
    dotted: [&'static str; 2],
) -> (&'static str, bool) {
    let names = if dots { dotted } else { plain };
    (names[usize::from(second)], upper)
}

/// A name in its case; a full one is filled up to nine characters.
fn name(name: &str, case: Case, full: bool, bare: bool, out: &mut String) {
    let shown = if full { name } else { &name[..3] };
    let start = out.len();
    out.push_str(shown);
    match case {
        Case::Upper => out[start..].make_ascii_uppercase(),
        Case::Lower => out[start..].make_ascii_lowercase(),
        Case::Name => {}
    }
    if full {
        fill(9 - shown.len(), bare, out);
    }
}

fn fill(blanks: usize, bare: bool, out: &mut String) {
    if !bare {
        (0..blanks).for_each(|_| out.push(' '));
    }
}

fn ordinal_suffix(number: &str) -> &'static str {
    let bytes = number.as_bytes();
    let teen = bytes.len() >= 2 && bytes[bytes.len() - 2] == b'1';
    match bytes.last() {
        Some(b'1') if !teen => "st",
        Some(b'2') if !teen => "nd",
        Some(b'3') if !teen => "rd",
        _ => "th",
    }
}
