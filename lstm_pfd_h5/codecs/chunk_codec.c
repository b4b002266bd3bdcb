/* Made from nbs/guide/02_codecs/14_chunk_codec.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { NO_COMPRESSION = 0, GZIP_COMPRESSION = 1, LZF_COMPRESSION = 2 };

/* The filters of a dataset, the bytes of a value, and those of a chunk, a multiple of it. */
typedef struct {
    int compression, shuffle, fletcher32;
    size_t itemsize, size;
} chunk_format;

/* Bit i of the mask is set where filter i of the pipeline was skipped for a chunk. */
static chunk_format without_skipped(const chunk_format *format, uint32_t filter_mask) {
    chunk_format left = *format;
    uint32_t bit = 1;
    if (format->shuffle) { left.shuffle = !(filter_mask & bit) && format->itemsize > 1; bit <<= 1; }
    if (format->compression) { if (filter_mask & bit) left.compression = NO_COMPRESSION; bit <<= 1; }
    if (format->fletcher32) left.fletcher32 = !(filter_mask & bit);
    return left;
}

static int unpack_chunk(int compression, struct decoder *decoder, const uint8_t *stored, size_t size, uint8_t *out,
                        size_t out_size) {
    if (compression == GZIP_COMPRESSION) return zlib_decode(decoder, stored, size, out, out_size);
    return unpack_lzf(stored, size, out, out_size) == (int64_t)out_size ? DECODED : DAMAGED;
}

/* Fill `out` with `count` values of a chunk from `first` on; 0 or an error number. */
static int decode_values(const chunk_format *whole, struct decoder *decoder, const uint8_t *stored, size_t size,
                         uint32_t filter_mask, size_t first, size_t count, uint8_t *out) {
    const chunk_format format = without_skipped(whole, filter_mask);
    const wanted_values wanted = {format.itemsize, format.size / format.itemsize, first, count};
    const zlib_stream nothing_stored = {stored, size, 0, 0, 0};
    if (format.fletcher32) {
        if (size < 4 || fletcher32(stored, size - 4) != load_32(stored + size - 4)) return DAMAGED;
        size -= 4;
    }
    if (format.shuffle && format.compression == GZIP_COMPRESSION)
        return zlib_decode_planes(decoder, stored, size, &wanted, out);
    if (format.compression) {
        uint8_t *room = !format.shuffle && count == wanted.all ? out : decoder_room(decoder, format.size);
        if (!room) return NO_MEMORY;
        int error = unpack_chunk(format.compression, decoder, stored, size, room, format.size);
        if (error || room == out) return error;
        stored = room;
    } else if (size != format.size) return DAMAGED;
    if (format.shuffle) join_streamed(&nothing_stored, stored, &wanted, out);
    else if (count) memcpy(out, stored + first * format.itemsize, count * format.itemsize);
    return DECODED;
}

/* Fill `out` with all values of a chunk; 0 or an error number. */
static int decode_chunk(const chunk_format *format, struct decoder *decoder, const uint8_t *stored, size_t size,
                        uint32_t filter_mask, uint8_t *out) {
    return decode_values(format, decoder, stored, size, filter_mask, 0, format->size / format->itemsize, out);
}

METHOD(decode_chunk) {
    Py_buffer stored, out;
    chunk_format format;
    unsigned int filter_mask;
    Py_ssize_t itemsize, first, count;
    if (!PyArg_ParseTuple(args, "(iiin)y*w*Inn", &format.compression, &format.shuffle, &format.fletcher32, &itemsize,
                          &stored, &out, &filter_mask, &first, &count)) return NULL;
    int error = NO_MEMORY;
    int is_possible = itemsize > 0 && first >= 0 && out.len % itemsize == 0 && count <= PY_SSIZE_T_MAX / itemsize
        && first <= count && out.len / itemsize <= count - first;
    if (is_possible) {
        Py_BEGIN_ALLOW_THREADS
        struct decoder *decoder = decoder_open();
        format.itemsize = (size_t)itemsize;
        format.size = (size_t)(count * itemsize);
        if (decoder) error = decode_values(&format, decoder, stored.buf, (size_t)stored.len, filter_mask, (size_t)first,
                                           (size_t)(out.len / itemsize), out.buf);
        decoder_close(decoder);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&stored);
    PyBuffer_Release(&out);
    if (is_possible) return PyLong_FromLong(error);
    PyErr_SetString(PyExc_ValueError, "expected a buffer for values of the chunk");
    return NULL;
}
