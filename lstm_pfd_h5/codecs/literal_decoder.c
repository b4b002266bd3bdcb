/* Made from nbs/guide/02_codecs/07_literal_decoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

typedef struct {
    const uint8_t *next, *end;
    uint64_t bits;
    unsigned count, missing;  /* valid bits; bytes behind the end */
} bit_reader;

static inline void refill_bits(bit_reader *reader) {
    if (reader->end - reader->next >= 8) {
        reader->bits |= load_64(reader->next) << reader->count;
        reader->next += (63 - reader->count) >> 3;
        reader->count |= 56;
        return;
    }
    for (; reader->count < 56; reader->count += 8) {
        if (reader->next < reader->end) reader->bits |= (uint64_t)*reader->next++ << reader->count;
        else reader->missing++;
    }
}

static inline unsigned low_bits(uint64_t bits, unsigned count) { return (unsigned)(bits & (((uint64_t)1 << count) - 1)); }

static inline void drop_bits(bit_reader *reader, unsigned count) {
    reader->bits >>= count;
    reader->count -= count;
}

static inline unsigned take_bits(bit_reader *reader, unsigned count) {
    unsigned value = low_bits(reader->bits, count);
    drop_bits(reader, count);
    return value;
}

static inline int is_overrun(const bit_reader *reader) { return 8 * reader->missing > reader->count; }

enum { LITERAL_CODES = 288, DISTANCE_CODES = 32, LENGTH_CODES = 19, MOST_CODE_BITS = 15, LENGTH_BITS = 7 };

#define IS_LITERAL 0x80000000u
#define SPECIAL 0x8000u
#define POINTS 0x4000u
#define ENDS_BLOCK 0x2000u

typedef struct { uint32_t literals[LITERAL_CODES], distances[DISTANCE_CODES], lengths[LENGTH_CODES]; } symbol_values;

static void make_symbol_values(symbol_values *values) {
    for (uint32_t byte = 0; byte < 256; byte++) values->literals[byte] = IS_LITERAL | byte << 16;
    values->literals[256] = SPECIAL | ENDS_BLOCK;
    for (uint32_t code = 0; code < 28; code++) {
        uint32_t extra = code < 8 ? 0 : code / 4 - 1;
        values->literals[257 + code] = (code < 8 ? 3 + code : 3 + ((4 + code % 4) << extra)) << 16 | extra;
    }
    values->literals[285] = 258 << 16;
    values->literals[286] = values->literals[287] = SPECIAL;
    for (uint32_t code = 0; code < 30; code++) {
        uint32_t extra = code < 4 ? 0 : code / 2 - 1;
        values->distances[code] = (code < 4 ? 1 + code : 1 + ((2 + code % 2) << extra)) << 16 | extra;
    }
    values->distances[30] = values->distances[31] = SPECIAL;
    for (uint32_t code = 0; code < 16; code++) values->lengths[code] = code << 16;
    values->lengths[16] = 16 << 16 | 2;
    values->lengths[17] = 17 << 16 | 3;
    values->lengths[18] = 18 << 16 | 7;
}

/* The symbols of a code, rarest last, as entries without their lengths. */
typedef struct {
    unsigned longest, counts[MOST_CODE_BITS + 1];
    uint32_t entries[LITERAL_CODES];
} ordered_code;

/* Sort `count` symbols by the lengths of their codes; 0 if the lengths do not form a code. */
static int order_code(const uint16_t *symbols, const uint8_t *lengths, unsigned count, const uint32_t *values,
                      ordered_code *code) {
    unsigned places[MOST_CODE_BITS + 1], left = 1, place = 0;
    memset(code->counts, 0, sizeof code->counts);
    for (unsigned i = 0; i < count; i++) code->counts[lengths[i]]++;
    for (code->longest = MOST_CODE_BITS; code->longest && !code->counts[code->longest];) code->longest--;
    for (unsigned length = 1; length <= code->longest; length++) {
        if (code->counts[length] > 2 * left) return 0;
        left = 2 * left - code->counts[length];
        places[length] = place;
        place += code->counts[length];
    }
    if (left && code->longest > 1) return 0;
    for (unsigned i = 0; i < count; i++) code->entries[places[lengths[i]]++] = values[symbols[i]];
    return 1;
}

static inline unsigned next_code(unsigned code, unsigned length) {
    unsigned bit = 1u << (length - 1);
    while (code & bit) bit >>= 1;
    return bit ? (code & (bit - 1)) | bit : 0;
}

