/* Regular GEX records, straight from JSON text into columns.
 *
 * This is the inner loop of the import. It accepts exactly one thing, a record of the vendor's regular form, and stops
 * in front of everything else, so that one careful reader (careful.py) decides what irregular input means. Regular is:
 *
 *   - an object whose keys have no escapes; the vendor's keys at most once each, in any order, whitespace allowed;
 *   - numbers in JSON's grammar that fit a double; `min_dte` and `sec_min_dte` integers of 32 bits;
 *   - `timestamp` an integer of Unix seconds, or by its magnitude milli- or microseconds, within the given bounds;
 *   - `ticker` equal to the expected one, but for case; `spot` > 0; `max_priors` at most six [strike, change];
 *   - `strikes` a non-empty array of [strike, gex_vol, gex_oi] or [strike, gex_vol, gex_oi, [up to five priors]]
 *     with strike > 0;
 *   - optional fields absent or null; unknown fields anything that is bracketed and quoted in balance and not very
 *     long (the caller parses those); or all of this inside the `payload` of an envelope.
 *
 * Memory safety rests on one rule: the caller's text ends in a NUL byte, no state accepts NUL, and a cursor never moves
 * past a byte that it has not accepted. Every store is bounded by the capacities computed from the buffers' sizes.
 */
#include "_tokens.h"

enum {
    KEY_TIMESTAMP, KEY_TICKER, KEY_MIN_DTE, KEY_SEC_MIN_DTE, KEY_STRIKES, KEY_MAX_PRIORS, KEY_PAYLOAD, KEY_NUMBERS,
    KEY_UNKNOWN = 31
};

typedef struct { const char *name; uint8_t length; uint8_t key; } Key;
#define KEY(name, key) {name, sizeof(name) - 1, key}
static const Key KEYS[] = {  /* in the vendor's order: the search below starts where the last key was found */
    KEY("timestamp", KEY_TIMESTAMP), KEY("ticker", KEY_TICKER), KEY("min_dte", KEY_MIN_DTE),
    KEY("sec_min_dte", KEY_SEC_MIN_DTE), KEY("spot", KEY_NUMBERS + NUM_SPOT),
    KEY("zero_gamma", KEY_NUMBERS + NUM_ZERO_GAMMA), KEY("major_pos_vol", KEY_NUMBERS + NUM_MAJOR_POS_VOL),
    KEY("major_pos_oi", KEY_NUMBERS + NUM_MAJOR_POS_OI), KEY("major_neg_vol", KEY_NUMBERS + NUM_MAJOR_NEG_VOL),
    KEY("major_neg_oi", KEY_NUMBERS + NUM_MAJOR_NEG_OI), KEY("strikes", KEY_STRIKES),
    KEY("sum_gex_vol", KEY_NUMBERS + NUM_SUM_GEX_VOL), KEY("sum_gex_oi", KEY_NUMBERS + NUM_SUM_GEX_OI),
    KEY("delta_risk_reversal", KEY_NUMBERS + NUM_DELTA_RISK_REVERSAL), KEY("max_priors", KEY_MAX_PRIORS),
    KEY("spot_price", KEY_NUMBERS + NUM_SPOT), KEY("payload", KEY_PAYLOAD),
};
enum { KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };
#define REQUIRED ((1u << KEY_TIMESTAMP) | (1u << KEY_STRIKES) | (1u << (KEY_NUMBERS + NUM_SPOT)))

static inline char in_capitals(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }

/* Capitals or not: case is no part of a ticker. */
static Outcome read_ticker(Decoder *d) {
    const char *start;
    Py_ssize_t length;
    if (read_plain_string(d, &start, &length) != OK || length != d->ticker_length) return IRREGULAR;
    for (Py_ssize_t i = 0; i < length; i++) {
        if (in_capitals(start[i]) != in_capitals(d->ticker[i])) return IRREGULAR;
    }
    return OK;
}

static inline Outcome read_priors(Decoder *d, double *cell, Py_ssize_t stride) {
    int count = 0;
    if (!take(d, '[')) return IRREGULAR;
    if (*d->p != ']') {
        do {
            if (count == PRIORS || read_number(d, cell) != OK) return IRREGULAR;
            cell += stride;
            count++;
        } while (take(d, ','));
    }
    if (*d->p != ']') return IRREGULAR;
    d->p++;
    if (count < PRIORS) {
        d->flags |= FLAG_PRIORS_COUNT;
        for (; count < PRIORS; count++, cell += stride) *cell = Py_NAN;
    }
    return OK;
}

