/* Made from nbs/guide/02_codecs/09_repeated_values.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum {
    THREE_BYTES = 257,     /* the symbols of the two lengths */
    FOUR_BYTES = 258,
    VALUE_SYMBOLS = 259,
    VALUE_DISTANCES = 30,
    WINDOW_VALUES = 8191,  /* deflate reaches back 32,768 bytes */
    VALUE_BITS = 11,       /* of a literal, or of a length and a distance together: the index into a decoder's table */
    VALUE_BLOCKS = 2,
    LONG_VALUES = 128 * 1024,  /* bytes from which on there are two blocks */
    SHORTEST_VALUES = 1024,    /* bytes below which a code of their own does not pay */
    HASH_BITS = 14
};

static inline size_t value_blocks(size_t size) { return size < LONG_VALUES ? 1 : VALUE_BLOCKS; }

static inline uint32_t first_distance(unsigned code) {
    return code < 4 ? code + 1 : 1 + ((2 + (code & 1)) << (code / 2 - 1));
}

static inline unsigned distance_bits(unsigned code) { return code < 4 ? 0 : code / 2 - 1; }

struct value_encoder {
    uint16_t places[1 << HASH_BITS], low_places[1 << HASH_BITS];
    uint8_t distance_code[WINDOW_VALUES + 1];
    uint32_t counts[4][VALUE_SYMBOLS], distances[2][VALUE_DISTANCES + 1];  /* one table would wait for the last count */
    size_t found, continued;  /* references; those of them with the distance of the value before */
    unsigned hash_shift;      /* few values have a small table, which is soon emptied */
    uint32_t tokens[];  /* of each value: distance; from bit 16 on its code; from bit 24 on the repeated bytes */
};

/* Scratch memory for at most `size` bytes of values; NULL if there is none. */
static struct value_encoder *value_encoder_open(size_t size) {
    struct value_encoder *encoder = malloc(sizeof *encoder + size);
    if (!encoder) return NULL;
    encoder->distance_code[0] = VALUE_DISTANCES;
    for (unsigned distance = 1, code = 0; distance <= WINDOW_VALUES; distance++) {
        while (code + 1 < VALUE_DISTANCES && first_distance(code + 1) <= 4 * distance) code++;
        encoder->distance_code[distance] = (uint8_t)code;
    }
    return encoder;
}

static void begin_values(struct value_encoder *encoder, size_t count) {
    memset(encoder->counts, 0, sizeof encoder->counts);
    memset(encoder->distances, 0, sizeof encoder->distances);
    encoder->found = encoder->continued = 0;
    encoder->hash_shift = 32 - (count > WINDOW_VALUES ? HASH_BITS : HASH_BITS - 2);
}

static inline unsigned hash_of(uint32_t value, unsigned shift) { return value * 2654435761u >> shift; }

/* Make and count the tokens of a block. */
static void find_values(struct value_encoder *encoder, const uint8_t *values, size_t begin, size_t end) {
    uint32_t before = 0;
    const unsigned shift = encoder->hash_shift;
    memset(encoder->places, 0, sizeof *encoder->places << (32 - shift));
    memset(encoder->low_places, 0, sizeof *encoder->low_places << (32 - shift));
    for (size_t at = begin; at < end; at++) {
        uint32_t value = load_32(values + 4 * at), known = (uint32_t)smaller(at - begin, WINDOW_VALUES), token = 0;
        uint16_t *place = encoder->places + hash_of(value, shift);
        uint16_t *low_place = encoder->low_places + hash_of(value << 8, shift);
        uint32_t distance = (uint16_t)(at - *place), low_distance = (uint16_t)(at - *low_place);
        *place = *low_place = (uint16_t)at;
        if (distance - 1 < known && load_32(values + 4 * (at - distance)) == value) {
            token = distance | 4 << 24;
            encoder->counts[at & 3][FOUR_BYTES]++;
        } else if (low_distance - 1 < known && !((load_32(values + 4 * (at - low_distance)) ^ value) << 8)) {
            token = low_distance | 3 << 24;
            encoder->counts[at & 3][THREE_BYTES]++;
            encoder->counts[3][value >> 24]++;
        } else for (int byte = 0; byte < 4; byte++) encoder->counts[byte][value >> 8 * byte & 255]++;
        encoder->found += token > 0;
        encoder->continued += token > 0 && token == before;
        before = token;
        unsigned code = encoder->distance_code[token & 0xFFFF];
        encoder->distances[at & 1][code]++;
        encoder->tokens[at] = token | code << 16;
    }
}

struct value_code {
    struct block_code block;
    uint32_t references[2][VALUE_DISTANCES];  /* of three and four bytes: the code, and from bit 16 on its length */
    uint64_t bits;  /* of all tokens */
};

