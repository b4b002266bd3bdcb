/* Made from nbs/guide/02_codecs/07_literal_encoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

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

struct literal_code {
    uint8_t lengths[258];  /* of 256 bytes, the end of the block, and one distance that does not occur */
    uint32_t table[257];   /* the code of each symbol and, from bit 16 on, its length */
    uint8_t symbols[258], extras[258], own_lengths[19];
    uint16_t own_codes[19];
    size_t listed, own_listed, header_bits;
};

static void list_lengths(struct literal_code *code) {
    code->listed = 0;
    for (size_t at = 0; at < 258; code->listed++) {
        size_t run = 0;
        while (at + run < 258 && run < 138 && code->lengths[at + run] == 0) run++;
        if (run < 3) run = 1;
        code->symbols[code->listed] = run == 1 ? code->lengths[at] : run < 11 ? 17 : 18;
        code->extras[code->listed] = (uint8_t)(run == 1 ? 0 : run < 11 ? run - 3 : run - 11);
        at += run;
    }
}

static inline unsigned extra_bits(unsigned symbol) { return symbol < 17 ? 0 : symbol == 17 ? 3 : 7; }

/* The code of the bytes with these counts; counts[BLOCK_END] is set to 1. */
static void make_literal_code(uint32_t counts[257], struct literal_code *code) {
    uint16_t codes[257];
    uint32_t own_counts[19] = {0};
    counts[BLOCK_END] = 1;
    code_lengths(counts, 257, LONGEST_CODE, code->lengths);
    code->lengths[257] = 0;
    canonical_codes(code->lengths, 257, codes);
    for (int symbol = 0; symbol < 257; symbol++)
        code->table[symbol] = codes[symbol] | (uint32_t)code->lengths[symbol] << 16;
    list_lengths(code);
    for (size_t number = 0; number < code->listed; number++) own_counts[code->symbols[number]]++;
    code_lengths(own_counts, 19, 7, code->own_lengths);
    canonical_codes(code->own_lengths, 19, code->own_codes);
    code->own_listed = 19;
    while (code->own_lengths[LENGTH_ORDER[code->own_listed - 1]] == 0) code->own_listed--;
    code->header_bits = 17 + 3 * code->own_listed;
    for (int symbol = 0; symbol < 19; symbol++)
        code->header_bits += own_counts[symbol] * (code->own_lengths[symbol] + extra_bits((unsigned)symbol));
}

static void put_header(struct bits *bits, const struct literal_code *code, int is_last) {
    put_bits(bits, 4 | (uint32_t)is_last, 3);                   /* a dynamic code */
    put_bits(bits, (uint32_t)(code->own_listed - 4) << 10, 14);  /* 257 symbols, 1 distance */
    for (size_t number = 0; number < code->own_listed; number++)
        put_bits(bits, code->own_lengths[LENGTH_ORDER[number]], 3);
    for (size_t number = 0; number < code->listed; number++) {
        unsigned symbol = code->symbols[number];
        put_bits(bits, code->own_codes[symbol], code->own_lengths[symbol]);
        put_bits(bits, code->extras[number], extra_bits(symbol));
    }
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
    put_bits(&own, table[BLOCK_END] & 0xFFFF, table[BLOCK_END] >> 16);
    *bits = own;
}

/* Fill up the byte and, with `marker`, append an empty stored block; the end of both. */
static uint8_t *end_block(struct bits *bits, int marker, int is_last) {
    if (marker) put_bits(bits, (uint32_t)is_last, 3);
    if (bits->count) put_bits(bits, 0, 8 - bits->count);
    if (!marker) return bits->at;
    store_32(bits->at, 0xFFFF0000);
    return bits->at + 4;
}

enum { SHORT_PLANE = 8192 };  /* bytes below which a plane is one block */

static size_t literal_blocks(size_t size) { return size < SHORT_PLANE ? 1 : NUM_BLOCKS; }

/* The most bytes that `pack_literals` writes: it stores words of bits whole. */
static size_t literal_room(size_t size, size_t blocks) { return blocks * 512 + size / 8 * LONGEST_CODE + 64; }

/* Bytes of the blocks, without the markers. */
static size_t literal_size(const struct literal_code *code, const uint32_t counts[257], size_t blocks) {
    uint64_t bits = blocks * (code->header_bits + code->lengths[BLOCK_END]);
    for (int symbol = 0; symbol < 256; symbol++) bits += (uint64_t)counts[symbol] * code->lengths[symbol];
    return (size_t)(bits / 8) + 1;
}

/* Write blocks of literals that end at a byte boundary, and the deflate stream with them if `is_last`; their size. */
static size_t pack_literals(const struct literal_code *code, const uint8_t *data, size_t size, size_t blocks, int is_last,
                            uint8_t *out) {
    size_t done = 0;
    struct bits bits = {0, 0, out};
    for (size_t block = 0; block < blocks; block++) {
        size_t end = size / blocks * (block + 1) + size % blocks * (block + 1) / blocks;
        int ends = is_last && block == blocks - 1, marker = blocks > 1 || !is_last;
        put_header(&bits, code, ends && !marker);
        put_literals(&bits, data + done, end - done, code->table);
        bits.at = end_block(&bits, marker, ends);
        bits.word = bits.count = 0;
        done = end;
    }
    return (size_t)(bits.at - out);
}

METHOD(pack_literals) {
    Py_buffer data;
    int is_last;
    Py_ssize_t blocks;
    struct literal_code code;
    uint32_t counts[257];
    if (!PyArg_ParseTuple(args, "y*pn", &data, &is_last, &blocks)) return NULL;
    size_t size = (size_t)data.len, room = literal_room(size, blocks == 1 ? 1 : NUM_BLOCKS);
    PyObject *packed = size ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)room) : NULL;
    if (packed) {
        Py_BEGIN_ALLOW_THREADS
        count_bytes(data.buf, size, counts);
        make_literal_code(counts, &code);
        size = pack_literals(&code, data.buf, size, blocks == 1 ? 1 : NUM_BLOCKS, is_last,
                             (uint8_t *)PyBytes_AS_STRING(packed));
        Py_END_ALLOW_THREADS
        _PyBytes_Resize(&packed, (Py_ssize_t)size);
    } else if (!size) PyErr_SetString(PyExc_ValueError, "expected at least one byte");
    PyBuffer_Release(&data);
    return packed;
}
