/*
 * JSON: what is refused and why, how values are found, and how they are
 * written down.
 */

#include <stdlib.h>

#include "jot.h"
#include "tap.h"


#define DEPTH  16

#define TEXT(s)  (s), sizeof(s) - 1

#define TEN      "1234567890"
#define HUNDRED  TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

typedef struct {
    const char   *name;
    const char   *text;
    size_t        len;
    const char   *detail;       /* NULL: it is taken */
} parse_t;

typedef struct {
    const char   *name;
    const char   *path;         /* names, with a slash between */
    const char   *text;         /* NULL: there is no such value */
} find_t;


static const parse_t  parses[] = {
    { "an empty object", TEXT("{}"), NULL },
    { "white space around", TEXT(" \t\r\n{ } \n"), NULL },
    { "two-byte UTF-8", TEXT("{\"a\":\"\xc3\xa9\"}"), NULL },
    { "DEL", TEXT("{\"a\":\"\x7f\"}"), NULL },
    { "the last code point", TEXT("{\"a\":\"\xf4\x8f\xbf\xbf\"}"), NULL },
    { "a surrogate pair", TEXT("{\"a\":\"\\ud83d\\ude00\"}"), NULL },
    { "an integer beyond 64 bits", TEXT("{\"a\":123456789012345678901}"),
      NULL },
    { "308 digits", TEXT("{\"a\":" HUNDRED HUNDRED HUNDRED "12345678}"), NULL },
    { "more digits behind the point",
      TEXT("{\"a\":1." HUNDRED HUNDRED HUNDRED HUNDRED "}"), NULL },
    { "just below too large", TEXT("{\"a\":0.00123E310}"), NULL },
    { "0, however large", TEXT("{\"a\":-0.0e999}"), NULL },
    { "as small as one likes", TEXT("{\"a\":1e-999}"), NULL },
    { "one name in two objects",
      TEXT("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}"), NULL },
    { "16 levels", TEXT("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"), NULL },
    { "brackets in a string",
      TEXT("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}"), NULL },

    { "nothing", TEXT(""), "JSON ends too early" },
    { "only a space", TEXT(" "), "JSON ends too early" },
    { "an array at the top", TEXT("[]"), "not a JSON object" },
    { "a string at the top", TEXT("\"a\""), "not JSON" },
    { "a number at the top", TEXT("1"), "not JSON" },
    { "null at the top", TEXT("null"), "not JSON" },
    { "two objects", TEXT("{}{}"), "something follows the JSON text" },
    { "a NUL behind", TEXT("{}\0"), "JSON has a NUL character" },
    { "a NUL in front", TEXT("\0{}"), "JSON has a NUL character" },
    { "a NUL behind a number", TEXT("{\"a\":[1,2\0,3]}"),
      "JSON has a NUL character" },
    { "a NUL behind true", TEXT("{\"a\":true\0}"),
      "JSON has a NUL character" },
    { "not closed", TEXT("{\"a\":1"), "JSON ends too early" },
    { "a string not closed", TEXT("{\"a\":\"b"), "JSON ends too early" },
    { "a backslash at the end", TEXT("{\"a\":\"b\\"),
      "JSON ends too early" },
    { "an escape that is cut", TEXT("{\"a\":\"b\\u00"),
      "JSON ends too early" },
    { "a word that is cut", TEXT("{\"a\":tru"), "JSON ends too early" },
    { "a word that goes on", TEXT("{\"a\":truely}"), "not JSON" },
    { "a number that is cut", TEXT("{\"a\":-"), "JSON ends too early" },
    { "a name alone", TEXT("{\"a\"}"), "not JSON" },
    { "a name that is no string", TEXT("{a:1}"), "not JSON" },
    { "no comma", TEXT("{\"a\":1 \"b\":2}"), "not JSON" },
    { "a comma alone", TEXT("{,}"), "not JSON" },
    { "an unknown escape", TEXT("{\"a\":\"\\x41\"}"), "not JSON" },
    { "an escape of no hexadecimal", TEXT("{\"a\":\"\\u00g0\"}"),
      "not JSON" },
    { "closed twice", TEXT("{}}"), "something follows the JSON text" },
    { "closed by another", TEXT("{\"a\":[1}"), "not JSON" },
    { "a comma too many", TEXT("{\"a\":1,}"), "not JSON" },
    { "a member twice", TEXT("{\"a\":1,\"a\":1}"), "JSON has a member twice" },
    { "a member twice, once escaped", TEXT("{\"a\":1,\"\\u0061\":1}"),
      "JSON has a member twice" },
    { "a member twice, deeper", TEXT("{\"b\":[{\"a\":1,\"a\":1}]}"),
      "JSON has a member twice" },
    { "\\u0000 in a string", TEXT("{\"a\":\"\\u0000\"}"),
      "JSON has a NUL character" },
    { "\\u0000 in a name", TEXT("{\"a\\u0000b\":1}"),
      "JSON has a NUL character" },
    { "a NUL in a string", TEXT("{\"a\":\"b\0c\"}"),
      "JSON has a NUL character" },
    { "a control character", TEXT("{\"a\":\"b\nc\"}"), "not JSON" },
    { "half a surrogate pair", TEXT("{\"a\":\"\\ud83d\"}"), "not JSON" },
    { "half of one, and a letter", TEXT("{\"a\":\"\\ud83d\\u0061\"}"),
      "not JSON" },
    { "half of one, twice",
      TEXT("{\"a\":\"\\ud83d\\ud83d\"}"), "not JSON" },
    { "a surrogate pair turned round", TEXT("{\"a\":\"\\ude00\\ud83d\"}"),
      "not JSON" },
    { "a surrogate in UTF-8", TEXT("{\"a\":\"\xed\xa0\x80\"}"),
      "JSON is not UTF-8" },
    { "an overlong slash", TEXT("{\"a\":\"\xc0\xaf\"}"), "JSON is not UTF-8" },
    { "an overlong NUL", TEXT("{\"a\":\"\xc0\x80\"}"), "JSON is not UTF-8" },
    { "above the last code point", TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"),
      "JSON is not UTF-8" },
    { "a lone continuation", TEXT("{\"a\":\"\x80\"}"), "JSON is not UTF-8" },
    { "cut within a character", TEXT("{\"a\":\"\xc3\"}"), "JSON is not UTF-8" },
    { "Latin-1 in a name", TEXT("{\"caf\xe9\":1}"), "JSON is not UTF-8" },
    { "a byte order mark", TEXT("\xef\xbb\xbf{}"), "not JSON" },
    { "UTF-16", TEXT("{\0}\0"), "JSON has a NUL character" },
    { "a leading zero", TEXT("{\"a\":01}"), "not JSON" },
    { "a plus sign", TEXT("{\"a\":+1}"), "not JSON" },
    { "a hexadecimal number", TEXT("{\"a\":0x10}"), "not JSON" },
    { "a number without its fraction", TEXT("{\"a\":1.}"), "not JSON" },
    { "NaN", TEXT("{\"a\":NaN}"), "not JSON" },
    { "Infinity", TEXT("{\"a\":Infinity}"), "not JSON" },
    { "a number beyond doubles", TEXT("{\"a\":1e999}"),
      "JSON has a number that is too large" },
    { "309 digits", TEXT("{\"a\":" HUNDRED HUNDRED HUNDRED "123456789}"),
      "JSON has a number that is too large" },
    { "a mantissa that makes it so", TEXT("{\"a\":-123.4e306}"),
      "JSON has a number that is too large" },
    { "an exponent that would wrap", TEXT("{\"a\":1e18446744073709551617}"),
      "JSON has a number that is too large" },
    { "single quotes", TEXT("{'a':1}"), "not JSON" },
    { "a comment", TEXT("{/* a */}"), "not JSON" },
    { "17 levels", TEXT("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"),
      "nested too deep" },
    { "17 levels, cut", TEXT("{\"a\":[[[[[[[[[[[[[[[[[[["),
      "nested too deep" }
};


