/* Made from nbs/guide/02_codecs/05_huffman_code.ipynb by `python docs/native.py`: edit the notebook, not this file. */

enum {
    NUM_BLOCKS = 4,
    LONGEST_CODE = 10,  /* bits of the code of a literal */
    BLOCK_END = 256,    /* the symbol that ends a block */
    MAX_SYMBOLS = 288   /* of any code in deflate */
};

/* Fill `sorted` with count << 16 | symbol of the symbols that occur; returns how many those are. */
static size_t sort_symbols(const uint32_t *counts, size_t symbols, uint64_t *sorted) {
    uint64_t before[MAX_SYMBOLS], all = 0;
    size_t found = 0;
    for (size_t symbol = 0; symbol < symbols; symbol++) {
        if (counts[symbol]) sorted[found++] = (uint64_t)counts[symbol] << 16 | symbol;
        all |= (uint64_t)counts[symbol] << 16;
    }
    for (unsigned shift = 16; all >> shift; shift += 8) {
        size_t places[257] = {0};
        memcpy(before, sorted, found * sizeof *before);
        for (size_t at = 0; at < found; at++) places[(before[at] >> shift & 255) + 1]++;
        for (int byte = 0; byte < 255; byte++) places[byte + 1] += places[byte];
        for (size_t at = 0; at < found; at++) sorted[places[before[at] >> shift & 255]++] = before[at];
    }
    return found;
}

static void leaf_depths(const uint64_t *sorted, size_t leaves, uint16_t *depths) {
    uint64_t weight[2 * MAX_SYMBOLS];
    uint16_t parent[2 * MAX_SYMBOLS];
    size_t nodes = 2 * leaves - 1, leaf = 0, inner = leaves;
    for (size_t node = 0; node < leaves; node++) weight[node] = sorted[node] >> 16;
    for (size_t node = leaves; node < nodes; node++) {
        weight[node] = 0;
        for (int child = 0; child < 2; child++) {
            int is_leaf = leaf < leaves && (inner == node || weight[leaf] <= weight[inner]);
            size_t lightest = is_leaf ? leaf++ : inner++;
            weight[node] += weight[lightest];
            parent[lightest] = (uint16_t)node;
        }
    }
    depths[nodes - 1] = 0;
    for (size_t node = nodes - 1; node-- > 0;) depths[node] = (uint16_t)(depths[parent[node]] + 1);
}

/* Let `used[length]`, the number of codes of each length, be a complete code: 2^-length sums to one. */
static void complete_code(size_t *used, unsigned longest) {
    uint64_t total = 0;
    for (unsigned length = 1; length <= longest; length++) total += (uint64_t)used[length] << (longest - length);
    for (; total > (uint64_t)1 << longest; total--) {
        unsigned shorter = longest - 1;
        while (used[shorter] == 0) shorter--;
        used[longest]--;
        used[shorter]--;
        used[shorter + 1] += 2;
    }
}

/* Bits of the code of each symbol, 0 for those that do not occur. At least two of at most MAX_SYMBOLS must occur. */
static void code_lengths(const uint32_t *counts, size_t symbols, unsigned longest, uint8_t *lengths) {
    uint64_t sorted[MAX_SYMBOLS];
    uint16_t depths[2 * MAX_SYMBOLS];
    size_t used[16] = {0}, found = sort_symbols(counts, symbols, sorted);
    memset(lengths, 0, symbols);
    if (found < 2) return;
    leaf_depths(sorted, found, depths);
    for (size_t leaf = 0; leaf < found; leaf++) used[smaller(depths[leaf], longest)]++;
    complete_code(used, longest);
    unsigned length = longest;
    for (size_t leaf = 0; leaf < found; leaf++) {
        while (used[length] == 0) length--;
        lengths[sorted[leaf] & 0xFFFF] = (uint8_t)length;
        used[length]--;
    }
}

