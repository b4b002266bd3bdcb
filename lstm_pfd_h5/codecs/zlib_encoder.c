/* Made from nbs/guide/02_codecs/10_zlib_encoder.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum { SAMPLE_PART = 4096, KNOWN_LOGARITHMS = 512 };

struct sample {
    uint8_t data[3 * SAMPLE_PART];
    size_t size;
    uint32_t counts[256];
    double entropy;                  /* bits per byte */
    double logs[KNOWN_LOGARITHMS];   /* to base 2, of the counts in short planes */
};

static void open_sample(struct sample *sample) {
    for (uint32_t number = 0; number < KNOWN_LOGARITHMS; number++) sample->logs[number] = log_2(number);
}

static inline double log_of(const struct sample *sample, uint32_t count) {
    return count < KNOWN_LOGARITHMS ? sample->logs[count] : log_2(count);
}

/* All of a short plane; the beginning, the middle and the end of a long one. */
static void take_sample(const uint8_t *data, size_t size, struct sample *sample) {
    double bits = 0;
    sample->size = smaller(size, 3 * SAMPLE_PART);
    if (size > 3 * SAMPLE_PART) {
        memcpy(sample->data, data, SAMPLE_PART);
        memcpy(sample->data + SAMPLE_PART, data + (size - SAMPLE_PART) / 2, SAMPLE_PART);
        memcpy(sample->data + 2 * SAMPLE_PART, data + size - SAMPLE_PART, SAMPLE_PART);
    } else memcpy(sample->data, data, size);
    count_bytes(sample->data, sample->size, sample->counts);
    for (int byte = 0; byte < 256; byte++) bits += sample->counts[byte] * log_of(sample, sample->counts[byte]);
    sample->entropy = log_2((uint32_t)sample->size) - bits / (double)sample->size;
}

/* Bits that back-references would save in a sample. */
static double saved_bits(const struct sample *sample) {
    uint16_t last[4096] = {0};
    double bits[256], saved = 0, whole = log_2((uint32_t)sample->size);
    size_t shortest = 3;
    while (shortest < 8 && (double)shortest * sample->entropy < 16) shortest++;
    uint64_t mask = ~(uint64_t)0 >> (64 - 8 * shortest);
    for (int byte = 0; byte < 256; byte++) bits[byte] = whole - log_of(sample, sample->counts[byte]);
    for (size_t at = 1; at + 8 <= sample->size;) {
        const uint8_t *here = sample->data + at;
        uint64_t word = load_64(here) & mask;
        size_t slot = (size_t)(word * 0x9E3779B185EBCA87u >> 52), length = shortest;
        const uint8_t *there = sample->data + last[slot];
        last[slot] = (uint16_t)at;
        if ((load_64(there) & mask) != word) { at++; continue; }
        while (length < LONGEST_RUN && at + length < sample->size && there[length] == here[length]) length++;
        double gain = -10 - 0.9 * log_2((uint32_t)(here - there));
        for (size_t byte = 0; byte < length; byte++) gain += bits[here[byte]] > 1 ? bits[here[byte]] : 1;
        if (gain > 0) saved += gain;
        at += gain > 0 ? length : 1;
    }
    return saved;
}

enum form { STORED, LITERALS, RUNS, SEARCHED };

struct choice {
    struct sample sample;
    struct block_code literals, runs;
    const struct block_code *code;  /* that of the chosen form */
    uint32_t counts[256], lengths[259];
    size_t blocks;
    struct value_encoder *values;  /* NULL until values are looked for */
};

/* Scratch memory for chunks of one size; NULL if there is none. */
static struct choice *choice_open(void) {
    struct choice *choice = malloc(sizeof *choice);
    if (!choice) return NULL;
    open_sample(&choice->sample);
    choice->values = NULL;
    return choice;
}

static void choice_close(struct choice *choice) {
    if (choice) free(choice->values);
    free(choice);
}

/* Whether runs cover a part of the sample that is worth a code with lengths. */
static int has_runs(const struct choice *choice) {
    size_t covered = 0;
    for (size_t length = SHORTEST_RUN; length <= LONGEST_RUN; length++) covered += length * choice->lengths[length];
    return 64 * covered >= choice->sample.size;
}

/* The form that a sample of at least one byte favours. SEARCHED if it needs a search, or only a search can decide. */
static enum form favoured_form(struct choice *choice, double conceded) {
    const struct sample *sample = &choice->sample;
    double size = (double)sample->size, saved = saved_bits(sample), searched = sample->entropy * size - saved;
    if (sample->entropy >= 0.96 * 8) return saved < 0.01 * 8 * size ? STORED : SEARCHED;
    make_code(sample->counts, NULL, &choice->literals);
    double literals = (double)coded_bits(&choice->literals, sample->counts, NULL), runs = literals;
    count_runs(sample->data, sample->size, 1, choice->counts, choice->lengths);
    if (has_runs(choice)) {
        make_code(choice->counts, choice->lengths, &choice->runs);
        runs = (double)coded_bits(&choice->runs, choice->counts, choice->lengths);
    }
    double allowed = (runs < searched ? runs : searched) + conceded * size;
    return literals <= allowed ? LITERALS : runs <= allowed ? RUNS : SEARCHED;
}

