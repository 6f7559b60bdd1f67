/* Tokens of regular records: whitespace, numbers, strings, null, each read at the decoder's cursor.
 *
 * A function accepts its token and moves the cursor behind it, or says IRREGULAR. What an accepted record means stands in
 * _native.c, which alone includes this.
 *
 * A number with at most 19 significant digits whose mantissa is below 2^53 and whose power of ten is within 22 is
 * exact in one multiplication or division (W. D. Clinger, "How to read floating point numbers accurately", 1990);
 * the others go to PyOS_string_to_double, which rounds correctly.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Rows of the three column-major output tables; models/block.py and models/record_types.py name them. */
enum { INT_TIMESTAMP, INT_MIN_DTE, INT_SEC_MIN_DTE, INT_START, INT_END, INT_ROWS, INT_MAX_PRIORS, INT_FLAGS, INT_INDEX,
       INT_COLUMNS };
enum {
    NUM_SPOT, NUM_ZERO_GAMMA, NUM_MAJOR_POS_VOL, NUM_MAJOR_POS_OI, NUM_MAJOR_NEG_VOL, NUM_MAJOR_NEG_OI,
    NUM_SUM_GEX_VOL, NUM_SUM_GEX_OI, NUM_DELTA_RISK_REVERSAL, NUM_MAX_PRIORS,
    NUM_COLUMNS = NUM_MAX_PRIORS + 12
};
enum { EXTRA_RECORD, EXTRA_START, EXTRA_END, EXTRA_ENVELOPE, EXTRA_COLUMNS };
enum { LADDER_COLUMNS = 8, PRIORS = 5, MAX_PRIORS = 6 };
enum { FLAG_PRIORS_COUNT = 1, FLAG_EXTRA = 2 };
enum { EXTRA_BYTES = 1 << 16 };

/* Why decode() came back. */
enum { STOP_END, STOP_INCOMPLETE, STOP_IRREGULAR, STOP_FULL };

typedef enum { OK, IRREGULAR, FULL } Outcome;

typedef struct {
    const char *text;
    const char *p;
    const char *ticker;
    Py_ssize_t ticker_length;
    int ticker_optional;
    long long min_us, max_us;
    int64_t *ints;      Py_ssize_t record_capacity;
    double *numbers;
    double *ladder;     Py_ssize_t row_capacity;
    int64_t *extras;    Py_ssize_t extra_capacity;
    Py_ssize_t record, row, extra;
    uint32_t seen;      /* bit per known key of the record */
    uint32_t flags;
} Decoder;

static inline void skip_space(Decoder *d) {
    if ((unsigned char)*d->p > ' ') return; /* in the vendor's form there is none */
    while (*d->p == ' ' || *d->p == '\n' || *d->p == '\r' || *d->p == '\t') d->p++;
}

/* Move past `c` and the whitespace around it. */
static inline int take(Decoder *d, char c) {
    skip_space(d);
    if (*d->p != c) return 0;
    d->p++;
    skip_space(d);
    return 1;
}

static inline int is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static Outcome read_integer(Decoder *d, int64_t *out) {
    const char *p = d->p;
    int negative = *p == '-';
    p += negative;
    const char *first = p;
    int64_t value = 0;
    while (is_digit(*p) && p - first < 18) value = value * 10 + (*p++ - '0');
    if (p == first || (*first == '0' && p - first > 1)) return IRREGULAR;
    if (is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E') return IRREGULAR;
    *out = negative ? -value : value;
    d->p = p;
    return OK;
}

/* A count of days; the column that it goes to has 32 bits. */
static Outcome read_days(Decoder *d, int64_t *out) {
    return read_integer(d, out) == OK && *out >= INT32_MIN && *out <= INT32_MAX ? OK : IRREGULAR;
}

/* Unix microseconds. Seconds stay below 10^11 until the year 5138, milliseconds below 10^14. */
static Outcome read_timestamp(Decoder *d, int64_t *out) {
    int64_t value;
    if (read_integer(d, &value) != OK || value < 0) return IRREGULAR;
    if (value < 100000000000LL) value *= 1000000;
    else if (value < 100000000000000LL) value *= 1000;
    *out = value;
    return value >= d->min_us && value <= d->max_us ? OK : IRREGULAR;
}

static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The correctly rounded double of any number text in JSON's grammar that ends at `end`. */
static Outcome read_long_number(Decoder *d, const char *end, double *out) {
    char *parsed;
    double value = PyOS_string_to_double(d->p, &parsed, NULL);
    if (PyErr_Occurred()) PyErr_Clear();
    if (parsed != end || !isfinite(value)) return IRREGULAR;
    *out = value;
    d->p = end;
    return OK;
}

static inline Outcome read_number(Decoder *d, double *out) {
    const char *p = d->p;
    int negative = *p == '-';
    p += negative;
    const char *first = p;
    uint64_t mantissa = 0;
    while (is_digit(*p)) mantissa = mantissa * 10 + (uint64_t)(*p++ - '0');
    Py_ssize_t digits = p - first;
    if (digits == 0 || (*first == '0' && digits > 1)) return IRREGULAR;
    int scale = 0;
    if (*p == '.') {
        const char *fraction = ++p;
        while (is_digit(*p)) mantissa = mantissa * 10 + (uint64_t)(*p++ - '0');
        if (p == fraction) return IRREGULAR;
        Py_ssize_t count = p - fraction;
        digits += count;
        scale = count > 400 ? 400 : (int)count;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        const char *exponent = p;
        while (is_digit(*p)) p++;
        if (p == exponent) return IRREGULAR;
        return read_long_number(d, p, out);
    }
    if (digits > 19 || mantissa > (1ULL << 53) || scale > 22) return read_long_number(d, p, out);
    double value = (double)mantissa / POWERS[scale];
    *out = negative ? -value : value;
    d->p = p;
    return OK;
}

static int take_null(Decoder *d) {
    if (strncmp(d->p, "null", 4) != 0) return 0;
    d->p += 4;
    return 1;
}

/* A string without escapes or control characters; the cursor stands on its opening quote. */
static Outcome read_plain_string(Decoder *d, const char **start, Py_ssize_t *length) {
    if (*d->p != '"') return IRREGULAR;
    const char *p = ++d->p;
    while ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\') p++;
    if (*p != '"') { d->p = p; return IRREGULAR; }
    *start = d->p;
    *length = p - d->p;
    d->p = p + 1;
    return OK;
}
