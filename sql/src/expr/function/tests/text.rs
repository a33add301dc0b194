//! Tables of what functions of texts give.

use super::check;

#[test]
fn like_matches_whole_texts_by_characters() {
    check(&[
        ("like('abc', 'abc')", "true"),
        ("like('abc', 'a%')", "true"),
        ("like('abc', '_b_')", "true"),
        ("like('abc', 'c')", "false"),
        ("like('abc', '%')", "true"),
        ("like('', '%')", "true"),
        ("like('', '')", "true"),
        ("like('', '_')", "false"),
        ("like('abcabc', '%bc')", "true"),
        ("like('abcabd', '%bc')", "false"),
        ("like('xabcx', '%abc%')", "true"),
        ("like('xabx', '%abc%')", "false"),
        ("like('mississippi', 'm%iss%p_')", "true"),
        ("like('mississippi', 'm%iss%p')", "false"),
        ("like('aXbXc', 'a%X%c')", "true"),
        ("like('grün', 'gr_n')", "true"),
        ("like('grün', 'gr__n')", "false"),
        ("like('日本語', '__語')", "true"),
        ("like('日本語', '%本%')", "true"),
        ("like('a%c', 'a\\%c')", "true"),
        ("like('abc', 'a\\%c')", "false"),
        ("like('a_c', 'a#_c', '#')", "true"),
        ("like('abc', 'a#_c', '#')", "false"),
        ("like('a\\c', 'a\\c', '')", "true"),
        ("like('a\\c', 'a\\\\c')", "true"),
        ("like('a.c', '%.%')", "true"),
        ("like('abc', '%.%')", "false"),
        ("like('ABC', 'abc')", "false"),
        ("like(NULL, 'abc')", "NULL"),
        ("like('abc', NULL)", "NULL"),
        ("like('a\nb', 'a%b')", "true"),
        ("like('a\nb', '%\n%')", "true"),
        ("like('abc', 'ab\\')", "LIKE 'ab\\': invalid escape in a pattern (22025)"),
        ("like('abc', 'abc', 'xy')", "LIKE 'abc': invalid escape in a pattern (22025)"),
    ]);
}

#[test]
fn ilike_ignores_the_case_of_letters() {
    check(&[
        ("ilike('ABC', 'aB_')", "true"),
        ("ilike('GRÜN', 'grü%')", "true"),
        ("ilike('grün', '%ÜN')", "true"),
        ("ilike('abc', 'B')", "false"),
        ("ilike('STRASSE', 'straße')", "false"),
    ]);
}

#[test]
fn case_changes_by_character() {
    check(&[
        ("lower('ÄBc')", "äbc"),
        ("lower('ABC-1')", "abc-1"),
        ("upper('äbc')", "ÄBC"),
        ("upper('straße')", "STRAßE"),
        ("upper(NULL)", "NULL"),
        ("initcap('hi THOMAS')", "Hi Thomas"),
        ("initcap('élan_vital 2nd')", "Élan_Vital 2nd"),
    ]);
}

#[test]
fn parts_of_texts_are_counted_in_characters_from_one() {
    check(&[
        ("substr('alphabet', 3)", "phabet"),
        ("substring('Thomas', 2, 3)", "hom"),
        ("substr('hello', -1, 3)", "h"),
        ("substr('hello', 0, 3)", "he"),
        ("substr('hello', -5)", "hello"),
        ("substr('hello', 7)", ""),
        ("substr('hello', 2, 0)", ""),
        ("substr('hello', 2, 2147483647)", "ello"),
        ("substr('hello', 9223372036854775807, 9223372036854775807)", ""),
        ("substr('日本語', 2, 1)", "本"),
        ("substr('hello', 2, -1)", "negative length (22011)"),
        ("left('abcde', 2)", "ab"),
        ("left('abcde', -2)", "abc"),
        ("left('日本語', 2)", "日本"),
        ("left('ab', -5)", ""),
        ("right('abcde', 2)", "de"),
        ("right('abcde', -2)", "cde"),
        ("right('日本語', 9)", "日本語"),
        ("right('日本語', 1)", "語"),
        ("right('ab', 0)", ""),
    ]);
}

#[test]
fn fields_are_split_from_either_end() {
    check(&[
        ("split_part('abc~@~def~@~ghi', '~@~', 2)", "def"),
        ("split_part('abc,def,ghi,jkl', ',', -2)", "ghi"),
        ("split_part('a,b', ',', 3)", ""),
        ("split_part('a,b', ',', -3)", ""),
        ("split_part('a,b', '', 1)", "a,b"),
        ("split_part('a,b', '', -1)", "a,b"),
        ("split_part('a,b', '', 2)", ""),
        ("split_part('', ',', 1)", ""),
        ("split_part('aaa', 'aa', -1)", "a"),
        ("split_part('a,b', ',', 0)", "argument out of range (22023)"),
    ]);
}

#[test]
fn texts_are_put_together_with_and_without_nulls() {
    check(&[
        ("concat('abcde', 2, NULL, 22)", "abcde222"),
        ("concat(NULL, NULL)", ""),
        ("concat(true, false)", "tf"),
        ("concat(1.50, 2e0)", "1.502"),
        ("concat_ws(',', 'abcde', 2, NULL, 22)", "abcde,2,22"),
        ("concat_ws(',', NULL, NULL)", ""),
        ("concat_ws(NULL, 'a', 'b')", "NULL"),
        ("concat_ws(', ', '', '')", ", "),
        ("textcat('a', 'b')", "ab"),
        ("textcat('a', 1)", "a1"),
        ("textcat('a', true)", "atrue"),
        ("textcat('a', NULL)", "NULL"),
        (
            "textcat('a text that is long', ' and another one')",
            "a text that is long and another one",
        ),
    ]);
}

