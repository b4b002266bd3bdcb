/* Made from nbs/guide/02_codecs/03_checksums.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { ADLER_MODULUS = 65521, ADLER_COLUMNS = 32, ADLER_LINES = 22 };  /* 255 * 22 * 21 / 2 < 65,536 */

WIDE static void adler_block(const uint8_t *restrict data, uint32_t *first, uint32_t *second) {
    uint16_t sums[ADLER_COLUMNS] = {0}, sums_of_sums[ADLER_COLUMNS] = {0};
    for (int line = 0; line < ADLER_LINES; line++) {
        for (int column = 0; column < ADLER_COLUMNS; column++) {
            sums_of_sums[column] += sums[column];
            sums[column] += data[line * ADLER_COLUMNS + column];
        }
    }
    *second += *first * ADLER_COLUMNS * ADLER_LINES;
    for (int column = 0; column < ADLER_COLUMNS; column++) {
        *first += sums[column];
        *second += (uint32_t)ADLER_COLUMNS * sums_of_sums[column] + (uint32_t)(ADLER_COLUMNS - column) * sums[column];
    }
    *first %= ADLER_MODULUS;
    *second %= ADLER_MODULUS;
}

/* Adler-32 of some bytes that follow others with the given checksum. */
static uint32_t adler32_after(uint32_t checksum, const uint8_t *data, size_t size) {
    uint32_t first = checksum & 0xFFFF, second = checksum >> 16;
    for (; size >= ADLER_COLUMNS * ADLER_LINES; data += ADLER_COLUMNS * ADLER_LINES, size -= ADLER_COLUMNS * ADLER_LINES)
        adler_block(data, &first, &second);
    for (; size; data++, size--) {
        first += *data;
        second += first;
    }
    return second % ADLER_MODULUS << 16 | first % ADLER_MODULUS;
}

static uint32_t adler32(const uint8_t *data, size_t size) { return adler32_after(1, data, size); }

/* The checksum of the bytes that are the only argument. */
static PyObject *checksum_of(PyObject *args, uint32_t (*function)(const uint8_t *, size_t)) {
    Py_buffer data;
    uint32_t checksum;
    if (!PyArg_ParseTuple(args, "y*", &data)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    checksum = function(data.buf, (size_t)data.len);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLong(checksum);
}

METHOD(adler32) { return checksum_of(args, adler32); }

static inline uint32_t folded(uint32_t sum) { return (sum & 0xFFFF) + (sum >> 16); }

static uint32_t fletcher32(const uint8_t *data, size_t size) {
    uint32_t first = 0, second = 0;
    for (size_t left = size / 2; left;) {
        size_t some = smaller(left, 360);  /* more would not fit in 32 bits */
        left -= some;
        for (; some; some--, data += 2) {
            first += (uint32_t)data[0] << 8 | data[1];
            second += first;
        }
        first = folded(first);
        second = folded(second);
    }
    if (size % 2) {
        first = folded(first + ((uint32_t)*data << 8));
        second = folded(second + first);
    }
    return folded(second) << 16 | folded(first);
}

METHOD(fletcher32) { return checksum_of(args, fletcher32); }
