/* Made from nbs/guide/05_store/01_file_bytes.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { READ_AT_ONCE = 1 << 16 };

#ifdef _WIN32
static int read_at(int file, uint8_t *to, size_t size, int64_t address) {
    (void)file, (void)to, (void)size, (void)address;
    return 0;
}
#else
#include <errno.h>
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
