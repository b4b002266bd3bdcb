/* Made from nbs/guide/02_codecs/03_checksums.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { ADLER_MODULUS = 65521, ADLER_COLUMNS = 32, ADLER_LINES = 22 };  /* 255 * 22 * 21 / 2 < 65,536 */

/* Adler-32 of some blocks that follow bytes with the sums `first` and `second`. */
WIDE static uint32_t adler_blocks(uint32_t first, uint32_t second, const uint8_t *restrict data, size_t blocks) {
    for (; blocks; blocks--) {
        uint16_t sums[ADLER_COLUMNS] = {0}, sums_of_sums[ADLER_COLUMNS] = {0};
        uint32_t sum = 0, weighted = 0;
        for (int line = 0; line < ADLER_LINES; line++, data += ADLER_COLUMNS) {
            for (int column = 0; column < ADLER_COLUMNS; column++) {
                sums_of_sums[column] += sums[column];
                sums[column] += data[column];
            }
        }
        for (int column = 0; column < ADLER_COLUMNS; column++) {
            sum += sums[column];
            uint32_t weight = (uint32_t)(ADLER_COLUMNS - column);
            weighted += ADLER_COLUMNS * (uint32_t)sums_of_sums[column] + weight * sums[column];
        }
        second = (second + first * ADLER_COLUMNS * ADLER_LINES + weighted) % ADLER_MODULUS;
        first = (first + sum) % ADLER_MODULUS;
    }
    return second << 16 | first;
}

/* Adler-32 of some bytes that follow others with the given checksum. */
static uint32_t adler32_after(uint32_t checksum, const uint8_t *data, size_t size) {
    size_t blocks = size / (ADLER_COLUMNS * ADLER_LINES), in_blocks = blocks * ADLER_COLUMNS * ADLER_LINES;
    checksum = adler_blocks(checksum & 0xFFFF, checksum >> 16, data, blocks);
    data += in_blocks, size -= in_blocks;
    uint32_t first = checksum & 0xFFFF, second = checksum >> 16;
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

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define HAS_FOLDING
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#define FOR_MACHINE(features)
#else
#define FOR_MACHINE(features) __attribute__((target(features)))
#endif
#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

enum { CRC_TABLES, CRC_WORDS, CRC_WIDE };  /* tables only; folding 128 bytes; folding 256 bytes */

/* The addresses that bytes are copied from and to next, after others were verified; they need not exist. */
typedef struct { uintptr_t from, to; } next_copy;

static uint32_t crc_tables[8][256];
static int crc_machine;  /* the fastest of them here */

static uint32_t crc32c_of_tables(uint32_t crc, const uint8_t *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word = load_64(data) ^ crc;
        crc = 0;
        for (int i = 0; i < 8; i++) crc ^= crc_tables[7 - i][word >> 8 * i & 0xFF];
    }
    for (; size; data++, size--) crc = crc_tables[0][(crc ^ *data) & 0xFF] ^ crc >> 8;
    return crc;
}

#ifdef HAS_FOLDING
FOR_MACHINE("sse4.2") static uint32_t crc32c_of_words(uint32_t crc, const uint8_t *data, size_t size) {
    uint64_t sum = crc;
    for (; size >= 8; data += 8, size -= 8) sum = _mm_crc32_u64(sum, load_64(data));
    crc = (uint32_t)sum;
    for (; size; data++, size--) crc = _mm_crc32_u8(crc, *data);
    return crc;
}

static inline void fetch(next_copy next, size_t offset) {
    _mm_prefetch((const char *)(next.from + offset), _MM_HINT_T0);
    _mm_prefetch((const char *)(next.to + offset), _MM_HINT_T0);
}

