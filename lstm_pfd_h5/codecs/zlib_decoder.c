/* Made from nbs/guide/02_codecs/11_zlib_decoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { DECODED = 0, DAMAGED = 1, NO_MEMORY = 2 };

typedef struct { uint8_t *bytes; size_t size; } scratch;
typedef struct { size_t begin, length; } stored_block;

enum { MOST_BLOCKS = 1024 };  /* those that follow are inflated */

struct decoder {
    inflate_tables inflate;
    literal_tables literals;
    value_entry values[1 << VALUE_BITS];
    stored_block blocks[MOST_BLOCKS];
    scratch planes, stored, chunk;  /* planes that are not yet joined; bytes of the file; values of a chunk */
    int skips_adler32;              /* set by a caller that verifies all values itself */
    int is_shared;                  /* the stream may change while it is decoded; only with skips_adler32 */
};

enum { MOST_IDLE = 8, LARGEST_IDLE = 1 << 22 };

static struct decoder *idle_decoders[MOST_IDLE];
static size_t num_idle;

/* A decoder, if there is memory. Called with Python's lock held. */
static struct decoder *decoder_open(void) {
    struct decoder *decoder = num_idle ? idle_decoders[--num_idle] : calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    make_symbol_values(&decoder->inflate.values);
    decoder->skips_adler32 = decoder->is_shared = 0;
    return decoder;
}

/* Keep a decoder, or NULL, for a later call. Called with Python's lock held. */
static void decoder_close(struct decoder *decoder) {
    if (!decoder) return;
    size_t size = decoder->planes.size + decoder->stored.size + decoder->chunk.size;
    if (num_idle < MOST_IDLE && size <= LARGEST_IDLE) { idle_decoders[num_idle++] = decoder; return; }
    free(decoder->planes.bytes);
    free(decoder->stored.bytes);
    free(decoder->chunk.bytes);
    free(decoder);
}

/* At least `size` bytes, which the next call with the same memory overwrites; NULL if there is no memory. */
static uint8_t *scratch_of(scratch *memory, size_t size) {
    if (memory->bytes && memory->size >= size) return memory->bytes;
    free(memory->bytes);
    memory->bytes = malloc(size ? size : 1);
    memory->size = memory->bytes ? size : 0;
    return memory->bytes;
}

/* A zlib stream, the stored blocks at its beginning, and what follows them: from `begin` on in `coded`. */
typedef struct {
    const uint8_t *stream;
    const stored_block *blocks;
    size_t count, filled;  /* blocks, and bytes in them */
    int is_whole;          /* whether no block follows */
    const uint8_t *coded;
    size_t size, begin;
} zlib_stream;

/* Find the stored blocks, of at most `most` bytes together. Each byte is read once. */
static zlib_stream find_stored(stored_block *blocks, const uint8_t *stream, size_t size, size_t most) {
    zlib_stream found = {stream, blocks, 0, 0, 0, stream, size, 2};
    while (!found.is_whole && found.count < MOST_BLOCKS && size - found.begin >= 9) {
        const volatile uint8_t *block = stream + found.begin;
        unsigned kind = block[0];
        size_t length = block[1], complement = block[3];
        length |= (size_t)block[2] << 8;
        complement |= (size_t)block[4] << 8;
        if (kind > 1 || (length ^ 0xFFFF) != complement) break;
        if (length > size - found.begin - 9 || length > most - found.filled) break;
        found.is_whole = (int)kind;
        blocks[found.count++] = (stored_block){found.begin + 5, length};
        found.filled += length;
        found.begin += 5 + length;
    }
    return found;
}

/* Copy what follows the stored blocks; whether there is memory. */
static int own_rest(struct decoder *decoder, zlib_stream *stream) {
    size_t size = stream->size - stream->begin;
    uint8_t *copy = scratch_of(&decoder->stored, size);
    if (!copy) return 0;
    memcpy(copy, stream->stream + stream->begin, size);
    stream->coded = copy, stream->size = size, stream->begin = 0;
    return 1;
}

/* The bytes of the planes: those in stored blocks, then the rest. The block begins at or before the place that is read. */
typedef struct {
    const zlib_stream *stream;
    const uint8_t *rest;
    size_t block, before;  /* number of a stored block, bytes in those before it */
} planes_cursor;

