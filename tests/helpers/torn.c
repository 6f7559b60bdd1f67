/* Preloaded into a process whose write into the database of a lake is going to be torn: of the one with the number
 * GEXLAKE_TORN_AT only the first GEXLAKE_TORN_BYTES reach the file. Then the process is killed, or the system refuses
 * the rest with GEXLAKE_TORN_ERRNO. Small writes, of a header, are not counted: a disk does not tear those. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 4096 };
static int writes;

static int is_database(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    return name != NULL && strcmp(name, "/gexlake.duckdb") == 0;
}

static long number_of(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

ssize_t pwrite64(int descriptor, const void *data, size_t count, off64_t offset) {
    __typeof__(&pwrite64) real = (__typeof__(&pwrite64))dlsym(RTLD_NEXT, "pwrite64");
    if (count <= SMALL || !is_database(descriptor) || __atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST) != number_of("GEXLAKE_TORN_AT"))
        return real(descriptor, data, count, offset);
    size_t bytes = (size_t)number_of("GEXLAKE_TORN_BYTES");
    real(descriptor, data, bytes < count ? bytes : count, offset);
    if (number_of("GEXLAKE_TORN_ERRNO") == 0) kill(getpid(), SIGKILL);
    errno = (int)number_of("GEXLAKE_TORN_ERRNO");
    return -1;
}

ssize_t pwrite(int descriptor, const void *data, size_t count, off_t offset) { return pwrite64(descriptor, data, count, offset); }