/* Second tables for the codes that are longer than `bits`, from the code and the place of the first one on. */
static void fill_second_tables(uint32_t *table, unsigned bits, ordered_code *ordered, unsigned code, unsigned place) {
    unsigned first = 1u << bits, mask = first - 1, prefix = first, begin = 0, end = first;
    for (unsigned length = bits + 1; length <= ordered->longest; length++) {
        for (; ordered->counts[length]; ordered->counts[length]--) {
            if ((code & mask) != prefix) {
                unsigned index_bits = length - bits, room = ordered->counts[length];
                while (room < 1u << index_bits) room = 2 * room + ordered->counts[bits + ++index_bits];
                begin = end;
                end += 1u << index_bits;
                prefix = code & mask;
                table[prefix] = begin << 16 | SPECIAL | POINTS | index_bits << 8 | bits;
            }
            uint32_t entry = ordered->entries[place++] + (length - bits) * 257;
            for (unsigned i = begin + (code >> bits); i < end; i += 1u << (length - bits)) table[i] = entry;
            code = next_code(code, length);
        }
    }
}

/* Returns the bits of the index into the first table, at most `most_bits`. */
static unsigned fill_table(uint32_t *table, unsigned most_bits, ordered_code *ordered) {
    unsigned bits = (unsigned)smaller(most_bits, ordered->longest ? ordered->longest : 1), code = 0, place = 0;
    table[0] = table[1] = SPECIAL;
    for (unsigned length = 1; length <= bits; length++) {
        if (length > 1) memcpy(table + (1u << (length - 1)), table, sizeof *table << (length - 1));
        for (unsigned i = ordered->counts[length]; i; i--) {
            table[code] = ordered->entries[place++] + length * 257;
            code = next_code(code, length);
        }
    }
    fill_second_tables(table, bits, ordered, code, place);
    return bits;
}

/* The symbols that occur and the lengths of their codes: bytes and lengths, then distances. */
typedef struct {
    unsigned literals, distances;  /* how many of each */
    uint16_t symbols[LITERAL_CODES + DISTANCE_CODES];
    uint8_t lengths[LITERAL_CODES + DISTANCE_CODES];
} block_code;

/* The table that decodes the lengths of the codes; returns its bits, or 0 if the block is damaged. */
static unsigned read_length_code(bit_reader *reader, const symbol_values *values, unsigned stored, uint32_t *table) {
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t all[LENGTH_CODES] = {0}, lengths[LENGTH_CODES];
    uint16_t symbols[LENGTH_CODES];
    ordered_code ordered;
    unsigned used = 0;
    for (unsigned i = 0; i < stored; i++) {
        if (reader->count < 3) refill_bits(reader);
        all[order[i]] = (uint8_t)take_bits(reader, 3);
    }
    for (unsigned symbol = 0; symbol < LENGTH_CODES; symbol++) {
        symbols[used] = (uint16_t)symbol;
        lengths[used] = all[symbol];
        used += all[symbol] > 0;
    }
    return order_code(symbols, lengths, used, values->lengths, &ordered) ? fill_table(table, LENGTH_BITS, &ordered) : 0;
}

/* Read the code of a block, after the three bits of its type; 0 if it is damaged. */
static int read_block_code(bit_reader *reader, const symbol_values *values, block_code *code) {
    static const uint8_t shortest_run[3] = {3, 3, 11};
    uint32_t table[1 << LENGTH_BITS];
    refill_bits(reader);
    unsigned literals = 257 + take_bits(reader, 5), all = literals + 1 + take_bits(reader, 5);
    unsigned bits = read_length_code(reader, values, 4 + take_bits(reader, 4), table), used = 0, length = 0;
    if (!bits) return 0;
    for (unsigned at = 0; at < all;) {
        refill_bits(reader);
        uint32_t entry = table[low_bits(reader->bits, bits)];
        unsigned symbol = entry >> 16, run = 1, code_bits = entry >> 8 & 15;
        if (entry & SPECIAL) return 0;
        if (symbol > 15) run = shortest_run[symbol - 16] + low_bits(reader->bits >> code_bits, (entry & 255) - code_bits);
        drop_bits(reader, entry & 255);
        if (run > all - at || (symbol == 16 && at == 0)) return 0;
        if (symbol != 16) length = symbol > 16 ? 0 : symbol;
        if (!length) at += run;
        else for (; run; run--, at++) {
            code->symbols[used] = (uint16_t)at;
            code->lengths[used++] = (uint8_t)length;
        }
    }
    for (code->literals = 0; code->literals < used && code->symbols[code->literals] < literals;) code->literals++;
    for (unsigned i = code->literals; i < used; i++) code->symbols[i] -= (uint16_t)literals;
    code->distances = used - code->literals;
    return !is_overrun(reader);
}

enum { LITERAL_STEPS = 5 };

/* A stream that ends with literal blocks, a marker, and a checksum of four bytes. */
typedef struct {
    const uint8_t *bytes;
    size_t size, start, header_bits;
} literal_stream;