#[test]
fn lengths_are_of_characters_or_bytes() {
    check(&[
        ("length('jose')", "4"),
        ("char_length('josé')", "4"),
        ("length('日本語')", "3"),
        ("length('a text that is behind the views ü')", "33"),
        ("octet_length('josé')", "5"),
        ("bit_length('jose')", "32"),
        ("length('')", "0"),
        ("length(NULL)", "NULL"),
        ("length(12)", "function length(INT) does not exist (42883)"),
    ]);
}

#[test]
fn trimming_takes_any_of_the_characters() {
    check(&[
        ("btrim('xyxtrimyyx', 'xyz')", "trim"),
        ("ltrim('zzzytest', 'xyz')", "test"),
        ("rtrim('testxxzx', 'xyz')", "test"),
        ("trim('  a b  ')", "a b"),
        ("trim('\t a')", "\t a"),
        ("btrim('abc', '')", "abc"),
        ("btrim('ééaé', 'é')", "a"),
    ]);
}

#[test]
fn texts_are_replaced_found_and_reversed() {
    check(&[
        ("replace('abcdefabcdef', 'cd', 'XX')", "abXXefabXXef"),
        ("replace('abc', '', 'x')", "abc"),
        ("replace('aaa', 'aa', 'b')", "ba"),
        ("translate('12345', '143', 'ax')", "a2x5"),
        ("strpos('high', 'ig')", "2"),
        ("position('日本語', '語')", "3"),
        ("strpos('abc', '')", "1"),
        ("strpos('abc', 'd')", "0"),
        ("starts_with('alphabet', 'alph')", "true"),
        ("starts_with('a', 'ab')", "false"),
        ("ends_with('alphabet', 'bet')", "true"),
        ("contains('alphabet', 'hab')", "true"),
        ("reverse('日本a')", "a本日"),
        ("repeat('Pg', 4)", "PgPgPgPg"),
        ("repeat('Pg', -4)", ""),
        ("repeat('', 9223372036854775807)", ""),
        (
            "repeat('Pg', 1000000)",
            "the value has more bytes or levels than a value may have (54000)",
        ),
    ]);
}

#[test]
fn padding_fills_and_cuts_to_characters() {
    check(&[
        ("lpad('hi', 5, 'xy')", "xyxhi"),
        ("lpad('hi', 5)", "   hi"),
        ("rpad('hi', 5, 'xy')", "hixyx"),
        ("lpad('hello', 2, 'x')", "he"),
        ("rpad('日本語', 2)", "日本"),
        ("rpad('a', 3, '語')", "a語語"),
        ("lpad('a', -3)", ""),
        ("lpad('a', 3, '')", "a"),
        ("lpad('a', 2000000)", "the value has more bytes or levels than a value may have (54000)"),
    ]);
}

#[test]
fn characters_have_codes() {
    check(&[
        ("ascii('x')", "120"),
        ("ascii('é')", "233"),
        ("ascii('')", "0"),
        ("chr(65)", "A"),
        ("chr(26085)", "日"),
        ("chr(0)", "no character has this code (54000)"),
        ("chr(55296)", "no character has this code (54000)"),
        ("chr(-1)", "no character has this code (54000)"),
    ]);
}

#[test]
fn regular_expressions_match_capture_and_replace() {
    check(&[
        ("regexp_like('Hello World', 'world$', 'i')", "true"),
        ("regexp_like('Hello World', 'world$')", "false"),
        ("regexp_like('a\nb', 'a.b')", "true"),
        ("regexp_like('a\nb', 'a.b', 'n')", "false"),
        ("regexp_like('a\nb', '^b')", "false"),
        ("regexp_like('a\nb', '^b', 'n')", "true"),
        ("regexp_like('a b', '\\yb\\y')", "true"),
        ("regexp_like('axb', 'A.B', 'iq')", "false"),
        ("regexp_like('abc', '(')", "regular expression '(': invalid regular expression (2201B)"),
        ("regexp_like('abc', 'a', 'z')", "regular expression 'a': argument out of range (22023)"),
        ("regexp_like(NULL, 'a')", "NULL"),
        ("regexp_replace('foobarbaz', 'b..', 'X')", "fooXbaz"),
        ("regexp_replace('foobarbaz', 'b..', 'X', 'g')", "fooXX"),
        ("regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')", "fooXarYXazY"),
        ("regexp_replace('foo', 'o', '<\\&>', 'g')", "f<o><o>"),
        ("regexp_replace('foo', 'o', '\\\\')", "f\\o"),
        ("regexp_replace('abc', 'x*', '-', 'g')", "-a-b-c-"),
        ("regexp_replace('日本', '', '-', 'g')", "-日-本-"),
        ("regexp_replace('abc', 'd', 'X')", "abc"),
        ("regexp_replace('ABC', 'b', 'x', 'i')", "AxC"),
        ("regexp_capture('foobarbequebaz', '(bar)(beque)', 2)", "beque"),
        ("regexp_capture('foobarbequebaz', 'barbeque', 1)", "barbeque"),
        ("regexp_capture('foobarbequebaz', 'barbeque', 2)", "NULL"),
        ("regexp_capture('foo', '(x)', 1)", "NULL"),
        ("regexp_capture('ab', '(x)?(b)', 1)", "NULL"),
        ("regexp_capture('channel_id=abc&x', '(&|^)channel_id=([^&]*)', 2)", "abc"),
    ]);
}
