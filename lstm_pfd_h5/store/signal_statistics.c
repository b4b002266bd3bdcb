/* Made from nbs/guide/05_store/31_signal_statistics.ipynb by `python docs/native.py`: edit the notebook, not this file. */

static double four_sums(const float *signal, size_t length, double mean, int squared) {
    double sums[4] = {0, 0, 0, 0};
    size_t place = 0;
    for (; place + 4 <= length; place += 4)
        for (size_t lane = 0; lane < 4; lane++) {
            double distance = signal[place + lane] - mean;
            sums[lane] += squared ? distance * distance : distance;
        }
    for (; place < length; place++) {
        double distance = signal[place] - mean;
        sums[0] += squared ? distance * distance : distance;
    }
    return sums[0] + sums[1] + (sums[2] + sums[3]);
}

WIDE static void means_and_squares(const float *signals, size_t rows, size_t length, double *out) {
    for (size_t row = 0; row < rows; row++) {
        const float *signal = signals + row * length;
        out[2 * row] = four_sums(signal, length, 0, 0) / (double)length;
        out[2 * row + 1] = four_sums(signal, length, out[2 * row], 1);
    }
}

METHOD(means_and_squares) {
    Py_buffer signals, out;
    if (!PyArg_ParseTuple(args, "y*w*", &signals, &out)) return NULL;
    size_t rows = (size_t)out.len / 16, length = rows ? (size_t)signals.len / 4 / rows : 0;
    Py_BEGIN_ALLOW_THREADS
    means_and_squares(signals.buf, rows, length, out.buf);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&signals);
    PyBuffer_Release(&out);
    Py_RETURN_NONE;
}

enum { SAMPLE_BINS = 1 << 18 };

METHOD(count_samples) {
    Py_buffer signals, centers, counts;
    Py_ssize_t rows;
    if (!PyArg_ParseTuple(args, "y*y*w*n", &signals, &centers, &counts, &rows)) return NULL;
    size_t channels = (size_t)centers.len / 4, length = rows > 0 ? (size_t)signals.len / 4 / (size_t)rows : 0;
    int fits = (size_t)counts.len >= channels * SAMPLE_BINS * 8 && channels;
    Py_BEGIN_ALLOW_THREADS
    const float *signal = signals.buf, *center = centers.buf;
    for (size_t row = 0; fits && row < (size_t)rows; row++, signal += length) {
        int64_t *bins = (int64_t *)counts.buf + row % channels * SAMPLE_BINS;
        for (size_t place = 0; place < length; place++) {
            float distance = signal[place] - center[row % channels];
            uint32_t bits;
            memcpy(&bits, &distance, 4);
            bins[bits >> 14]++;
        }
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&signals);
    PyBuffer_Release(&centers);
    PyBuffer_Release(&counts);
    if (!fits) { PyErr_SetString(PyExc_ValueError, "expected bins for each channel"); return NULL; }
    Py_RETURN_NONE;
}
