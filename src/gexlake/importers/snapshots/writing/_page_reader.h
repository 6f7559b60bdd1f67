/* The way back: values of a page that _pages.c, which alone includes this, has written.
 *
 * Whatever the bytes are, nothing is read beyond them; a function says 0 where they are not those of such a page.
 */
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

/* How a column is written in a row group. */
typedef struct {
    const uint8_t *dictionary; /* a raw frame of zstd; NULL: there are plain values */
    Py_ssize_t unique;
    int in_lz4;                /* pages come as they stand in the file, else unpacked */
} Form;

/* Rows first .. stop - 1 of a page of so many, or `count` of them that are picked: ascending, the last one stop - 1. */
typedef struct {
    Py_ssize_t rows, first, stop, count;
    const int64_t *picked; /* NULL: all of them */
} Span;

/* A raw frame has a header, and blocks with a header each that hold so many bytes (zstd.py, `raw_frame`). */
enum { FRAME_HEADER = 9, BLOCK_HEADER = 3, BLOCK_BYTES = 1 << 17 };

static inline Py_ssize_t raw_place(Py_ssize_t byte) {
    return FRAME_HEADER + BLOCK_HEADER * (byte / BLOCK_BYTES + 1) + byte;
}

/* The value that a number of `width` bits stands for; 0 where it stands for none. */
static inline int take_value(const uint8_t *at, int width, const Form *form, double *out) {
    Py_ssize_t number = width == 0 ? 0 : width == 8 ? at[0] : at[0] | at[1] << 8;
    if (number >= form->unique) return 0;
    memcpy(out, form->dictionary + raw_place(number * 8), 8);
    return 1;
}

static inline int take_values(const uint8_t *values, int width, const Form *form, Span span, double *out) {
    for (Py_ssize_t i = span.first; i < span.stop; i++, out++)
        if (!take_value(values + i * width / 8, width, form, out)) return 0;
    return 1;
}

/* Rows of a page without NULLs, as nearly all are: without a question for each. */
static int decode_present(const uint8_t *values, int width, const Form *form, Span span, double *out) {
    if (form->dictionary != NULL) /* the usual width is known to the compiler, which spares a third of the time */
        return width == 16 ? take_values(values, 16, form, span, out) : take_values(values, width, form, span, out);
    memcpy(out, values + span.first * 8, (size_t)span.count * 8);
    return 1;
}

static inline int is_present(const uint8_t *bits, Py_ssize_t row) { return bits[row / 8] >> (row % 8) & 1; }

/* Any rows of a page in which `bits` says who has a value; NULL: all have. */
static int take_rows(const uint8_t *values, int width, const uint8_t *bits, const Form *form, Span span, double *out) {
    Py_ssize_t row = 0, before = 0;
    for (Py_ssize_t i = 0; i < span.count; i++, out++) {
        Py_ssize_t wanted = span.picked ? (Py_ssize_t)span.picked[i] : span.first + i;
        if (bits == NULL) before = wanted;
        else
            for (; row < wanted; row++) before += is_present(bits, row);
        const uint8_t *at = values + before * width / 8;
        if (bits != NULL && !is_present(bits, row)) *out = NAN;
        else if (form->dictionary == NULL) memcpy(out, at, 8);
        else if (!take_value(at, width, form, out)) return 0;
    }
    return 1;
}

static int fill_with_nulls(Py_ssize_t count, double *out) {
    while (count-- > 0) *out++ = NAN;
    return 1;
}

/* Rows of a page as `encode` writes it; of the plain values of an LZ4 block only those need be there that are asked for. */
static int decode(Input in, const Form *form, Span span, double *out) {
    const uint8_t *bits;
    int all = 0, width = 64;
    if (!take_levels(&in, span.rows, &bits, &all)) return 0;
    Py_ssize_t present = all ? span.rows : 0, needed = all ? span.stop : 0;
    for (Py_ssize_t i = 0; bits && i < span.rows; i++) {
        present += is_present(bits, i);
        if (i < span.stop) needed = present;
    }
    if (form->dictionary != NULL && !take_numbers(&in, present, &width)) return 0;
    if (form->dictionary == NULL && (form->in_lz4 ? in.end - in.p < needed * 8 : in.end - in.p != present * 8)) return 0;
    if (present == 0) return fill_with_nulls(span.count, out);
    if (present == span.rows && !span.picked) return decode_present(in.p, width, form, span, out);
    return take_rows(in.p, width, present == span.rows ? NULL : bits, form, span, out);
}

/* The same of a page that may be an LZ4 block, which is unpacked into `room` as far as it is needed. */
__attribute__((noinline)) /* who has called sigsetjmp keeps nothing in registers */
static int unpack_and_decode(Input in, const Form *form, Span span, uint8_t *room, double *out) {
    if (!form->in_lz4) return decode(in, form, span, out);
    Py_ssize_t most = most_bytes_of(span.rows, 1), enough = most;
    if (form->dictionary == NULL) enough = 32 + span.rows / 8 + 8 * span.stop; /* definition levels, and values */
    Py_ssize_t length = unpack_block(in, room, enough < most ? enough : most, most);
    return length >= 0 && decode((Input){room, room + length}, form, span, out);
}

