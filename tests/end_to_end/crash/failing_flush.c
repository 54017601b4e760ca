/* Makes flushes fail, as a dying disk does: fsync and fdatasync answer EIO, and what was to be flushed is lost.
 *
 * Loaded before libc into the server under test. FAILING_FLUSH names a file that says what to do: "<skip> <word>"
 * lets that many flushes of files with this word in their path pass, fails the next one and removes the file; with
 * a negative number each of them fails for as long as the file is there. Without the file nothing fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int is_due(const char *path) {
    const char *orders = getenv("FAILING_FLUSH");
    FILE *file = orders ? fopen(orders, "r") : NULL;
    if (!file)
        return 0;
    long skip = 0;
    char word[64] = "";
    int read = fscanf(file, "%ld %63s", &skip, word);
    fclose(file);
    if (read != 2 || !strstr(path, word))
        return 0;
    if (skip < 0)
        return 1;
    if (skip == 0)
        return unlink(orders) == 0;
    file = fopen(orders, "w");
    if (file) {
        fprintf(file, "%ld %s", skip - 1, word);
        fclose(file);
    }
    return 0;
}

/* After a failed flush the kernel calls the pages clean and may drop them. Objects are flushed once, so all is lost;
 * what else is in a database or a folder was flushed before, and stays. */
static void lose(int descriptor, const char *path) {
    struct stat found;
    if (strstr(path, "/objects/") && fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode)
        && ftruncate(descriptor, 0) == 0 && ftruncate(descriptor, found.st_size) != 0)
        abort();
}

static int fails(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    pthread_mutex_lock(&one_at_a_time);
    int due = is_due(path);
    if (due)
        lose(descriptor, path);
    pthread_mutex_unlock(&one_at_a_time);
    if (due)
        errno = EIO;
    return due;
}

int fsync(int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return fails(descriptor) ? -1 : next(descriptor);
}

int fdatasync(int descriptor) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails(descriptor) ? -1 : next(descriptor);
}