/* The sums of the counts; returns how many distances occur. */
static size_t sum_counts(const struct value_encoder *encoder, size_t blocks, uint32_t *symbols, uint32_t *distances) {
    uint32_t all = 0;
    size_t used = 0;
    for (int symbol = 0; symbol < VALUE_SYMBOLS; symbol++) {
        symbols[symbol] = 0;
        for (int table = 0; table < 4; table++) symbols[symbol] += encoder->counts[table][symbol];
        all += symbols[symbol];
    }
    symbols[BLOCK_END] = (uint32_t)blocks;
    for (int symbol = THREE_BYTES; symbol <= FOUR_BYTES; symbol++)
        if (symbols[symbol] && symbols[symbol] < all / 32) symbols[symbol] = all / 32;
    for (int number = 0; number < VALUE_DISTANCES; number++) {
        distances[number] = encoder->distances[0][number] + encoder->distances[1][number];
        used += distances[number] > 0;
    }
    return used;
}

/* Whether the tokens have a code, which is then in `code`. */
static int make_value_code(const struct value_encoder *encoder, size_t blocks, struct value_code *code) {
    uint32_t symbols[VALUE_SYMBOLS], distances[VALUE_DISTANCES];
    uint16_t codes[VALUE_SYMBOLS], distance_codes[VALUE_DISTANCES];
    uint8_t *lengths = code->block.lengths, *distance_lengths = lengths + VALUE_SYMBOLS;
    size_t used = sum_counts(encoder, blocks, symbols, distances);
    code_lengths(symbols, VALUE_SYMBOLS, VALUE_BITS, lengths);
    unsigned longest = lengths[THREE_BYTES] > lengths[FOUR_BYTES] ? lengths[THREE_BYTES] : lengths[FOUR_BYTES];
    if (used < 2 || longest > VALUE_BITS - 5) return 0;
    code_lengths(distances, VALUE_DISTANCES, longest > 2 ? VALUE_BITS - longest : 9, distance_lengths);
    canonical_codes(lengths, VALUE_SYMBOLS, codes);
    canonical_codes(distance_lengths, VALUE_DISTANCES, distance_codes);
    code->bits = 0;
    for (int symbol = 0; symbol < VALUE_SYMBOLS; symbol++) code->bits += (uint64_t)symbols[symbol] * lengths[symbol];
    for (unsigned number = 0; number < VALUE_DISTANCES; number++)
        code->bits += (uint64_t)distances[number] * (distance_lengths[number] + distance_bits(number));
    for (int symbol = 0; symbol <= BLOCK_END; symbol++)
        code->block.table[symbol] = codes[symbol] | (uint32_t)lengths[symbol] << 16;
    for (int symbol = THREE_BYTES; symbol <= FOUR_BYTES; symbol++)
        for (int number = 0; number < VALUE_DISTANCES; number++)
            code->references[symbol - THREE_BYTES][number] = codes[symbol]
                | (uint32_t)distance_codes[number] << lengths[symbol]
                | (uint32_t)(lengths[symbol] + distance_lengths[number]) << 16;
    code->block.used = VALUE_SYMBOLS;
    code->block.distances = VALUE_DISTANCES;
    make_header(&code->block);
    return 1;
}

static void put_values(struct bits *bits, const struct value_encoder *encoder, const struct value_code *code,
                       const uint8_t *values, size_t begin, size_t end) {
    struct bits own = *bits;  /* in registers */
    for (size_t at = begin; at < end; at++) {
        uint32_t token = encoder->tokens[at], value = load_32(values + 4 * at), length = token >> 24;
        if (length) {
            unsigned number = token >> 16 & 255;
            uint32_t reference = code->references[length - 3][number], count = reference >> 16;
            uint32_t extra = 4 * (token & 0xFFFF) - first_distance(number);
            put_bits(&own, (reference & 0xFFFF) | extra << count, count + distance_bits(number));
        }
        for (uint32_t byte = length; byte < 4; byte++) {
            uint32_t literal = code->block.table[value >> 8 * byte & 255];
            put_bits(&own, literal & 0xFFFF, literal >> 16);
        }
    }
    *bits = own;
}

/* Write values of four bytes as one or two blocks, which end a deflate stream; their size, or 0 if they do not suit. */
static size_t pack_values(struct value_encoder *encoder, const uint8_t *values, size_t size, uint8_t *out) {
    struct bits bits = {0, 0, out};
    struct value_code code;
    size_t count = size / 4, blocks = value_blocks(size), part = count / blocks;
    if (size < SHORTEST_VALUES) return 0;
    begin_values(encoder, count);
    for (size_t block = 0; block < blocks; block++)
        find_values(encoder, values, block * part, block < blocks - 1 ? part : count);
    if (2 * encoder->found < count || 8 * encoder->continued > count) return 0;
    if (!make_value_code(encoder, blocks, &code) || packed_size(&code.block, code.bits, blocks) > size / 100 * 96) return 0;
    for (size_t block = 0; block < blocks; block++) {
        put_header(&bits, &code.block, 0);
        put_values(&bits, encoder, &code, values, block * part, block < blocks - 1 ? part : count);
        bits.at = end_block(&bits, &code.block, 1, block == blocks - 1);
        bits.word = bits.count = 0;
    }
    return (size_t)(bits.at - out);
}

