/* Made from nbs/guide/02_codecs/06_literal_encoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

struct bits {
    uint64_t word;
    unsigned count;  /* of bits in the word: fewer than eight after each write */
    uint8_t *at;
};

static inline void write_bits(struct bits *bits) {
    store_64(bits->at, bits->word);
    bits->at += bits->count >> 3;
    bits->word >>= bits->count & 56;
    bits->count &= 7;
}

/* Append the lowest bits of a value, up to 32. */
static inline void put_bits(struct bits *bits, uint32_t value, unsigned count) {
    bits->word |= (uint64_t)value << bits->count;
    bits->count += count;
    write_bits(bits);
}

/* The order in which a block lists the lengths of the code for its code lengths. */
static const uint8_t LENGTH_ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

struct block_code {
    uint8_t lengths[286 + 30];  /* of 256 bytes, the end of the block, lengths, and from `used` on distances */
    uint32_t table[257];        /* the code of each byte and of the end, and from bit 16 on its length */
    uint32_t run_table[259];    /* the same for a run of each length, with its distance */
    uint8_t symbols[286 + 30], extras[286 + 30], own_lengths[19];
    uint16_t own_codes[19];
    size_t used, distances, listed, own_listed, header_bits;  /* used: of the symbols of bytes and lengths */
};

static void list_lengths(struct block_code *code) {
    size_t count = code->used + code->distances;
    code->listed = 0;
    for (size_t at = 0; at < count; code->listed++) {
        size_t unused = 0;
        while (at + unused < count && unused < 138 && code->lengths[at + unused] == 0) unused++;
        if (unused < 3) unused = 1;
        code->symbols[code->listed] = unused == 1 ? code->lengths[at] : unused < 11 ? 17 : 18;
        code->extras[code->listed] = (uint8_t)(unused == 1 ? 0 : unused < 11 ? unused - 3 : unused - 11);
        at += unused;
    }
}

static inline unsigned extra_bits(unsigned symbol) { return symbol < 17 ? 0 : symbol == 17 ? 3 : 7; }

/* The code for the lengths of the codes, and the size of the header. */
static void make_header(struct block_code *code) {
    uint32_t counts[19] = {0};
    list_lengths(code);
    for (size_t number = 0; number < code->listed; number++) counts[code->symbols[number]]++;
    code_lengths(counts, 19, 7, code->own_lengths);
    canonical_codes(code->own_lengths, 19, code->own_codes);
    code->own_listed = 19;
    while (code->own_lengths[LENGTH_ORDER[code->own_listed - 1]] == 0) code->own_listed--;
    code->header_bits = 17 + 3 * code->own_listed;
    for (unsigned symbol = 0; symbol < 19; symbol++)
        code->header_bits += counts[symbol] * (code->own_lengths[symbol] + extra_bits(symbol));
}

static void put_header(struct bits *bits, const struct block_code *code, int is_last) {
    put_bits(bits, 4 | (uint32_t)is_last, 3);  /* a code of its own */
    put_bits(bits, (uint32_t)((code->used - 257) | (code->distances - 1) << 5 | (code->own_listed - 4) << 10), 14);
    for (size_t number = 0; number < code->own_listed; number++)
        put_bits(bits, code->own_lengths[LENGTH_ORDER[number]], 3);
    for (size_t number = 0; number < code->listed; number++) {
        unsigned symbol = code->symbols[number];
        put_bits(bits, code->own_codes[symbol], code->own_lengths[symbol]);
        put_bits(bits, code->extras[number], extra_bits(symbol));
    }
}

