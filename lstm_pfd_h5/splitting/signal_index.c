/* Made from nbs/guide/04_splitting/05_signal_index.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { NEIGHBOURS = 8, LEAST_OVERLAP = 64, FEW_KEYS = 8 };

typedef struct {
    const uint64_t *keys;                 /* in ascending order */
    const int32_t *signals, *places;      /* of each key */
    size_t size;
    const int64_t *lengths;               /* of each signal */
    const double *densities;
    size_t num_signals;
    int64_t least, span;
    uint8_t *counters;
    size_t mask;
} KeyIndex;

/* The keys that two signals must share, as _keys_needed, rounded up and at most 255; 0 if they overlap too little. */
static int64_t keys_needed(const KeyIndex *index, size_t first, size_t second, int64_t offset) {
    int64_t end = index->lengths[second] + offset;
    if (end > index->lengths[first]) end = index->lengths[first];
    int64_t overlap = end - (offset > 0 ? offset : 0);
    if (overlap < LEAST_OVERLAP) return 0;
    double one = index->densities[first], other = index->densities[second];
    double expected = (one < other ? one : other) * (double)overlap;
    if (expected < FEW_KEYS) return index->least;
    if (expected > 2540) return 255;
    int64_t needed = (int64_t)(expected / 10);
    if ((double)needed < expected / 10) needed++;
    return needed < 2 ? 2 : needed;
}

/* The code of a pair of signals and their offset, for the keys at two places; keys_needed of them. */
static int64_t pair_code(const KeyIndex *index, size_t one, size_t other, int64_t *code) {
    if (index->signals[one] > index->signals[other]) { size_t turned = one; one = other; other = turned; }
    int32_t first = index->signals[one], second = index->signals[other];
    if (first < 0 || (size_t)second >= index->num_signals) return 0;
    int64_t offset = (int64_t)index->places[one] - index->places[other];
    int64_t needed = keys_needed(index, (size_t)first, (size_t)second, offset);
    if (offset < 0) offset += index->span;
    if (offset < 0 || offset >= index->span) offset = (offset % index->span + index->span) % index->span;
    *code = (int64_t)(((uint64_t)first * index->num_signals + (uint64_t)second) * (uint64_t)index->span + (uint64_t)offset);
    return needed;
}

/* Pair each of the first keys with its equal neighbours. Without room for codes, count them; otherwise collect the codes
   that have been counted often enough. How many were collected. */
static size_t pair_keys(const KeyIndex *index, size_t starts, int64_t *codes, size_t room) {
    size_t found = 0;
    int64_t code;
    for (size_t one = 0; one < starts; one++)
        for (size_t other = one + 1; other < index->size && other <= one + NEIGHBOURS; other++) {
            if (index->keys[other] != index->keys[one]) break;
            int64_t needed = pair_code(index, one, other, &code);
            if (!needed) continue;
            uint8_t *counter = index->counters + (mix_bits((uint64_t)code) & index->mask);
            if (!room) *counter += *counter < 255;
            else if (*counter >= needed && found < room) codes[found++] = code;
        }
    return found;
}

METHOD(pair_keys) {
    Py_buffer keys, signals, places, lengths, densities, counters, codes;
    long long least, span;
    Py_ssize_t starts;
    size_t found = 0;
    if (!PyArg_ParseTuple(args, "y*y*y*ny*y*LLw*w*", &keys, &signals, &places, &starts, &lengths, &densities, &least,
                          &span, &counters, &codes)) return NULL;
    size_t size = smaller((size_t)keys.len / 8, smaller((size_t)signals.len, (size_t)places.len) / 4), mask = 1;
    size_t num_signals = smaller((size_t)lengths.len, (size_t)densities.len) / 8;
    while (mask <= (size_t)counters.len / 2) mask *= 2;  /* the largest power of two that fits */
    KeyIndex index = {keys.buf, signals.buf, places.buf, size, lengths.buf, densities.buf, num_signals, least,
                      span > 0 ? span : 1, counters.buf, mask - 1};
    Py_BEGIN_ALLOW_THREADS
    if (counters.len && starts > 0)
        found = pair_keys(&index, smaller((size_t)starts, size), codes.buf, (size_t)codes.len / 8);
    Py_END_ALLOW_THREADS
    Py_buffer *all[] = {&keys, &signals, &places, &lengths, &densities, &counters, &codes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) PyBuffer_Release(all[i]);
    return PyLong_FromSize_t(found);
}
