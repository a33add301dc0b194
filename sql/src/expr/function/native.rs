//! The functions that have a kernel here, by their names in SQL.

use crate::time_unit::TimeUnit;

/// Lists the functions: the variant, its SQL name, other names, what it is.
macro_rules! natives {
    ($($variant:ident $name:literal $(| $alias:literal)* : $doc:literal;)*) => {
        /// A function with a kernel here. What it means is what PostgreSQL says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Native {
            $(#[doc = $doc] $variant,)*
        }

        impl Native {
            /// All of them.
            pub const ALL: &[Native] = &[$(Native::$variant,)*];

            /// All names, other ones among them.
            pub const NAMES: &[&str] = &[$($name, $($alias,)*)*];

            /// The function that SQL calls so.
            pub fn named(name: &str) -> Option<Native> {
                match name {
                    $($name $(| $alias)* => Some(Native::$variant),)*
                    _ => None,
                }
            }

            /// As SQL calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Native::$variant => $name,)*
                }
            }
        }
    };
}

natives! {
    Like "like": "`text LIKE pattern [ESCAPE escape]`";
    ILike "ilike": "`text ILIKE pattern [ESCAPE escape]`";
    Lower "lower": "Every letter in its lower case.";
    Upper "upper": "Every letter in its upper case.";
    Substr "substr" | "substring": "Characters from a place on, at most so many.";
    SplitPart "split_part": "The n-th field between delimiters; from the end where n is negative.";
    Concat "concat": "Texts one behind the other, NULL as nothing.";
    ConcatWs "concat_ws": "Texts with a separator between them, without the NULLs.";
    Append "textcat": "`left || right`";
    Length "length" | "char_length" | "character_length": "Characters.";
    OctetLength "octet_length": "Bytes.";
    BitLength "bit_length": "Bits.";
    Trim "btrim" | "trim": "Without blanks, or any of some characters, at both ends.";
    TrimStart "ltrim": "Without blanks, or any of some characters, at the start.";
    TrimEnd "rtrim": "Without blanks, or any of some characters, at the end.";
    Replace "replace": "Every occurrence of a text replaced by another one.";
    Translate "translate": "Characters replaced by those at the same place of another set.";
    Position "strpos" | "position" | "instr": "Where a text first occurs, from 1; 0 for nowhere.";
    Left "left": "The first characters; all but the last ones where n is negative.";
    Right "right": "The last characters; all but the first ones where n is negative.";
    StartsWith "starts_with": "Whether a text begins with another one.";
    EndsWith "ends_with": "Whether a text ends with another one.";
    Contains "contains": "Whether a text holds another one.";
    Reverse "reverse": "The characters from last to first.";
    Repeat "repeat": "The text so many times.";
    PadLeft "lpad": "Filled up at the start, or cut, to so many characters.";
    PadRight "rpad": "Filled up at the end, or cut, to so many characters.";
    Ascii "ascii": "The code of the first character.";
    Chr "chr": "The character of a code.";
    InitCap "initcap": "Words with a capital letter.";
    RegexpLike "regexp_like": "Whether a regular expression matches anywhere.";
    RegexpReplace "regexp_replace": "The first match replaced, or all with flag `g`.";
    RegexpCapture "regexp_capture": "`(regexp_match(text, pattern))[n]`, a group.";
    Abs "abs": "Without sign.";
    Round "round": "To whole numbers, or so many digits behind the point.";
    Trunc "trunc": "Cut to whole numbers, or so many digits behind the point.";
    Floor "floor": "The largest whole number that is not larger.";
    Ceil "ceil" | "ceiling": "The smallest whole number that is not smaller.";
    Sign "sign" | "signum": "-1, 0 or 1.";
    Modulo "mod": "The remainder, with the sign of the dividend.";
    Power "power" | "pow": "One number to the power of another.";
    Sqrt "sqrt": "The square root.";
    Ln "ln": "The natural logarithm.";
    Log "log" | "log10": "The logarithm to base 10, or to a base.";
    Exp "exp": "e to the power of a number.";
    Greatest "greatest": "The largest of those that are not NULL.";
    Least "least": "The smallest of those that are not NULL.";
    Coalesce "coalesce": "The first that is not NULL.";
    NullIf "nullif": "The first, or NULL where it equals the second.";
    InList "in_list": "`value IN (constant, ..)`";
    Distinct "is_distinct_from": "`left IS DISTINCT FROM right`";
    IsTrue "is_true": "`truth IS TRUE`";
    IsFalse "is_false": "`truth IS FALSE`";
    DatePart "date_part" | "datepart" | "extract": "A field of a moment.";
    DateTrunc "date_trunc" | "datetrunc": "A moment cut to a field.";
    DateBin "date_bin": "The start of the interval that a moment is in.";
    ToChar "to_char": "A moment as text, by a pattern.";
    AtZone "timezone": "`moment AT TIME ZONE zone`, the zone first.";
    ToTimestamp "to_timestamp": "Seconds since the Unix epoch as a moment.";
    OfSeconds "to_timestamp_seconds": "Whole seconds since the Unix epoch as a moment.";
    OfMillis "to_timestamp_millis": "Milliseconds since the Unix epoch as a moment.";
    OfMicros "to_timestamp_micros": "Microseconds since the Unix epoch as a moment.";
    OfNanos "to_timestamp_nanos": "Nanoseconds since the Unix epoch, rounded down.";
    MakeTimestamp "make_timestamp": "A moment of its fields.";
    MakeDate "make_date": "A date of its fields.";
    TumbleStart "tumble_start": "The start of the window that a moment is in.";
    TumbleEnd "tumble_end": "The end of the window that a moment is in.";
    JsonGet "json_get": "`json -> key`, or a place from 0.";
    JsonGetText "json_get_text": "`json ->> key`";
    JsonGetPath "json_get_path": "`json #> keys`";
    JsonGetPathText "json_get_path_text": "`json #>> keys`";
    JsonExtractPath "json_extract_path" | "jsonb_extract_path": "What a path of keys leads to.";
    JsonExtractPathText "json_extract_path_text" | "jsonb_extract_path_text": "As text.";
    JsonTypeof "json_typeof" | "jsonb_typeof": "What kind of value it is.";
    JsonArrayLength "json_array_length" | "jsonb_array_length": "How many values an array has.";
    JsonExists "json_exists" | "jsonb_exists": "`json ? key`";
    Subscript "array_element" | "array_get": "`array[n]`, from 1.";
    Cardinality "cardinality": "How many items there are.";
    ArrayLength "array_length": "How many items there are; NULL for none.";
    ArrayContains "array_contains" | "array_has" | "list_contains": "Whether an item is equal.";
    EqualsAny "equals_any": "`value = ANY (array)`, the array first.";
    ArrayPosition "array_position": "Where a value first is, from 1.";
    ArrayToString "array_to_string": "The items as text, with a separator.";
    StringToArray "string_to_array": "The pieces of a text.";
    MapGet "map_get": "`map[key]`";
    Hash64 "hash64": "The hash that places rows.";
}

