/* Made from nbs/guide/02_codecs/11_zlib_decoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { DECODED = 0, DAMAGED = 1, NO_MEMORY = 2 };

struct decoder {
    inflate_tables inflate;
    literal_tables literals;
    value_entry values[1 << VALUE_BITS];
    uint8_t *room;  /* for planes that wait until they are joined */
    size_t room_size;
};

static struct decoder *decoder_open(void) {
    struct decoder *decoder = malloc(sizeof *decoder);
    if (!decoder) return NULL;
    make_symbol_values(&decoder->inflate.values);
    decoder->room = NULL;
    decoder->room_size = 0;
    return decoder;
}

static void decoder_close(struct decoder *decoder) {
    if (decoder) free(decoder->room);
    free(decoder);
}

/* At least `size` bytes, which the next call overwrites; NULL if there is no memory. */
static uint8_t *decoder_room(struct decoder *decoder, size_t size) {
    if (decoder->room && decoder->room_size >= size) return decoder->room;
    free(decoder->room);
    decoder->room = malloc(size ? size : 1);
    decoder->room_size = decoder->room ? size : 0;
    return decoder->room;
}

/* A zlib stream, and the stored blocks at its beginning. */
typedef struct {
    const uint8_t *stream;
    size_t size, end, filled;  /* of the stream; position after the blocks; bytes in them */
    int is_whole;              /* whether no block follows */
} zlib_stream;

static inline size_t stored_length(const uint8_t *block) { return block[1] | (size_t)block[2] << 8; }

/* Find the stored blocks, of at most `most` bytes together. */
static zlib_stream find_stored(const uint8_t *stream, size_t size, size_t most) {
    zlib_stream found = {stream, size, 2, 0, 0};
    while (!found.is_whole && size - found.end >= 9 && (stream[found.end] & 254) == 0) {
        const uint8_t *block = stream + found.end;
        size_t length = stored_length(block), complement = stored_length(block + 2);
        if ((length ^ 0xFFFF) != complement || length > size - found.end - 9 || length > most - found.filled) break;
        found.is_whole = block[0];
        found.filled += length;
        found.end += 5 + length;
    }
    return found;
}

/* The bytes of the planes: those in stored blocks, then the rest. The block begins at or before the place that is read. */
typedef struct {
    const zlib_stream *stream;
    const uint8_t *rest;
    size_t block, before;  /* position of a stored block, bytes in those before it */
} planes_cursor;

/* The address of a byte, and how many follow it there. Offsets rise, so the blocks are passed once. */
static const uint8_t *planes_at(planes_cursor *cursor, size_t offset, size_t *count) {
    if (offset >= cursor->stream->filled) {
        *count = SIZE_MAX;
        return cursor->rest + (offset - cursor->stream->filled);
    }
    for (;;) {
        const uint8_t *block = cursor->stream->stream + cursor->block;
        size_t length = stored_length(block), within = offset - cursor->before;
        *count = length - within;
        if (within < length) return block + 5 + within;
        cursor->block += 5 + length;
        cursor->before += length;
    }
}

/* Which values of a chunk are wanted: `count` of them, each of `itemsize` bytes, from `first` on; the chunk holds `all`. */
typedef struct { size_t itemsize, all, first, count; } wanted_values;

static void join_streamed_at_once(planes_cursor cursor, const wanted_values *wanted, uint8_t *out) {
    planes_cursor cursors[4] = {cursor, cursor, cursor, cursor};
    for (size_t done = 0; done < wanted->count;) {
        const uint8_t *planes[4] = {0};
        size_t some = wanted->count - done, count;
        for (size_t plane = 0; plane < wanted->itemsize; plane++) {
            planes[plane] = planes_at(&cursors[plane], plane * wanted->all + wanted->first + done, &count);
            some = smaller(some, count);
        }
        if (wanted->itemsize == 2) join_two(planes[0], planes[1], some, out + 2 * done);
        else join_four(planes[0], planes[1], planes[2], planes[3], some, out + 4 * done);
        done += some;
    }
}

static void join_streamed(const zlib_stream *stream, const uint8_t *rest, const wanted_values *wanted, uint8_t *out) {
    planes_cursor cursor = {stream, rest, 2, 0};
    if (wanted->itemsize == 2 || wanted->itemsize == 4) {
        join_streamed_at_once(cursor, wanted, out);
        return;
    }
    for (size_t plane = 0; plane < wanted->itemsize; plane++) {
        for (size_t done = 0, some; done < wanted->count; done += some) {
            const uint8_t *bytes = planes_at(&cursor, plane * wanted->all + wanted->first + done, &some);
            some = smaller(some, wanted->count - done);
            for (size_t i = 0; i < some; i++) out[(done + i) * wanted->itemsize + plane] = bytes[i];
        }
    }
}

/* Method 8 with a window of at most 32 KiB, a check of these bits, no preset dictionary. */
static int begins_as_zlib(const uint8_t *stream, size_t size) {
    return size >= 6 && (stream[0] & 15) == 8 && stream[0] >> 4 <= 7 && (stream[0] << 8 | stream[1]) % 31 == 0
        && !(stream[1] & 32);
}

