/* The way back: values of a page that _pages.c, which alone includes this, has written.
 *
 * Whatever the bytes are, nothing is read beyond them; a function says 0 where they are not those of such a page.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *p, *end;
} Input;

static int take_varint(Input *in, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (in->p == in->end) return 0;
        *value |= (uint64_t)(*in->p & 0x7F) << shift;
        if (!(*in->p++ & 0x80)) return 1;
    }
    return 0;
}

/* The definition levels of a page of `rows` values: where their bits are, NULL for `all` of the same. */
static int take_levels(Input *in, Py_ssize_t rows, const uint8_t **bits, int *all) {
    uint32_t length;
    uint64_t header;
    if (in->end - in->p < 4) return 0;
    memcpy(&length, in->p, 4);
    in->p += 4;
    if (length > (uint64_t)(in->end - in->p)) return 0;
    Input levels = {in->p, in->p + length};
    in->p += length;
    if (!take_varint(&levels, &header)) return 0;
    *bits = NULL;
    if (header & 1) {
        *bits = levels.p;
        return header >> 1 == (uint64_t)((rows + 7) / 8) && levels.end - levels.p == (rows + 7) / 8;
    }
    if (header >> 1 != (uint64_t)rows || levels.end - levels.p != 1 || *levels.p > 1) return 0;
    *all = *levels.p;
    return 1;
}

/* Width of the numbers of `count` values, which stand at `in`; 0 where all of them are number 0. */
static int take_numbers(Input *in, Py_ssize_t count, int *width) {
    uint64_t header;
    if (in->p == in->end) return 0;
    *width = *in->p++;
    if (!take_varint(in, &header)) return 0;
    if (!(header & 1)) {
        *width = 0;
        return header >> 1 == (uint64_t)count && in->end - in->p == 1 && *in->p == 0;
    }
    Py_ssize_t filled = (count + 7) / 8 * 8;
    return (*width == 8 || *width == 16) && header >> 1 == (uint64_t)filled / 8 && in->end - in->p == filled * *width / 8;
}

typedef struct {
    const uint8_t *dictionary;  /* a raw frame of zstd; NULL: the page has plain values */
    Py_ssize_t unique, rows, first, stop;
} Wanted;

/* A raw frame has a header, and blocks with a header each that hold so many bytes (zstd.py, `raw_frame`). */
enum { FRAME_HEADER = 9, BLOCK_HEADER = 3, BLOCK_BYTES = 1 << 17 };

static inline Py_ssize_t raw_place(Py_ssize_t byte) {
    return FRAME_HEADER + BLOCK_HEADER * (byte / BLOCK_BYTES + 1) + byte;
}

/* The value that a number of `width` bits stands for; 0 where it stands for none. */
static inline int take_value(const uint8_t *at, int width, const Wanted *w, double *out) {
    Py_ssize_t number = width == 0 ? 0 : width == 8 ? at[0] : at[0] | at[1] << 8;
    if (number >= w->unique) return 0;
    memcpy(out, w->dictionary + raw_place(number * 8), 8);
    return 1;
}

static inline int take_values(const uint8_t *values, int width, const Wanted *w, double *out) {
    for (Py_ssize_t i = w->first; i < w->stop; i++, out++)
        if (!take_value(values + i * width / 8, width, w, out)) return 0;
    return 1;
}

/* Rows first .. stop - 1 of a page without NULLs, as nearly all are: without a question for each. */
static int decode_present(const uint8_t *values, int width, const Wanted *w, double *out) {
    if (w->dictionary != NULL) /* the usual width is known to the compiler, which spares a third of the time */
        return width == 16 ? take_values(values, 16, w, out) : take_values(values, width, w, out);
    memcpy(out, values + w->first * 8, (size_t)(w->stop - w->first) * 8);
    return 1;
}

/* Rows first .. stop - 1 of a page as `encode` writes it. */
static int decode(Input in, const Wanted *w, double *out) {
    const uint8_t *bits;
    int all = 0, width = 64;
    if (!take_levels(&in, w->rows, &bits, &all)) return 0;
    Py_ssize_t present = bits || !all ? 0 : w->rows, before = 0;
    for (Py_ssize_t i = 0; bits && i < w->rows; i++) {
        if (i == w->first) before = present;
        present += bits[i / 8] >> (i % 8) & 1;
    }
    if (w->dictionary == NULL ? in.end - in.p != present * 8 : !take_numbers(&in, present, &width)) return 0;
    if (present == w->rows) return decode_present(in.p, width, w, out);
    for (Py_ssize_t i = w->first; i < w->stop; i++, out++) {
        if (!bits || !(bits[i / 8] >> (i % 8) & 1)) {
            *out = NAN;
            continue;
        }
        const uint8_t *at = in.p + before * width / 8;
        before++;
        if (w->dictionary == NULL) memcpy(out, at, 8);
        else if (!take_value(at, width, w, out)) return 0;
    }
    return 1;
}
