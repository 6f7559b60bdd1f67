/* Preloaded into a process whose power is going to be cut in a model: every sync and every change of a directory below
 * GEXLAKE_POWER_ROOT is told to the socket GEXLAKE_POWER_SOCKET once it is done, and waits there until it is noted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int line = -1;
static pid_t owner;

static int connect_once(void) {
    const char *path = getenv("GEXLAKE_POWER_SOCKET");
    if (!path) return -1;
    if (line >= 0 && owner == getpid()) return line;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    owner = getpid();
    if (connect(line, (struct sockaddr *)&address, sizeof address) != 0) {
        close(line);
        line = -1;
    }
    return line;
}

static void tell(const char *what, const char *path) {
    const char *root = getenv("GEXLAKE_POWER_ROOT");
    if (!root || strncmp(path, root, strlen(root)) != 0) return;
    char text[8192];
    int length = snprintf(text, sizeof text, "%s\t%s\n", what, path);
    pthread_mutex_lock(&lock);
    int to = connect_once();
    if (to >= 0 && write(to, text, (size_t)length) == length) {
        char noted;
        if (read(to, &noted, 1) != 1) _exit(99);
    }
    pthread_mutex_unlock(&lock);
}

static void tell_descriptor(const char *what, int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    tell(what, path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int descriptor) {
    REAL(fsync);
    int result = real(descriptor);
    if (result == 0) tell_descriptor("sync", descriptor);
    return result;
}

int fdatasync(int descriptor) {
    REAL(fdatasync);
    int result = real(descriptor);
    if (result == 0) tell_descriptor("sync", descriptor);
    return result;
}

int rename(const char *from, const char *to) {
    REAL(rename);
    int result = real(from, to);
    if (result == 0) tell("change", to);
    return result;
}

int link(const char *from, const char *to) {
    REAL(link);
    int result = real(from, to);
    if (result == 0) tell("change", to);
    return result;
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    REAL(linkat);
    int result = real(from_directory, from, to_directory, to, flags);
    if (result == 0) tell("change", to);
    return result;
}

int unlink(const char *path) {
    REAL(unlink);
    int result = real(path);
    if (result == 0) tell("change", path);
    return result;
}

int unlinkat(int directory, const char *path, int flags) {
    REAL(unlinkat);
    int result = real(directory, path, flags);
    if (result == 0 && flags & AT_REMOVEDIR) tell_descriptor("change", directory);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    int result = real(path, mode);
    if (result == 0) tell("change", path);
    return result;
}