static int is_marker(const literal_stream *stream, size_t at) { return load_32(stream->bytes + at) == 0xFFFF0000u; }

/* The position after the marker nearest to where it is expected, or 0. */
static size_t after_marker(const literal_stream *stream, size_t expected) {
    for (size_t distance = 0; distance + 3 < stream->size - stream->start; distance += 4) {
        for (int side = 0; side < 2; side++) {
            if (side ? expected + distance + 4 > stream->size : expected < stream->start + 3 + distance) continue;
            size_t place = side ? expected + distance : expected - distance;
            if ((uint8_t)(stream->bytes[place] + 1) > 1) continue;
            for (size_t at = place - 3; at <= place; at++) if (is_marker(stream, at)) return at + 4;
        }
    }
    return 0;
}

/* Whether a block has the header of the first one. */
static int has_same_header(const literal_stream *stream, size_t block) {
    size_t bytes = stream->header_bits / 8;
    if (block + bytes >= stream->size || memcmp(stream->bytes + stream->start, stream->bytes + block, bytes)) return 0;
    unsigned differing = stream->bytes[stream->start + bytes] ^ stream->bytes[block + bytes];
    return low_bits(differing, stream->header_bits % 8) == 0;
}

typedef struct {
    uint32_t symbols[1 << LONGEST_CODE];  /* one symbol, as in all tables */
    uint64_t several[1 << LONGEST_CODE];  /* bits used, from bit 8 on the number of bytes, from bit 16 on the bytes */
} literal_tables;

static void fill_several(literal_tables *tables, unsigned bits) {
    for (uint32_t pattern = 0; pattern < 1u << bits; pattern++) {
        uint64_t entry = 0;
        uint32_t rest = pattern, used = 0, count = 0;
        while (count < 6) {
            uint32_t symbol = tables->symbols[rest];
            if (!(symbol & IS_LITERAL) || used + (symbol & 255) > bits) break;
            entry |= (uint64_t)(symbol >> 16 & 255) << (16 + 8 * count++);
            used += symbol & 255;
            rest >>= symbol & 255;
        }
        tables->several[pattern] = entry | count << 8 | (count ? used : 1);  /* damaged blocks, too, come to an end */
    }
}

typedef struct {
    size_t bit;  /* the next one of the stream */
    uint8_t *next, *end;
} literal_block;

static inline uint64_t bits_from(const uint8_t *bytes, size_t bit) { return load_64(bytes + bit / 8) >> bit % 8; }

static inline void decode_step(const uint64_t *several, uint64_t mask, uint64_t *bits, literal_block *block) {
    uint64_t entry = several[*bits & mask];
    store_64(block->next, entry >> 16);
    *bits >>= entry & 63;
    block->bit += entry & 63;
    block->next += entry >> 8 & 255;
}

/* The blocks are at least 48 bytes longer than what is decoded: five steps write at most 38 bytes. */
static void decode_in_turns(const literal_stream *stream, const uint64_t *several, unsigned bits, literal_block *blocks) {
    literal_block a = blocks[0], b = blocks[1], c = blocks[2], d = blocks[3];
    const uint8_t *bytes = stream->bytes;
    const size_t readable = 8 * (stream->size - 8), mask = ((size_t)1 << bits) - 1;
    while (a.bit <= readable && b.bit <= readable && c.bit <= readable && d.bit <= readable
           && a.end - a.next >= 48 && b.end - b.next >= 48 && c.end - c.next >= 48 && d.end - d.next >= 48) {
        uint64_t bits_a = bits_from(bytes, a.bit), bits_b = bits_from(bytes, b.bit);
        uint64_t bits_c = bits_from(bytes, c.bit), bits_d = bits_from(bytes, d.bit);
        for (int step = 0; step < LITERAL_STEPS; step++) {
            decode_step(several, mask, &bits_a, &a);
            decode_step(several, mask, &bits_b, &b);
            decode_step(several, mask, &bits_c, &c);
            decode_step(several, mask, &bits_d, &d);
        }
    }
    blocks[0] = a; blocks[1] = b; blocks[2] = c; blocks[3] = d;
}

/* The position where the marker after the block must begin; 0 if the block does not end as it should. */
static size_t decode_to_end(const literal_stream *stream, const literal_tables *tables, unsigned bits, literal_block block,
                            int is_last) {
    const size_t readable = 8 * (stream->size - 8), mask = ((size_t)1 << bits) - 1;
    while (block.end - block.next >= 48 && block.bit <= readable) {
        uint64_t some = bits_from(stream->bytes, block.bit);
        for (int step = 0; step < LITERAL_STEPS; step++) decode_step(tables->several, mask, &some, &block);
    }
    for (;;) {
        if (block.bit > readable) return 0;
        uint32_t symbol = tables->symbols[bits_from(stream->bytes, block.bit) & mask];
        block.bit += symbol & 255;
        if (!(symbol & IS_LITERAL) || block.next == block.end) {
            if (!(symbol & ENDS_BLOCK) || block.next != block.end || block.bit > readable) return 0;
            break;
        }
        *block.next++ = (uint8_t)(symbol >> 16);
    }
    if ((bits_from(stream->bytes, block.bit) & 7) != (uint64_t)is_last) return 0;
    return (block.bit + 3 + 7) / 8;
}

