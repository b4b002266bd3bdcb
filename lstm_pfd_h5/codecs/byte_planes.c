/* Made from nbs/guide/02_codecs/03_byte_planes.ipynb by `python docs/native.py`: edit the notebook, not this file. */

WIDE static void split_four(const uint8_t *restrict values, size_t count, uint8_t *restrict planes) {
    for (size_t i = 0; i < count; i++) {
        uint32_t value = load_32(values + 4 * i);
        planes[i] = (uint8_t)value;
        planes[count + i] = (uint8_t)(value >> 8);
        planes[2 * count + i] = (uint8_t)(value >> 16);
        planes[3 * count + i] = (uint8_t)(value >> 24);
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
    for (size_t plane = 0; plane < itemsize; plane++)
        for (size_t i = 0; i < count; i++) values[i * itemsize + plane] = planes[plane * count + i];
}

/* Get the arguments (source, target, itemsize): buffers of one size, a multiple of itemsize; 0 after an error. */
static int planes_arguments(PyObject *args, Py_buffer *source, Py_buffer *target, Py_ssize_t *itemsize) {
    if (!PyArg_ParseTuple(args, "y*w*n", source, target, itemsize)) return 0;
    if (*itemsize > 0 && source->len == target->len && source->len % *itemsize == 0) return 1;
    PyErr_SetString(PyExc_ValueError, "expected two buffers of one size, a multiple of itemsize");
    PyBuffer_Release(source);
    PyBuffer_Release(target);
    return 0;
}

METHOD(split_planes) {
    Py_buffer values, planes;
    Py_ssize_t itemsize;
    if (!planes_arguments(args, &values, &planes, &itemsize)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    split_planes(values.buf, (size_t)values.len, (size_t)itemsize, planes.buf);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&values);
    PyBuffer_Release(&planes);
    Py_RETURN_NONE;
}

METHOD(join_planes) {
    Py_buffer planes, values;
    Py_ssize_t itemsize;
    if (!planes_arguments(args, &planes, &values, &itemsize)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    join_planes(planes.buf, (size_t)planes.len, (size_t)itemsize, values.buf);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&planes);
    PyBuffer_Release(&values);
    Py_RETURN_NONE;
}