static const char  document[] =
    " { \"sub\" : \"anna\", \"n\" : 1.10 , \"big\":123456789012345678901,\n"
    "  \"e\":-0.0E+2, \"t\":true,\"f\":false,\"z\":null,\"empty\":\"\",\n"
    "  \"quote\":\"a\\\"b\\\\\", \"caf\\u00e9\": \"\\u00e9\\ud83d\\ude00\",\n"
    "  \"\\\\\\\"\" : \"\\\\\\\\\" , \"\\\"\":\"\\\"\",\n"
    "  \"roles\" : [ \"a\" , \"b,c\" ,7.0, true , null, \"\" ], \"none\":[ ],\n"
    "  \"bare\":[null],\n"
    "  \"list\" : [ 1 , [ 2 , \"x y\" ] , { \"k\" : [ 10 , 1e1 ] } ],\n"
    "  \"o\" : { \"a\" : { \"b\" : \" [ ] \" , \"0\":3 } } ,\n"
    "  \"\":\"nameless\",\n"
    "  \"a/b\":1, \"last\":2.50}\n";


static const find_t  finds[] = {
    { "a string", "sub", "anna" },
    { "a number as written", "n", "1.10" },
    { "a large number as written", "big", "123456789012345678901" },
    { "a strange number as written", "e", "-0.0E+2" },
    { "true", "t", "true" },
    { "false", "f", "false" },
    { "null is empty", "z", "" },
    { "an empty string is empty", "empty", "" },
    { "escapes are resolved", "quote", "a\"b\\" },
    { "backslashes before the end", "\\\"", "\\\\" },
    { "a quotation mark alone", "\"", "\"" },
    { "a name and a value not in ASCII", "caf\xc3\xa9",
      "\xc3\xa9\xf0\x9f\x98\x80" },
    { "scalars are joined", "roles", "a,b,c,7.0,true,," },
    { "an empty array is empty", "none", "" },
    { "an array of null is empty", "bare", "" },
    { "an array that is not of scalars", "list",
      "[1,[2,\"x y\"],{\"k\":[10,1e1]}]" },
    { "an object", "o", "{\"a\":{\"b\":\" [ ] \",\"0\":3}}" },
    { "a path", "o/a/b", " [ ] " },
    { "a name of digits", "o/a/0", "3" },
    { "an index", "roles/1", "b,c" },
    { "an index behind numbers", "roles/3", "true" },
    { "a path through arrays", "list/2/k/1", "1e1" },
    { "an array in an array", "list/1", "2,x y" },
    { "the last member", "last", "2.50" },
    { "the nameless member", "", "nameless" },

    { "an unknown name", "nobody", NULL },
    { "a name in another case", "SUB", NULL },
    { "the beginning of a name", "su", NULL },
    { "more than a name", "subs", NULL },
    { "a path into a string", "sub/0", NULL },
    { "a path into a number", "n/0", NULL },
    { "a path into null", "z/z", NULL },
    { "an index too far", "roles/6", NULL },
    { "an index of nothing", "none/0", NULL },
    { "an index that is no number", "roles/x", NULL },
    { "an index with a sign", "roles/+1", NULL },
    { "a negative index", "roles/-1", NULL },
    { "an index with a leading zero", "roles/01", NULL },
    { "an empty index", "roles/", NULL },
    { "an index beyond all", "roles/18446744073709551616", NULL },
    { "an index that would wrap", "roles/4294967297", NULL }
};


