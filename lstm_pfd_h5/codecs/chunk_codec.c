/* Made from nbs/guide/02_codecs/13_chunk_codec.ipynb by `python docs/native.py`: edit the notebook, not this file. */

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

/* Fill `out` with `count` values of a chunk from `first` on, which `lines` verify unless NULL; 0 or an error number. */
static int decode_values(const chunk_format *whole, struct decoder *decoder, const uint8_t *stored, size_t size,
                         uint32_t filter_mask, size_t first, size_t count, line_verifier *lines, uint8_t *out) {
    const chunk_format format = without_skipped(whole, filter_mask);
    const wanted_values wanted = {format.itemsize, format.size / format.itemsize, first, count};
    const zlib_stream nothing_stored = {0};
    if (format.fletcher32) {
        if (size < 4 || fletcher32(stored, size - 4) != load_32(stored + size - 4)) return DAMAGED;
        size -= 4;
    }
    if (format.shuffle && format.compression == GZIP_COMPRESSION)
        return zlib_decode_planes(decoder, stored, size, &wanted, lines, out);
    if (format.compression) {
        uint8_t *room = !format.shuffle && count == wanted.all ? out : scratch_of(&decoder->planes, format.size);
        if (!room) return NO_MEMORY;
        int error = unpack_chunk(format.compression, decoder, stored, size, room, format.size);
        if (error) return error;
        stored = room;
    } else if (size != format.size) return DAMAGED;
    if (format.shuffle) { join_streamed(&nothing_stored, stored, &wanted, lines, out); return DECODED; }
    if (count && stored != out) memcpy(out, stored + first * format.itemsize, count * format.itemsize);
    verify_some(lines, out, count * format.itemsize);
    return DECODED;
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
        struct decoder *decoder = decoder_open();
        format.itemsize = (size_t)itemsize;
        format.size = (size_t)(count * itemsize);
        Py_BEGIN_ALLOW_THREADS
        if (decoder) error = decode_values(&format, decoder, stored.buf, (size_t)stored.len, filter_mask, (size_t)first,
                                           (size_t)(out.len / itemsize), NULL, out.buf);
        Py_END_ALLOW_THREADS
        decoder_close(decoder);
    }
    PyBuffer_Release(&stored);
    PyBuffer_Release(&out);
    if (is_possible) return PyLong_FromLong(error);
    PyErr_SetString(PyExc_ValueError, "expected a buffer for values of the chunk");
    return NULL;
}

struct encoder {
    size_t size, itemsize;  /* bytes of a chunk, and of a value */
    int shuffle, compression;
    double conceded;
    uint8_t *planes;
    uint32_t *lzf_table;
    struct choice *choice;
};

static size_t chunk_room(const struct encoder *encoder) {
    if (encoder->compression == 2) return lzf_room(encoder->size);
    return deflate_room(encoder->itemsize, encoder->size / encoder->itemsize);
}

/* The bytes of one chunk; their number, or 0 if it is left to libdeflate. */
static size_t encode_chunk(const struct encoder *encoder, const uint8_t *values, uint8_t *out) {
    size_t count = encoder->shuffle ? encoder->itemsize : 1;
    const uint8_t *planes = values;
    if (count > 1) split_planes(values, encoder->size, count, encoder->planes), planes = encoder->planes;
    if (encoder->compression == 1)
        return deflate_planes(planes, count, encoder->size / count, encoder->conceded, encoder->choice, out);
    if (encoder->compression == 2) {
        size_t size = pack_lzf(planes, encoder->size, encoder->lzf_table, out);
        if (size < encoder->size) return size;
        planes = values;  /* no smaller: as they are */
    }
    memcpy(out, planes, encoder->size);
    return encoder->size;
}

/* Take the scratch memory of an encoder; 0 if there is not enough. */
static int encoder_open(struct encoder *encoder) {
    encoder->planes = malloc(encoder->size);
    encoder->lzf_table = malloc(LZF_TABLE * sizeof *encoder->lzf_table);
    encoder->choice = choice_open();
    return encoder->planes && encoder->lzf_table && encoder->choice;
}

static void encoder_close(struct encoder *encoder) {
    free(encoder->planes);
    free(encoder->lzf_table);
    choice_close(encoder->choice);
}

/* The bytes of all chunks, one after the other in `out`; their number. Where each chunk ends goes to `ends`. */
static size_t encode_all(const struct encoder *encoder, const uint8_t *rows, size_t chunks, uint8_t *out,
                         uint8_t *ends) {
    size_t filled = 0;
    for (size_t chunk = 0; chunk < chunks; chunk++) {
        filled += encode_chunk(encoder, rows + chunk * encoder->size, out + filled);
        store_64(ends + 8 * chunk, filled);
    }
    return filled;
}

/* A tuple (bytes of the chunks, their ends), or NULL after an error. */
static PyObject *encoded_rows(struct encoder *encoder, const Py_buffer *rows) {
    size_t chunks = (size_t)rows->len / encoder->size, filled;
    PyObject *data = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(chunks * chunk_room(encoder)));
    PyObject *ends = data ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(chunks * 8)) : NULL;
    if (ends) {
        uint8_t *out = (uint8_t *)PyBytes_AS_STRING(data), *end = (uint8_t *)PyBytes_AS_STRING(ends);
        Py_BEGIN_ALLOW_THREADS
        filled = encode_all(encoder, rows->buf, chunks, out, end);
        Py_END_ALLOW_THREADS
        if (_PyBytes_Resize(&data, (Py_ssize_t)filled) == 0) return Py_BuildValue("NN", data, ends);
    }
    Py_XDECREF(data);
    Py_XDECREF(ends);
    return NULL;
}

METHOD(encode_chunks) {
    Py_buffer rows;
    Py_ssize_t size, itemsize;
    struct encoder encoder = {0};
    if (!PyArg_ParseTuple(args, "y*nnpid", &rows, &size, &itemsize, &encoder.shuffle, &encoder.compression,
                          &encoder.conceded)) return NULL;
    PyObject *encoded = NULL;
    if (size > 0 && itemsize > 0 && size % itemsize == 0 && rows.len % size == 0) {
        encoder.size = (size_t)size;
        encoder.itemsize = (size_t)itemsize;
        encoded = encoder_open(&encoder) ? encoded_rows(&encoder, &rows) : PyErr_NoMemory();
        encoder_close(&encoder);
    } else PyErr_SetString(PyExc_ValueError, "expected whole chunks of whole values");
    PyBuffer_Release(&rows);
    return encoded;
}
