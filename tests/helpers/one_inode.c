/* Preloaded by a test: every file and folder seems to be of one device and inode, as on some network and FUSE mounts.
 * What is named *.stale cannot be asked about, as behind a server that has gone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int is_stale(const char *path) {
    size_t length = path ? strlen(path) : 0;
    return length > 6 && strcmp(path + length - 6, ".stale") == 0;
}

#define REAL(name, type) __typeof__(type) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

#define BY_PATH(name)                                                                                          \
    int name(const char *path, struct stat *s) {                                                                      \
        if (is_stale(path)) { errno = ESTALE; return -1; }                                                            \
        REAL(#name, int (*)(const char *, struct stat *));                                                            \
        int result = real(path, s);                                                                                   \
        if (result == 0) { s->st_ino = INODE; s->st_dev = 1; }                                                        \
        return result;                                                                                                \
    }
#define BY_DESCRIPTOR(name)                                                                                           \
    int name(int descriptor, struct stat *s) {                                                                        \
        REAL(#name, int (*)(int, struct stat *));                                                                     \
        int result = real(descriptor, s);                                                                             \
        if (result == 0) { s->st_ino = INODE; s->st_dev = 1; }                                                        \
        return result;                                                                                                \
    }
#define BY_FOLDER(name)                                                                                               \
    int name(int folder, const char *path, struct stat *s, int flags) {                                               \
        if (is_stale(path)) { errno = ESTALE; return -1; }                                                            \
        REAL(#name, int (*)(int, const char *, struct stat *, int));                                                  \
        int result = real(folder, path, s, flags);                                                                    \
        if (result == 0) { s->st_ino = INODE; s->st_dev = 1; }                                                        \
        return result;                                                                                                \
    }

BY_PATH(stat)
BY_PATH(lstat)
BY_DESCRIPTOR(fstat)
BY_FOLDER(fstatat)
int stat64(const char *path, struct stat64 *s) { return stat(path, (struct stat *)s); }
int lstat64(const char *path, struct stat64 *s) { return lstat(path, (struct stat *)s); }
int fstat64(int descriptor, struct stat64 *s) { return fstat(descriptor, (struct stat *)s); }
int fstatat64(int folder, const char *path, struct stat64 *s, int flags) {
    return fstatat(folder, path, (struct stat *)s, flags);
}

/* Such file systems also leave it open what an entry of a folder is. */
struct dirent64 *readdir64(DIR *folder) {
    REAL("readdir64", struct dirent64 *(*)(DIR *));
    struct dirent64 *entry = real(folder);
    if (entry) { entry->d_ino = INODE; entry->d_type = DT_UNKNOWN; }
    return entry;
}
struct dirent *readdir(DIR *folder) { return (struct dirent *)readdir64(folder); }
