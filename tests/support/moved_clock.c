/*
 * A clock that tests can move. Loaded into a process with LD_PRELOAD.
 *
 *   MOVED_CLOCK       a file of 40 bytes, in the machine's byte order, which the test writes and this process maps:
 *     int64 wall_ms     added to the wall clock: time, gettimeofday and clock_gettime(CLOCK_REALTIME)
 *     int64 elapsed_ms  added to the time since boot with suspends: clock_gettime(CLOCK_BOOTTIME)
 *     int64 mono_ms     added to the time since boot without suspends: clock_gettime(CLOCK_MONOTONIC)
 *     int64 boot        0: the machine's own boot id; else /proc/sys/kernel/random/boot_id names another boot,
 *                       one for each number
 *     int64 stopped_ms  0: the wall clock goes; else it stands at this many milliseconds of UTC
 *
 * Timers and sleeps go by the kernel's clocks: a process that waits until a moment of the moved clock looks too late
 * or too early, as real ones do when their clock is set.
 *
 * Not covered: programs that call the kernel or the vdso without the C library, as rustix does.
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
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct moves { volatile int64_t wall, elapsed, mono, boot, stopped; };

static const struct moves still;
static const struct moves *moves = &still;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);

static void start(void) {
    real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    real_open64 = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    const char *path = getenv("MOVED_CLOCK");
    if (!path) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof still, PROT_READ, MAP_SHARED, fd, 0);
    if (shared != MAP_FAILED) moves = shared;
    syscall(SYS_close, fd);
}

static void ready(void) { pthread_once(&once, start); }

static void add(struct timespec *to, int64_t ms) {
    int64_t ns = (int64_t)to->tv_nsec + ms % 1000 * 1000000;
    to->tv_sec += ms / 1000;
    if (ns < 0) { ns += 1000000000; to->tv_sec -= 1; }
    if (ns >= 1000000000) { ns -= 1000000000; to->tv_sec += 1; }
    to->tv_nsec = ns;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    ready();
    int done = real_gettime ? real_gettime(which, now) : (int)syscall(SYS_clock_gettime, which, now);
    if (done) return done;
    switch (which) {
    case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE:
        if (moves->stopped) { now->tv_sec = 0; now->tv_nsec = 0; add(now, moves->stopped); } else add(now, moves->wall);
        break;
    case CLOCK_BOOTTIME: add(now, moves->elapsed); break;
    case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_COARSE: case CLOCK_MONOTONIC_RAW: add(now, moves->mono); break;
    default: break;
    }
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec is;
    if (clock_gettime(CLOCK_REALTIME, &is)) return -1;
    now->tv_sec = is.tv_sec;
    now->tv_usec = is.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to) {
    struct timespec is;
    clock_gettime(CLOCK_REALTIME, &is);
    if (to) *to = is.tv_sec;
    return is.tv_sec;
}

/* A file with the name of a boot. */
static int other_boot(int64_t boot) {
    char text[64];
    int length = snprintf(text, sizeof text, "b0070000-0000-4000-8000-%012llx\n", (unsigned long long)boot & 0xffffffffffffULL);
    int fd = memfd_create("boot_id", MFD_CLOEXEC);
    if (fd < 0) return fd;
    if (write(fd, text, (size_t)length) != length || lseek(fd, 0, SEEK_SET)) { close(fd); errno = EIO; return -1; }
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) {
    MODE(flags)
    ready();
    if (moves->boot && strcmp(path, BOOT_ID) == 0) return other_boot(moves->boot);
    return real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    ready();
    if (moves->boot && strcmp(path, BOOT_ID) == 0) return other_boot(moves->boot);
    return real_open64(path, flags, mode);
}