FOR_MACHINE("sse4.2,pclmul")
static uint32_t crc32c_folding_128(uint32_t crc, const uint8_t *data, size_t size, next_copy next) {
    const __m128i factors = _mm_set_epi64x(0x0D3B6092, 0x6992CEA2);
    __m128i parts[8];
    uint8_t rest[128];
    if (size < 256) return crc32c_of_words(crc, data, size);
    for (int i = 0; i < 8; i++) parts[i] = _mm_loadu_si128((const __m128i *)data + i);
    parts[0] = _mm_xor_si128(parts[0], _mm_cvtsi32_si128((int)crc));
    for (size_t done = 0; done < 128; done += 64) fetch(next, done);
    for (data += 128, size -= 128; size >= 128; data += 128, size -= 128) {
        next.from += 128, next.to += 128;
        for (int i = 0; i < 8; i++) {
            if (i % 4 == 0) fetch(next, 16 * (size_t)i);
            __m128i low = _mm_clmulepi64_si128(parts[i], factors, 0x00);
            __m128i high = _mm_clmulepi64_si128(parts[i], factors, 0x11);
            parts[i] = _mm_xor_si128(_mm_xor_si128(low, high), _mm_loadu_si128((const __m128i *)data + i));
        }
    }
    memcpy(rest, parts, sizeof rest);
    return crc32c_of_words(crc32c_of_words(0, rest, sizeof rest), data, size);
}
#endif

#if defined(HAS_FOLDING) && !defined(_MSC_VER)
#define HAS_WIDE_FOLDING
FOR_MACHINE("sse4.2,avx512f,vpclmulqdq")
static uint32_t crc32c_folding_256(uint32_t crc, const uint8_t *data, size_t size, next_copy next) {
    const __m512i factors = _mm512_broadcast_i32x4(_mm_set_epi64x(0xB9E02B86, 0xDCB17AA4));
    __m512i parts[4];
    uint8_t rest[256];
    if (size < 512) return crc32c_of_words(crc, data, size);
    for (int i = 0; i < 4; i++) fetch(next, 64 * (size_t)i), parts[i] = _mm512_loadu_si512(data + 64 * i);
    parts[0] = _mm512_xor_si512(parts[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
    for (data += 256, size -= 256; size >= 256; data += 256, size -= 256) {
        next.from += 256, next.to += 256;
        for (int i = 0; i < 4; i++) {
            fetch(next, 64 * (size_t)i);
            __m512i low = _mm512_clmulepi64_epi128(parts[i], factors, 0x00);
            __m512i high = _mm512_clmulepi64_epi128(parts[i], factors, 0x11);
            parts[i] = _mm512_xor_si512(_mm512_xor_si512(low, high), _mm512_loadu_si512(data + 64 * i));
        }
    }
    memcpy(rest, parts, sizeof rest);
    return crc32c_of_words(crc32c_of_words(0, rest, sizeof rest), data, size);
}
#endif

#ifdef __ARM_FEATURE_CRC32
static uint32_t crc32c_of_arm(uint32_t crc, const uint8_t *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) crc = __crc32cd(crc, load_64(data));
    for (; size; data++, size--) crc = __crc32cb(crc, *data);
    return crc;
}
#endif

/* The checksum of some bytes that follow others with the given checksum; that of no bytes is 0. */
static uint32_t crc32c_fetching(int machine, uint32_t checksum, const uint8_t *data, size_t size, next_copy next) {
    (void)next;
#ifdef HAS_WIDE_FOLDING
    if (machine >= CRC_WIDE) return ~crc32c_folding_256(~checksum, data, size, next);
#endif
#ifdef HAS_FOLDING
    if (machine >= CRC_WORDS) return ~crc32c_folding_128(~checksum, data, size, next);
#endif
#ifdef __ARM_FEATURE_CRC32
    if (machine >= CRC_WORDS) return ~crc32c_of_arm(~checksum, data, size);
#endif
    return ~crc32c_of_tables(~checksum, data, size);
}

/* Fetches nothing but these bytes. */
static uint32_t crc32c_on(int machine, const uint8_t *data, size_t size) {
    return crc32c_fetching(machine, 0, data, size, (next_copy){(uintptr_t)data, (uintptr_t)data});
}

static uint32_t crc32c(const uint8_t *data, size_t size) { return crc32c_on(crc_machine, data, size); }

/* Lines that follow one another, and their checksums. */
typedef struct {
    const uint8_t *expected;
    size_t size, filled;  /* bytes of a line, and those of the current one that were seen */
    uint32_t sum;
    int is_wrong;
    next_copy next;  /* after the lines, if they are copied */
} line_verifier;

/* Some more bytes of the lines, and fetch others; NULL are no lines. */
static void verify_fetching(line_verifier *lines, const uint8_t *data, size_t size, next_copy next) {
    while (lines && size) {
        size_t some = smaller(size, lines->size - lines->filled);
        lines->sum = crc32c_fetching(crc_machine, lines->sum, data, some, next);
        lines->filled += some, data += some, size -= some, next.from += some, next.to += some;
        if (lines->filled < lines->size) return;
        lines->is_wrong |= lines->sum != load_32(lines->expected);
        lines->expected += sizeof(uint32_t);
        lines->filled = 0, lines->sum = 0;
    }
}

static void verify_some(line_verifier *lines, const uint8_t *data, size_t size) {
    verify_fetching(lines, data, size, (next_copy){(uintptr_t)data, (uintptr_t)data});
}

METHOD(crc32c) { return checksum_of(args, crc32c); }

static int best_crc_machine(void) {
#if defined(HAS_WIDE_FOLDING)
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul")) return CRC_TABLES;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq") ? CRC_WIDE : CRC_WORDS;
#elif defined(HAS_FOLDING)
    int words[4];
    __cpuid(words, 1);
    return words[2] >> 20 & words[2] >> 1 & 1 ? CRC_WORDS : CRC_TABLES;
#elif defined(__ARM_FEATURE_CRC32)
    return CRC_WORDS;
#else
    return CRC_TABLES;
#endif
}