static void
test_parse(const parse_t *t)
{
    char          *copy;
    const char    *detail;
    jot_str_t      text;
    jot_json_t    *json;
    jot_status_t   status;

    /* a copy without an end, for a sanitizer to see what is read behind it */

    copy = malloc(t->len ? t->len : 1);
    memcpy(copy, t->text, t->len);

    detail = NULL;
    status = jot_json_parse(&json, copy, t->len, DEPTH, &detail);
    free(copy);

    if (t->detail) {
        ok(status == JOT_MALFORMED && json == NULL, "refused: %s", t->name);
        is(detail, t->detail, "  and why");
        return;
    }

    if (ok(status == JOT_OK && json, "taken: %s", t->name)) {
        text = jot_json_text(json);
        ok(text.len == t->len && memcmp(text.data, t->text, t->len) == 0,
           "  with its text");
    }

    jot_json_free(json);
}


/* Splits "a/b" into names; an empty text is one empty name. */

static size_t
split(jot_str_t *names, const char *path)
{
    size_t       n;
    const char  *p, *end;

    n = 0;

    for (p = path; p; p = *end ? end + 1 : NULL) {
        end = p + strcspn(p, "/");
        names[n++] = (jot_str_t) { p, end - p };
    }

    return n;
}


static void
test_find(const jot_json_t *json, const find_t *t)
{
    int           found;
    char         *text;
    size_t        n, len;
    jot_str_t     path[8];
    jot_value_t   value;

    n = split(path, t->path);
    found = jot_json_find(json, path, n, &value);

    if (t->text == NULL) {
        ok(!found, "not found: %s", t->name);
        return;
    }

    if (!ok(found && jot_value_text(&value, &text, &len) == JOT_OK,
            "found: %s", t->name))
    {
        return;
    }

    ok(len == strlen(t->text) && (len ? text && !memcmp(text, t->text, len)
                                      : text == NULL),
       "  and it is \"%s\", not \"%.*s\"", t->text, (int) len,
       text ? text : "");

    free(text);
}