impl Native {
    /// Whether NULL among the arguments makes the result NULL, whatever the others are.
    pub const fn is_strict(self) -> bool {
        !matches!(
            self,
            Native::Concat
                | Native::ConcatWs
                | Native::Greatest
                | Native::Least
                | Native::Coalesce
                | Native::NullIf
                | Native::InList
                | Native::Distinct
                | Native::IsTrue
                | Native::IsFalse
                | Native::ArrayPosition
                | Native::ArrayToString
                | Native::StringToArray
                | Native::Hash64
        )
    }

    /// What the argument counts, if the function makes a moment of a count.
    pub const fn counts(self) -> Option<TimeUnit> {
        match self {
            Native::OfSeconds => Some(TimeUnit::Seconds),
            Native::OfMillis => Some(TimeUnit::Millis),
            Native::OfMicros => Some(TimeUnit::Micros),
            Native::OfNanos => Some(TimeUnit::Nanos),
            _ => None,
        }
    }

    /// The function that makes a moment of a count.
    pub const fn of_count(unit: TimeUnit) -> Native {
        match unit {
            TimeUnit::Seconds => Native::OfSeconds,
            TimeUnit::Millis => Native::OfMillis,
            TimeUnit::Micros => Native::OfMicros,
            TimeUnit::Nanos => Native::OfNanos,
        }
    }

    /// Whether the result may be NULL where arguments may be as `nullable` says.
    pub(super) fn nullable(self, mut nullable: impl Iterator<Item = bool>) -> bool {
        match self {
            Native::Concat
            | Native::Distinct
            | Native::IsTrue
            | Native::IsFalse
            | Native::Hash64 => false,
            Native::NullIf
            | Native::RegexpCapture
            | Native::JsonGet
            | Native::JsonGetText
            | Native::JsonGetPath
            | Native::JsonGetPathText
            | Native::JsonExtractPath
            | Native::JsonExtractPathText
            | Native::Subscript
            | Native::ArrayLength
            | Native::EqualsAny
            | Native::InList
            | Native::ArrayPosition
            | Native::MapGet => true,
            // NULL is the text's, or the array's and the separator's.
            Native::StringToArray => nullable.next().is_some_and(|null| null),
            Native::ArrayToString => nullable.take(2).any(|null| null),
            // Only where all are NULL.
            Native::Greatest | Native::Least | Native::Coalesce => nullable.all(|null| null),
            // NULL is the separator's alone.
            Native::ConcatWs => nullable.next().is_some_and(|null| null),
            _ => nullable.any(|null| null),
        }
    }
}