/* Read the header of the first block; returns the bits of the longest code, or 0 if it is not a literal block. */
static unsigned read_literal_header(literal_stream *stream, const symbol_values *values, literal_tables *tables) {
    bit_reader reader = {stream->bytes + stream->start, stream->bytes + stream->size, 0, 0, 0};
    ordered_code ordered;
    block_code code;
    refill_bits(&reader);
    if (take_bits(&reader, 3) != 4 || low_bits(reader.bits, 10) >> 5) return 0;  /* it lists several distances */
    if (!read_block_code(&reader, values, &code)) return 0;
    if (code.distances || code.literals < 2 || code.symbols[code.literals - 1] != 256) return 0;
    if (!order_code(code.symbols, code.lengths, code.literals, values->literals, &ordered)) return 0;
    if (ordered.longest > LONGEST_CODE) return 0;
    stream->header_bits = 8 * (size_t)(reader.next - stream->bytes - stream->start) - reader.count + 8 * reader.missing;
    return fill_table(tables->symbols, LONGEST_CODE, &ordered);
}

/* Whether a stream of `size` bytes, a checksum at its end, consists from `start` on of four literal blocks that fill `out`. */
static int decode_literals(const uint8_t *bytes, size_t size, size_t start, const symbol_values *values,
                           literal_tables *tables, uint8_t *out, size_t out_size) {
    literal_stream stream = {bytes, size, start, 0};
    literal_block blocks[NUM_BLOCKS];
    size_t starts[NUM_BLOCKS + 1];
    if (size < start || size - start < 16 * NUM_BLOCKS || !is_marker(&stream, size - 8)) return 0;
    unsigned bits = read_literal_header(&stream, values, tables);
    if (!bits) return 0;
    starts[0] = start;
    starts[NUM_BLOCKS] = size - 4;
    for (size_t i = 0; i < NUM_BLOCKS; i++) {
        if (i) starts[i] = after_marker(&stream, start + i * (size - 4 - start) / NUM_BLOCKS);
        if (i && (!starts[i] || !has_same_header(&stream, starts[i]))) return 0;
        blocks[i].bit = 8 * starts[i] + stream.header_bits;
        blocks[i].next = out + i * out_size / NUM_BLOCKS;
        blocks[i].end = out + (i + 1) * out_size / NUM_BLOCKS;
    }
    fill_several(tables, bits);
    decode_in_turns(&stream, tables->several, bits, blocks);
    for (int i = 0; i < NUM_BLOCKS; i++) {
        int is_last = i == NUM_BLOCKS - 1;
        if (decode_to_end(&stream, tables, bits, blocks[i], is_last) + 4 != starts[i + 1]) return 0;
    }
    return 1;
}

/* A decoder of blocks that follow `start` in a stream, with memory for its tables. */
typedef int (*block_decoder)(const uint8_t *bytes, size_t size, size_t start, const symbol_values *values, void *tables,
                             uint8_t *out, size_t out_size);

/* Decode blocks for Python, with new tables: the stream, where they start, and what is to be filled. */
static PyObject *unpack_blocks(PyObject *args, block_decoder decode, size_t tables_size) {
    Py_buffer stream, out;
    Py_ssize_t start;
    int is_done = 0;
    if (!PyArg_ParseTuple(args, "y*nw*", &stream, &start, &out)) return NULL;
    symbol_values *values = malloc(sizeof *values);
    void *tables = malloc(tables_size);
    Py_BEGIN_ALLOW_THREADS
    if (values && tables && start >= 0) {
        make_symbol_values(values);
        is_done = decode(stream.buf, (size_t)stream.len, (size_t)start, values, tables, out.buf, (size_t)out.len);
    }
    Py_END_ALLOW_THREADS
    free(values);
    free(tables);
    PyBuffer_Release(&stream);
    PyBuffer_Release(&out);
    return PyBool_FromLong(is_done);
}

static int literals_with(const uint8_t *bytes, size_t size, size_t start, const symbol_values *values, void *tables,
                         uint8_t *out, size_t out_size) {
    return decode_literals(bytes, size, start, values, tables, out, out_size);
}

METHOD(unpack_literals) { return unpack_blocks(args, literals_with, sizeof(literal_tables)); }
