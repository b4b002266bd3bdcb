/* Made from nbs/guide/04_splitting/04_fingerprints.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { REACH = 6 };

static inline float higher_of(float one, float other) { return one > other ? one : other; }
static inline float lower_of(float one, float other) { return one < other ? one : other; }

/* For size samples, more than 2 * REACH. The other arrays are as long; flags are 0 near the ends. */
WIDE static void flag_extremes(const float *restrict signal, size_t size, float *restrict highest,
                               float *restrict lowest, uint8_t *restrict flags) {
    for (size_t i = 0; i + 1 < size; i++) {
        highest[i] = higher_of(signal[i], signal[i + 1]);
        lowest[i] = lower_of(signal[i], signal[i + 1]);
    }
    for (size_t i = 0; i + REACH <= size; i++) {  /* of six samples, from those of three pairs */
        highest[i] = higher_of(higher_of(highest[i], highest[i + 2]), highest[i + 4]);
        lowest[i] = lower_of(lower_of(lowest[i], lowest[i + 2]), lowest[i + 4]);
    }
    memset(flags, 0, size);
    for (size_t i = REACH; i + REACH < size; i++) {
        int is_top = (signal[i] >= highest[i - REACH]) & (signal[i] >= highest[i + 1]);
        flags[i] = (uint8_t)(is_top | ((signal[i] <= lowest[i - REACH]) & (signal[i] <= lowest[i + 1])));
    }
}

/* Whether equal samples from first to last are higher than REACH others on either side, or lower (with sign -1). */
static int is_extreme(const float *signal, size_t first, size_t last, float sign) {
    float value = sign * signal[first];
    for (size_t step = 1; step <= REACH; step++)
        if (!(sign * signal[first - step] < value && sign * signal[last + step] < value)) return 0;
    return 1;
}

/* Fill with 2 * place + (1 for a minimum) of each landmark, at most room of them. How many there are. */
static size_t choose_landmarks(const float *signal, size_t size, const uint8_t *flags, int32_t *landmarks, size_t room) {
    size_t count = 0, last;
    for (size_t first = REACH; first + REACH < size && count < room; first = last + 1) {
        last = first;
        if (!flags[first]) continue;
        while (last + 1 < size && signal[last + 1] == signal[first]) last++;
        if (last - first > REACH || last + REACH >= size) continue;
        int is_minimum = is_extreme(signal, first, last, -1);
        if (is_minimum || is_extreme(signal, first, last, 1))
            landmarks[count++] = (int32_t)(2 * ((first + last) / 2)) + is_minimum;
    }
    return count;
}

METHOD(find_landmarks) {
    Py_buffer signal, landmarks;
    if (!PyArg_ParseTuple(args, "y*w*", &signal, &landmarks)) return NULL;
    size_t size = (size_t)signal.len / 4, count = 0;
    float *work = malloc(9 * size + 1);  /* the highest and the lowest samples around each, and flags */
    if (work) {
        Py_BEGIN_ALLOW_THREADS
        uint8_t *flags = (uint8_t *)(work + 2 * size);
        if (size > 2 * REACH) {
            flag_extremes(signal.buf, size, work, work + size, flags);
            count = choose_landmarks(signal.buf, size, flags, landmarks.buf, (size_t)landmarks.len / 4);
        }
        Py_END_ALLOW_THREADS
    }
    free(work);
    PyBuffer_Release(&signal);
    PyBuffer_Release(&landmarks);
    return work ? PyLong_FromSize_t(count) : PyErr_NoMemory();
}

enum { KEY_STEPS = 6 };  /* distances in a key */

/* The bits of a number, thoroughly mixed (the finaliser of SplitMix64, Steele et al. 2014). */
static inline uint64_t mix_bits(uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

static size_t make_keys(const int32_t *landmarks, size_t size, uint64_t seed, uint64_t highest, uint64_t *keys,
                        int32_t *places) {
    size_t count = 0;
    for (size_t first = 0; first + KEY_STEPS < size; first++) {
        uint64_t key = seed;
        for (size_t step = first; step < first + KEY_STEPS; step++) {
            int32_t turns = (landmarks[step] ^ landmarks[step + 1]) & 1;
            int64_t distance = (landmarks[step + 1] >> 1) - (landmarks[step] >> 1);
            key = mix_bits(key + (uint64_t)(2 * distance + turns));
        }
        if (key > highest) continue;
        keys[count] = key;
        places[count++] = landmarks[first] >> 1;
    }
    return count;
}

METHOD(make_keys) {
    Py_buffer landmarks, keys, places;
    unsigned long long seed, highest;
    if (!PyArg_ParseTuple(args, "y*KKw*w*", &landmarks, &seed, &highest, &keys, &places)) return NULL;
    size_t size = (size_t)landmarks.len / 4, room = smaller((size_t)keys.len / 8, (size_t)places.len / 4), count;
    size = smaller(size, room + KEY_STEPS);
    Py_BEGIN_ALLOW_THREADS
    count = make_keys(landmarks.buf, size, seed, highest, keys.buf, places.buf);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&landmarks);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&places);
    return PyLong_FromSize_t(count);
}

/* Add each sample, with a sign that depends on its place only, to one of 64 sums. */
WIDE static void project_signal(const float *signal, size_t size, float *sums) {
    for (size_t start = 0; start < size; start += 64) {
        uint64_t signs = mix_bits(start + 1);
        size_t lanes = smaller(64, size - start);
        for (size_t lane = 0; lane < lanes; lane++)
            sums[lane] += signs >> lane & 1 ? signal[start + lane] : -signal[start + lane];
    }
}

METHOD(project_signal) {
    Py_buffer signal, sums;
    if (!PyArg_ParseTuple(args, "y*w*", &signal, &sums)) return NULL;
    int fits = sums.len == 64 * 4;
    Py_BEGIN_ALLOW_THREADS
    if (fits) project_signal(signal.buf, (size_t)signal.len / 4, sums.buf);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&signal);
    PyBuffer_Release(&sums);
    if (!fits) { PyErr_SetString(PyExc_ValueError, "expected 64 sums"); return NULL; }
    Py_RETURN_NONE;
}
