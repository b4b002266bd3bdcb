/* Made from nbs/guide/05_store/01_file_bytes.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { READ_AT_ONCE = 1 << 16, ONE_PAGE = 4096 };

#ifdef _WIN32
static int read_at(int file, uint8_t *to, size_t size, int64_t address) {
    (void)file, (void)to, (void)size, (void)address;
    return 0;
}
#else
#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int read_at(int file, uint8_t *to, size_t size, int64_t address) {
    while (size) {
        ssize_t found = pread(file, to, smaller(size, READ_AT_ONCE), (off_t)address);
        if (found < 0 && errno == EINTR) continue;
        if (found <= 0) return 0;
        to += found;
        size -= (size_t)found;
        address += found;
    }
    return 1;
}
#endif

#ifdef __linux__
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

typedef struct { const uint8_t *bytes; size_t size; } file_map;  /* bytes are NULL without a map */
typedef struct { const file_map *map; sigjmp_buf resume; } bus_guard;

/* What this thread is copying from. It is memory of the thread from its beginning: a handler must not ask for more. */
static _Thread_local __attribute__((tls_model("initial-exec"))) bus_guard *volatile guarded;
static struct sigaction earlier_action;
static volatile sig_atomic_t was_passed_on;

static void on_bus_error(int number, siginfo_t *info, void *context) {
    const uint8_t *at = info->si_addr, *begin = guarded ? guarded->map->bytes : NULL;
    (void)context;
    if (begin && info->si_code > 0 && at >= begin && at < begin + guarded->map->size) siglongjmp(guarded->resume, 1);
    struct sigaction next = {0};
    next.sa_handler = SIG_DFL;
    sigaction(number, was_passed_on ? &next : &earlier_action, NULL);  /* the access is tried again, and meets it */
    was_passed_on = 1;
    if (info->si_code <= 0) raise(number);  /* a program sent the signal */
}

/* Have the handler installed, also where another one was since; whether it is. Called with Python's lock held. */
static int handles_bus_errors(void) {
    struct sigaction own = {0}, found;
    if (sigaction(SIGBUS, NULL, &found)) return 0;
    if (found.sa_flags & SA_SIGINFO && found.sa_sigaction == on_bus_error) return 1;
    earlier_action = found;
    own.sa_sigaction = on_bus_error;
    own.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    return !sigaction(SIGBUS, &own, NULL);
}

/* Call a function that reads a map; 0 if the file does not have the bytes. */
static int call_guarded(const file_map *map, int (*function)(void *), void *argument) {
    bus_guard guard;
    guard.map = map;
    if (sigsetjmp(guard.resume, 0)) {
        guarded = NULL;
        return 0;
    }
    guarded = &guard;
    atomic_signal_fence(memory_order_seq_cst);
    int result = function(argument);
    atomic_signal_fence(memory_order_seq_cst);
    guarded = NULL;
    return result;
}

typedef struct { uint8_t *to; const uint8_t *from; size_t size; line_verifier *lines; } bytes_to_copy;

enum { COPIED_AT_ONCE = 8192 };

/* Copy some bytes at a time, and fetch the next ones while they are verified. */
static int copy_bytes(void *argument) {
    const bytes_to_copy *bytes = argument;
    if (!bytes->lines) memcpy(bytes->to, bytes->from, bytes->size);
    for (size_t done = 0, end; bytes->lines && done < bytes->size; done = end) {
        end = done + smaller(COPIED_AT_ONCE, bytes->size - done);
        memcpy(bytes->to + done, bytes->from + done, end - done);
        next_copy next = {(uintptr_t)(bytes->from + end), (uintptr_t)(bytes->to + end)};
        verify_fetching(bytes->lines, bytes->to + done, end - done, end < bytes->size ? next : bytes->lines->next);
    }
    return 1;
}

/* Copy bytes of a file, which `lines` verify unless NULL; 0 if the file does not have them. */
static int copy_mapped(const file_map *map, uint8_t *to, size_t size, int64_t address, line_verifier *lines) {
    if (!is_inside(address, (int64_t)size, (int64_t)map->size)) return 0;
    bytes_to_copy bytes = {to, map->bytes + address, size, lines};
    return call_guarded(map, copy_bytes, &bytes);
}

/* How often this thread has waited for a page from the disk. */
static long waits_for_disk(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_majflt;
}
#else
typedef struct { const uint8_t *bytes; size_t size; } file_map;
static int handles_bus_errors(void) { return 0; }
static long waits_for_disk(void) { return 0; }

static int copy_mapped(const file_map *map, uint8_t *to, size_t size, int64_t address, line_verifier *lines) {
    (void)map, (void)to, (void)size, (void)address, (void)lines;
    return 0;
}

static int call_guarded(const file_map *map, int (*function)(void *), void *argument) {
    (void)map, (void)function, (void)argument;
    return 0;
}
#endif

/* A map until a copy out of it has waited for the disk; then NULL. */
typedef struct { const file_map *map; int has_waited; long waits; size_t copied; } watched_map;

static watched_map watch_map(const file_map *map, long waits) {
    return (watched_map){map, 0, waits, 0};
}