/* Make the tables; the machine that is used. */
METHOD(prepare_crc32c) {
    if (!PyArg_ParseTuple(args, "")) return NULL;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
        crc_tables[0][byte] = crc;
    }
    for (int table = 1; table < 8; table++)
        for (int byte = 0; byte < 256; byte++) {
            uint32_t crc = crc_tables[table - 1][byte];
            crc_tables[table][byte] = crc_tables[0][crc & 0xFF] ^ crc >> 8;
        }
    crc_machine = best_crc_machine();
    return PyLong_FromLong(crc_machine);
}

/* The checksum of each line, as the bytes of uint32: lines, bytes of a line, the machine or -1 for the fastest. */
METHOD(crc32c_of_lines) {
    Py_buffer lines, sums;
    Py_ssize_t size;
    int machine;
    if (!PyArg_ParseTuple(args, "y*nw*i", &lines, &size, &sums, &machine)) return NULL;
    size_t count = (size_t)sums.len / sizeof(uint32_t);
    int is_valid = size >= 0 && (size ? count <= (size_t)lines.len / (size_t)size : 1);
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        if (machine < 0 || machine > crc_machine) machine = crc_machine;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *line = (const uint8_t *)lines.buf + i * (size_t)size;
            store_32((uint8_t *)sums.buf + 4 * i, crc32c_on(machine, line, (size_t)size));
        }
        Py_END_ALLOW_THREADS
    } else PyErr_SetString(PyExc_ValueError, "expected as many lines as checksums");
    PyBuffer_Release(&lines);
    PyBuffer_Release(&sums);
    if (!is_valid) return NULL;
    Py_RETURN_NONE;
}

/* Mark each line, of `size` bytes, that differs from the one before. */
METHOD(mark_runs) {
    Py_buffer lines, marks;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y*nw*", &lines, &size, &marks)) return NULL;
    int is_valid = size >= 0 && (size ? marks.len <= lines.len / size : 1);
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        const uint8_t *line = lines.buf;
        uint8_t *is_begin = marks.buf;
        for (Py_ssize_t i = 0; i < marks.len; i++, line += size)
            is_begin[i] = !i || memcmp(line, line - size, (size_t)size) != 0;
        Py_END_ALLOW_THREADS
    } else PyErr_SetString(PyExc_ValueError, "expected as many lines as marks");
    PyBuffer_Release(&lines);
    PyBuffer_Release(&marks);
    if (!is_valid) return NULL;
    Py_RETURN_NONE;
}