/* Fill `out` with what follows the stored blocks; the position after the last block, or 0. */
static size_t decode_rest(struct decoder *decoder, const zlib_stream *stream, uint8_t *out, size_t out_size) {
    if (stream->is_whole) return out_size ? 0 : stream->end;
    if (decode_literals(stream->stream, stream->size, stream->end, &decoder->inflate.values, &decoder->literals, out,
                        out_size)) return stream->size - 4;
    if (!stream->filled && decode_repeated_values(stream->stream, stream->size, stream->end, &decoder->inflate.values,
                                                  decoder->values, out, out_size)) return stream->size - 4;
    size_t used = inflate_stream(&decoder->inflate, stream->stream + stream->end, stream->size - stream->end, out, out_size);
    return used ? stream->end + used : 0;
}

/* Whether the Adler-32 at `end` is that of the stored bytes and the rest. */
static int has_right_checksum(const zlib_stream *stream, size_t end, const uint8_t *rest, size_t rest_size) {
    uint32_t checksum = 1;
    if (stream->size - end < 4) return 0;
    for (size_t block = 2, done = 0; done < stream->filled;) {
        size_t length = stored_length(stream->stream + block);
        checksum = adler32_after(checksum, stream->stream + block + 5, length);
        block += 5 + length;
        done += length;
    }
    checksum = adler32_after(checksum, rest, rest_size);
    const uint8_t *found = stream->stream + end;
    return checksum == ((uint32_t)found[0] << 24 | (uint32_t)found[1] << 16 | (uint32_t)found[2] << 8 | found[3]);
}

/* Inflate a whole stream and verify its checksum: 0 or an error number. */
static int inflate_whole(struct decoder *decoder, const zlib_stream *stream, uint8_t *out, size_t out_size) {
    zlib_stream without_prefix = {stream->stream, stream->size, 2, 0, 0};
    size_t used = inflate_stream(&decoder->inflate, stream->stream + 2, stream->size - 2, out, out_size);
    return used && has_right_checksum(&without_prefix, 2 + used, out, out_size) ? DECODED : DAMAGED;
}

/* Fill `out` with the contents of a zlib stream; 0 or an error number. */
static int zlib_decode(struct decoder *decoder, const uint8_t *bytes, size_t size, uint8_t *out, size_t out_size) {
    if (!begins_as_zlib(bytes, size)) return DAMAGED;
    zlib_stream stream = find_stored(bytes, size, out_size);
    uint8_t *rest = out + stream.filled;
    size_t rest_size = out_size - stream.filled, end = decode_rest(decoder, &stream, rest, rest_size);
    if (!end || !has_right_checksum(&stream, end, rest, rest_size))
        return stream.filled ? inflate_whole(decoder, &stream, out, out_size) : DAMAGED;
    planes_cursor cursor = {&stream, rest, 2, 0};
    for (size_t done = 0, some; done < stream.filled; done += some) {
        const uint8_t *from = planes_at(&cursor, done, &some);
        memcpy(out + done, from, some);
    }
    return DECODED;
}

/* Fill `out` with the wanted values of those whose planes are in a zlib stream; 0 or an error number. */
static int zlib_decode_planes(struct decoder *decoder, const uint8_t *bytes, size_t size, const wanted_values *wanted,
                              uint8_t *out) {
    if (!begins_as_zlib(bytes, size)) return DAMAGED;
    size_t whole = wanted->all * wanted->itemsize;
    zlib_stream stream = find_stored(bytes, size, whole);
    uint8_t *room = decoder_room(decoder, whole - stream.filled);
    if (!room) return NO_MEMORY;
    size_t end = decode_rest(decoder, &stream, room, whole - stream.filled);
    if (!end || !has_right_checksum(&stream, end, room, whole - stream.filled)) {
        if (!stream.filled) return DAMAGED;
        room = decoder_room(decoder, whole);
        if (!room) return NO_MEMORY;
        if (inflate_whole(decoder, &stream, room, whole)) return DAMAGED;
        stream.filled = 0;
    }
    join_streamed(&stream, room, wanted, out);
    return DECODED;
}

METHOD(decode_zlib) {
    Py_buffer stream, out;
    Py_ssize_t itemsize;
    int error = NO_MEMORY;
    if (!PyArg_ParseTuple(args, "y*w*n", &stream, &out, &itemsize)) return NULL;
    if (itemsize < 1) itemsize = 1;
    Py_BEGIN_ALLOW_THREADS
    struct decoder *decoder = decoder_open();
    size_t count = (size_t)(out.len / itemsize);
    wanted_values wanted = {(size_t)itemsize, count, 0, count};
    if (decoder && itemsize == 1) error = zlib_decode(decoder, stream.buf, (size_t)stream.len, out.buf, (size_t)out.len);
    else if (decoder) error = zlib_decode_planes(decoder, stream.buf, (size_t)stream.len, &wanted, out.buf);
    decoder_close(decoder);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&stream);
    PyBuffer_Release(&out);
    return PyLong_FromLong(error);
}
