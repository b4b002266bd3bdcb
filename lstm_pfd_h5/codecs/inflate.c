/* Made from nbs/guide/02_codecs/08_inflate.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { BYTE_BITS = 11, BYTE_ENTRIES = 2342, DISTANCE_BITS = 8, DISTANCE_ENTRIES = 402 };

typedef struct {
    symbol_values values;
    unsigned byte_bits, distance_bits;
    uint32_t bytes[BYTE_ENTRIES], distances[DISTANCE_ENTRIES];
    int has_many_repetitions;  /* whether the table of steps pays */
    uint32_t steps[1 << BYTE_BITS];
    uint8_t identity[256 + 8];  /* byte i is i */
} inflate_tables;

/* The bytes that are written, from the first one on, which a repetition may begin with. */
typedef struct { uint8_t *begin, *next, *end; } byte_writer;

/* Make the tables of a block; 0 if the lengths do not form codes, or the block could not end. */
static int make_tables(inflate_tables *tables, const block_code *code) {
    ordered_code ordered;
    const uint16_t *symbols = code->symbols + code->literals;
    const uint8_t *lengths = code->lengths + code->literals;
    if (!order_code(code->symbols, code->lengths, code->literals, tables->values.literals, &ordered)) return 0;
    tables->byte_bits = fill_table(tables->bytes, BYTE_BITS, &ordered);
    if (!order_code(symbols, lengths, code->distances, tables->values.distances, &ordered)) return 0;
    tables->distance_bits = fill_table(tables->distances, DISTANCE_BITS, &ordered);
    unsigned share = 0;  /* of short repetitions among all symbols, times 2^15, as their codes have it */
    for (unsigned i = code->literals; i-- && code->symbols[i] > BLOCK_END;)
        if (code->symbols[i] < 263) share += 1u << (MOST_CODE_BITS - code->lengths[i]);
    tables->has_many_repetitions = share > (1u << MOST_CODE_BITS) / 3;
    return 1;
}

/* The code of blocks without their own (section 3.2.6). */
static void set_fixed_code(block_code *code) {
    code->literals = LITERAL_CODES;
    code->distances = DISTANCE_CODES;
    for (unsigned symbol = 0; symbol < LITERAL_CODES; symbol++) {
        code->symbols[symbol] = (uint16_t)symbol;
        code->lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    }
    for (unsigned symbol = 0; symbol < DISTANCE_CODES; symbol++) {
        code->symbols[LITERAL_CODES + symbol] = (uint16_t)symbol;
        code->lengths[LITERAL_CODES + symbol] = 5;
    }
}

static int copy_stored(bit_reader *reader, byte_writer *writer) {
    if (is_overrun(reader)) return 0;
    reader->next -= reader->count / 8 - reader->missing;
    reader->bits = reader->count = reader->missing = 0;
    if (reader->end - reader->next < 4) return 0;
    uint32_t lengths = load_32(reader->next), length = lengths & 0xFFFF;
    reader->next += 4;
    if ((lengths >> 16 ^ length) != 0xFFFF || length > (size_t)(reader->end - reader->next)) return 0;
    if (length > (size_t)(writer->end - writer->next)) return 0;
    if (length) memcpy(writer->next, reader->next, length);
    reader->next += length;
    writer->next += length;
    return 1;
}

/* The entry of a symbol whose entry in the first table is known; its bits are dropped. */
static inline uint32_t final_entry(bit_reader *reader, uint32_t entry, const uint32_t *table, unsigned bits,
                                   uint64_t *dropped) {
    if ((entry & (SPECIAL | POINTS)) == (SPECIAL | POINTS)) {
        drop_bits(reader, bits);
        entry = table[(entry >> 16) + low_bits(reader->bits, entry >> 8 & 15)];
    }
    *dropped = reader->bits;
    drop_bits(reader, entry & 63);
    return entry;
}

static inline uint32_t next_entry(bit_reader *reader, const uint32_t *table, unsigned bits, uint64_t *dropped) {
    return final_entry(reader, table[low_bits(reader->bits, bits)], table, bits, dropped);
}

static inline size_t number_of(uint32_t entry, uint64_t dropped) {
    return (entry >> 16) + (low_bits(dropped, entry & 63) >> (entry >> 8 & 15));
}

