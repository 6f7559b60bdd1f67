/* Snapshots from columns to JSON text in the vendor's shape.
 *
 * The text must denote exactly the stored doubles and look like the vendor's: whole numbers without a point, the others
 * with as few decimals as they need. For v = i / 10^k with |i| < 2^53 and k <= 22 the quotient is exact to the last bit
 * (both are doubles, and division rounds correctly), which is also how a parser reads "i with k decimals"; so where
 * such an i is found for k <= 6, its digits are the answer. All other doubles go to PyOS_double_to_string, which finds
 * the shortest digits that read back as the same double.
 *
 * Memory safety: every store is preceded by a reservation of the most bytes it may need (see NUMBER_BYTES), and every
 * row and tail that is read is held against the size of its table. Text grows in memory of malloc, so that the whole
 * rendering runs without the interpreter's lock.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Rows of the table of integers; models/block.py names them. */
enum { INT_TIMESTAMP, INT_MIN_DTE, INT_SEC_MIN_DTE, INT_START, INT_END, INT_ROWS, INT_MAX_PRIORS, INT_FLAGS, INT_INDEX,
       INT_COLUMNS };
enum { MAX_PRIORS = 6 };

enum { NUMBER_BYTES = 32 };     /* the longest, -2.2250738585072014e-308, has 24; integers of 64 bits have 20 */

/* What a record looks like, as records.py writes it down: five bytes on tables and ladder, then a field behind the other,
 * each as its kind, the row of its table, and the length and text of what stands in front of its value. */
enum { FIELD_INT, FIELD_NUMBER, FIELD_LADDER, FIELD_MAX_PRIORS, FIELD_KINDS };
enum { LAYOUT_HEAD = 5, FIELD_HEAD = 3 };

typedef struct {
    char *start, *p, *end;
    PyThreadState *thread;  /* of the caller, while its lock is given up */
    int no_memory;
    int failed;             /* with a Python exception set */
} Text;

typedef struct {
    const unsigned char *layout, *layout_end;
    int number_rows, own, priors, rest, unknown;
    size_t row_bytes;       /* an entry of the ladder takes at most */
    size_t record_bytes;    /* a record without ticker, ladder and tail */
    const char *ticker;     Py_ssize_t ticker_length;
    const int64_t *ints;    Py_ssize_t records;
    const double *numbers;
    const double *ladder;   Py_ssize_t rows;    /* NULL: without ladders */
    const char *tails;      Py_ssize_t tails_length;
    const int64_t *tail_ends;
    Py_ssize_t first, stop;
    uint64_t *offsets;
} Tables;

static int reserve(Text *text, size_t bytes) {
    if ((size_t)(text->end - text->p) >= bytes) return 1;
    size_t used = (size_t)(text->p - text->start);
    size_t size = used + used / 2 + bytes + 4096;
    char *start = realloc(text->start, size);
    if (start == NULL) {
        text->no_memory = 1;
        return 0;
    }
    text->start = start;
    text->p = start + used;
    text->end = start + size;
    return 1;
}

static const char PAIRS[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657"
    "585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline char *put_pair(char *p, uint64_t value) {
    memcpy(p, PAIRS + 2 * value, 2);
    return p + 2;
}

static char *put_digits(char *p, uint64_t value) {
    if (value >= 10000) {
        p = put_digits(p, value / 10000);
        value %= 10000;
        p = put_pair(p, value / 100);
        return put_pair(p, value % 100);
    }
    if (value >= 100) {
        uint64_t hundreds = value / 100;
        if (hundreds >= 10) p = put_pair(p, hundreds);
        else *p++ = (char)('0' + hundreds);
        return put_pair(p, value % 100);
    }
    if (value >= 10) return put_pair(p, value);
    *p = (char)('0' + value);
    return p + 1;
}