static inline Outcome read_strike_row(Decoder *d, double *cell, Py_ssize_t stride) {
    if (!take(d, '[') || read_number(d, cell) != OK || !(*cell > 0)) return IRREGULAR;
    if (!take(d, ',') || read_number(d, cell + stride) != OK) return IRREGULAR;
    if (!take(d, ',') || read_number(d, cell + 2 * stride) != OK) return IRREGULAR;
    if (take(d, ',')) {
        if (read_priors(d, cell + 3 * stride, stride) != OK) return IRREGULAR;
        skip_space(d);
    } else {
        d->flags |= FLAG_PRIORS_COUNT;
        for (int i = 3; i < LADDER_COLUMNS; i++) cell[i * stride] = Py_NAN;
    }
    if (*d->p != ']') return IRREGULAR;
    d->p++;
    return OK;
}

static Outcome read_strikes(Decoder *d, int64_t *rows) {
    Py_ssize_t row = d->row;
    if (!take(d, '[')) return IRREGULAR;
    do {
        if (row >= d->row_capacity) return FULL;
        if (read_strike_row(d, d->ladder + row, d->row_capacity) != OK) return IRREGULAR;
        row++;
    } while (take(d, ','));
    if (*d->p != ']') return IRREGULAR;
    d->p++;
    *rows = row - d->row;
    return OK;
}

static Outcome read_max_priors(Decoder *d, int64_t *count) {
    *count = 0;
    if (!take(d, '[')) return IRREGULAR;
    if (*d->p != ']') {
        do {
            if (*count == MAX_PRIORS) return IRREGULAR;
            double *cell = d->numbers + (NUM_MAX_PRIORS + 2 * *count) * d->record_capacity + d->record;
            if (!take(d, '[') || read_number(d, cell) != OK) return IRREGULAR;
            if (!take(d, ',') || read_number(d, cell + d->record_capacity) != OK) return IRREGULAR;
            skip_space(d);
            if (*d->p != ']') return IRREGULAR;
            d->p++;
            ++*count;
        } while (take(d, ','));
    }
    if (*d->p != ']') return IRREGULAR;
    d->p++;
    return OK;
}

static Outcome skip_string(Decoder *d) {
    const char *p = d->p + 1;
    for (;; p++) {
        if (*p == '\\' && p[1] != '\0') p++;
        else if (*p == '"') { d->p = p + 1; return OK; }
        else if ((unsigned char)*p < 0x20) { d->p = p; return IRREGULAR; }
    }
}

/* Past a value of any kind, only balanced, not checked: the caller parses what stands here. A very long one may be the
 * array of records itself, with nothing to be gained from its end. */
static Outcome skip_value(Decoder *d) {
    const char *start = d->p;
    Py_ssize_t depth = 0;
    do {
        if (d->p - start > EXTRA_BYTES) return IRREGULAR;
        switch (*d->p) {
        case '\0': return IRREGULAR;
        case '"':
            if (skip_string(d) != OK) return IRREGULAR;
            break;
        case '[': case '{':
            depth++;
            d->p++;
            break;
        case ']': case '}':
            if (depth == 0) return IRREGULAR;
            depth--;
            d->p++;
            break;
        default:
            if (depth == 0) {
                while (*d->p && !strchr(",]}\"[{ \n\r\t", *d->p)) d->p++;
                if (d->p == start) return IRREGULAR;
            } else {
                d->p++;
            }
        }
    } while (depth > 0);
    return OK;
}

static Outcome keep_extra(Decoder *d, const char *start, int envelope) {
    if (d->extra == d->extra_capacity) return FULL;
    if (skip_value(d) != OK) return IRREGULAR;
    int64_t *out = d->extras + d->extra;
    out[EXTRA_RECORD * d->extra_capacity] = d->record;
    out[EXTRA_START * d->extra_capacity] = start - d->text;
    out[EXTRA_END * d->extra_capacity] = d->p - d->text;
    out[EXTRA_ENVELOPE * d->extra_capacity] = envelope;
    d->extra++;
    d->flags |= FLAG_EXTRA;
    return OK;
}