static unsigned reversed_bits(unsigned code, unsigned length) {
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0F0F) << 4 | (code >> 4 & 0x0F0F);
    return ((code & 0xFF) << 8 | (code >> 8 & 0xFF)) >> (16 - length);
}

/* The code of each symbol with its first bit lowest: short codes first, those of one length in symbol order. */
static void canonical_codes(const uint8_t *lengths, size_t symbols, uint16_t *codes) {
    unsigned next[17] = {0}, used[16] = {0};
    for (size_t symbol = 0; symbol < symbols; symbol++) used[lengths[symbol] & 15]++;
    used[0] = 0;
    for (unsigned length = 1; length < 16; length++) next[length + 1] = (next[length] + used[length]) << 1;
    for (size_t symbol = 0; symbol < symbols; symbol++) {
        unsigned length = lengths[symbol] & 15;
        codes[symbol] = (uint16_t)reversed_bits(next[length]++, length);
    }
}

METHOD(huffman_code) {
    Py_buffer counts, lengths, codes;
    int longest;
    if (!PyArg_ParseTuple(args, "y*iw*w*", &counts, &longest, &lengths, &codes)) return NULL;
    size_t symbols = (size_t)lengths.len, room = longest > 0 && longest < 16 ? (size_t)1 << longest : 0;
    int fits = symbols <= MAX_SYMBOLS && symbols <= room && (size_t)counts.len == 4 * symbols
        && (size_t)codes.len == 2 * symbols;
    if (fits) {
        code_lengths(counts.buf, symbols, (unsigned)longest, lengths.buf);
        canonical_codes(lengths.buf, symbols, codes.buf);
    }
    PyBuffer_Release(&counts);
    PyBuffer_Release(&lengths);
    PyBuffer_Release(&codes);
    if (fits) Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "expected at most 288 symbols, and a code for each");
    return NULL;
}

static void count_bytes(const uint8_t *data, size_t size, uint32_t counts[256]) {
    uint32_t tables[4][256];
    size_t at = 0;
    memset(tables, 0, sizeof tables);
    for (; at + 4 <= size; at += 4)
        for (int table = 0; table < 4; table++) tables[table][data[at + table]]++;
    for (; at < size; at++) tables[0][data[at]]++;
    for (int byte = 0; byte < 256; byte++)
        counts[byte] = tables[0][byte] + tables[1][byte] + tables[2][byte] + tables[3][byte];
}

static double log_2(uint32_t number) {
    uint32_t bits;
    float value = (float)number;
    memcpy(&bits, &value, 4);
    int exponent = (int)(bits >> 23) - 127;
    bits = (bits & 0x7FFFFF) | 0x3F800000;  /* the same mantissa with exponent 0 */
    memcpy(&value, &bits, 4);
    double z = (value - 1.0) / (value + 1.0), square = z * z;
    double series = 1 + square * (1.0 / 3 + square * (1.0 / 5 + square * (1.0 / 7 + square * (1.0 / 9 + square / 11))));
    return exponent + 2.8853900817779268 * z * series;  /* 2 / ln 2 */
}

/* Bits per byte that the best code needs on average, for `size` bytes with these counts; 0 for none. */
static double entropy_of_counts(const uint32_t counts[256], size_t size) {
    double bits = 0;
    for (int byte = 0; byte < 256; byte++)
        if (counts[byte]) bits += (double)counts[byte] * log_2(counts[byte]);
    return size ? log_2((uint32_t)size) - bits / (double)size : 0;
}

METHOD(entropy_bits) {
    Py_buffer data;
    double bits = 0;
    uint32_t counts[256];
    if (!PyArg_ParseTuple(args, "y*", &data)) return NULL;
    size_t size = smaller((size_t)data.len, 0xFFFFFFFF);
    Py_BEGIN_ALLOW_THREADS
    count_bytes(data.buf, size, counts);
    bits = entropy_of_counts(counts, size);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    return PyFloat_FromDouble(bits);
}
