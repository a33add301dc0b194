//! Tables of what functions of JSON, arrays and maps give.

use super::check;

#[test]
fn json_is_looked_into() {
    check(&[
        (
            "json_get('[{\"a\":\"foo\"},{\"b\":\"bar\"},{\"c\":\"baz\"}]'::json, 2)",
            "{\"c\": \"baz\"}",
        ),
        (
            "json_get('[{\"a\":\"foo\"},{\"b\":\"bar\"},{\"c\":\"baz\"}]'::json, -3)",
            "{\"a\": \"foo\"}",
        ),
        ("json_get('[1]'::json, 1)", "NULL"),
        ("json_get('[1]'::json, -2)", "NULL"),
        ("json_get('{\"a\": {\"b\":\"foo\"}}'::json, 'a')", "{\"b\": \"foo\"}"),
        ("json_get('{\"a\": 1}'::json, 'b')", "NULL"),
        ("json_get('{\"a\": 1}'::json, 0)", "NULL"),
        ("json_get('[1,2]'::json, 'a')", "NULL"),
        ("json_get('5'::json, 'a')", "NULL"),
        ("json_get('{\"a\": null}'::json, 'a')", "null"),
        ("json_get_text('{\"a\": null}'::json, 'a')", "NULL"),
        ("json_get_text('[1,2,3]'::json, 2)", "3"),
        ("json_get_text('{\"a\":1,\"b\":\"x\\ty\\\"z\\u0001\"}'::json, 'b')", "x\ty\"z\u{1}"),
        ("json_get_text('{\"a \\\" b\": \"1\"}'::json, 'a \" b')", "1"),
        ("json_get_text('{\"b\": [1, {\"a\": 7}], \"a\": {\"b\": 2}}'::json, 'a')", "{\"b\": 2}"),
        (
            "json_get_path('{\"a\": {\"b\": [\"foo\",\"bar\"]}}'::json, '{a,b,1}'::text[])",
            "\"bar\"",
        ),
        (
            "json_get_path_text('{\"a\": {\"b\": [\"foo\",\"bar\"]}}'::json, '{a,b,-1}'::text[])",
            "bar",
        ),
        ("json_get_path('{\"a\": 1}'::json, '{}'::text[])", "{\"a\": 1}"),
        ("json_get_path('{\"a\": 1}'::json, '{a,b}'::text[])", "NULL"),
        (
            "json_extract_path('{\"f2\":{\"f3\":1},\"f4\":{\"f5\":99,\"f6\":\"foo\"}}'::json, 'f4', 'f6')",
            "\"foo\"",
        ),
        (
            "json_extract_path_text('{\"f2\":{\"f3\":1},\"f4\":{\"f5\":99,\"f6\":\"foo\"}}'::json, 'f4', 'f6')",
            "foo",
        ),
        ("json_typeof('-123.4'::json)", "number"),
        ("json_typeof('[]'::json)", "array"),
        ("json_typeof('null'::json)", "null"),
        ("json_array_length('[1,2,3,{\"f1\":1,\"f2\":[5,6]},4]'::json)", "5"),
        ("json_array_length('[]'::json)", "0"),
        ("json_array_length('{}'::json)", "argument out of range (22023)"),
        ("json_exists('{\"a\":1, \"b\":2}'::json, 'b')", "true"),
        ("json_exists('[\"a\", \"b\", \"c\"]'::json, 'b')", "true"),
        ("json_exists('{\"a\":\"b\"}'::json, 'b')", "false"),
        ("json_exists('\"foo\"'::json, 'foo')", "true"),
    ]);
}

#[test]
fn arrays_are_counted_searched_and_joined() {
    check(&[
        ("array_element('{10,20,30}'::int[], 2)", "20"),
        ("array_element('{10,20,30}'::int[], 0)", "NULL"),
        ("array_element('{10,20,30}'::int[], 4)", "NULL"),
        ("array_element('{a,NULL,\"a text that is long\"}'::text[], 3)", "a text that is long"),
        ("array_element('{a,NULL}'::text[], 2)", "NULL"),
        ("cardinality('{1,2,NULL}'::int[])", "3"),
        ("cardinality('{}'::int[])", "0"),
        ("array_length('{1,2,3}'::int[], 1)", "3"),
        ("array_length('{}'::int[], 1)", "NULL"),
        ("array_length('{1}'::int[], 2)", "NULL"),
        ("array_contains('{1,2}'::int[], 2)", "true"),
        ("array_contains('{1,NULL}'::int[], 2)", "false"),
        ("equals_any('{1,NULL}'::int[], 2)", "NULL"),
        ("equals_any('{1,NULL}'::int[], 1)", "true"),
        ("equals_any('{1,3}'::int[], 2::bigint)", "false"),
        ("equals_any('{0.5,-0}'::double[], 0)", "true"),
        ("equals_any('{}'::int[], NULL::int)", "NULL"),
        ("array_position('{sun,mon,tue,mon}'::text[], 'mon')", "2"),
        ("array_position('{sun,NULL}'::text[], NULL)", "2"),
        ("array_position('{sun}'::text[], 'x')", "NULL"),
        ("array_to_string('{1,2,NULL,5}'::int[], ',', '*')", "1,2,*,5"),
        ("array_to_string('{1,2,NULL,5}'::int[], ',')", "1,2,5"),
        ("array_to_string('{NULL,a}'::text[], ',')", "a"),
        ("array_to_string('{a}'::text[], NULL)", "NULL"),
        ("string_to_array('xx~~yy~~zz', '~~', 'yy')", "{xx,NULL,zz}"),
        ("string_to_array('a b', NULL)", "{a,\" \",b}"),
        ("string_to_array('a b', '')", "{\"a b\"}"),
        ("string_to_array('', ',')", "{}"),
        ("string_to_array(NULL, ',')", "NULL"),
        ("map_get('{\"a\": \"1\", \"b\": null}'::map, 'a')", "1"),
        ("map_get('{\"a\": \"1\", \"b\": null}'::map, 'b')", "NULL"),
        ("map_get('{\"a\": \"b\"}'::map, 'b')", "NULL"),
        ("greatest('1 day'::interval, '25:00'::interval)", "25:00:00"),
        ("in_list('1 mon'::interval, '2 days'::interval, '30 days'::interval)", "true"),
    ]);
}