static void
test_values(const jot_json_t *json)
{
    size_t       n;
    jot_str_t    path[8], string, raw;
    jot_value_t  top, roles, element;

    ok(jot_json_find(json, NULL, 0, &top) && top.type == JOT_OBJECT,
       "an empty path is the top");
    raw = jot_value_raw(&top);
    ok(raw.data[0] == '{' && raw.data[raw.len - 1] == '}',
       "its slice has no white space around");
    ok(jot_value_count(&top) == 0, "an object has no count");

    n = split(path, "roles");
    jot_json_find(json, path, n, &roles);

    ok(roles.type == JOT_ARRAY && jot_value_count(&roles) == 6,
       "an array and its count");
    ok(jot_value_first(&roles, &element) && element.type == JOT_STRING
       && jot_value_next(&element) && element.type == JOT_STRING,
       "an element");
    raw = jot_value_raw(&element);
    ok(raw.len == 5 && memcmp(raw.data, "\"b,c\"", 5) == 0,
       "and its slice");

    string = jot_value_string(&element);
    ok(string.len == 3 && memcmp(string.data, "b,c", 3) == 0,
       "the same as a string");

    is(string.data, "b,c", "and ends with NUL");

    ok(jot_value_next(&element) && element.type == JOT_NUMBER, "a number");
    ok(jot_value_next(&element) && element.type == JOT_BOOLEAN, "a boolean");
    ok(jot_value_next(&element) && element.type == JOT_NULL, "null");
    ok(jot_value_next(&element) && !jot_value_next(&element),
       "no element behind the last");
    ok(!jot_value_first(&top, &element), "no element of an object");

    n = split(path, "none");
    jot_json_find(json, path, n, &roles);
    ok(roles.type == JOT_ARRAY && !jot_value_first(&roles, &element),
       "no element of an empty array");
}


static void
test_depths(void)
{
    jot_json_t  *json;

    ok(jot_json_parse(&json, "{}", 2, 1, NULL) == JOT_OK, "depth 1: {}");
    jot_json_free(json);

    ok(jot_json_parse(&json, "{\"a\":{}}", 8, 1, NULL) == JOT_MALFORMED,
       "depth 1: not {{}}, and nobody has to ask why");
    ok(jot_json_parse(&json, "{}", 2, 0, NULL) == JOT_MALFORMED,
       "depth 0: nothing");

    jot_json_free(NULL);
    ok(1, "NULL may be freed");
}


/* Names that are sorted, and memory that grows. */

static void
test_many(void)
{
    size_t        i, n;
    char          text[8192], *p, name[8];
    const char   *detail;
    jot_str_t     path;
    jot_value_t   value;
    jot_json_t   *json;

    for (n = 15; n <= 900; n += 295) {
        p = text;

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%c\"%zu\":%zu", i ? ',' : '{', i, i % 7);
        }

        strcpy(p, "}");
        ok(jot_json_parse(&json, text, p + 1 - text, DEPTH, NULL) == JOT_OK,
           "%zu members", n);

        for (i = 0; json && i < n; i++) {
            path.data = name;
            path.len = sprintf(name, "%zu", i);

            if (!jot_json_find(json, &path, 1, &value)
                || jot_value_raw(&value).data[0] != (char) ('0' + i % 7))
            {
                break;
            }
        }

        ok(i == n, "each of them is found");
        jot_json_free(json);

        for (i = 0; i < n; i += n / 2) {
            sprintf(p, ",\"%zu\":1}", i);
            ok(jot_json_parse(&json, text, strlen(text), DEPTH, &detail)
               == JOT_MALFORMED, "number %zu twice", i);
            is(detail, "JSON has a member twice", "and why");
        }
    }
}


int
main(void)
{
    size_t       i;
    jot_json_t  *json;

    for (i = 0; i < sizeof(parses) / sizeof(parses[0]); i++) {
        test_parse(&parses[i]);
    }

    test_depths();
    test_many();

    if (ok(jot_json_parse(&json, document, sizeof(document) - 1, DEPTH, NULL)
           == JOT_OK, "the document is taken"))
    {
        for (i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
            test_find(json, &finds[i]);
        }

        test_values(json);
    }

    jot_json_free(json);

    return done_testing();
}
