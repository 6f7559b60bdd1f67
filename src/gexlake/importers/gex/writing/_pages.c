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

enum { MOST_VALUES = 1 << 15, SLOTS = 1 << 16 };
#define NOTHING 0xFFFFu /* no number of a value: they are below MOST_VALUES */

typedef struct {
    const double *values;
    Py_ssize_t count, lag;
    uint16_t *numbers;      /* of each value in the dictionary */
    uint16_t slots[SLOTS];
    double *dictionary;
    Py_ssize_t unique, nulls;
    double least, most;
} Column;

static inline uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

/* The number of a value, which is entered if it is new; NOTHING when the dictionary is full. */
static inline unsigned number_of(Column *c, double value) {
    uint64_t bits = bits_of(value);
    for (unsigned slot = (unsigned)((bits * 0x9E3779B97F4A7C15u) >> 48);; slot = (slot + 1) % SLOTS) {
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

/* Whether there is a dictionary of all values, with the number of each. */
static int number_values(Column *c) {
    memset(c->slots, 0xFF, sizeof c->slots);
    for (Py_ssize_t i = 0; i < c->count; i++) {
        double value = c->values[i];
        if (isnan(value)) {
            c->nulls++;
            c->numbers[i] = NOTHING;
        } else if (i >= c->lag && bits_of(value) == bits_of(c->values[i - c->lag])) {
            c->numbers[i] = c->numbers[i - c->lag];
        } else if ((c->numbers[i] = (uint16_t)number_of(c, value)) == NOTHING) {
            return 0;
        }
    }
    return 1;
}

/* Nulls and bounds, where there is no dictionary to tell them. */
static void survey(Column *c) {
    c->nulls = 0;
    for (Py_ssize_t i = 0; i < c->count; i++) {
        double value = c->values[i];
        c->nulls += isnan(value) != 0;
        if (value < c->least) c->least = value;
        if (value > c->most) c->most = value;
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
static uint8_t *put_definition_levels(const Column *c, uint8_t *out) {
    uint8_t *start = out + 4;
    if (c->nulls == 0 || c->nulls == c->count) {
        out = put_repeated(start, c->count, c->nulls == 0);
    } else {
        out = put_packed_header(start, c->count);
        memset(out, 0, (size_t)(c->count + 7) / 8);
        for (Py_ssize_t i = 0; i < c->count; i++)
            if (!isnan(c->values[i])) out[i / 8] |= (uint8_t)(1u << (i % 8));
        out += (c->count + 7) / 8;
    }
    uint32_t length = (uint32_t)(out - start);
    memcpy(start - 4, &length, 4);
    return out;
}

static int width_of(Py_ssize_t unique) {
    int width = 1;
    while (((Py_ssize_t)1 << width) < unique) width++;
    return width;
}

/* Numbers of the values that are not NULL, bit by bit. */
static uint8_t *put_numbers(const Column *c, uint8_t *out) {
    Py_ssize_t count = c->count - c->nulls;
    int width = width_of(c->unique);
    *out++ = (uint8_t)width;
    if (c->unique == 1) return put_repeated(out, count, 0);
    out = put_packed_header(out, count);
    uint64_t held = 0;
    int bits = 0;
    for (Py_ssize_t i = 0; i < c->count; i++) {
        if (c->numbers[i] == NOTHING) continue;
        held |= (uint64_t)c->numbers[i] << bits;
        bits += width;
        if (bits >= 32) {
            uint32_t word = (uint32_t)held;
            memcpy(out, &word, 4);
            out += 4;
            held >>= 32;
            bits -= 32;
        }
    }
    bits += (int)((8 - count % 8) % 8) * width; /* at most 31 + 7 * 15 */
    for (; bits > 0; bits -= 8, held >>= 8) *out++ = (uint8_t)held;
    return out;
}

static uint8_t *put_plain(const Column *c, uint8_t *out) {
    if (c->nulls == 0) {
        memcpy(out, c->values, (size_t)c->count * 8);
        return out + c->count * 8;
    }
    for (Py_ssize_t i = 0; i < c->count; i++) {
        if (isnan(c->values[i])) continue;
        memcpy(out, &c->values[i], 8);
        out += 8;
    }
    return out;
}

/* Whether a dictionary makes the column smaller. */
static int pays(const Column *c) {
    Py_ssize_t count = c->count - c->nulls;
    return c->unique > 0 && c->unique + count * width_of(c->unique) / 64 < count;
}

/* Write the page of a column; its length. */
static Py_ssize_t encode(Column *c, uint8_t *page) {
    c->least = INFINITY;
    c->most = -INFINITY;
    int numbered = number_values(c);
    if (!numbered) survey(c);
    uint8_t *out = put_definition_levels(c, page);
    if (numbered && pays(c)) return put_numbers(c, out) - page;
    c->unique = 0;
    return put_plain(c, out) - page;
}

/* ---- from Python ---- */

PyDoc_STRVAR(encode_doubles_doc,
"encode_doubles(values, lag, dictionary, page) -> (unique, nulls, least, most, length)\n\n"
"Write a column as a data page of `length` bytes into `page`, and the `unique` values that its numbers stand for into\n"
"`dictionary`; 0 of them where the page has plain values. NaN is NULL. A value is sought `lag` rows before it first.\n"
"`dictionary` needs MOST_VALUES doubles, `page` most_bytes(len(values)) bytes. least > most where all are NULL.");

static Py_ssize_t most_bytes_of(Py_ssize_t count) { return count * 8 + count / 8 + 64; }

static PyObject *encode_doubles(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer values, dictionary, page;
    Py_ssize_t lag;
    if (!PyArg_ParseTuple(args, "y*nw*w*", &values, &lag, &dictionary, &page)) return NULL;
    PyObject *result = NULL;
    Py_ssize_t count = values.len / 8, length;
    Column *column = PyMem_Malloc(sizeof *column);
    uint16_t *numbers = PyMem_Malloc((size_t)(count ? count : 1) * 2);
    if (column == NULL || numbers == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    if (values.len % 8 || (uintptr_t)values.buf % 8 || (uintptr_t)dictionary.buf % 8 || count < 1 || lag < 1) {
        PyErr_SetString(PyExc_ValueError, "values and dictionary must be aligned doubles, at least one, and lag above 0");
        goto done;
    }
    if (dictionary.len < MOST_VALUES * 8 || page.len < most_bytes_of(count)) {
        PyErr_SetString(PyExc_ValueError, "the dictionary or the page is too small");
        goto done;
    }
    *column = (Column){.values = values.buf, .count = count, .lag = lag, .numbers = numbers, .dictionary = dictionary.buf};
    Py_BEGIN_ALLOW_THREADS
    length = encode(column, page.buf);
    Py_END_ALLOW_THREADS
    result = Py_BuildValue("nnddn", column->unique, column->nulls, column->least, column->most, length);
done:
    PyMem_Free(numbers);
    PyMem_Free(column);
    PyBuffer_Release(&values);
    PyBuffer_Release(&dictionary);
    PyBuffer_Release(&page);
    return result;
}

PyDoc_STRVAR(most_bytes_doc, "most_bytes(count) -> bytes that a page of so many values may take");

static PyObject *most_bytes(PyObject *module, PyObject *args) {
    (void)module;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(args, "n", &count)) return NULL;
    return PyLong_FromSsize_t(most_bytes_of(count));
}

static PyMethodDef METHODS[] = {{"encode_doubles", encode_doubles, METH_VARARGS, encode_doubles_doc},
                                {"most_bytes", most_bytes, METH_VARARGS, most_bytes_doc},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_pages", "Columns of doubles as pages of Parquet.", 0,
                                    METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__pages(void) {
    PyObject *module = PyModule_Create(&MODULE);
    if (module != NULL && PyModule_AddIntMacro(module, MOST_VALUES) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