static Outcome read_field(Decoder *d, int key) {
    int64_t *ints = d->ints + d->record;
    switch (key) {
    case KEY_TIMESTAMP: return read_timestamp(d, ints + INT_TIMESTAMP * d->record_capacity);
    case KEY_TICKER: return read_ticker(d);
    case KEY_MIN_DTE: return take_null(d) ? OK : read_days(d, ints + INT_MIN_DTE * d->record_capacity);
    case KEY_SEC_MIN_DTE: return take_null(d) ? OK : read_days(d, ints + INT_SEC_MIN_DTE * d->record_capacity);
    case KEY_STRIKES: return read_strikes(d, ints + INT_ROWS * d->record_capacity);
    case KEY_MAX_PRIORS: return take_null(d) ? OK : read_max_priors(d, ints + INT_MAX_PRIORS * d->record_capacity);
    case KEY_NUMBERS + NUM_SPOT: {
        double *spot = d->numbers + NUM_SPOT * d->record_capacity + d->record;
        return read_number(d, spot) == OK && *spot > 0 ? OK : IRREGULAR;
    }
    default:
        if (take_null(d)) return OK;
        return read_number(d, d->numbers + (key - KEY_NUMBERS) * d->record_capacity + d->record);
    }
}

static int find_key(const char *name, Py_ssize_t length, int *hint) {
    for (int i = 0; i < KEY_COUNT; i++) {
        int at = *hint + i < KEY_COUNT ? *hint + i : *hint + i - KEY_COUNT;
        if (KEYS[at].length == length && memcmp(KEYS[at].name, name, (size_t)length) == 0) {
            *hint = at + 1 < KEY_COUNT ? at + 1 : 0;
            return KEYS[at].key;
        }
    }
    return KEY_UNKNOWN;
}

/* The members of an object up to its closing brace. `inside` is true within an envelope's payload. */
static Outcome read_object(Decoder *d, int inside) {
    int hint = 0, envelope = 0, ticker = 0;
    if (!take(d, '{')) return IRREGULAR;
    do {
        const char *start = d->p, *name;
        Py_ssize_t length;
        if (read_plain_string(d, &name, &length) != OK || !take(d, ':')) return IRREGULAR;
        int key = find_key(name, length, &hint);
        Outcome outcome;
        if (key == KEY_UNKNOWN) {
            outcome = keep_extra(d, start, !inside);
        } else if (key == KEY_PAYLOAD && !inside && !envelope && (d->seen & ~(1u << KEY_TICKER)) == 0) {
            ticker = d->seen != 0;
            d->seen = 0;
            envelope = 1;
            outcome = read_object(d, 1);
        } else if (key == KEY_TICKER && envelope && !ticker) {
            ticker = 1;
            outcome = read_ticker(d);
        } else if (key == KEY_PAYLOAD || envelope || d->seen & (1u << key)) {
            return IRREGULAR;
        } else {
            d->seen |= 1u << key;
            outcome = read_field(d, key);
        }
        if (outcome != OK) return outcome;
    } while (take(d, ','));
    if (*d->p != '}') return IRREGULAR;
    d->p++;
    if (ticker) d->seen |= 1u << KEY_TICKER;
    if (!inside && !envelope && d->flags & FLAG_EXTRA) {
        for (Py_ssize_t i = d->extra - 1; i >= 0 && d->extras[i] == d->record; i--)
            d->extras[EXTRA_ENVELOPE * d->extra_capacity + i] = 0;
    }
    return OK;
}

static Outcome read_record(Decoder *d) {
    int64_t *ints = d->ints + d->record;
    double *numbers = d->numbers + d->record;
    ints[INT_MIN_DTE * d->record_capacity] = INT64_MIN;
    ints[INT_SEC_MIN_DTE * d->record_capacity] = INT64_MIN;
    ints[INT_MAX_PRIORS * d->record_capacity] = -1;
    for (int i = 0; i < NUM_COLUMNS; i++) numbers[i * d->record_capacity] = Py_NAN;
    d->seen = d->flags = 0;
    const char *start = d->p;
    Outcome outcome = read_object(d, 0);
    if (outcome != OK) return outcome;
    uint32_t required = REQUIRED | (d->ticker_optional ? 0 : 1u << KEY_TICKER);
    if ((d->seen & required) != required) return IRREGULAR;
    ints[INT_START * d->record_capacity] = start - d->text;
    ints[INT_END * d->record_capacity] = d->p - d->text;
    ints[INT_FLAGS * d->record_capacity] = d->flags;
    d->row += (Py_ssize_t)ints[INT_ROWS * d->record_capacity];
    d->record++;
    return OK;
}