/* The address of a byte, and how many follow it there. Offsets rise, so the blocks are passed once. */
static const uint8_t *planes_at(planes_cursor *cursor, size_t offset, size_t *count) {
    if (offset >= cursor->stream->filled) {
        *count = SIZE_MAX;
        return cursor->rest + (offset - cursor->stream->filled);
    }
    for (;;) {
        const stored_block *block = cursor->stream->blocks + cursor->block;
        size_t within = offset - cursor->before;
        *count = block->length - within;
        if (within < block->length) return cursor->stream->stream + block->begin + within;
        cursor->before += block->length;
        cursor->block++;
    }
}

/* Which values of a chunk are wanted: `count` of them, each of `itemsize` bytes, from `first` on; the chunk holds `all`. */
typedef struct { size_t itemsize, all, first, count; } wanted_values;

enum { JOINED_AT_ONCE = 2048 };

static void join_streamed_at_once(planes_cursor cursor, const wanted_values *wanted, line_verifier *lines,
                                  uint8_t *out) {
    planes_cursor cursors[4] = {cursor, cursor, cursor, cursor};
    for (size_t done = 0; done < wanted->count;) {
        const uint8_t *planes[4] = {0};
        size_t some = smaller(wanted->count - done, JOINED_AT_ONCE), count;
        for (size_t plane = 0; plane < wanted->itemsize; plane++) {
            planes[plane] = planes_at(&cursors[plane], plane * wanted->all + wanted->first + done, &count);
            some = smaller(some, count);
        }
        if (wanted->itemsize == 2) join_two(planes[0], planes[1], some, out + 2 * done);
        else join_four(planes[0], planes[1], planes[2], planes[3], some, out + 4 * done);
        verify_some(lines, out + wanted->itemsize * done, wanted->itemsize * some);
        done += some;
    }
}

static void join_streamed(const zlib_stream *stream, const uint8_t *rest, const wanted_values *wanted,
                          line_verifier *lines, uint8_t *out) {
    planes_cursor cursor = {stream, rest, 0, 0};
    if (wanted->itemsize == 2 || wanted->itemsize == 4) {
        join_streamed_at_once(cursor, wanted, lines, out);
        return;
    }
    for (size_t plane = 0; plane < wanted->itemsize; plane++) {
        for (size_t done = 0, some; done < wanted->count; done += some) {
            const uint8_t *bytes = planes_at(&cursor, plane * wanted->all + wanted->first + done, &some);
            some = smaller(some, wanted->count - done);
            for (size_t i = 0; i < some; i++) out[(done + i) * wanted->itemsize + plane] = bytes[i];
        }
    }
    verify_some(lines, out, wanted->itemsize * wanted->count);
}

/* Method 8 with a window of at most 32 KiB, a check of these bits, no preset dictionary. */
static int begins_as_zlib(const uint8_t *stream, size_t size) {
    return size >= 6 && (stream[0] & 15) == 8 && stream[0] >> 4 <= 7 && (stream[0] << 8 | stream[1]) % 31 == 0
        && !(stream[1] & 32);
}

/* Fill `out` with what follows the stored blocks; the position in `coded` after the last block, SIZE_MAX after none. */
static size_t decode_rest(struct decoder *decoder, const zlib_stream *stream, uint8_t *out, size_t out_size) {
    const uint8_t *coded = stream->coded;
    size_t size = stream->size, begin = stream->begin;
    if (stream->is_whole) return out_size ? SIZE_MAX : begin;
    const symbol_values *values = &decoder->inflate.values;
    if (decode_literals(coded, size, begin, values, &decoder->literals, out, out_size)) return size - 4;
    if (!stream->filled && decode_repeated_values(coded, size, begin, values, decoder->values, out, out_size))
        return size - 4;
    size_t used = inflate_stream(&decoder->inflate, coded + begin, size - begin, out, out_size);
    return used ? begin + used : SIZE_MAX;
}