/* The bytes of a plane in blocks of literals, or of literals and runs, and the code for that. A plane of one block is
   its own sample, whose code is there already. */
static size_t size_in_blocks(struct choice *choice, enum form form, const uint8_t *data, size_t size) {
    struct block_code *code = form == RUNS ? &choice->runs : &choice->literals;
    const uint32_t *lengths = form == RUNS ? choice->lengths : NULL;
    uint32_t *counts = form == RUNS ? choice->counts : choice->sample.counts;
    choice->code = code;
    choice->blocks = literal_blocks(size);
    if (choice->blocks > 1) {
        if (lengths) count_runs(data, size, choice->blocks, counts, choice->lengths);
        else count_bytes(data, size, counts);
        make_code(counts, lengths, code);
    }
    return packed_size(code, coded_bits(code, counts, lengths), choice->blocks);
}

/* The form of a plane and, for literals and runs, its code. `conceded` is in bits per byte of the plane. */
static enum form choose_form(struct choice *choice, const uint8_t *data, size_t size, double conceded) {
    if (size == 0) return STORED;
    take_sample(data, size, &choice->sample);
    enum form form = favoured_form(choice, conceded);
    if (form == STORED || form == SEARCHED) return form;
    return (double)size_in_blocks(choice, form, data, size) < 0.96 * (double)size ? form : STORED;
}

static uint8_t *put_stored(const uint8_t *data, size_t size, uint8_t *out) {
    for (size_t done = 0; done < size;) {
        size_t part = smaller(size - done, 65535);
        *out++ = 0;
        store_32(out, (uint32_t)part | (uint32_t)(part ^ 65535) << 16);
        memcpy(out + 4, data + done, part);
        out += 4 + part;
        done += part;
    }
    return out;
}

/* The most bytes that `deflate_planes` writes. */
static size_t deflate_room(size_t planes, size_t size) {
    return planes * (size + 64) + planes * size / 65535 * 5 + 64;
}

static uint8_t *put_checksum(const uint8_t *data, size_t size, uint8_t *out) {
    uint32_t checksum = adler32(data, size);
    for (int byte = 3; byte >= 0; byte--) *out++ = (uint8_t)(checksum >> 8 * byte);
    return out;
}

/* One zlib stream of values that repeat; its size, or 0 if they do not. */
static size_t deflate_values(struct choice *choice, const uint8_t *values, size_t size, uint8_t *out) {
    if (size % 4) return 0;
    if (!choice->values) choice->values = value_encoder_open(size);
    size_t packed = choice->values ? pack_values(choice->values, values, size, out + 2) : 0;
    if (!packed) return 0;
    out[0] = 0x78;
    out[1] = 0x01;
    return (size_t)(put_checksum(values, size, out + 2 + packed) - out);
}

/* One zlib stream of `count` planes of `size` bytes; its size, or 0 if a plane has to be searched for repetitions.
   `conceded`, a share of all planes, is how much larger it may be for faster decoding. */
static size_t deflate_planes(const uint8_t *planes, size_t count, size_t size, double conceded, struct choice *choice,
                             uint8_t *out) {
    size_t values = count == 1 && conceded > 0 ? deflate_values(choice, planes, size, out) : 0;
    if (values) return values;
    uint8_t *at = out;
    size_t stored = 0;  /* planes before the current one that wait to be stored */
    int has_ended = 0;
    *at++ = 0x78;
    *at++ = 0x01;
    for (size_t plane = 0; plane < count; plane++) {
        const uint8_t *data = planes + plane * size;
        enum form form = choose_form(choice, data, size, 8 * conceded * (double)count);
        if (form == SEARCHED) return 0;
        if (form == STORED) { stored++; continue; }
        at = put_stored(data - stored * size, stored * size, at);
        stored = 0;
        has_ended = plane == count - 1;
        at += pack_blocks(choice->code, data, size, choice->blocks, has_ended, at);
    }
    at = put_stored(planes + (count - stored) * size, stored * size, at);
    if (!has_ended) {  /* an empty stored block that is marked as the last one */
        memcpy(at, "\1\0\0\xff\xff", 5);
        at += 5;
    }
    return (size_t)(put_checksum(planes, count * size, at) - out);
}

METHOD(deflate_planes) {
    Py_buffer planes;
    Py_ssize_t count;
    double conceded;
    if (!PyArg_ParseTuple(args, "y*nd", &planes, &count, &conceded)) return NULL;
    size_t total = (size_t)planes.len, number = count > 0 && planes.len % count == 0 ? (size_t)count : 1;
    PyObject *packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)deflate_room(number, total / number));
    struct choice *choice = choice_open();
    size_t size = 0;
    if (packed && choice) {
        uint8_t *out = (uint8_t *)PyBytes_AS_STRING(packed);
        Py_BEGIN_ALLOW_THREADS
        size = deflate_planes(planes.buf, number, total / number, conceded, choice, out);
        Py_END_ALLOW_THREADS
        _PyBytes_Resize(&packed, (Py_ssize_t)size);
    } else if (packed) { Py_CLEAR(packed); PyErr_NoMemory(); }
    choice_close(choice);
    PyBuffer_Release(&planes);
    return packed;
}
