/* Made from nbs/guide/02_codecs/04_lzf.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* Repeat `count` bytes from `distance` back; they may overlap what they become. */
static void repeat_bytes(uint8_t *out, size_t distance, size_t count) {
    if (distance >= count) memcpy(out, out - distance, count);
    else for (size_t at = 0; at < count; at++) out[at] = out[at - distance];
}

/* Bytes written; -1 if an instruction leads out of either buffer. */
static int64_t unpack_lzf(const uint8_t *packed, size_t size, uint8_t *out, size_t out_size) {
    size_t place = 0, filled = 0;
    while (place < size) {
        size_t first = packed[place++], count = first + 1, distance;
        if (first < 32) {
            if (count > size - place || count > out_size - filled) return -1;
            memcpy(out + filled, packed + place, count);
            place += count;
        } else {
            count = (first >> 5) + 2;
            if (count == 9 && place < size) count += packed[place++];
            if (place >= size) return -1;
            distance = ((first & 31) << 8) + packed[place++] + 1;
            if (distance > filled || count > out_size - filled) return -1;
            repeat_bytes(out + filled, distance, count);
        }
        filled += count;
    }
    return (int64_t)filled;
}

METHOD(unpack_lzf) {
    Py_buffer packed, out;
    int64_t filled;
    if (!PyArg_ParseTuple(args, "y*w*", &packed, &out)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    filled = unpack_lzf(packed.buf, (size_t)packed.len, out.buf, (size_t)out.len);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&packed);
    PyBuffer_Release(&out);
    return PyLong_FromLongLong(filled);
}

enum { LZF_TABLE = 1 << 15, LZF_DISTANCE = 1 << 13, LZF_LONGEST = 264 };

/* The most bytes that `pack_lzf` writes. */
static size_t lzf_room(size_t size) { return size + size / 32 + 1; }

static inline size_t lzf_slot(uint32_t three) { return three * 2654435761u >> 17; }

static uint8_t *put_lzf_literals(const uint8_t *data, size_t size, uint8_t *out) {
    while (size) {
        size_t part = smaller(size, 32);
        *out++ = (uint8_t)(part - 1);
        memcpy(out, data, part);
        out += part;
        data += part;
        size -= part;
    }
    return out;
}

static uint8_t *put_lzf_repetition(size_t distance, size_t length, uint8_t *out) {
    size_t high = (distance - 1) >> 8, count = length - 2;
    *out++ = (uint8_t)(high | smaller(count, 7) << 5);
    if (count >= 7) *out++ = (uint8_t)(count - 7);
    *out++ = (uint8_t)(distance - 1);
    return out;
}

/* `table` has LZF_TABLE entries, which are overwritten. Returns the size. */
static size_t pack_lzf(const uint8_t *data, size_t size, uint32_t *table, uint8_t *out) {
    uint8_t *start = out;
    size_t at = 0, waiting = 0;  /* the first byte that is not written yet */
    memset(table, 0, LZF_TABLE * sizeof *table);
    while (at + 4 <= size) {
        uint32_t three = load_32(data + at) & 0xFFFFFF, *last = table + lzf_slot(three);
        size_t place = *last;  /* plus one: 0 is none */
        *last = (uint32_t)at + 1;
        if (!place || at + 1 - place > LZF_DISTANCE || (load_32(data + place - 1) & 0xFFFFFF) != three) {
            at += 1 + smaller((at - waiting) >> 9, 31);
            continue;
        }
        size_t length = 3, longest = smaller(size - at, LZF_LONGEST), distance = at + 1 - place;
        while (length < longest && data[at + length] == data[at + length - distance]) length++;
        out = put_lzf_repetition(distance, length, put_lzf_literals(data + waiting, at - waiting, out));
        for (size_t inside = at + 1; inside < at + length && inside + 4 <= size; inside++)
            table[lzf_slot(load_32(data + inside) & 0xFFFFFF)] = (uint32_t)inside + 1;
        waiting = at += length;
    }
    return (size_t)(put_lzf_literals(data + waiting, size - waiting, out) - start);
}

METHOD(pack_lzf) {
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "y*", &data)) return NULL;
    size_t size = (size_t)data.len;
    PyObject *packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)lzf_room(size));
    uint32_t *table = malloc(LZF_TABLE * sizeof *table);
    if (packed && table) {
        Py_BEGIN_ALLOW_THREADS
        size = pack_lzf(data.buf, size, table, (uint8_t *)PyBytes_AS_STRING(packed));
        Py_END_ALLOW_THREADS
        _PyBytes_Resize(&packed, (Py_ssize_t)size);
    } else if (packed) { Py_CLEAR(packed); PyErr_NoMemory(); }
    free(table);
    PyBuffer_Release(&data);
    return packed;
}