/* Decode symbols one at a time, up to the end of the block; 0 if it is damaged or has too many bytes. */
static int decode_carefully(bit_reader *reader, const inflate_tables *tables, byte_writer *writer) {
    for (uint64_t dropped;;) {
        refill_bits(reader);
        uint32_t entry = next_entry(reader, tables->bytes, tables->byte_bits, &dropped);
        if (is_overrun(reader)) return 0;
        if (entry & IS_LITERAL) {
            if (writer->next == writer->end) return 0;
            *writer->next++ = (uint8_t)(entry >> 16);
            continue;
        }
        if (entry & SPECIAL) return (entry & ENDS_BLOCK) != 0;
        size_t length = number_of(entry, dropped);
        refill_bits(reader);
        entry = next_entry(reader, tables->distances, tables->distance_bits, &dropped);
        size_t distance = number_of(entry, dropped);
        if (entry & SPECIAL || is_overrun(reader)) return 0;
        if (distance > (size_t)(writer->next - writer->begin) || length > (size_t)(writer->end - writer->next)) return 0;
        for (const uint8_t *from = writer->next - distance; length; length--) *writer->next++ = *from++;
    }
}

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) \
    && !defined(__SANITIZE_ADDRESS__)
#define FREE_SHIFTS __attribute__((target_clones("bmi2", "default")))
#else
#define FREE_SHIFTS
#endif

enum { INPUT_RESERVE = 16, OUTPUT_RESERVE = 258 + 2 + 16 };

static inline void copy_repetition(uint8_t *to, size_t distance, size_t length) {
    const uint8_t *from = to - distance, *end = to + length;
    if (distance >= 16) {
        do { memcpy(to, from, 16); to += 16; from += 16; } while (to < end);
    } else if (distance >= 8) {
        do { store_64(to, load_64(from)); to += 8; from += 8; } while (to < end);
    } else if (distance == 4 || distance == 1) {
        uint64_t word = distance == 1 ? *from * 0x0101010101010101u : load_32(from) * 0x0000000100000001u;
        do { store_64(to, word); to += 8; } while (to < end);
    } else {
        do *to++ = *from++; while (to < end);
    }
}

static inline void refill_quickly(bit_reader *reader) {
    reader->bits |= load_64(reader->next) << reader->count;
    reader->next += (63 - reader->count) >> 3;
    reader->count |= 56;
}

/* Decode symbols while there is enough room; 1 after the end of the block, 0 before, -1 if it is damaged. */
FREE_SHIFTS static int decode_quickly(bit_reader *outer_reader, const inflate_tables *tables, byte_writer *writer) {
    bit_reader reader = *outer_reader;
    uint8_t *next = writer->next, *const begin = writer->begin, *const end = writer->end;
    const uint32_t *bytes = tables->bytes, *distances = tables->distances;
    const unsigned byte_bits = tables->byte_bits, distance_bits = tables->distance_bits;
    const uint64_t byte_mask = ((uint64_t)1 << byte_bits) - 1, distance_mask = ((uint64_t)1 << distance_bits) - 1;
    int result = 0;
    refill_bits(&reader);
    uint32_t entry = bytes[reader.bits & byte_mask];
    while (reader.end - reader.next >= INPUT_RESERVE && end - next >= OUTPUT_RESERVE) {
        uint64_t dropped;
        refill_quickly(&reader);
        int literals = 0;
        for (; literals < 3 && entry & IS_LITERAL; literals++) {
            drop_bits(&reader, entry & 63);
            *next++ = (uint8_t)(entry >> 16);
            entry = bytes[reader.bits & byte_mask];
        }
        if (literals == 3) continue;
        entry = final_entry(&reader, entry, bytes, byte_bits, &dropped);
        if (entry & (IS_LITERAL | SPECIAL)) {
            if (!(entry & IS_LITERAL)) { result = entry & ENDS_BLOCK ? 1 : -1; break; }
            *next++ = (uint8_t)(entry >> 16);
            entry = bytes[reader.bits & byte_mask];
            continue;
        }
        size_t length = number_of(entry, dropped);
        entry = distances[reader.bits & distance_mask];
        refill_quickly(&reader);
        entry = final_entry(&reader, entry, distances, distance_bits, &dropped);
        size_t distance = number_of(entry, dropped);
        if (entry & SPECIAL || distance > (size_t)(next - begin)) { result = -1; break; }
        entry = bytes[reader.bits & byte_mask];
        copy_repetition(next, distance, length);
        next += length;
    }
    *outer_reader = reader;
    writer->next = next;
    return result;
}

enum { MANY_BYTES = 8192, LONGEST_STEP = 8 };

static void fill_steps(inflate_tables *tables) {
    const uint32_t distance_mask = (1u << tables->distance_bits) - 1, entries = 1u << tables->byte_bits;
    uint16_t others[1 << BYTE_BITS];  /* the entries that are not literals */
    size_t count = 0;
    for (unsigned byte = 0; byte < sizeof tables->identity; byte++) tables->identity[byte] = (uint8_t)byte;
    for (uint32_t index = 0; index < entries; index++) {
        tables->steps[index] = tables->bytes[index] | 1u << 12;
        others[count] = (uint16_t)index;
        count += !(tables->bytes[index] & IS_LITERAL);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t entry = tables->bytes[others[i]], used = entry >> 8 & 15, length = entry >> 16;
        uint32_t distance = tables->distances[(others[i] >> used) & distance_mask], bits = used + (distance >> 8 & 15);
        int is_step = !((entry | distance) & SPECIAL) & (length <= LONGEST_STEP) & (bits <= tables->byte_bits)
            & (distance >> 16 >= length);
        uint32_t step = (distance & 0xFFFF0000) | (length & 15) << 12 | bits << 8 | (used + (distance & 63));
        tables->steps[others[i]] = is_step ? step : 0;
    }
}

