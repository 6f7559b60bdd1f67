/* A file that _pages.c, which alone includes this, reads where it lies in memory, without a copy.
 *
 * Where the disk refuses a part of it, or the file has been cut short, there is no call that could return an error: the
 * kernel sends SIGBUS, which ends the process. So whoever reads does it between `begin_reading` and `end_reading`, and a
 * signal in between is an error like any other. All else that is done about SIGBUS stays as it was.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local sigjmp_buf *volatile rescue; /* of the reading under way in this thread */
static struct sigaction other_action;             /* what was done about the signal before */

static void on_bus_error(int number, siginfo_t *info, void *context) {
    if (rescue != NULL) siglongjmp(*rescue, 1);
    if (other_action.sa_flags & SA_SIGINFO) {
        other_action.sa_sigaction(number, info, context);
    } else if (other_action.sa_handler != SIG_DFL && other_action.sa_handler != SIG_IGN) {
        other_action.sa_handler(number);
    } else { /* nobody's: what was read is read again, and ends the process */
        sigaction(number, &other_action, NULL);
    }
}

static int catch_bus_errors(void) {
    static int caught = 0; /* under the GIL */
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (!caught && sigaction(SIGBUS, &action, &other_action) < 0) return -1;
    caught = 1;
    return 0;
}

/* Whether to read: 1 at first, 0 where a signal came. A macro, because who has called sigsetjmp must not have returned. */
#define begin_reading(here) (sigsetjmp(here, 0) == 0 && (rescue = &(here), atomic_signal_fence(memory_order_seq_cst), 1))
#define end_reading() (atomic_signal_fence(memory_order_seq_cst), rescue = NULL)

typedef struct {
    PyObject_HEAD
    int descriptor;
    uint8_t *data;
    Py_ssize_t length;
} MappedFile;

PyDoc_STRVAR(MappedFile_doc,
"MappedFile(descriptor, /)\n\n"
"A file as long as it is now, which has the descriptor from here on and closes it in the end. Its memory is for C that is\n"
"ready for a fault of the disk, as `decode_doubles` is: in any other hands one ends the process.\n"
"Raises OSError where it cannot be mapped.");

static PyObject *MappedFile_new(PyTypeObject *type, PyObject *args, PyObject *options) {
    int descriptor;
    struct stat status;
    (void)options;
    if (!PyArg_ParseTuple(args, "i", &descriptor)) return NULL;
    if (catch_bus_errors() < 0 || fstat(descriptor, &status) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) return PyErr_SetFromErrno(PyExc_OSError);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    MappedFile *self = (MappedFile *)allocate(type, 0);
    if (self == NULL) {
        munmap(data, (size_t)status.st_size);
        return NULL;
    }
    *self = (MappedFile){self->ob_base, descriptor, data, (Py_ssize_t)status.st_size};
    return (PyObject *)self;
}

static void MappedFile_dealloc(PyObject *object) {
    MappedFile *self = (MappedFile *)object;
    PyTypeObject *type = Py_TYPE(object);
    munmap(self->data, (size_t)self->length);
    close(self->descriptor);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
    Py_DECREF(type);
}

static int MappedFile_buffer(PyObject *object, Py_buffer *view, int flags) {
    MappedFile *self = (MappedFile *)object;
    return PyBuffer_FillInfo(view, object, self->data, self->length, 1, flags);
}

#define TOO_SHORT "it ends too early"

/* Where a part of the file goes. */
typedef struct {
    Py_ssize_t offset, length;
    char *into;
} Part;

/* Read parts of a file: 1 for all of them, 0 where it ends too early, -1 and errno where the disk refuses. By calls: a
 * page that is looked at for the first time costs more in memory that is mapped. */
static int read_parts(int descriptor, const Part *parts, Py_ssize_t count) {
    for (const Part *part = parts; part < parts + count; part++) {
        for (Py_ssize_t done = 0; done < part->length;) {
            ssize_t got = pread(descriptor, part->into + done, (size_t)(part->length - done), part->offset + done);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return (int)got;
            done += got;
        }
    }
    return 1;
}

/* A buffer for each place of (offset, length, anything) in so many bytes, in a list. */
static int make_parts(PyObject *list, Part *parts, const uint64_t *place, Py_ssize_t count, uint64_t size) {
    for (Py_ssize_t i = 0; i < count; i++, place += 3) {
        if (place[0] > size || place[1] > size - place[0]) {
            PyErr_SetString(PyExc_ValueError, TOO_SHORT);
            return 0;
        }
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)place[1]);
        if (bytes == NULL || PyList_SetItem(list, i, bytes) < 0) return 0;
        parts[i] = (Part){(Py_ssize_t)place[0], (Py_ssize_t)place[1], PyBytes_AsString(bytes)};
    }
    return 1;
}

PyDoc_STRVAR(MappedFile_read_all_doc,
"read_all(places, /) -> list[bytes]\n\n"
"Parts of the file, by `places` (n, 3): offset, length, and what else is known of a part. Raises OSError where the disk\n"
"refuses, ValueError where the file is not so long.");

static PyObject *MappedFile_read_all(PyObject *object, PyObject *given) {
    Py_buffer places;
    if (PyObject_GetBuffer(given, &places, PyBUF_SIMPLE) < 0) return NULL;
    Py_ssize_t count = places.len / 24;
    MappedFile *self = (MappedFile *)object;
    int outcome = -1;
    PyObject *list = PyList_New(count);
    Part *parts = PyMem_Malloc((size_t)(count ? count : 1) * sizeof *parts);
    if (parts == NULL) PyErr_NoMemory();
    if (list != NULL && parts != NULL && make_parts(list, parts, places.buf, count, (uint64_t)self->length)) {
        Py_BEGIN_ALLOW_THREADS
        outcome = read_parts(self->descriptor, parts, count);
        Py_END_ALLOW_THREADS
        if (outcome == 0) PyErr_SetString(PyExc_ValueError, TOO_SHORT);
        if (outcome < 0) PyErr_SetFromErrno(PyExc_OSError);
    }
    if (outcome <= 0) Py_CLEAR(list);
    PyMem_Free(parts);
    PyBuffer_Release(&places);
    return list;
}

PyDoc_STRVAR(MappedFile_fileno_doc, "fileno() -> its descriptor");

static PyObject *MappedFile_fileno(PyObject *object, PyObject *nothing) {
    (void)nothing;
    return PyLong_FromLong(((MappedFile *)object)->descriptor);
}

static PyMethodDef MappedFile_methods[] = {{"read_all", MappedFile_read_all, METH_O, MappedFile_read_all_doc},
                                           {"fileno", MappedFile_fileno, METH_NOARGS, MappedFile_fileno_doc},
                                           {NULL, NULL, 0, NULL}};
static PyType_Slot MappedFile_slots[] = {{Py_tp_doc, (void *)MappedFile_doc},
                                         {Py_tp_new, MappedFile_new},
                                         {Py_tp_dealloc, MappedFile_dealloc},
                                         {Py_tp_methods, MappedFile_methods},
                                         {Py_bf_getbuffer, MappedFile_buffer},
                                         {0, NULL}};
static PyType_Spec MappedFile_spec = {"gexlake.importers.snapshots.writing._pages.MappedFile", sizeof(MappedFile), 0,
                                      Py_TPFLAGS_DEFAULT, MappedFile_slots};