METHOD(pack_values) {
    Py_buffer values;
    if (!PyArg_ParseTuple(args, "y*", &values)) return NULL;
    size_t size = (size_t)values.len / 4 * 4, packed_size = 0;
    struct value_encoder *encoder = value_encoder_open(size);
    PyObject *packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size + 64);
    if (packed && encoder) {
        Py_BEGIN_ALLOW_THREADS
        packed_size = pack_values(encoder, values.buf, size, (uint8_t *)PyBytes_AS_STRING(packed));
        Py_END_ALLOW_THREADS
        _PyBytes_Resize(&packed, (Py_ssize_t)packed_size);
    } else if (packed) { Py_CLEAR(packed); PyErr_NoMemory(); }
    free(encoder);
    PyBuffer_Release(&values);
    return packed;
}

typedef struct {
    uint8_t used, code_bits;      /* bits, with the extra bits of a distance and without */
    uint8_t advance, literal_at;  /* bytes */
    uint16_t distance;
    uint8_t literal;
} value_entry;

/* Whether lengths of codes, of at most `longest` bits, make a complete code. */
static int is_complete(const uint8_t *lengths, size_t symbols, unsigned longest) {
    size_t used = 0;
    for (size_t symbol = 0; symbol < symbols; symbol++) {
        if (lengths[symbol] > longest) return 0;
        if (lengths[symbol]) used += (size_t)1 << (longest - lengths[symbol]);
    }
    return used == (size_t)1 << longest;
}

static void fill_entries(value_entry *table, unsigned code, unsigned bits, value_entry entry) {
    for (unsigned pattern = code; pattern < 1u << VALUE_BITS; pattern += 1u << bits) table[pattern] = entry;
}

/* Fill in the table of a block; 0 if it has other symbols. The entry of the end of a block has bits, but no advance. */
static int fill_value_table(value_entry *table, const block_code *code) {
    uint8_t lengths[LITERAL_CODES] = {0}, distance_lengths[DISTANCE_CODES] = {0};
    uint16_t codes[LITERAL_CODES], distance_codes[DISTANCE_CODES];
    for (unsigned i = 0; i < code->literals; i++) lengths[code->symbols[i]] = code->lengths[i];
    for (unsigned i = code->literals; i < code->literals + code->distances; i++)
        distance_lengths[code->symbols[i]] = code->lengths[i];
    if (!is_complete(lengths, VALUE_SYMBOLS, VALUE_BITS)) return 0;
    if (!is_complete(distance_lengths, VALUE_DISTANCES, MOST_CODE_BITS)) return 0;
    canonical_codes(lengths, VALUE_SYMBOLS, codes);
    canonical_codes(distance_lengths, VALUE_DISTANCES, distance_codes);
    memset(table, 0, sizeof *table << VALUE_BITS);
    for (unsigned symbol = 0; symbol <= BLOCK_END; symbol++) {
        uint8_t bits = lengths[symbol];
        value_entry entry = {bits, bits, symbol != BLOCK_END, 0, 0, (uint8_t)symbol};
        if (bits) fill_entries(table, codes[symbol], bits, entry);
    }
    for (unsigned symbol = THREE_BYTES; symbol <= FOUR_BYTES; symbol++)
        for (unsigned number = 0; number < VALUE_DISTANCES && lengths[symbol]; number++) {
            unsigned bits = lengths[symbol] + distance_lengths[number], used = bits + distance_bits(number);
            if (!distance_lengths[number] || bits > VALUE_BITS) continue;
            value_entry entry = {(uint8_t)used, (uint8_t)bits, (uint8_t)(symbol - 254), 4,
                                 (uint16_t)first_distance(number), 0};
            fill_entries(table, codes[symbol] | (unsigned)distance_codes[number] << lengths[symbol], bits, entry);
        }
    return code->symbols[code->literals - 1] < VALUE_SYMBOLS;
}

typedef struct { size_t bit, place, end; } value_block;

static inline void value_step(const value_entry *table, uint8_t *out, uint64_t *bits, value_block *block) {
    const value_entry *entry = table + (*bits & ((1 << VALUE_BITS) - 1));
    unsigned used = entry->used, advance = entry->advance;
    size_t distance = entry->distance + ((*bits & (((uint64_t)1 << used) - 1)) >> entry->code_bits);
    uint8_t *to = out + block->place, literal = entry->literal, *literal_to = to + entry->literal_at;
    store_32(to, load_32(to - smaller(distance, block->place)));
    *literal_to = literal;
    *bits >>= used;
    block->bit += used;
    block->place += advance;
}

