/* Columns of doubles as the pages of a Parquet file.
 *
 * A ladder mostly repeats the one before it: a value stands where the same one stood a snapshot ago. So the number of a
 * value in its dictionary is looked up there first, and in a hash table only where that fails. Libraries hash every
 * value, or leave the repetition to the compressor, which costs them several times as much.
 *
 * Format: https://parquet.apache.org/docs/file-format/data-pages/encodings/, data pages of version 1 of an optional
 * column: definition levels, then values as RLE_DICTIONARY or PLAIN. NaN stands for NULL. Doubles are told apart by
 * their bits, so -0.0 and 0.0 both keep theirs.
 *
 * Little-endian machines only: PLAIN copies memory.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "PLAIN pages are copied from memory, which has to be little-endian"
#endif

enum { MOST_VALUES = (1 << 16) - 1, SLOTS = 1 << 17, MOST_ROWS = 1 << 28 };

static Py_ssize_t most_bytes_of(Py_ssize_t count, Py_ssize_t pages) { return count * 8 + count / 8 + 64 * pages; }

typedef struct {
    const uint8_t *p, *end;
} Input;

#include "_mapped.h"
#include "_lz4.h"
#include "_page_reader.h"

#define NOTHING 0xFFFFu /* no number of a value: they are below MOST_VALUES */

typedef struct {
    const double *values;
    Py_ssize_t count, lag;
    uint16_t *numbers;      /* of each value in the dictionary */
    uint16_t slots[SLOTS];
    double *dictionary;
    Py_ssize_t unique;
    double least, most;
} Column;

/* Rows first .. stop - 1 of a column, which become a page. */
typedef struct {
    Py_ssize_t first, stop, nulls, length;
} Page;

static inline uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

/* The number of a value, which is entered if it is new; NOTHING when the dictionary is full. */
static inline unsigned number_of(Column *c, double value) {
    uint64_t bits = bits_of(value);
    for (unsigned slot = (unsigned)((bits * 0x9E3779B97F4A7C15u) >> 47);; slot = (slot + 1) % SLOTS) {
        unsigned number = c->slots[slot];
        if (number == NOTHING) {
            if (c->unique == MOST_VALUES) return NOTHING;
            c->dictionary[c->unique] = value;
            c->slots[slot] = (uint16_t)c->unique;
            if (value < c->least) c->least = value;
            if (value > c->most) c->most = value;
            return (unsigned)c->unique++;
        }
        if (bits_of(c->dictionary[number]) == bits) return number;
    }
}

/* Whether there is a dictionary of all values of the pages, with the number of each. Counts NULLs as far as it comes. */
static int number_values(Column *c, Page *pages, Py_ssize_t count) {
    memset(c->slots, 0xFF, sizeof c->slots);
    Py_ssize_t i = 0;
    for (Page *page = pages; page < pages + count; page++) {
        for (page->nulls = 0; i < page->stop; i++) {
            double value = c->values[i];
            if (isnan(value)) {
                page->nulls++;
                c->numbers[i] = NOTHING;
            } else if (i >= c->lag && bits_of(value) == bits_of(c->values[i - c->lag])) {
                c->numbers[i] = c->numbers[i - c->lag];
            } else if ((c->numbers[i] = (uint16_t)number_of(c, value)) == NOTHING) {
                return 0;
            }
        }
    }
    return 1;
}

/* NULLs and bounds, where there is no dictionary to tell them. */
static void survey(Column *c, Page *pages, Py_ssize_t count) {
    Py_ssize_t i = 0;
    for (Page *page = pages; page < pages + count; page++) {
        for (page->nulls = 0; i < page->stop; i++) {
            double value = c->values[i];
            page->nulls += isnan(value) != 0;
            if (value < c->least) c->least = value;
            if (value > c->most) c->most = value;
        }
    }
}

/* ---- pages ---- */