static int read_records(Decoder *d, const char *end) {
    for (;;) {
        while (*d->p == ',' || *d->p == ' ' || *d->p == '\n' || *d->p == '\r' || *d->p == '\t') d->p++;
        if (d->p == end) return STOP_END;
        if (d->record == d->record_capacity) return STOP_FULL;
        const char *start = d->p;
        Py_ssize_t extra = d->extra;
        Outcome outcome = *d->p == '{' ? read_record(d) : IRREGULAR;
        if (outcome == OK) continue;
        /* A record that runs into the terminator may only be waiting for the rest of its text. */
        int incomplete = outcome == IRREGULAR && *start == '{' && end - d->p < 64;
        d->p = start;
        d->extra = extra;
        if (outcome == FULL) return STOP_FULL;
        return incomplete ? STOP_INCOMPLETE : STOP_IRREGULAR;
    }
}

static int table(PyObject *object, Py_buffer *view, Py_ssize_t columns, Py_ssize_t *capacity) {
    if (PyObject_GetBuffer(object, view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) < 0) return 0;
    *capacity = view->len / (columns * 8);
    if (*capacity > 0 && view->len == *capacity * columns * 8 && (uintptr_t)view->buf % 8 == 0) return 1;
    PyErr_SetString(PyExc_ValueError, "an output table has the wrong size or is not aligned");
    PyBuffer_Release(view);
    return 0;
}

PyDoc_STRVAR(decode_doc,
"decode(text, start, stop, ticker, ticker_optional, min_us, max_us, ints, numbers, ladder, extras, records, rows)\n"
"  -> (records, rows, extras, position, why)\n\n"
"Append the regular records of text[start:stop] to column-major tables that already hold `records` and `rows`.\n"
"`text[stop]` must be a NUL byte. Comes back in front of the first record it does not take, saying why.");

static PyObject *decode(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *ints, *numbers, *ladder, *extras;
    Py_buffer text, views[4];
    Py_ssize_t start, stop, number_capacity;
    /* "L" fills a long long, which int64_t is the same size as everywhere CPython runs. */
    Decoder d = {0};
    if (!PyArg_ParseTuple(args, "y*nny#pLLOOOOnn", &text, &start, &stop, &d.ticker, &d.ticker_length, &d.ticker_optional,
                          &d.min_us, &d.max_us, &ints, &numbers, &ladder, &extras, &d.record, &d.row))
        return NULL;
    PyObject *result = NULL;
    int held = 0;
    if (start < 0 || start > stop || stop >= text.len || ((const char *)text.buf)[stop] != '\0') {
        PyErr_SetString(PyExc_ValueError, "text[start:stop] must be followed by a NUL byte");
        goto done;
    }
    if (!table(ints, &views[0], INT_COLUMNS, &d.record_capacity)) goto done;
    held = 1;
    if (!table(numbers, &views[1], NUM_COLUMNS, &number_capacity)) goto done;
    held = 2;
    if (!table(ladder, &views[2], LADDER_COLUMNS, &d.row_capacity)) goto done;
    held = 3;
    if (!table(extras, &views[3], EXTRA_COLUMNS, &d.extra_capacity)) goto done;
    held = 4;
    if (number_capacity != d.record_capacity || d.record < 0 || d.record > d.record_capacity || d.row < 0
        || d.row > d.row_capacity) {
        PyErr_SetString(PyExc_ValueError, "the output tables do not fit together");
        goto done;
    }
    d.text = text.buf;
    d.p = d.text + start;
    d.ints = views[0].buf;
    d.numbers = views[1].buf;
    d.ladder = views[2].buf;
    d.extras = views[3].buf;
    int why = read_records(&d, d.text + stop);
    result = Py_BuildValue("nnnni", d.record, d.row, d.extra, (Py_ssize_t)(d.p - d.text), why);
done:
    while (held > 0) PyBuffer_Release(&views[--held]);
    PyBuffer_Release(&text);
    return result;
}

static PyMethodDef METHODS[] = {{"decode", decode, METH_VARARGS, decode_doc}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_native", "Regular GEX records into columns.", 0, METHODS,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&MODULE);
    if (module == NULL) return NULL;
    if (PyModule_AddIntMacro(module, STOP_END) < 0 || PyModule_AddIntMacro(module, STOP_INCOMPLETE) < 0
        || PyModule_AddIntMacro(module, STOP_IRREGULAR) < 0 || PyModule_AddIntMacro(module, STOP_FULL) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
