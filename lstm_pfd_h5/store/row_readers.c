/* Made from nbs/guide/05_store/02_row_readers.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { MOST_NEIGHBOURS = 64 };

static void fill_piece(const piece *each, const uint8_t *fill, size_t itemsize, uint8_t *out) {
    for (int64_t i = 0; i < each->count; i++) memcpy(out + (size_t)(each->target + i) * itemsize, fill, itemsize);
}

/* The first piece of a part of all pieces. Those of one chunk are not divided. */
static size_t part_begin(const piece *pieces, size_t count, size_t part, size_t parts) {
    size_t begin = count / parts * part + smaller(part, count % parts);
    while (begin && begin < count && pieces[begin].address == pieces[begin - 1].address) begin++;
    return begin;
}

static int64_t begin_of(const piece *each, size_t itemsize) {
    return (int64_t)((uint64_t)each->address + (uint64_t)each->source * itemsize);
}

/* Read pieces that follow one another in the file. */
static int read_neighbours(int file, const piece *pieces, size_t count, size_t itemsize, uint8_t *out) {
#ifdef __linux__
    struct iovec parts[MOST_NEIGHBOURS];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        parts[i].iov_base = out + (size_t)pieces[i].target * itemsize;
        size += parts[i].iov_len = (size_t)pieces[i].count * itemsize;
    }
    if (count > 1 && preadv(file, parts, (int)count, (off_t)begin_of(pieces, itemsize)) == (ssize_t)size) return 1;
#endif
    for (size_t i = 0; i < count; i++) {
        uint8_t *to = out + (size_t)pieces[i].target * itemsize;
        if (!read_at(file, to, (size_t)pieces[i].count * itemsize, begin_of(pieces + i, itemsize))) return 0;
    }
    return 1;
}

static int read_plain_pieces(int file, const piece *pieces, size_t count, const uint8_t *fill, size_t itemsize,
                             uint8_t *out) {
    for (size_t first = 0, next; first < count; first = next) {
        next = first + 1;
        if (pieces[first].address < 0) {
            fill_piece(pieces + first, fill, itemsize, out);
            continue;
        }
        for (; next < count && next - first < MOST_NEIGHBOURS; next++) {
            int64_t end = begin_of(pieces + next - 1, itemsize) + pieces[next - 1].count * (int64_t)itemsize;
            if (begin_of(pieces + next, itemsize) != end) break;
        }
        if (!read_neighbours(file, pieces + first, next - first, itemsize, out)) return 0;
    }
    return 1;
}

/* Fill `out` with a part of the pieces of rows; whether that succeeded. */
METHOD(read_plain_rows) {
    row_buffers buffers;
    Py_buffer out, fill;
    int file, is_read = 0;
    Py_ssize_t part, parts;
    if (!PyArg_ParseTuple(args, "i" ROW_BUFFERS "y*w*nn", &file, ROW_ADDRESSES(&buffers), &fill, &out, &part, &parts))
        return NULL;
    size_t count, itemsize = (size_t)fill.len;
    if (request_of(&buffers, itemsize ? (size_t)out.len / itemsize : 0) && 0 <= part && part < parts && itemsize) {
        Py_BEGIN_ALLOW_THREADS
        piece *pieces = pieces_of(&buffers.request, &count);
        if (pieces) {
            size_t begin = part_begin(pieces, count, (size_t)part, (size_t)parts);
            size_t end = part_begin(pieces, count, (size_t)part + 1, (size_t)parts);
            is_read = read_plain_pieces(file, pieces + begin, end - begin, fill.buf, itemsize, out.buf);
        }
        free(pieces);
        Py_END_ALLOW_THREADS
    }
    release_rows(&buffers);
    PyBuffer_Release(&fill);
    PyBuffer_Release(&out);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(is_read);
}
