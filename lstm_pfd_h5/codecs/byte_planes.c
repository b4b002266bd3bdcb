/* Made from nbs/guide/02_codecs/02_byte_planes.ipynb by `python docs/native.py`: edit the notebook, not this file. */

WIDE static void split_four(const uint8_t *restrict values, size_t count, uint8_t *restrict planes) {
    for (size_t i = 0; i < count; i++) {
        uint32_t value = load_32(values + 4 * i);
        planes[i] = (uint8_t)value;
        planes[count + i] = (uint8_t)(value >> 8);
        planes[2 * count + i] = (uint8_t)(value >> 16);
        planes[3 * count + i] = (uint8_t)(value >> 24);
    }
}

WIDE static void join_two(const uint8_t *restrict first, const uint8_t *restrict second, size_t count,
                          uint8_t *restrict values) {
    for (size_t i = 0; i < count; i++) {
        uint16_t value = (uint16_t)(first[i] | second[i] << 8);
        memcpy(values + 2 * i, &value, 2);
    }
}

/* Planes may be anywhere: of a chunk with stored planes, they are taken from the chunk itself. */
WIDE static void join_four(const uint8_t *restrict first, const uint8_t *restrict second, const uint8_t *restrict third,
                           const uint8_t *restrict fourth, size_t count, uint8_t *restrict values) {
    for (size_t i = 0; i < count; i++) {
        uint32_t low = first[i] | (uint32_t)second[i] << 8, high = third[i] | (uint32_t)fourth[i] << 8;
        store_32(values + 4 * i, low | high << 16);
    }
}

static void split_planes(const uint8_t *values, size_t size, size_t itemsize, uint8_t *planes) {
    size_t count = size / itemsize;
    if (itemsize == 4) { split_four(values, count, planes); return; }
    for (size_t plane = 0; plane < itemsize; plane++)
        for (size_t i = 0; i < count; i++) planes[plane * count + i] = values[i * itemsize + plane];
}

static void join_planes(const uint8_t *planes, size_t size, size_t itemsize, uint8_t *values) {
    size_t count = size / itemsize;
    if (itemsize == 4) {
        join_four(planes, planes + count, planes + 2 * count, planes + 3 * count, count, values);
        return;
    }
    if (itemsize == 2) { join_two(planes, planes + count, count, values); return; }
    for (size_t plane = 0; plane < itemsize; plane++)
        for (size_t i = 0; i < count; i++) values[i * itemsize + plane] = planes[plane * count + i];
}

/* Call a function with the arguments (source, target, itemsize): buffers of one size, a multiple of itemsize. */
static PyObject *rearrange(PyObject *args, void (*function)(const uint8_t *, size_t, size_t, uint8_t *)) {
    Py_buffer source, target;
    Py_ssize_t itemsize;
    if (!PyArg_ParseTuple(args, "y*w*n", &source, &target, &itemsize)) return NULL;
    int is_valid = itemsize > 0 && source.len == target.len && source.len % itemsize == 0;
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        function(source.buf, (size_t)source.len, (size_t)itemsize, target.buf);
        Py_END_ALLOW_THREADS
    } else PyErr_SetString(PyExc_ValueError, "expected two buffers of one size, a multiple of itemsize");
    PyBuffer_Release(&source);
    PyBuffer_Release(&target);
    if (!is_valid) return NULL;
    Py_RETURN_NONE;
}

METHOD(split_planes) { return rearrange(args, split_planes); }

METHOD(join_planes) { return rearrange(args, join_planes); }