static uint8_t *put_varint(uint8_t *out, uint64_t value) {
    while (value > 0x7F) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* A run of `count` times the same value of at most eight bits. */
static uint8_t *put_repeated(uint8_t *out, Py_ssize_t count, uint8_t value) {
    out = put_varint(out, (uint64_t)count << 1);
    *out++ = value;
    return out;
}

/* Header of a run of packed values, which is filled up to a multiple of eight. */
static uint8_t *put_packed_header(uint8_t *out, Py_ssize_t count) {
    return put_varint(out, ((uint64_t)((count + 7) / 8) << 1) | 1);
}

/* One bit a value: 0 for NULL. Their length stands in front. */
static uint8_t *put_definition_levels(const Column *c, const Page *page, uint8_t *out) {
    uint8_t *start = out + 4;
    Py_ssize_t count = page->stop - page->first;
    if (page->nulls == 0 || page->nulls == count) {
        out = put_repeated(start, count, page->nulls == 0);
    } else {
        out = put_packed_header(start, count);
        memset(out, 0, (size_t)(count + 7) / 8);
        for (Py_ssize_t i = 0; i < count; i++)
            if (!isnan(c->values[page->first + i])) out[i / 8] |= (uint8_t)(1u << (i % 8));
        out += (count + 7) / 8;
    }
    uint32_t length = (uint32_t)(out - start);
    memcpy(start - 4, &length, 4);
    return out;
}

/* Bits of a number: whole bytes, though fewer bits might do. Then a ladder repeats the bytes of the one before it, which
 * the compressor finds: the file is a quarter smaller, and a number can be read by its place. */
static int width_of(Py_ssize_t unique) { return unique <= 256 ? 8 : 16; }

/* Numbers of the values that are not NULL. */
static uint8_t *put_numbers(const Column *c, const Page *page, uint8_t *out) {
    Py_ssize_t count = page->stop - page->first - page->nulls, filled = (8 - count % 8) % 8;
    int width = width_of(c->unique);
    *out++ = (uint8_t)width;
    if (c->unique == 1) return put_repeated(out, count, 0);
    out = put_packed_header(out, count);
    if (width == 16 && page->nulls == 0) {
        memcpy(out, c->numbers + page->first, (size_t)count * 2);
        out += count * 2;
    } else {
        for (Py_ssize_t i = page->first; i < page->stop; i++) {
            if (c->numbers[i] == NOTHING) continue;
            *out++ = (uint8_t)c->numbers[i];
            if (width == 16) *out++ = (uint8_t)(c->numbers[i] >> 8);
        }
    }
    memset(out, 0, (size_t)(filled * width / 8));
    return out + filled * width / 8;
}

static uint8_t *put_plain(const Column *c, const Page *page, uint8_t *out) {
    Py_ssize_t count = page->stop - page->first;
    if (page->nulls == 0) {
        memcpy(out, c->values + page->first, (size_t)count * 8);
        return out + count * 8;
    }
    for (Py_ssize_t i = page->first; i < page->stop; i++) {
        if (isnan(c->values[i])) continue;
        memcpy(out, &c->values[i], 8);
        out += 8;
    }
    return out;
}

/* Whether a dictionary makes the column smaller. */
static int pays(const Column *c, Py_ssize_t nulls) {
    Py_ssize_t count = c->count - nulls;
    return c->unique > 0 && c->unique + count * width_of(c->unique) / 64 < count;
}

/* Write the pages of a column one behind the other. */
static void encode(Column *c, Page *pages, Py_ssize_t count, uint8_t *out) {
    c->least = INFINITY;
    c->most = -INFINITY;
    int numbered = number_values(c, pages, count);
    if (!numbered) survey(c, pages, count);
    Py_ssize_t nulls = 0;
    for (Py_ssize_t i = 0; i < count; i++) nulls += pages[i].nulls;
    if (!numbered || !pays(c, nulls)) c->unique = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        uint8_t *start = out;
        out = put_definition_levels(c, &pages[i], out);
        out = c->unique ? put_numbers(c, &pages[i], out) : put_plain(c, &pages[i], out);
        pages[i].length = out - start;
    }
}

/* ---- from Python ---- */

PyDoc_STRVAR(encode_doubles_doc,
"encode_doubles(values, lag, ends, dictionary, out) -> (unique, least, most, [(nulls, length), ...])\n\n"
"Write a column as data pages, one behind the other, into `out`: a page ends before each row of `ends`, the last of them\n"
"len(values). The `unique` values that their numbers stand for go into `dictionary`; 0 of them where the pages have\n"
"plain values. NaN is NULL. A value is sought `lag` rows before it first. `dictionary` needs MOST_VALUES doubles, `out`\n"
"most_bytes(len(values), len(ends)) bytes. least > most where all are NULL.");

/* Where the pages end, each behind the one before it. */
static int set_bounds(Page *pages, const int64_t *ends, Py_ssize_t count, Py_ssize_t rows) {
    Py_ssize_t first = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (ends[i] <= first || ends[i] > rows) return 0;
        pages[i].first = first;
        first = pages[i].stop = (Py_ssize_t)ends[i];
    }
    return first == rows;
}

static PyObject *outcome_of(const Column *column, const Page *pages, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        PyObject *page = Py_BuildValue("nn", pages[i].nulls, pages[i].length);
        if (page == NULL || PyList_SetItem(list, i, page) < 0) Py_CLEAR(list);
    }
    return list == NULL ? NULL : Py_BuildValue("nddN", column->unique, column->least, column->most, list);
}