/* The same; -1 where the disk refuses the dictionary, or the page. */
static int decode_guarded(Input in, const Form *form, Span span, uint8_t *room, double *out) {
    sigjmp_buf here;
    volatile int found = -1;
    if (begin_reading(here)) found = unpack_and_decode(in, form, span, room, out);
    end_reading();
    return found;
}

/* ---- from Python ---- */

PyDoc_STRVAR(decode_doubles_doc,
"decode_doubles(pages, forms, rows, first, stop, out, at) -> None\n\n"
"Values first .. stop - 1 of pages of so many rows, one of each column, as `encode_doubles` wrote them, into the rows of\n"
"the table `out`, from its column `at` on; NaN for NULL. A form is (dictionary, values, in_lz4): the raw frame of the\n"
"values that numbers stand for and how many there are, None and 0 where the page has plain ones; and whether the page is an\n"
"LZ4 block or unpacked. Raises ValueError for pages that are not of this form, OSError where a dictionary is of a\n"
"`MappedFile` and the disk refuses it.");

/* A form whose dictionary is as large as it says, in a buffer that is held; 0 with an exception where it is none. */
static int take_form(PyObject *given, Form *form, Py_buffer *frame) {
    PyObject *dictionary;
    if (!PyArg_ParseTuple(given, "Onp", &dictionary, &form->unique, &form->in_lz4)) return 0;
    form->dictionary = NULL;
    if (dictionary == Py_None) return 1;
    if (PyObject_GetBuffer(dictionary, frame, PyBUF_SIMPLE) < 0) return 0;
    form->dictionary = frame->buf;
    if (form->unique > 0 && form->unique <= MOST_VALUES && raw_place(form->unique * 8 - 8) + 8 <= frame->len) return 1;
    PyErr_SetString(PyExc_ValueError, "the dictionary does not have so many values");
    return 0;
}

/* The exception for what `decode_guarded` says, if it is one. */
static void say_what_was_found(int found) {
    if (found == 0) PyErr_SetString(PyExc_ValueError, "the page is not of the form that is written");
    if (found < 0) {
        errno = EIO;
        PyErr_SetFromErrno(PyExc_OSError);
    }
}

static uint8_t *make_room(Py_ssize_t rows) { return PyMem_Malloc((size_t)(most_bytes_of(rows, 1) + MARGIN)); }

/* One column; 0 with an exception where it fails. */
static int decode_column(PyObject *page, PyObject *given, Span span, uint8_t *room, double *out) {
    Form form;
    Py_buffer content = {0}, frame = {0};
    int found = -2;
    if (take_form(given, &form, &frame) && PyObject_GetBuffer(page, &content, PyBUF_SIMPLE) == 0) {
        Input input = {content.buf, (const uint8_t *)content.buf + content.len};
        found = decode_guarded(input, &form, span, room, out);
        say_what_was_found(found);
    }
    PyBuffer_Release(&content); /* what holds nothing is passed over */
    PyBuffer_Release(&frame);
    return found > 0;
}