static const uint16_t RUN_BASE[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t RUN_EXTRA[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4,
                                      5, 5, 5, 5, 0};
enum { SHORTEST_RUN = 3, LONGEST_RUN = 258 };

static inline unsigned run_symbol(size_t length) {
    unsigned symbol = 0;
    while (symbol < 28 && RUN_BASE[symbol + 1] <= length) symbol++;
    return symbol;
}

/* How often the byte before `at` is repeated from there on, up to LONGEST_RUN times; less than SHORTEST_RUN is none. */
static inline size_t run_length(const uint8_t *data, size_t at, size_t end) {
    size_t place = at, stop = smaller(end, at + LONGEST_RUN);
    while (place < stop && data[place] == data[at - 1]) place++;
    return place - at;
}

/* The first position from `at` > 0 on where a run begins, or `end`; six positions are looked at together. */
static inline size_t next_run(const uint8_t *data, size_t at, size_t end) {
    const uint64_t low_bits = 0x7F7F7F7F7F7F7F7Fu;
    for (; at + 8 <= end; at += 6) {
        uint64_t change = load_64(data + at) ^ load_64(data + at - 1);
        uint64_t same = ~(((change & low_bits) + low_bits) | change | low_bits);  /* 128 where a byte did not change */
        same &= same >> 8 & same >> 16;
        if (!same) continue;
        for (; !(same & 128); same >>= 8) at++;
        return at;
    }
    for (; at + SHORTEST_RUN <= end; at++)
        if (run_length(data, at, end) >= SHORTEST_RUN) return at;
    return end;
}

/* Where a block of some bytes ends. */
static inline size_t block_end(size_t size, size_t blocks, size_t block) {
    return size / blocks * (block + 1) + size % blocks * (block + 1) / blocks;
}

/* How often each byte, and each length of a run, is written. */
static void count_runs(const uint8_t *data, size_t size, size_t blocks, uint32_t counts[256], uint32_t runs[259]) {
    count_bytes(data, size, counts);
    memset(runs, 0, 259 * sizeof *runs);
    for (size_t block = 0, begin = 0, end; block < blocks; block++, begin = end) {
        end = block_end(size, blocks, block);
        for (size_t at = next_run(data, begin + 1, end), length; at < end; at = next_run(data, at + length, end)) {
            length = run_length(data, at, end);
            runs[length]++;
            counts[data[at]] -= (uint32_t)length;
        }
    }
}

/* `runs` may be NULL: no runs. */
static void make_code(const uint32_t counts[256], const uint32_t runs[259], struct block_code *code) {
    uint32_t all[286] = {0};
    uint16_t codes[286];
    memcpy(all, counts, 256 * sizeof *counts);
    all[BLOCK_END] = 1;
    for (size_t length = SHORTEST_RUN; runs && length <= LONGEST_RUN; length++)
        if (runs[length]) all[257 + run_symbol(length)] += runs[length];
    code->used = 286;
    while (all[code->used - 1] == 0) code->used--;
    code_lengths(all, code->used, LONGEST_CODE, code->lengths);
    canonical_codes(code->lengths, code->used, codes);
    for (int symbol = 0; symbol < 257; symbol++)
        code->table[symbol] = codes[symbol] | (uint32_t)code->lengths[symbol] << 16;
    for (size_t length = SHORTEST_RUN, number = 0; runs && length <= LONGEST_RUN; length++) {
        while (number < 28 && RUN_BASE[number + 1] <= length) number++;
        if (257 + number >= code->used) break;  /* no run is this long */
        unsigned width = code->lengths[257 + number];  /* then extra bits, and distance 0 */
        code->run_table[length] = codes[257 + number] | (uint32_t)(length - RUN_BASE[number]) << width
            | (width + RUN_EXTRA[number] + 1) << 16;
    }
    code->distances = 1;
    code->lengths[code->used] = code->used > 257;
    make_header(code);
}

/* Bits of what these counts stand for. */
static uint64_t coded_bits(const struct block_code *code, const uint32_t counts[256], const uint32_t runs[259]) {
    uint64_t bits = 0;
    for (int byte = 0; byte < 256; byte++) bits += (uint64_t)counts[byte] * code->lengths[byte];
    for (size_t length = SHORTEST_RUN; runs && length <= LONGEST_RUN; length++)
        if (runs[length]) bits += (uint64_t)runs[length] * (code->run_table[length] >> 16);
    return bits;
}

/* Bytes of blocks with that many bits in them, at most, with headers and markers. */
static size_t packed_size(const struct block_code *code, uint64_t bits, size_t blocks) {
    return (size_t)((bits + blocks * (code->header_bits + code->lengths[BLOCK_END])) / 8) + 1 + 6 * blocks;
}

static void put_literals(struct bits *bits, const uint8_t *data, size_t size, const uint32_t table[257]) {
    struct bits own = *bits;  /* in registers */
    size_t at = 0;
    for (; at + 4 <= size; at += 4) {
        for (int number = 0; number < 4; number++) {
            uint32_t entry = table[data[at + number]];
            own.word |= (uint64_t)(entry & 0xFFFF) << own.count;
            own.count += entry >> 16;
        }
        write_bits(&own);
    }
    for (; at < size; at++) put_bits(&own, table[data[at]] & 0xFFFF, table[data[at]] >> 16);
    *bits = own;
}

static void put_runs(struct bits *bits, const uint8_t *data, size_t size, const struct block_code *code) {
    for (size_t at = 0; at < size;) {
        size_t run = smaller(next_run(data, at + (at == 0), size), size);
        put_literals(bits, data + at, run - at, code->table);
        at = run;
        if (at == size) return;
        size_t length = run_length(data, at, size);
        put_bits(bits, code->run_table[length] & 0xFFFF, code->run_table[length] >> 16);
        at += length;
    }
}

/* The end of a block, with or without a marker. */
static uint8_t *end_block(struct bits *bits, const struct block_code *code, int marker, int is_last) {
    put_bits(bits, code->table[BLOCK_END] & 0xFFFF, code->table[BLOCK_END] >> 16);
    if (marker) put_bits(bits, (uint32_t)is_last, 3);
    if (bits->count) put_bits(bits, 0, 8 - bits->count);
    if (!marker) return bits->at;
    store_32(bits->at, 0xFFFF0000);
    return bits->at + 4;
}

/* Write blocks that end at a byte boundary, and with them the deflate stream if `is_last`; their size. */
static size_t pack_blocks(const struct block_code *code, const uint8_t *data, size_t size, size_t blocks, int is_last,
                          uint8_t *out) {
    size_t done = 0;
    struct bits bits = {0, 0, out};
    for (size_t block = 0; block < blocks; block++) {
        size_t end = block_end(size, blocks, block);
        int ends = is_last && block == blocks - 1, marker = blocks > 1 || !is_last;
        put_header(&bits, code, ends && !marker);
        if (code->used > 257) put_runs(&bits, data + done, end - done, code);
        else put_literals(&bits, data + done, end - done, code->table);
        bits.at = end_block(&bits, code, marker, ends);
        bits.word = bits.count = 0;
        done = end;
    }
    return (size_t)(bits.at - out);
}

enum { SHORT_PLANE = 8192 };  /* bytes below which a plane is one block */

static size_t literal_blocks(size_t size) { return size < SHORT_PLANE ? 1 : NUM_BLOCKS; }

/* The most bytes that `pack_blocks` writes: words of bits are stored whole. */
static size_t blocks_room(size_t size, size_t blocks) { return blocks * 512 + size / 8 * LONGEST_CODE + 64; }

METHOD(pack_blocks) {
    Py_buffer data;
    int has_runs, is_last;
    Py_ssize_t wanted;
    struct block_code code;
    uint32_t counts[256], runs[259];
    if (!PyArg_ParseTuple(args, "y*ppn", &data, &has_runs, &is_last, &wanted)) return NULL;
    size_t size = (size_t)data.len, blocks = wanted == 1 ? 1 : NUM_BLOCKS;
    PyObject *packed = size ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)blocks_room(size, blocks)) : NULL;
    if (packed) {
        Py_BEGIN_ALLOW_THREADS
        if (has_runs) count_runs(data.buf, size, blocks, counts, runs);
        else count_bytes(data.buf, size, counts);
        make_code(counts, has_runs ? runs : NULL, &code);
        size = pack_blocks(&code, data.buf, size, blocks, is_last, (uint8_t *)PyBytes_AS_STRING(packed));
        Py_END_ALLOW_THREADS
        _PyBytes_Resize(&packed, (Py_ssize_t)size);
    } else if (!size) PyErr_SetString(PyExc_ValueError, "expected at least one byte");
    PyBuffer_Release(&data);
    return packed;
}
