/* Made from nbs/guide/06_streaming/07_row_pool.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* Copies windows of (rows, channels, length) to (places, channels, window), until one of them does not exist. */
static size_t copy_windows(const float *source, size_t num_rows, const int64_t *rows, const int64_t *starts,
                           const int64_t *places, size_t count, float *out, size_t num_places, size_t channels,
                           size_t length, size_t window) {
    for (size_t each = 0; each < count; each++) {
        uint64_t row = (uint64_t)rows[each], start = (uint64_t)starts[each], place = (uint64_t)places[each];
        if (row >= num_rows || place >= num_places || start > length - window) return each;
        for (size_t channel = 0; channel < channels; channel++)
            memcpy(out + (place * channels + channel) * window, source + (row * channels + channel) * length + start,
                   window * sizeof(float));
    }
    return count;
}

METHOD(copy_windows) {
    Py_buffer source, rows, starts, places, out;
    Py_ssize_t channels, length, window, most = PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(float);
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*nnn", &source, &rows, &starts, &places, &out, &channels, &length, &window))
        return NULL;
    size_t count = (size_t)rows.len / sizeof(int64_t), copied = 0;
    int is_valid = channels > 0 && window > 0 && length >= window && channels <= most / length
        && starts.len == rows.len && places.len == rows.len;
    if (is_valid) {
        size_t num_rows = (size_t)(source.len / (channels * length)) / sizeof(float);
        size_t num_places = (size_t)(out.len / (channels * window)) / sizeof(float);
        Py_BEGIN_ALLOW_THREADS
        copied = copy_windows(source.buf, num_rows, rows.buf, starts.buf, places.buf, count, out.buf, num_places,
                              (size_t)channels, (size_t)length, (size_t)window);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&source);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&starts);
    PyBuffer_Release(&places);
    PyBuffer_Release(&out);
    if (is_valid && copied == count) Py_RETURN_NONE;
    PyErr_SetString(PyExc_IndexError, "a window is outside of its array");
    return NULL;
}
