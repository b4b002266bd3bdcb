/* Made from nbs/guide/02_codecs/12_counts.ipynb by `python docs/native.py`: edit the notebook, not this file. */

static inline void store_float(uint8_t *to, float value) { memcpy(to, &value, 4); }
static inline float load_float(const uint8_t *from) { float value; memcpy(&value, from, 4); return value; }

static inline float sample_of(int32_t count, double scale, double offset) {
    double product = count * scale;
    return (float)(product + offset);
}

WIDE static void shorts_to_floats(const uint8_t *restrict counts, size_t size, double scale, double offset,
                                  uint8_t *restrict samples) {
    for (size_t i = 0; i < size; i++) {
        int16_t count;
        memcpy(&count, counts + 2 * i, 2);
        store_float(samples + 4 * i, sample_of(count, scale, offset));
    }
}

WIDE static void longs_to_floats(const uint8_t *restrict counts, size_t size, double scale, double offset,
                                 uint8_t *restrict samples) {
    for (size_t i = 0; i < size; i++) {
        int32_t count;
        memcpy(&count, counts + 4 * i, 4);
        store_float(samples + 4 * i, sample_of(count, scale, offset));
    }
}

/* `size` counts of 2 or 4 bytes to as many float32. The buffers do not overlap. */
static void counts_to_floats(const uint8_t *counts, size_t size, int itemsize, double scale, double offset,
                             uint8_t *samples) {
    if (itemsize == 2) shorts_to_floats(counts, size, scale, offset, samples);
    else longs_to_floats(counts, size, scale, offset, samples);
}

/* Whether `counts` are of 2 or 4 bytes, and as many as there are float32 in `samples`; sets an error if not. */
static int are_counts_of(const Py_buffer *counts, const Py_buffer *samples, int itemsize) {
    int is_size = itemsize == 2 || itemsize == 4;
    if (is_size && samples->len % 4 == 0 && samples->len / 4 * itemsize == counts->len) return 1;
    PyErr_SetString(PyExc_ValueError, "expected counts of 2 or 4 bytes, and as many float32");
    return 0;
}

