/* Made from nbs/guide/05_store/22_rounding.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* Numbers that are not negative are in the order of their bits; compilers find the largest integer with vectors. */
static inline int64_t bits_of(double magnitude) {
    int64_t bits;
    memcpy(&bits, &magnitude, 8);
    return bits;
}

static inline double stored_value(double value, double step) {
    return step > 0 ? rint(value / step) * step : (double)(float)value;
}

/* How far samples are moved at most when they are stored, and the largest magnitude among them. */
WIDE static void find_moved(const double *samples, size_t size, double step, double *moved, double *magnitude) {
    int64_t farthest = 0, largest = 0;
    for (size_t i = 0; i < size; i++) {
        int64_t distance = bits_of(fabs(samples[i] - stored_value(samples[i], step)));
        int64_t own = bits_of(fabs(samples[i]));
        farthest = distance > farthest ? distance : farthest;
        largest = own > largest ? own : largest;
    }
    memcpy(moved, &farthest, 8);
    memcpy(magnitude, &largest, 8);
}

METHOD(moved) {
    Py_buffer samples;
    double step, moved = 0, magnitude = 0;
    if (!PyArg_ParseTuple(args, "y*d", &samples, &step)) return NULL;
    int is_valid = samples.len && samples.len % 8 == 0;
    if (is_valid) {
        Py_BEGIN_ALLOW_THREADS
        find_moved(samples.buf, (size_t)samples.len / 8, step, &moved, &magnitude);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&samples);
    if (is_valid) return Py_BuildValue("dd", moved, magnitude);
    PyErr_SetString(PyExc_ValueError, "expected float64, at least one");
    return NULL;
}
