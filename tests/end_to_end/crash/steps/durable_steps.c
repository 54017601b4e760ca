/* Counts the steps by which a process makes things durable, and lets one of them go wrong.
 *
 * Loaded before libc into the server under test. A step is a call that changes or flushes a file, or makes or removes an
 * entry, below the folder DURABLE_STEPS_BELOW; what lies in shared memory by intent (-shm) is none. DURABLE_STEPS names
 * a file of four numbers that the test and this share: what to do, at which step, how many there were, whether it
 * was done. To do: 1 count; 2 end the process before the step; 3 do half of it, if it is a write, and end; 4 fail with
 * EIO; 5 do half of it and say so; 6 let each flush take four seconds, from now on; 7 leave out some flushes and say that
 * they were made; 8 do so, and end the process with the next flush of a database's log. The numbers of calls are those
 * of this process, of all its threads. DURABLE_STEPS_SKIPS says which flushes are left out: as the log below writes them,
 * "s word" those of files with this word in their path, "= word" those of folders.
 *
 * DURABLE_STEPS_LOG names a file that tells which entries were made ("+ path") or renamed ("> old new"), which folders were
 * flushed ("= path") and which files, at what length ("s length path"): the test can take away what a disk might have lost.
 *
 * DURABLE_STEPS_BOOT names a file that stands in for the kernel's name of this boot: what the test ends is a machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { NOTHING, COUNT, END, TEAR, FAIL, SHORTEN, STALL, SKIP, OVERTAKE };

struct orders {
    volatile uint32_t what, at, count, done;
};

static struct orders none, *orders = &none;
static const char *below, *skips, *boot;
static int told = -1;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("DURABLE_STEPS");
    below = getenv("DURABLE_STEPS_BELOW");
    int descriptor = path && below ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0)
        return;
    void *page = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (page != MAP_FAILED)
        orders = page;
    skips = getenv("DURABLE_STEPS_SKIPS");
    boot = getenv("DURABLE_STEPS_BOOT");
    const char *log = getenv("DURABLE_STEPS_LOG");
    if (log)
        told = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path) {
    size_t length = strlen(path);
    return strncmp(path, below, strlen(below)) == 0
        && !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

/* What is to be done at this step: NOTHING, unless it is the one. */
static int step(const char *path) {
    if (orders->what == NOTHING || !is_ours(path))
        return NOTHING;
    uint32_t number = __atomic_add_fetch(&orders->count, 1, __ATOMIC_SEQ_CST);
    if (orders->what == COUNT || orders->what >= STALL || number != orders->at)
        return NOTHING;
    orders->done = 1;
    return orders->what;
}

/* Whether a descriptor has a path, and which. */
static int path_of(int descriptor, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return 1;
}

static int step_of(int descriptor) {
    char path[4096];
    return orders->what != NOTHING && path_of(descriptor, path, sizeof path) ? step(path) : NOTHING;
}

/* The folder itself was made in one that nobody watches. */
static void tell(const char *what, const char *path) {
    char line[8300];
    if (told < 0 || !is_ours(path) || (*what == '+' && strcmp(path, below) == 0))
        return;
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    if (syscall(SYS_write, told, line, length) != length)
        abort();
}