METHOD(counts_to_floats) {
    Py_buffer counts, samples;
    int itemsize, is_valid;
    double scale, offset;
    if (!PyArg_ParseTuple(args, "y*iddw*", &counts, &itemsize, &scale, &offset, &samples)) return NULL;
    if ((is_valid = are_counts_of(&counts, &samples, itemsize))) {
        Py_BEGIN_ALLOW_THREADS
        counts_to_floats(counts.buf, (size_t)samples.len / 4, itemsize, scale, offset, samples.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&counts);
    PyBuffer_Release(&samples);
    if (!is_valid) return NULL;
    Py_RETURN_NONE;
}

/* How counts become samples of rows (channels, length). */
typedef struct { const uint8_t *factors; size_t channels, length; double offset; } count_scale;

/* Scale counts that follow one another; `first` is the place in `samples` of the first one. */
static void scale_counts(const count_scale *scale, const uint8_t *counts, int itemsize, size_t first, size_t count,
                         uint8_t *samples) {
    for (size_t done = 0, some; done < count; done += some) {
        size_t begin = first + done;
        double factor;
        some = scale->channels == 1 ? count : smaller(count - done, scale->length - begin % scale->length);
        memcpy(&factor, scale->factors + 8 * (begin / scale->length % scale->channels), 8);
        counts_to_floats(counts + done * (size_t)itemsize, some, itemsize, factor, scale->offset, samples + 4 * begin);
    }
}

/* length: samples of a channel; places: rows of the target */
struct row_sizes { size_t rows, channels, length, places; };

/* Whether all sizes fit each other and all places are inside the target. */
static int measure_rows(const Py_buffer *counts, int itemsize, const Py_buffer *places, const Py_buffer *scales,
                        const Py_buffer *samples, struct row_sizes *sizes) {
    sizes->rows = (size_t)places->len / 8;
    sizes->channels = (size_t)scales->len / 8;
    if ((itemsize != 2 && itemsize != 4) || !sizes->rows || !sizes->channels) return 0;
    sizes->length = (size_t)counts->len / (size_t)itemsize / sizes->rows / sizes->channels;
    size_t row = sizes->length * sizes->channels;
    if (!row || row * sizes->rows * (size_t)itemsize != (size_t)counts->len) return 0;
    sizes->places = (size_t)samples->len / 4 / row;
    for (size_t i = 0; i < sizes->rows; i++)
        if (load_64((const uint8_t *)places->buf + 8 * i) >= sizes->places) return 0;
    return 1;
}

static void counts_to_rows(const uint8_t *counts, int itemsize, const uint8_t *places, const uint8_t *scales,
                           double offset, uint8_t *samples, struct row_sizes sizes) {
    const count_scale scale = {scales, sizes.channels, sizes.length, offset};
    size_t row = sizes.channels * sizes.length;
    for (size_t i = 0; i < sizes.rows; i++)
        scale_counts(&scale, counts + i * row * (size_t)itemsize, itemsize, (size_t)load_64(places + 8 * i) * row, row,
                     samples);
}

METHOD(counts_to_rows) {
    Py_buffer counts, places, scales, samples;
    int itemsize, is_valid;
    double offset;
    struct row_sizes sizes;
    if (!PyArg_ParseTuple(args, "y*iy*y*dw*", &counts, &itemsize, &places, &scales, &offset, &samples)) return NULL;
    if ((is_valid = measure_rows(&counts, itemsize, &places, &scales, &samples, &sizes))) {
        Py_BEGIN_ALLOW_THREADS
        counts_to_rows(counts.buf, itemsize, places.buf, scales.buf, offset, samples.buf, sizes);
        Py_END_ALLOW_THREADS
    } else PyErr_SetString(PyExc_ValueError, "expected rows of counts, and a place for each");
    PyBuffer_Release(&counts);
    PyBuffer_Release(&places);
    PyBuffer_Release(&scales);
    PyBuffer_Release(&samples);
    if (!is_valid) return NULL;
    Py_RETURN_NONE;
}

static inline double nearest(double value) { return (value + 6755399441055744.0) - 6755399441055744.0; }

/* Fill counts; not zero if a sample differs from that of its count. */
static inline uint32_t encode_counts(const uint8_t *restrict samples, size_t size, int itemsize, double scale,
                                     double offset, uint8_t *restrict counts) {
    double lowest = itemsize == 2 ? INT16_MIN : INT32_MIN, highest = itemsize == 2 ? INT16_MAX : INT32_MAX;
    double inverse = 1 / scale;
    uint32_t differing = 0;
    for (size_t i = 0; i < size; i++) {
        double count = (load_float(samples + 4 * i) - offset) * inverse;
        count = count > lowest ? count : lowest;  /* also of NaN */
        count = count < highest ? count : highest;
        int32_t stored = (int32_t)nearest(count);
        int16_t narrow = (int16_t)stored;
        uint8_t back[4];
        store_float(back, sample_of(stored, scale, offset));
        differing |= load_32(back) ^ load_32(samples + 4 * i);
        if (itemsize == 2) memcpy(counts + 2 * i, &narrow, 2);
        else store_32(counts + 4 * i, (uint32_t)stored);
    }
    return differing;
}

WIDE static uint32_t encode_shorts(const uint8_t *restrict samples, size_t size, double scale, double offset,
                                   uint8_t *restrict counts) {
    return encode_counts(samples, size, 2, scale, offset, counts);
}

WIDE static uint32_t encode_longs(const uint8_t *restrict samples, size_t size, double scale, double offset,
                                  uint8_t *restrict counts) {
    return encode_counts(samples, size, 4, scale, offset, counts);
}

/* Fill counts; the number of the first sample that differs from that of its count, or `size`. */
static size_t floats_to_counts(const uint8_t *samples, size_t size, int itemsize, double scale, double offset,
                               uint8_t *counts) {
    for (size_t begin = 0, end; begin < size; begin = end) {
        end = begin + smaller(size - begin, 4096);
        uint32_t differing = (itemsize == 2 ? encode_shorts : encode_longs)(
            samples + 4 * begin, end - begin, scale, offset, counts + (size_t)itemsize * begin);
        if (!differing) continue;
        uint8_t count[4];
        while (!encode_counts(samples + 4 * begin, 1, itemsize, scale, offset, count)) begin++;
        return begin;
    }
    return size;
}

METHOD(floats_to_counts) {
    Py_buffer samples, counts;
    int itemsize, is_valid;
    double scale, offset;
    size_t first = 0;
    if (!PyArg_ParseTuple(args, "y*iddw*", &samples, &itemsize, &scale, &offset, &counts)) return NULL;
    if ((is_valid = are_counts_of(&counts, &samples, itemsize))) {
        Py_BEGIN_ALLOW_THREADS
        first = floats_to_counts(samples.buf, (size_t)samples.len / 4, itemsize, scale, offset, counts.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&samples);
    PyBuffer_Release(&counts);
    return is_valid ? PyLong_FromSize_t(first) : NULL;
}

#define LANES 8

static inline float float_of(uint32_t bits) { float value; memcpy(&value, &bits, 4); return value; }

static inline void narrow_lanes(const uint8_t *samples, double inverse, double limit, double *lows, double *highs) {
    for (int lane = 0; lane < LANES; lane++) {
        uint32_t bits = load_32(samples + 4 * lane) & 0x7fffffff;
        double value = float_of(bits), count = nearest(value * inverse);
        int is_used = (bits != 0) & (value <= limit);
        double low = is_used ? (value + float_of(bits - 1)) / 2 / count : 0;
        double high = is_used ? (value + float_of(bits + 1)) / 2 / count : HUGE_VAL;
        lows[lane] = low > lows[lane] ? low : lows[lane];
        highs[lane] = high < highs[lane] ? high : highs[lane];
    }
}

/* Narrow the interval of possible steps by the samples up to a limit. It may become empty: low > high. */
WIDE static void narrow_step(const uint8_t *samples, size_t size, double step, double limit,
                             double *low, double *high) {
    double lows[LANES], highs[LANES], inverse = 1 / step;
    uint8_t last[4 * LANES] = {0};
    for (int lane = 0; lane < LANES; lane++) { lows[lane] = *low; highs[lane] = *high; }
    size_t whole = size / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) narrow_lanes(samples + 4 * i, inverse, limit, lows, highs);
    if (size > whole) memcpy(last, samples + 4 * whole, 4 * (size - whole));
    narrow_lanes(last, inverse, limit, lows, highs);
    for (int lane = 0; lane < LANES; lane++) {
        if (lows[lane] > *low) *low = lows[lane];
        if (highs[lane] < *high) *high = highs[lane];
    }
}

METHOD(narrow_step) {
    Py_buffer samples;
    double step, limit, low, high;
    if (!PyArg_ParseTuple(args, "y*dddd", &samples, &step, &limit, &low, &high)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    narrow_step(samples.buf, (size_t)samples.len / 4, step, limit, &low, &high);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&samples);
    return Py_BuildValue("dd", low, high);
}