/* Decode one symbol of any kind; 1 if it ends the block, 0 if not, -1 if it is damaged. */
static inline int decode_symbol(bit_reader *reader, const inflate_tables *tables, uint8_t **next,
                                const uint8_t *begin) {
    uint64_t dropped;
    refill_quickly(reader);
    uint32_t entry = next_entry(reader, tables->bytes, tables->byte_bits, &dropped);
    if (entry & IS_LITERAL) { *(*next)++ = (uint8_t)(entry >> 16); return 0; }
    if (entry & SPECIAL) return entry & ENDS_BLOCK ? 1 : -1;
    size_t length = number_of(entry, dropped);
    refill_quickly(reader);
    entry = next_entry(reader, tables->distances, tables->distance_bits, &dropped);
    size_t distance = number_of(entry, dropped);
    if (entry & SPECIAL || distance > (size_t)(*next - begin)) return -1;
    copy_repetition(*next, distance, length);
    *next += length;
    return 0;
}

/* As decode_quickly, in steps. */
FREE_SHIFTS static int decode_steps(bit_reader *outer_reader, const inflate_tables *tables, byte_writer *writer) {
    bit_reader reader = *outer_reader;
    uint8_t *next = writer->next, *const begin = writer->begin, *const end = writer->end;
    const uint32_t *steps = tables->steps;
    const uint64_t mask = ((uint64_t)1 << tables->byte_bits) - 1;
    int result = 0;
    refill_bits(&reader);
    while (!result && reader.end - reader.next >= INPUT_RESERVE && end - next >= OUTPUT_RESERVE) {
        int done = 0;
        refill_quickly(&reader);
        for (; done < 2; done++) {
            uint32_t step = steps[reader.bits & mask];
            size_t number = (step >> 16 & 0x7FFF) + (low_bits(reader.bits, step & 63) >> (step >> 8 & 15));
            if (!step || number > (size_t)(next - begin)) break;
            store_64(next, load_64(step & IS_LITERAL ? tables->identity + number : next - number));
            drop_bits(&reader, step & 63);
            next += step >> 12 & 15;
        }
        if (done < 2) result = decode_symbol(&reader, tables, &next, begin);
    }
    *outer_reader = reader;
    writer->next = next;
    return result;
}

static int decode_block(bit_reader *reader, inflate_tables *tables, byte_writer *writer) {
    int in_steps = tables->has_many_repetitions && writer->end - writer->next >= MANY_BYTES;
    if (in_steps) fill_steps(tables);
    int result = in_steps ? decode_steps(reader, tables, writer) : decode_quickly(reader, tables, writer);
    return result ? result > 0 : decode_carefully(reader, tables, writer);
}

/* Fill `out` with the contents of a stream. Returns the bytes of the stream, or 0 if it holds more or fewer, or is damaged. */
static size_t inflate_stream(inflate_tables *tables, const uint8_t *stream, size_t size, uint8_t *out, size_t out_size) {
    bit_reader reader = {stream, stream + size, 0, 0, 0};
    byte_writer writer = {out, out, out + out_size};
    block_code code;
    for (unsigned is_last = 0; !is_last;) {
        refill_bits(&reader);
        is_last = take_bits(&reader, 1);
        unsigned type = take_bits(&reader, 2);
        if (type == 0) {
            if (!copy_stored(&reader, &writer)) return 0;
            continue;
        }
        if (type == 1) set_fixed_code(&code);
        else if (type == 3 || !read_block_code(&reader, &tables->values, &code)) return 0;
        if (!make_tables(tables, &code) || !decode_block(&reader, tables, &writer)) return 0;
    }
    return writer.next == writer.end ? (size_t)(reader.next - stream) - reader.count / 8 + reader.missing : 0;
}

METHOD(inflate) {
    Py_buffer stream, out;
    size_t used = 0;
    if (!PyArg_ParseTuple(args, "y*w*", &stream, &out)) return NULL;
    inflate_tables *tables = malloc(sizeof *tables);
    Py_BEGIN_ALLOW_THREADS
    if (tables) {
        make_symbol_values(&tables->values);
        used = inflate_stream(tables, stream.buf, (size_t)stream.len, out.buf, (size_t)out.len);
    }
    Py_END_ALLOW_THREADS
    free(tables);
    PyBuffer_Release(&stream);
    PyBuffer_Release(&out);
    return PyLong_FromSize_t(used);
}
