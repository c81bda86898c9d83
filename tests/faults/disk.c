/* A disk that fails when told to, and that remembers what reached it and when it was synced.
 *
 * Loaded with LD_PRELOAD before a process that writes below one folder. Two uses:
 *   fail    the n-th write or sync from now returns an error (a failed write leaves its first half behind);
 *   record  every creation, write, truncation, deletion and sync goes to a log, and so does every
 *           acknowledgement that the process marks, so that any cut of the power can be played back.
 * Shared memory (`-shm`) is left alone: it does not outlive a crash.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define WRITES 1
#define SYNCS 2

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[4096];
static int log_fd = -1;
static int fail_kinds, fail_error;
static long fail_countdown, fired;

void disk_watch(const char *path) {
    snprintf(folder, sizeof folder, "%s", path);
}

void disk_fail(int kinds, long countdown, int error) {
    pthread_mutex_lock(&lock);
    fail_kinds = kinds;
    fail_countdown = countdown;
    fail_error = error;
    pthread_mutex_unlock(&lock);
}

long disk_fired(void) { return fired; }

int disk_record(const char *file) {
    log_fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return log_fd;
}

/* One record: kind (1 byte), length of the path (2), offset or mark (8), length of the data (4), path, data. */
static void note(char kind, const char *path, uint64_t offset, const void *data, uint32_t length) {
    unsigned char header[15];
    uint16_t path_length = (uint16_t)strlen(path);
    if (log_fd < 0) return;
    header[0] = (unsigned char)kind;
    memcpy(header + 1, &path_length, 2);
    memcpy(header + 3, &offset, 8);
    memcpy(header + 11, &length, 4);
    ssize_t (*put)(int, const void *, size_t) = REAL(ssize_t, write, int, const void *, size_t);
    if (put(log_fd, header, sizeof header) < 0 || put(log_fd, path, path_length) < 0 ||
        (length > 0 && put(log_fd, data, length) < 0))
        abort();
}

void disk_mark(uint64_t number) {
    pthread_mutex_lock(&lock);
    note('A', "", number, NULL, 0);
    pthread_mutex_unlock(&lock);
}

static int below(const char *path) {
    size_t length = strlen(folder), whole = strlen(path);
    if (length == 0 || strncmp(path, folder, length) != 0) return 0;
    if (path[length] != '\0' && path[length] != '/') return 0;
    return whole < 4 || strcmp(path + whole - 4, "-shm") != 0;
}

/* The path of an open file below the folder; 0 if it is none. */
static int watched(int fd, char *path) {
    char name[64];
    if (folder[0] == '\0' || fd < 0) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, 4095);
    if (length < 0) return 0;
    path[length] = '\0';
    return below(path) && strstr(path, " (deleted)") == NULL;
}

/* Whether this operation has to fail. Called with the lock. */
static int fails(int kind) {
    if ((fail_kinds & kind) == 0) return 0;
    if (fail_countdown <= 0 || --fail_countdown > 0) return 0;
    fired++;
    return 1;
}

static ssize_t written(int fd, const void *data, size_t size, off_t offset) {
    static ssize_t (*put)(int, const void *, size_t, off_t);
    char path[4096];
    if (put == NULL) put = REAL(ssize_t, pwrite64, int, const void *, size_t, off_t);
    if (!watched(fd, path)) return put(fd, data, size, offset);
    pthread_mutex_lock(&lock);
    if (fails(WRITES)) {
        put(fd, data, size / 2, offset);
        pthread_mutex_unlock(&lock);
        errno = fail_error;
        return -1;
    }
    ssize_t done = put(fd, data, size, offset);
    if (done > 0) note('W', path, (uint64_t)offset, data, (uint32_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return written(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return written(fd, data, size, offset); }

ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*put)(int, const void *, size_t);
    char path[4096];
    if (put == NULL) put = REAL(ssize_t, write, int, const void *, size_t);
    if (!watched(fd, path)) return put(fd, data, size);
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at < 0) return put(fd, data, size);
    ssize_t done = written(fd, data, size, at);
    if (done > 0) lseek(fd, at + done, SEEK_SET);
    return done;
}

static int truncated(int fd, off_t size) {
    static int (*cut)(int, off_t);
    char path[4096];
    if (cut == NULL) cut = REAL(int, ftruncate64, int, off_t);
    if (!watched(fd, path)) return cut(fd, size);
    pthread_mutex_lock(&lock);
    int result = cut(fd, size);
    if (result == 0) note('T', path, (uint64_t)size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off_t size) { return truncated(fd, size); }

static int synced(int fd, int (*sync)(int)) {
    char path[4096];
    if (!watched(fd, path)) return sync(fd);
    pthread_mutex_lock(&lock);
    int result;
    if (fails(SYNCS)) {
        errno = fail_error;
        result = -1;
    } else {
        result = sync(fd);
        if (result == 0) note('S', path, 0, NULL, 0);
    }
    int kept = errno;
    pthread_mutex_unlock(&lock);
    errno = kept;
    return result;
}

int fsync(int fd) { return synced(fd, REAL(int, fsync, int)); }
int fdatasync(int fd) { return synced(fd, REAL(int, fdatasync, int)); }

static int opened(const char *path, int flags, mode_t mode) {
    static int (*get)(const char *, int, ...);
    if (get == NULL) get = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    struct stat found;
    int is_new = (flags & O_CREAT) && below(path) && stat(path, &found) != 0;
    int fd = get(path, flags, mode);
    if (fd >= 0 && is_new) {
        pthread_mutex_lock(&lock);
        note('C', path, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

#define MODE(flags, mode) do { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } while (0)

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) MODE(flags, mode);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) MODE(flags, mode);
    return opened(path, flags, mode);
}

static void gone(int result, const char *path) {
    if (result != 0 || !below(path)) return;
    pthread_mutex_lock(&lock);
    note('U', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

int unlink(const char *path) {
    int result = REAL(int, unlink, const char *)(path);
    gone(result, path);
    return result;
}

int rename(const char *from, const char *to) {
    int result = REAL(int, rename, const char *, const char *)(from, to);
    if (result == 0 && below(to)) {
        pthread_mutex_lock(&lock);
        note('R', from, 0, to, (uint32_t)strlen(to));
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int link(const char *from, const char *to) {
    int result = REAL(int, link, const char *, const char *)(from, to);
    if (result == 0 && below(to)) {
        pthread_mutex_lock(&lock);
        note('L', from, 0, to, (uint32_t)strlen(to));
        pthread_mutex_unlock(&lock);
    }
    return result;
}