static PyObject *decode_doubles(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer out;
    PyObject *pages, *forms;
    Py_ssize_t at;
    Span span = {0};
    if (!PyArg_ParseTuple(args, "O!O!nnnw*n", &PyList_Type, &pages, &PyList_Type, &forms, &span.rows, &span.first,
                          &span.stop, &out, &at))
        return NULL;
    Py_ssize_t columns = PyList_Size(pages), width = columns > 0 ? out.len / 8 / columns : 0;
    span.count = span.stop - span.first;
    int done = columns == PyList_Size(forms) && width * 8 * columns == out.len && (uintptr_t)out.buf % 8 == 0 &&
               span.first >= 0 && span.first <= span.stop && span.stop <= span.rows && span.rows <= MOST_ROWS &&
               at >= 0 && at <= width && span.count <= width - at;
    if (!done) PyErr_SetString(PyExc_ValueError, "the table or the rows do not fit the pages");
    uint8_t *room = done ? make_room(span.rows) : NULL;
    if (done && room == NULL) done = PyErr_NoMemory() != NULL;
    for (Py_ssize_t i = 0; done && i < columns; i++)
        done = decode_column(PyList_GetItem(pages, i), PyList_GetItem(forms, i), span, room,
                             (double *)out.buf + i * width + at);
    PyMem_Free(room);
    PyBuffer_Release(&out);
    return done ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(pick_doubles_doc,
"pick_doubles(pages, form, rows, counts, picked, out) -> None\n\n"
"Single values of many pages of one column, without the GIL. The pages are a list of their contents, or (source, places):\n"
"page i stands in `source`, which may be a `MappedFile`, at places[i], of which the first two of three numbers are offset\n"
"and length. It has rows[i] values. Of them those of counts[i] rows are wanted: `picked` has the numbers of these rows in\n"
"their page, ascending, of all pages one behind the other, and so has `out` the values; NaN for NULL. What a form is, and\n"
"what is raised, `decode_doubles` says.");

typedef struct {
    PyObject *contents; /* a tuple, which nobody changes */
    Py_buffer source, places, frame, rows, counts, picked, out;
    Py_ssize_t pages, most_rows;
    Input *inputs;
} Picking;

/* Whether all that is wanted is there; finds how many rows a page has at most. */
static int picks_fit(Picking *p) {
    const int64_t *rows = p->rows.buf, *counts = p->counts.buf, *picked = p->picked.buf;
    const int64_t *end = picked + p->picked.len / 8;
    if (p->counts.len != p->rows.len || p->out.len != p->picked.len) return 0;
    for (Py_ssize_t i = 0; i < p->pages; i++) {
        if (rows[i] < 0 || rows[i] > MOST_ROWS || counts[i] < 0 || counts[i] > end - picked) return 0;
        for (int64_t least = 0, left = counts[i]; left > 0; left--) {
            if (*picked < least || *picked >= rows[i]) return 0;
            least = *picked++ + 1;
        }
        if (rows[i] > p->most_rows) p->most_rows = (Py_ssize_t)rows[i];
    }
    return picked == end;
}

/* Find the pages in their source; whether they are there. */
static int find_in_source(Picking *p) {
    const uint64_t *place = p->places.buf, size = (uint64_t)p->source.len;
    if (p->places.len != p->pages * 24) return 0;
    for (Py_ssize_t i = 0; i < p->pages; i++, place += 3) {
        if (place[0] > size || place[1] > size - place[0]) return 0;
        const uint8_t *page = (const uint8_t *)p->source.buf + place[0];
        p->inputs[i] = (Input){page, page + place[1]};
    }
    return 1;
}

/* The same of a list of their contents. */
static int find_in_list(Picking *p) {
    if (PyTuple_Size(p->contents) != p->pages) return 0;
    for (Py_ssize_t i = 0; i < p->pages; i++) {
        char *content;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(p->contents, i), &content, &length) < 0) return 0;
        p->inputs[i] = (Input){(uint8_t *)content, (uint8_t *)content + length};
    }
    return 1;
}

/* Take the pages as they are given; 0 with an exception where they are not what they have to be. */
static int take_pages(PyObject *given, Picking *p) {
    p->pages = p->rows.len / 8;
    p->inputs = PyMem_Malloc((size_t)(p->pages + 1) * sizeof *p->inputs);
    if (p->inputs == NULL) return PyErr_NoMemory() != NULL;
    int found;
    if (PyTuple_Check(given)) {
        found = PyArg_ParseTuple(given, "y*y*", &p->source, &p->places) && find_in_source(p);
    } else {
        found = (p->contents = PySequence_Tuple(given)) != NULL && find_in_list(p);
    }
    if (found && picks_fit(p)) return 1;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "the rows that are picked do not fit the pages, or these their source");
    return 0;
}

static int pick_all(const Picking *p, const Form *form, uint8_t *room) {
    const int64_t *rows = p->rows.buf, *counts = p->counts.buf, *picked = p->picked.buf;
    double *out = p->out.buf;
    for (Py_ssize_t i = 0; i < p->pages; i++) {
        Py_ssize_t count = (Py_ssize_t)counts[i];
        if (count == 0) continue;
        Span span = {(Py_ssize_t)rows[i], 0, (Py_ssize_t)picked[count - 1] + 1, count, picked};
        int found = decode_guarded(p->inputs[i], form, span, room, out);
        if (found <= 0) return found;
        picked += count;
        out += count;
    }
    return 1;
}

static PyObject *pick_doubles(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *pages, *given;
    Picking p = {0};
    Form form;
    uint8_t *room = NULL;
    int found = -2;
    if (!PyArg_ParseTuple(args, "OOy*y*y*w*", &pages, &given, &p.rows, &p.counts, &p.picked, &p.out)) return NULL;
    if (take_pages(pages, &p) && take_form(given, &form, &p.frame)) {
        room = make_room(p.most_rows);
        if (room == NULL) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            found = pick_all(&p, &form, room);
            Py_END_ALLOW_THREADS
            say_what_was_found(found);
        }
    }
    PyMem_Free(room);
    PyMem_Free(p.inputs);
    Py_XDECREF(p.contents);
    Py_buffer *held[] = {&p.source, &p.places, &p.frame, &p.rows, &p.counts, &p.picked, &p.out};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) PyBuffer_Release(held[i]);
    return found > 0 ? Py_NewRef(Py_None) : NULL;
}
