/* The content of an LZ4 block, or the beginning of it, for _pages.c, which alone includes this.
 *
 * Here, and not by a library, because of a page mostly the beginning is wanted, and because a call from Python for each
 * of eight pages takes as long as unpacking two.
 *
 * Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. A sequence is a token (two lengths, of four bits
 * each), literals, and the distance of a match in two bytes; a length of 15 goes on in further bytes.
 */
enum { STEP = 8, MARGIN = 32, LONG = 15, LEAST_MATCH = 4 };

/* A block on its way: what is left of it, and what there is of its content, which may have `last - out` bytes. It is
 * done at `enough`. There is room for MARGIN bytes behind `last`. */
typedef struct {
    Input in;
    uint8_t *out, *to, *enough, *last;
} Block;

/* Take sequences of the usual kind, up to one of another: both parts short, and nothing that ends in them. */
static void take_usual(Block *b) {
    const uint8_t *restrict p = b->in.p;
    uint8_t *to = b->to;
    if (b->in.end - p < MARGIN) return;
    const uint8_t *stop = b->in.end - MARGIN;
    for (unsigned token = *p; p < stop && to < b->enough;) {
        size_t literals = token >> 4, match = token & 15, distance;
        const uint8_t *behind = p + 1 + literals;
        uint8_t *from = to + literals;
        distance = behind[0] | (size_t)behind[1] << 8;
        if (literals == LONG || match == LONG || distance < STEP || distance > (size_t)(from - b->out)) break;
        token = behind[2]; /* where the next one begins is what takes the time */
        memcpy(to, p + 1, 16);
        to = from;
        from -= distance;
        memcpy(to, from, STEP);
        if (match > STEP - LEAST_MATCH) {
            memcpy(to + STEP, from + STEP, STEP);
            memcpy(to + 2 * STEP, from + 2 * STEP, 2);
        }
        to += match + LEAST_MATCH;
        p = behind + 2;
    }
    b->in.p = p;
    b->to = to;
}

/* Add the rest of a length; 0 where the block ends in it. */
static int take_length(Input *in, size_t *length) {
    for (unsigned byte = 255; byte == 255; *length += byte) {
        if (in->p == in->end) return 0;
        byte = *in->p++;
    }
    return 1;
}

/* Copy from `distance` before, perhaps of what is copied; up to 15 bytes more. */
static void copy_match(uint8_t *to, size_t distance, size_t length) {
    const uint8_t *from = to - distance, *end = to + length;
    if (distance >= 16)
        for (; to < end; to += 16, from += 16) memcpy(to, from, 16);
    else if (distance >= STEP)
        for (; to < end; to += STEP, from += STEP) memcpy(to, from, STEP);
    else
        while (to < end) *to++ = *from++;
}

/* Take any sequence: 1 for more to come, 0 for enough, -1 where there is none. */
static int take_sequence(Block *b) {
    Input *in = &b->in;
    if (b->to >= b->enough || in->p == in->end) return 0;
    size_t literals = *in->p >> 4, match = *in->p & 15;
    in->p++;
    if (literals == LONG && !take_length(in, &literals)) return -1;
    if (b->to > b->last || literals > (size_t)(in->end - in->p) || literals > (size_t)(b->last - b->to)) return -1;
    memcpy(b->to, in->p, literals);
    b->to += literals, in->p += literals;
    if (in->p == in->end) return 0; /* a block ends in literals */
    if (in->end - in->p < 2) return -1;
    size_t distance = in->p[0] | (size_t)in->p[1] << 8;
    in->p += 2;
    if (match == LONG && !take_length(in, &match)) return -1;
    match += LEAST_MATCH;
    if (distance == 0 || distance > (size_t)(b->to - b->out) || match > (size_t)(b->last - b->to)) return -1;
    copy_match(b->to, distance, match);
    b->to += match;
    return 1;
}

/* Unpack at least the first `enough` bytes of a block of at most `most`, or all of it if it has fewer: how many there are,
 * -1 where it is none. `out` has room for MARGIN bytes more than `most`. */
static Py_ssize_t unpack_block(Input in, uint8_t *out, Py_ssize_t enough, Py_ssize_t most) {
    Block b = {in, out, out, out + enough, out + most};
    int more;
    do take_usual(&b);
    while ((more = take_sequence(&b)) > 0);
    return more < 0 || b.to > b.last ? -1 : b.to - out;
}