static inline char *put_integer(char *p, int64_t value) {
    if (value < 0) *p++ = '-';
    return put_digits(p, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* The `places` digits behind a point, without the zeros at their end; nothing where all are zeros. */
static inline char *put_fraction(char *p, uint64_t fraction, int places) {
    if (fraction == 0) return p;
    while (fraction % 10 == 0) {
        fraction /= 10;
        places--;
    }
    *p++ = '.';
    for (int i = places - 1; i >= 0; i--) {
        p[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    return p + places;
}

/* The same of three places, which most numbers have. */
static inline char *put_thousandths(char *p, unsigned fraction) {
    if (fraction == 0) return p;
    p[0] = '.';
    p[1] = (char)('0' + fraction / 100);
    put_pair(p + 2, fraction % 100);
    return p + (fraction % 10 ? 4 : fraction % 100 ? 3 : 2);
}

/* `magnitude` where it is a decimal of that many places; NULL where it is not. */
static inline char *put_decimal(char *p, double magnitude, uint64_t power, int places) {
    double scaled = magnitude * (double)power;
    if (!(scaled < 9007199254740991.0)) return NULL;
    uint64_t digits = (uint64_t)(scaled + 0.5);
    if ((double)digits / (double)power != magnitude) return NULL;
    p = put_digits(p, digits / power);
    return places == 3 ? put_thousandths(p, (unsigned)(digits % power)) : put_fraction(p, digits % power, places);
}

static char *put_shortest(Text *text, char *p, double value) {
    PyEval_RestoreThread(text->thread);
    char *shortest = PyOS_double_to_string(value, 'r', 0, 0, NULL);
    size_t length = shortest ? strlen(shortest) : 0;
    if (shortest == NULL || length > NUMBER_BYTES) text->failed = 1;
    else memcpy(p, shortest, length);
    PyMem_Free(shortest);
    text->thread = PyEval_SaveThread();
    return text->failed ? p : p + length;
}

/* Within NUMBER_BYTES, which the caller has reserved. Three places first: they are what the vendor uses at most. */
static inline char *put_number(Text *text, char *p, double value) {
    if (value == 0) {
        if (signbit(value)) {  /* "-0" would be read as the integer 0 */
            memcpy(p, "-0.0", 4);
            return p + 4;
        }
        *p = '0';
        return p + 1;
    }
    if (!isfinite(value)) {
        memcpy(p, "null", 4);
        return p + 4;
    }
    double magnitude = fabs(value);
    char *first = p, *done;
    if (value < 0) *p++ = '-';
    if ((done = put_decimal(p, magnitude, 1000, 3))) return done;
    if (magnitude == floor(magnitude) && (done = put_decimal(p, magnitude, 1, 0))) return done;
    if ((done = put_decimal(p, magnitude, 1000000, 6))) return done;
    return put_shortest(text, first, value);
}

#define PUT(p, literal) (memcpy(p, literal, sizeof(literal) - 1), (p) + sizeof(literal) - 1)

/* Priors up to the last that is there; one that is missing in front of it is null. */
static inline char *put_entry(Text *text, char *p, const Tables *t, const double *cell) {
    Py_ssize_t stride = t->rows;
    *p++ = '[';
    for (int i = 0; i < t->own; i++) {
        p = put_number(text, p, cell[i * stride]);
        *p++ = ',';
    }
    *p++ = '[';
    int count = t->priors;
    while (count > 0 && isnan(cell[(t->own - 1 + count) * stride])) count--;
    for (int i = 0; i < count; i++) {
        if (i) *p++ = ',';
        p = put_number(text, p, cell[(t->own + i) * stride]);
    }
    *p++ = ']';
    for (int i = 0; i < t->rest; i++) {
        *p++ = ',';
        p = put_number(text, p, cell[(t->own + t->priors + i) * stride]);
    }
    for (int i = 0; i < t->unknown; i++) p = PUT(p, ",null");
    *p++ = ']';
    return p;
}

static int put_ladder(Text *text, const Tables *t, Py_ssize_t row, Py_ssize_t count) {
    if (!reserve(text, 16 + (size_t)count * t->row_bytes)) return 0;
    char *p = text->p;
    *p++ = '[';
    for (Py_ssize_t i = 0; i < count; i++) {
        if (i) *p++ = ',';
        p = put_entry(text, p, t, t->ladder + row + i);
    }
    *p++ = ']';
    text->p = p;
    return 1;
}

static inline char *put_days(char *p, int64_t value) { return value == INT64_MIN ? PUT(p, "null") : put_integer(p, value); }

static char *put_max_priors(Text *text, char *p, const Tables *t, Py_ssize_t record) {
    int64_t count = t->ints[INT_MAX_PRIORS * t->records + record];
    if (count < 0) return PUT(p, "null");
    *p++ = '[';
    for (int64_t i = 0; i < count && i < MAX_PRIORS; i++) {
        const double *cell = t->numbers + (t->number_rows - 2 * MAX_PRIORS + 2 * i) * t->records + record;
        if (i) *p++ = ',';
        *p++ = '[';
        p = put_number(text, p, *cell);
        *p++ = ',';
        p = put_number(text, p, cell[t->records]);
        *p++ = ']';
    }
    *p++ = ']';
    return p;
}

/* The values of a record, one field behind the other, each behind its name. */
static int put_fields(Text *text, const Tables *t, Py_ssize_t record, Py_ssize_t row, Py_ssize_t count) {
    for (const unsigned char *field = t->layout; field < t->layout_end; field += FIELD_HEAD + field[2]) {
        if (field[0] == FIELD_LADDER && t->ladder == NULL) continue;
        memcpy(text->p, field + FIELD_HEAD, field[2]);
        text->p += field[2];
        switch (field[0]) {
        case FIELD_INT: text->p = put_days(text->p, t->ints[field[1] * t->records + record]); break;
        case FIELD_NUMBER: text->p = put_number(text, text->p, t->numbers[field[1] * t->records + record]); break;
        case FIELD_MAX_PRIORS: text->p = put_max_priors(text, text->p, t, record); break;
        default:
            if (!put_ladder(text, t, row, count) || !reserve(text, t->record_bytes)) return 0;
        }
    }
    return 1;
}

static int put_record(Text *text, const Tables *t, Py_ssize_t record, Py_ssize_t row, Py_ssize_t count) {
    Py_ssize_t tail = record ? (Py_ssize_t)t->tail_ends[record - 1] : 0, tail_end = (Py_ssize_t)t->tail_ends[record];
    if (tail < 0 || tail > tail_end || tail_end > t->tails_length) return -1;
    if (!reserve(text, t->record_bytes + (size_t)t->ticker_length)) return 0;
    char *p = PUT(text->p, "{\"timestamp\":");
    int64_t us = t->ints[INT_TIMESTAMP * t->records + record];
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    if (us < 0) *p++ = '-';
    p = put_digits(p, magnitude / 1000000);
    p = put_fraction(p, magnitude % 1000000, 6);
    p = PUT(p, ",\"ticker\":");
    memcpy(p, t->ticker, (size_t)t->ticker_length);
    text->p = p + t->ticker_length;
    if (!put_fields(text, t, record, row, count) || !reserve(text, (size_t)(tail_end - tail) + 8)) return 0;
    memcpy(text->p, t->tails + tail, (size_t)(tail_end - tail));
    text->p += tail_end - tail;
    text->p = PUT(text->p, "},\n");
    return 1;
}

/* 1: done; 0: out of memory or an exception is set; -1: the tables do not fit together. */
static int put_records(Text *text, const Tables *t) {
    Py_ssize_t row = 0;
    for (Py_ssize_t record = t->first; record < t->stop; record++) {
        int64_t count = t->ladder ? t->ints[INT_ROWS * t->records + record] : 0;
        if (count < 0 || count > t->rows - row) return -1;
        t->offsets[record - t->first] = (uint64_t)(text->p - text->start);
        int outcome = put_record(text, t, record, row, (Py_ssize_t)count);
        if (outcome != 1) return outcome;
        if (text->failed) return 0;
        row += (Py_ssize_t)count;
    }
    t->offsets[t->stop - t->first] = (uint64_t)(text->p - text->start);
    return t->ladder == NULL || row == t->rows ? 1 : -1;
}

static int misfit(void) {
    PyErr_SetString(PyExc_ValueError, "the tables do not fit together");
    return 0;
}

/* A table of so many rows of 8-byte values; *columns of them, or -1: as many as there are. */
static int table(PyObject *object, Py_buffer *view, int flags, Py_ssize_t rows, Py_ssize_t *columns) {
    if (PyObject_GetBuffer(object, view, flags | PyBUF_C_CONTIGUOUS) < 0) return 0;
    Py_ssize_t found = view->len / (rows * 8);
    if (view->len == found * rows * 8 && (uintptr_t)view->buf % 8 == 0 && (*columns < 0 || *columns == found)) {
        *columns = found;
        return 1;
    }
    PyBuffer_Release(view);
    return misfit();
}

/* Reads the layout and holds it to the tables; every field lies within it, and names a row that there is. */
static int read_layout(Tables *t, const unsigned char *layout, Py_ssize_t length) {
    if (length < LAYOUT_HEAD) return misfit();
    t->number_rows = layout[0];
    t->own = layout[1];
    t->priors = layout[2];
    t->rest = layout[3];
    t->unknown = layout[4];
    if (t->number_rows == 0 || (t->priors && !t->own)) return misfit();
    t->row_bytes = (size_t)(t->own + t->priors + t->rest + t->unknown) * (NUMBER_BYTES + 1) + 8;
    t->record_bytes = 128;
    t->layout = layout + LAYOUT_HEAD;
    t->layout_end = layout + length;
    for (const unsigned char *field = t->layout; field < t->layout_end; field += FIELD_HEAD + field[2]) {
        if (t->layout_end - field < FIELD_HEAD || t->layout_end - field < FIELD_HEAD + field[2]) return misfit();
        if (field[0] >= FIELD_KINDS || field[1] >= (field[0] == FIELD_INT ? INT_COLUMNS : t->number_rows)) return misfit();
        if (field[0] == FIELD_MAX_PRIORS && t->number_rows < 2 * MAX_PRIORS) return misfit();
        int numbers = field[0] == FIELD_MAX_PRIORS ? 2 * MAX_PRIORS + 1 : 1;
        t->record_bytes += (size_t)field[2] + (size_t)numbers * (NUMBER_BYTES + 4);
    }
    return 1;
}

PyDoc_STRVAR(render_doc,
"render(layout, ticker, ints, numbers, ladder, tails, tail_ends, first, stop, offsets) -> bytes\n\n"
"The records first .. stop - 1 as JSON objects, each with a comma and a newline behind it.\n"
"`layout` says what their fields are. `ladder` holds the ladder rows of just these records; None leaves them out.\n"
"`offsets` is filled with where each record begins, and the end. Raises ValueError where the tables do not fit together.");

static PyObject *render(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *ints, *numbers, *ladder, *tail_ends, *offsets, *result = NULL;
    Py_buffer layout, tails, views[5];
    Tables t = {0};
    Text text = {0};
    int held = 0;
    if (!PyArg_ParseTuple(args, "y*y#OOOy*OnnO", &layout, &t.ticker, &t.ticker_length, &ints, &numbers, &ladder, &tails,
                          &tail_ends, &t.first, &t.stop, &offsets))
        return NULL;
    t.records = -1;
    if (!read_layout(&t, layout.buf, layout.len)) goto done;
    if (!table(ints, &views[0], PyBUF_SIMPLE, INT_COLUMNS, &t.records)) goto done;
    held = 1;
    if (!table(numbers, &views[1], PyBUF_SIMPLE, t.number_rows, &t.records)) goto done;
    held = 2;
    if (!table(tail_ends, &views[2], PyBUF_SIMPLE, 1, &t.records)) goto done;
    held = 3;
    if (t.first < 0 || t.first > t.stop || t.stop > t.records) { misfit(); goto done; }
    Py_ssize_t bounds = t.stop - t.first + 1;
    if (!table(offsets, &views[3], PyBUF_WRITABLE, 1, &bounds)) goto done;
    held = 4;
    if (ladder != Py_None) {
        t.rows = -1;
        if (t.own == 0) { misfit(); goto done; }
        if (!table(ladder, &views[4], PyBUF_SIMPLE, t.own + t.priors + t.rest, &t.rows)) goto done;
        held = 5;
        t.ladder = views[4].buf;
    }
    t.ints = views[0].buf;
    t.numbers = views[1].buf;
    t.tail_ends = views[2].buf;
    t.offsets = views[3].buf;
    t.tails = tails.buf;
    t.tails_length = tails.len;
    text.thread = PyEval_SaveThread();
    int outcome = put_records(&text, &t);
    PyEval_RestoreThread(text.thread);
    if (outcome == 1) result = PyBytes_FromStringAndSize(text.start ? text.start : "", text.p - text.start);
    else if (outcome < 0) misfit();
    else if (text.no_memory) PyErr_NoMemory();
    else if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "a number's text is longer than any can be");
    free(text.start);
done:
    while (held > 0) PyBuffer_Release(&views[--held]);
    PyBuffer_Release(&tails);
    PyBuffer_Release(&layout);
    return result;
}

static PyMethodDef METHODS[] = {{"render", render, METH_VARARGS, render_doc}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_render", "Snapshots as JSON text.", 0, METHODS,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__render(void) { return PyModule_Create(&MODULE); }