/* Before the flush: what is made while it runs may not be part of it. */
static void tell_flush(int descriptor) {
    char path[4096], what[32];
    struct stat found;
    if (told < 0 || fstat(descriptor, &found) != 0 || !path_of(descriptor, path, sizeof path))
        return;
    if (S_ISDIR(found.st_mode)) {
        tell("=", path);
    } else {
        snprintf(what, sizeof what, "s %lld", (long long)found.st_size);
        tell(what, path);
    }
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Whether a step that cannot be halved goes wrong. */
static int fails(int what) {
    if (what == END || what == TEAR)
        end();
    if (what != FAIL)
        return 0;
    errno = EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* `half` and `whole` are calls: only the one that is due is made. The step counts once. */
#define WRITES(descriptor, half, whole)                                                                                \
    int what = step_of(descriptor);                                                                                    \
    switch (what) {                                                                                                    \
    case TEAR:                                                                                                         \
        if (half < 0)                                                                                                  \
            perror("durable_steps");                                                                                   \
        end();                                                                                                         \
        return -1;                                                                                                     \
    case SHORTEN:                                                                                                      \
        return half;                                                                                                   \
    default:                                                                                                           \
        return fails(what) ? -1 : whole;                                                                               \
    }

ssize_t write(int descriptor, const void *bytes, size_t size) {
    WRITES(descriptor, NEXT(write)(descriptor, bytes, (size + 1) / 2), NEXT(write)(descriptor, bytes, size))
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at) {
    WRITES(descriptor, NEXT(pwrite)(descriptor, bytes, (size + 1) / 2, at),
           NEXT(pwrite)(descriptor, bytes, size, at))
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at) {
    WRITES(descriptor, NEXT(pwrite64)(descriptor, bytes, (size + 1) / 2, at),
           NEXT(pwrite64)(descriptor, bytes, size, at))
}

static void stall(void) {
    if (orders->what != STALL)
        return;
    orders->done = 1;
    sleep(4);
}

/* Whether this flush is left out. */
static int is_skipped(int descriptor) {
    char path[4096];
    struct stat found;
    if (orders->what < SKIP || !skips || fstat(descriptor, &found) != 0 || !path_of(descriptor, path, sizeof path)
        || !is_ours(path) || S_ISDIR(found.st_mode) != (*skips == '=') || !strstr(path, skips + 2))
        return 0;
    orders->done = 1;
    return 1;
}

/* A row that comes before its bytes: its flush is made, and the one that was left out before it is not made any more. */
static void overtake(int descriptor) {
    char path[4096];
    if (orders->what == OVERTAKE && orders->done && path_of(descriptor, path, sizeof path) && strstr(path, "-wal"))
        end();
}

#define FLUSHES(name)                                                                                                  \
    int name(int descriptor) {                                                                                         \
        stall();                                                                                                       \
        if (fails(step_of(descriptor)))                                                                                \
            return -1;                                                                                                 \
        if (is_skipped(descriptor))                                                                                    \
            return 0;                                                                                                  \
        tell_flush(descriptor);                                                                                        \
        int answer = NEXT(name)(descriptor);                                                                           \
        overtake(descriptor);                                                                                          \
        return answer;                                                                                                 \
    }

FLUSHES(fsync)
FLUSHES(fdatasync)

int ftruncate(int descriptor, off_t size) {
    return fails(step_of(descriptor)) ? -1 : NEXT(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    return fails(step_of(descriptor)) ? -1 : NEXT(ftruncate64)(descriptor, size);
}

int unlink(const char *path) {
    return fails(step(path)) ? -1 : NEXT(unlink)(path);
}

int rename(const char *from, const char *to) {
    char what[4096];
    if (fails(step(to)) || NEXT(rename)(from, to) != 0)
        return -1;
    snprintf(what, sizeof what, "> %s", from);
    tell(what, to);
    return 0;
}

int mkdir(const char *path, mode_t mode) {
    if (fails(step(path)) || NEXT(mkdir)(path, mode) != 0)
        return -1;
    tell("+", path);
    return 0;
}

#define OPENS(name)                                                                                                    \
    int name(const char *path, int flags, ...) {                                                                       \
        mode_t mode = 0;                                                                                               \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                         \
            va_list rest;                                                                                              \
            va_start(rest, flags);                                                                                     \
            mode = va_arg(rest, mode_t);                                                                               \
            va_end(rest);                                                                                              \
        }                                                                                                              \
        if (boot && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)                                              \
            path = boot;                                                                                               \
        int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;                                                     \
        if (is_new && fails(step(path)))                                                                               \
            return -1;                                                                                                 \
        int descriptor = NEXT(name)(path, flags, mode);                                                                \
        if (is_new && descriptor >= 0)                                                                                 \
            tell("+", path);                                                                                           \
        return descriptor;                                                                                             \
    }

OPENS(open)
OPENS(open64)