/* Whether the Adler-32 at `end` is that of the stored bytes and the rest, or need not be. SIZE_MAX is nowhere. */
static int has_right_checksum(const struct decoder *decoder, const zlib_stream *stream, size_t end,
                              const uint8_t *rest, size_t rest_size) {
    uint32_t checksum = 1;
    if (end > stream->size || stream->size - end < 4) return 0;
    if (decoder->skips_adler32) return 1;
    for (size_t i = 0; i < stream->count; i++)
        checksum = adler32_after(checksum, stream->stream + stream->blocks[i].begin, stream->blocks[i].length);
    checksum = adler32_after(checksum, rest, rest_size);
    const uint8_t *found = stream->coded + end;
    return checksum == ((uint32_t)found[0] << 24 | (uint32_t)found[1] << 16 | (uint32_t)found[2] << 8 | found[3]);
}

/* Inflate a whole stream and verify its checksum: 0 or an error number. */
static int inflate_whole(struct decoder *decoder, const zlib_stream *stream, uint8_t *out, size_t out_size) {
    zlib_stream as_coded = {stream->stream, NULL, 0, 0, 0, stream->stream, stream->size, 2};
    size_t used = inflate_stream(&decoder->inflate, stream->stream + 2, stream->size - 2, out, out_size);
    return used && has_right_checksum(decoder, &as_coded, 2 + used, out, out_size) ? DECODED : DAMAGED;
}

/* Fill `out` with the contents of a zlib stream; 0 or an error number. */
static int zlib_decode(struct decoder *decoder, const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size) {
    if (!begins_as_zlib(bytes, size)) return DAMAGED;
    zlib_stream stream = find_stored(decoder->blocks, bytes, size, out_size);
    uint8_t *rest = out + stream.filled;
    size_t rest_size = out_size - stream.filled, end = decode_rest(decoder, &stream, rest, rest_size);
    if (!has_right_checksum(decoder, &stream, end, rest, rest_size))
        return stream.filled ? inflate_whole(decoder, &stream, out, out_size) : DAMAGED;
    planes_cursor cursor = {&stream, rest, 0, 0};
    for (size_t done = 0, some; done < stream.filled; done += some) {
        const uint8_t *from = planes_at(&cursor, done, &some);
        memcpy(out + done, from, some);
    }
    return DECODED;
}

/* Fill `out` with the wanted values of those whose planes are in a zlib stream; 0 or an error number. */
static int zlib_decode_planes(struct decoder *decoder, const uint8_t *bytes, size_t size, const wanted_values *wanted,
                              line_verifier *lines, uint8_t *out) {
    if (!begins_as_zlib(bytes, size)) return DAMAGED;
    size_t whole = wanted->all * wanted->itemsize;
    zlib_stream stream = find_stored(decoder->blocks, bytes, size, whole);
    uint8_t *room = scratch_of(&decoder->planes, whole - stream.filled);
    if (!room || (decoder->is_shared && !own_rest(decoder, &stream))) return NO_MEMORY;
    size_t end = decode_rest(decoder, &stream, room, whole - stream.filled);
    if (!has_right_checksum(decoder, &stream, end, room, whole - stream.filled)) {
        if (!stream.filled || decoder->is_shared) return DAMAGED;
        room = scratch_of(&decoder->planes, whole);
        if (!room) return NO_MEMORY;
        if (inflate_whole(decoder, &stream, room, whole)) return DAMAGED;
        stream.filled = 0;
    }
    join_streamed(&stream, room, wanted, lines, out);
    return DECODED;
}

METHOD(decode_zlib) {
    Py_buffer stream, out;
    Py_ssize_t itemsize;
    int error = NO_MEMORY;
    if (!PyArg_ParseTuple(args, "y*w*n", &stream, &out, &itemsize)) return NULL;
    if (itemsize < 1) itemsize = 1;
    struct decoder *decoder = decoder_open();
    Py_BEGIN_ALLOW_THREADS
    size_t count = (size_t)(out.len / itemsize);
    wanted_values wanted = {(size_t)itemsize, count, 0, count};
    if (decoder && itemsize == 1) error = zlib_decode(decoder, stream.buf, (size_t)stream.len, out.buf, (size_t)out.len);
    else if (decoder) error = zlib_decode_planes(decoder, stream.buf, (size_t)stream.len, &wanted, NULL, out.buf);
    Py_END_ALLOW_THREADS
    decoder_close(decoder);
    PyBuffer_Release(&stream);
    PyBuffer_Release(&out);
    return PyLong_FromLong(error);
}