static void look_for_waits(watched_map *watched) {
    watched->copied = 0;
    if (!watched->map) return;
    long before = watched->waits;
    watched->waits = waits_for_disk();
    if (watched->waits > before) watched->map = NULL, watched->has_waited = 1;
}

/* Copy bytes of the file, which `lines` verify unless NULL; 0 if they have to be read. */
static int copy_watched(watched_map *watched, uint8_t *to, size_t size, int64_t address, line_verifier *lines) {
    size_t first = size < READ_AT_ONCE ? size : ONE_PAGE;
    if (!watched->map || !copy_mapped(watched->map, to, first, address, lines)) return 0;
    watched->copied += size;
    if (watched->copied >= READ_AT_ONCE) look_for_waits(watched);
    if (first == size) return 1;
    return watched->map && copy_mapped(watched->map, to + first, size - first, address + (int64_t)first, lines);
}

enum { PAUSE = 64 };  /* calls that do not use a map */

typedef struct { uint64_t inode; int64_t size, modified; } file_state;

typedef struct {
    int file, has_state, pause;  /* without a state: the file does not change */
    file_state state;
    file_map map;
    PyObject *owner;  /* keeps the file open */
} open_bytes;

/* Whether a file is the one that was opened, and as it was then. */
static int is_unchanged(const open_bytes *opened) {
#ifdef _WIN32
    (void)opened;
    return 1;
#else
    struct stat found;
    if (!opened->has_state) return 1;
    if (fstat(opened->file, &found)) return 0;
#ifdef __APPLE__
    struct timespec modified = found.st_mtimespec;
#else
    struct timespec modified = found.st_mtim;
#endif
    return (uint64_t)found.st_ino == opened->state.inode && (int64_t)found.st_size == opened->state.size
        && (int64_t)modified.tv_sec * 1000000000 + modified.tv_nsec == opened->state.modified;
#endif
}

#ifdef __linux__
static int map_into(file_map *map, int file) {
    struct stat found;
    if (fstat(file, &found) || found.st_size <= 0 || (uint64_t)found.st_size > SIZE_MAX / 2) return 0;
    map->size = (size_t)found.st_size;
    void *bytes = mmap(NULL, map->size, PROT_READ, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED) return 0;
    madvise(bytes, map->size, MADV_RANDOM);
    map->bytes = bytes;
    return 1;
}
#endif

static void free_opened(open_bytes *opened) {
#ifdef __linux__
    if (opened->map.bytes) munmap((void *)opened->map.bytes, opened->map.size);
#endif
    Py_XDECREF(opened->owner);
    free(opened);
}

static void forget_opened(PyObject *capsule) {
    free_opened(PyCapsule_GetPointer(capsule, "open_bytes"));
}

/* A capsule with an open file: descriptor, what keeps it open, (inode, size, time in ns) or None. */
METHOD(open_bytes) {
    PyObject *owner, *identity;
    open_bytes *opened = calloc(1, sizeof *opened);
    if (!opened) return PyErr_NoMemory();
    int is_known = PyArg_ParseTuple(args, "iOO", &opened->file, &owner, &identity);
    if (is_known && identity != Py_None) {
        unsigned long long inode;
        long long size, modified;
        opened->has_state = is_known = PyArg_ParseTuple(identity, "KLL", &inode, &size, &modified);
        if (is_known) opened->state = (file_state){inode, size, modified};
    }
    if (is_known) {
        Py_INCREF(owner);
        opened->owner = owner;
#ifdef __linux__
        if (handles_bus_errors()) map_into(&opened->map, opened->file);
#endif
        PyObject *capsule = PyCapsule_New(opened, "open_bytes", forget_opened);
        if (capsule) return capsule;
    }
    free_opened(opened);
    return NULL;
}

/* The map of a file, to be used in this call; NULL for a while after a copy that waited. Called with Python's lock
   held, where there is a handler. */
static const file_map *map_of(open_bytes *opened) {
    if (!opened->map.bytes) return NULL;
    if (!opened->pause) return &opened->map;
    opened->pause--;
    return NULL;
}

/* Do as after a copy that waited for the disk; for tests. */
METHOD(pause_map) {
    PyObject *capsule;
    open_bytes *opened;
    if (!PyArg_ParseTuple(args, "O", &capsule)) return NULL;
    if (!(opened = PyCapsule_GetPointer(capsule, "open_bytes"))) return NULL;
    opened->pause = PAUSE;
    Py_RETURN_NONE;
}

/* Fill `out` with bytes of a map; whether it has them. */
METHOD(copy_out_of_map) {
    PyObject *capsule;
    Py_buffer out;
    long long address;
    int is_copied = 0;
    if (!PyArg_ParseTuple(args, "OLw*", &capsule, &address, &out)) return NULL;
    open_bytes *opened = PyCapsule_GetPointer(capsule, "open_bytes");
    const file_map *map = opened && handles_bus_errors() ? map_of(opened) : NULL;
    if (map) {
        Py_BEGIN_ALLOW_THREADS
        is_copied = copy_mapped(map, out.buf, (size_t)out.len, address, NULL);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&out);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(is_copied);
}