static PyObject *encode_doubles(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer values, ends, dictionary, out;
    Py_ssize_t lag;
    if (!PyArg_ParseTuple(args, "y*ny*w*w*", &values, &lag, &ends, &dictionary, &out)) return NULL;
    PyObject *result = NULL;
    Py_ssize_t rows = values.len / 8, count = ends.len / 8;
    Column *column = PyMem_Malloc(sizeof *column);
    uint16_t *numbers = PyMem_Malloc((size_t)(rows ? rows : 1) * 2);
    Page *pages = PyMem_Malloc((size_t)(count ? count : 1) * sizeof *pages);
    if (column == NULL || numbers == NULL || pages == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (values.len % 8 || (uintptr_t)values.buf % 8 || (uintptr_t)dictionary.buf % 8 || rows < 1 || lag < 1) {
        PyErr_SetString(PyExc_ValueError, "values and dictionary must be aligned doubles, at least one, and lag above 0");
        goto done;
    }
    if (ends.len % 8 || (uintptr_t)ends.buf % 8 || !set_bounds(pages, ends.buf, count, rows)) {
        PyErr_SetString(PyExc_ValueError, "the ends of the pages must ascend, up to the number of values");
        goto done;
    }
    if (dictionary.len < MOST_VALUES * 8 || out.len < most_bytes_of(rows, count)) {
        PyErr_SetString(PyExc_ValueError, "the dictionary or the buffer for pages is too small");
        goto done;
    }
    *column = (Column){.values = values.buf, .count = rows, .lag = lag, .numbers = numbers, .dictionary = dictionary.buf};
    Py_BEGIN_ALLOW_THREADS
    encode(column, pages, count, out.buf);
    Py_END_ALLOW_THREADS
    result = outcome_of(column, pages, count);
done:
    PyMem_Free(pages);
    PyMem_Free(numbers);
    PyMem_Free(column);
    PyBuffer_Release(&values);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&dictionary);
    PyBuffer_Release(&out);
    return result;
}

PyDoc_STRVAR(encode_runs_doc,
"encode_runs(rows, first, width) -> bytes\n\n"
"Numbers first, first + 1, ... of `width` bits, each as often as `rows` says, as a page without NULLs; none for 0 rows.");

static PyObject *encode_runs(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer rows;
    Py_ssize_t first;
    int width;
    if (!PyArg_ParseTuple(args, "y*ni", &rows, &first, &width)) return NULL;
    PyObject *result = NULL;
    const int64_t *counts = rows.buf;
    Py_ssize_t count = rows.len / 8;
    int size = (width + 7) / 8;
    uint8_t *out = NULL, *start = NULL;
    uint64_t total = 0;
    if (rows.len % 8 || (uintptr_t)rows.buf % 8 || first < 0 || width < 1 || width > 32) {
        PyErr_SetString(PyExc_ValueError, "rows must be aligned integers of 64 bits, and the width 1 to 32");
        goto done;
    }
    if ((out = start = PyMem_Malloc((size_t)count * 16 + 32)) == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) total += (uint64_t)counts[i];
    uint8_t *levels = out += 4;
    out = put_varint(out, total << 1);
    *out++ = 1;
    uint32_t length = (uint32_t)(out - levels);
    memcpy(start, &length, 4);
    *out++ = (uint8_t)width;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (counts[i] == 0) continue;
        out = put_varint(out, (uint64_t)counts[i] << 1);
        for (int byte = 0; byte < size; byte++) *out++ = (uint8_t)((first + i) >> (8 * byte));
    }
    result = PyBytes_FromStringAndSize((const char *)start, out - start);
done:
    PyMem_Free(start);
    PyBuffer_Release(&rows);
    return result;
}

PyDoc_STRVAR(most_bytes_doc, "most_bytes(count, pages) -> bytes that so many values in so many pages may take");

static PyObject *most_bytes(PyObject *module, PyObject *args) {
    (void)module;
    Py_ssize_t count, pages;
    if (!PyArg_ParseTuple(args, "nn", &count, &pages)) return NULL;
    return PyLong_FromSsize_t(most_bytes_of(count, pages));
}

static PyMethodDef METHODS[] = {{"encode_doubles", encode_doubles, METH_VARARGS, encode_doubles_doc},
                                {"encode_runs", encode_runs, METH_VARARGS, encode_runs_doc},
                                {"decode_doubles", decode_doubles, METH_VARARGS, decode_doubles_doc},
                                {"pick_doubles", pick_doubles, METH_VARARGS, pick_doubles_doc},
                                {"most_bytes", most_bytes, METH_VARARGS, most_bytes_doc},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_pages", "Columns of doubles as pages of Parquet.", 0,
                                    METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__pages(void) {
    PyObject *module = PyModule_Create(&MODULE);
    PyObject *mapped = module == NULL ? NULL : PyType_FromSpec(&MappedFile_spec);
    if (mapped != NULL && PyModule_AddIntMacro(module, MOST_VALUES) == 0 &&
        PyModule_AddObjectRef(module, "MappedFile", mapped) == 0) {
        Py_DECREF(mapped);
        return module;
    }
    Py_XDECREF(mapped);
    Py_XDECREF(module);
    return NULL;
}