static inline void value_round(const literal_stream *stream, const value_entry *table, uint8_t *out,
                               value_block *block) {
    uint64_t bits = bits_from(stream->bytes, block->bit);
    value_step(table, out, &bits, block);
    value_step(table, out, &bits, block);
}

static size_t safe_rounds(const literal_stream *stream, const value_block *block) {
    size_t readable = 8 * (stream->size - 8), room = (block->end - block->place) / 8;
    return block->bit < readable && room > 2 ? smaller((readable - block->bit) / 48, room - 2) : 0;
}

static void decode_both(const literal_stream *stream, const value_entry *table, uint8_t *out, value_block *blocks) {
    value_block a = blocks[0], b = blocks[1];
    for (size_t before = 0; a.bit + b.bit != before;) {
        before = a.bit + b.bit;
        for (size_t rounds = smaller(safe_rounds(stream, &a), safe_rounds(stream, &b)); rounds; rounds--) {
            value_round(stream, table, out, &a);
            value_round(stream, table, out, &b);
        }
    }
    blocks[0] = a;
    blocks[1] = b;
}

/* The position where the marker after a block must begin; 0 if the block does not end as it should. */
static size_t decode_values_to_end(const literal_stream *stream, const value_entry *table, uint8_t *out,
                                   value_block block, int is_last) {
    size_t readable = 8 * (stream->size - 8);
    for (size_t before = 0, rounds; block.bit != before;)
        for (before = block.bit, rounds = safe_rounds(stream, &block); rounds; rounds--)
            value_round(stream, table, out, &block);
    for (value_entry entry;;) {
        if (block.bit > readable) return 0;
        uint64_t bits = bits_from(stream->bytes, block.bit);
        entry = table[bits & ((1 << VALUE_BITS) - 1)];
        block.bit += entry.used;
        if (!entry.used || entry.advance > block.end - block.place) return 0;
        if (!entry.advance) break;
        size_t distance = entry.distance + ((bits & (((uint64_t)1 << entry.used) - 1)) >> entry.code_bits);
        if (distance > block.place) return 0;
        for (int byte = 0; byte < entry.advance; byte++, block.place++)
            out[block.place] = entry.distance ? out[block.place - distance] : entry.literal;
    }
    if (block.place != block.end || block.bit > readable) return 0;
    if ((bits_from(stream->bytes, block.bit) & 7) != (uint64_t)is_last) return 0;
    return (block.bit + 3 + 7) / 8;
}

/* Read the code of the first block; 0 if it is not a block of repeated values. */
static int read_value_header(literal_stream *stream, const symbol_values *values, value_entry *table) {
    bit_reader reader = {stream->bytes + stream->start, stream->bytes + stream->size, 0, 0, 0};
    block_code code;
    refill_bits(&reader);
    if (take_bits(&reader, 3) != 4 || !read_block_code(&reader, values, &code)) return 0;
    if (code.distances < 2 || code.literals < 2 || !fill_value_table(table, &code)) return 0;
    stream->header_bits = 8 * (size_t)(reader.next - stream->bytes - stream->start) - reader.count + 8 * reader.missing;
    return 1;
}

/* Whether a stream of `size` bytes, a checksum at its end, consists from `start` on of two blocks that fill `out`. */
static int decode_repeated_values(const uint8_t *bytes, size_t size, size_t start, const symbol_values *values,
                                  value_entry *table, uint8_t *out, size_t out_size) {
    literal_stream stream = {bytes, size, start, 0};
    size_t half = out_size / 4 / VALUE_BLOCKS * 4;
    if (size < start || size - start < 64 || out_size % 4 || value_blocks(out_size) == 1) return 0;
    if (!is_marker(&stream, size - 8) || !read_value_header(&stream, values, table)) return 0;
    size_t second = after_marker(&stream, start + (size - 4 - start) / 2);
    if (!second || !has_same_header(&stream, second)) return 0;
    value_block blocks[VALUE_BLOCKS] = {{8 * start + stream.header_bits, 0, half},
                                        {8 * second + stream.header_bits, half, out_size}};
    decode_both(&stream, table, out, blocks);
    return decode_values_to_end(&stream, table, out, blocks[0], 0) + 4 == second
        && decode_values_to_end(&stream, table, out, blocks[1], 1) + 4 == size - 4;
}

static int repeated_values_with(const uint8_t *bytes, size_t size, size_t start, const symbol_values *values,
                                void *table, uint8_t *out, size_t out_size) {
    return decode_repeated_values(bytes, size, start, values, table, out, out_size);
}

METHOD(unpack_values) { return unpack_blocks(args, repeated_values_with, sizeof(value_entry) << VALUE_BITS); }
