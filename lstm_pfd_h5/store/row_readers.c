/* Made from nbs/guide/05_store/03_row_readers.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* The checksums of all lines of a dataset, or None; the first row of each chunk, or None where a chunk is a row. */
typedef struct { Py_buffer sums, first_rows; Py_ssize_t line_values, lines_of_row; } line_checks;

#define LINE_CHECKS "(z*z*nn)"
#define CHECKS_OF(c) &(c)->sums, &(c)->first_rows, &(c)->line_values, &(c)->lines_of_row

/* The number of the first line of a piece of whole lines, and how many it has; 0 if it is none. */
static int lines_of(const line_checks *checks, const piece *each, size_t *first, size_t *lines) {
    int64_t row = each->chunk, length = checks->line_values;
    if (row < 0 || length < 1 || checks->lines_of_row < 1) return 0;
    if (each->source % length || each->count % length) return 0;
    if (checks->first_rows.buf) {
        if ((uint64_t)row >= (uint64_t)checks->first_rows.len / sizeof row) return 0;
        row = ((const int64_t *)checks->first_rows.buf)[row];
    }
    size_t most = (size_t)checks->sums.len / sizeof(uint32_t), of_row = (size_t)checks->lines_of_row;
    if (row < 0 || (uint64_t)row >= most / of_row) return 0;
    *first = (size_t)row * of_row + (size_t)(each->source / length);
    *lines = (size_t)(each->count / length);
    return *first <= most && *lines <= most - *first;
}

/* Make what verifies the lines of a piece; 0 if they have no checksums. */
static int verifier_of(const line_checks *checks, const piece *each, size_t itemsize, line_verifier *verifier) {
    size_t first, lines;
    if (!lines_of(checks, each, &first, &lines)) return 0;
    verifier->expected = (const uint8_t *)checks->sums.buf + sizeof(uint32_t) * first;
    verifier->size = (size_t)checks->line_values * itemsize;
    return 1;
}

/* Whether the lines of a piece, whose values were read, have their checksums. */
static int is_intact(const line_checks *checks, const piece *each, size_t itemsize, const uint8_t *values) {
    line_verifier verifier = {0};
    if (!checks->sums.buf) return 1;
    if (!verifier_of(checks, each, itemsize, &verifier)) return 0;
    verify_some(&verifier, values, (size_t)each->count * itemsize);
    return !verifier.is_wrong;
}

static int are_intact(const line_checks *checks, const piece *pieces, size_t count, size_t itemsize,
                      const uint8_t *out) {
    for (const piece *each = pieces; each < pieces + count; each++)
        if (!is_intact(checks, each, itemsize, out + (size_t)each->target * itemsize)) return 0;
    return 1;
}

enum { MOST_NEIGHBOURS = 64 };

static void fill_piece(const piece *each, const uint8_t *fill, size_t itemsize, uint8_t *out) {
    for (int64_t i = 0; i < each->count; i++) memcpy(out + (size_t)(each->target + i) * itemsize, fill, itemsize);
}

/* Pieces of a plan that are of the same chunk as the piece before. */
static int is_same_chunk(const piece *pieces, size_t i) {
    return i && pieces[i].chunk == pieces[i - 1].chunk;
}

/* Bytes that are read for a piece, with the sizes of chunks that have filters: a chunk counts once. */
static double bytes_of(const row_plan *plan, size_t i, const int64_t *sizes) {
    if (!sizes) return (double)plan->pieces[i].count;
    return plan->pieces[i].address < 0 || is_same_chunk(plan->pieces, i) ? 0 : (double)sizes[plan->pieces[i].chunk];
}

/* The first piece of one of several parts with as many bytes each. Pieces of a chunk with filters stay together. */
static size_t part_begin(const row_plan *plan, const int64_t *sizes, size_t part, size_t parts) {
    double total = 0, before = 0;
    size_t begin = 0;
    if (part == 0 || part >= parts) return part ? plan->count : 0;
    for (size_t i = 0; i < plan->count; i++) total += bytes_of(plan, i, sizes);
    while (begin < plan->count && before < total * (double)part / (double)parts)
        before += bytes_of(plan, begin++, sizes);
    while (begin < plan->count && sizes && is_same_chunk(plan->pieces, begin)) begin++;
    return begin;
}

static int64_t begin_of(const piece *each, size_t itemsize) {
    return (int64_t)((uint64_t)each->address + (uint64_t)each->source * itemsize);
}

/* Read pieces that follow one another in the file. */
static int read_neighbours(int file, const piece *pieces, size_t count, size_t itemsize, uint8_t *out) {
#ifdef __linux__
    struct iovec parts[MOST_NEIGHBOURS];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        parts[i].iov_base = out + (size_t)pieces[i].target * itemsize;
        size += parts[i].iov_len = (size_t)pieces[i].count * itemsize;
    }
    if (count > 1 && size <= READ_AT_ONCE
        && preadv(file, parts, (int)count, (off_t)begin_of(pieces, itemsize)) == (ssize_t)size) return 1;
#endif
    for (size_t i = 0; i < count; i++) {
        uint8_t *to = out + (size_t)pieces[i].target * itemsize;
        if (!read_at(file, to, (size_t)pieces[i].count * itemsize, begin_of(pieces + i, itemsize))) return 0;
    }
    return 1;
}

/* Copy a piece out of the file in memory, and verify it on the way; 0 if it has to be read. */
static int copy_piece(watched_map *map, const piece *each, const line_checks *checks, size_t itemsize, uint8_t *out) {
    uint8_t *to = out + (size_t)each->target * itemsize;
    line_verifier lines = {0};
    int is_verified = checks->sums.buf != NULL;
    if (!map->map || (is_verified && !verifier_of(checks, each, itemsize, &lines))) return 0;
    size_t size = (size_t)each->count * itemsize;
    return copy_watched(map, to, size, begin_of(each, itemsize), is_verified ? &lines : NULL) && !lines.is_wrong;
}

static int read_plain_pieces(int file, watched_map *map, const piece *pieces, size_t count,
                             const line_checks *checks, const uint8_t *fill, size_t itemsize, uint8_t *out) {
    for (size_t first = 0, next; first < count; first = next) {
        next = first + 1;
        if (pieces[first].address < 0) {
            fill_piece(pieces + first, fill, itemsize, out);
            if (!are_intact(checks, pieces + first, 1, itemsize, out)) return 0;
            continue;
        }
        for (; !map->map && next < count && next - first < MOST_NEIGHBOURS; next++) {
            int64_t end = begin_of(pieces + next - 1, itemsize) + pieces[next - 1].count * (int64_t)itemsize;
            if (begin_of(pieces + next, itemsize) != end) break;
        }
        if (copy_piece(map, pieces + first, checks, itemsize, out)) continue;
        if (!read_neighbours(file, pieces + first, next - first, itemsize, out)) return 0;
        if (!are_intact(checks, pieces + first, next - first, itemsize, out)) return 0;
    }
    return 1;
}

enum { FROM_DISK = 2 };

/* Fill `out` with a part of the pieces of a plan: 0 if that failed, FROM_DISK where the map had to wait, else 1. */
METHOD(read_plain_rows) {
    PyObject *capsule, *memory;
    line_checks checks;
    Py_buffer out, fill;
    int file, is_read = 0;
    Py_ssize_t part, parts;
    if (!PyArg_ParseTuple(args, "iOO" LINE_CHECKS "y*w*nn", &file, &memory, &capsule, CHECKS_OF(&checks), &fill, &out,
                          &part, &parts)) return NULL;
    const file_map *map = opened_map(memory);
    const row_plan *plan = PyErr_Occurred() ? NULL : opened_plan(capsule);
    size_t itemsize = (size_t)fill.len;
    if (plan && itemsize && (size_t)out.len / itemsize >= plan->out_values && 0 <= part && part < parts) {
        size_t begin = part_begin(plan, NULL, (size_t)part, (size_t)parts);
        size_t end = part_begin(plan, NULL, (size_t)part + 1, (size_t)parts);
        Py_BEGIN_ALLOW_THREADS
        watched_map watched = watch_map(map);
        const piece *pieces = plan->pieces + begin;
        is_read = read_plain_pieces(file, &watched, pieces, end - begin, &checks, fill.buf, itemsize, out.buf);
        look_for_waits(&watched);
        if (is_read && watched.has_waited) is_read = FROM_DISK;
        Py_END_ALLOW_THREADS
    }
    Py_buffer *all[] = {&checks.sums, &checks.first_rows, &fill, &out};
    for (size_t i = 0; i < 4; i++) PyBuffer_Release(all[i]);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(is_read);
}

enum { LARGEST_RUN = 1 << 18, LARGEST_GAP = 4096 };

/* Chunks of a file, and what one thread needs to decode them. */
typedef struct {
    int file, verifies_chunks;  /* also where rows have checksums */
    watched_map map;
    chunk_format format;
    const int64_t *sizes, *masks;
    line_checks checks;
    const uint8_t *fill;
    count_scale scale;  /* of no channels: values are wanted as they are stored */
    uint8_t *out;
    struct decoder *decoder;
} chunk_source;

/* Bring bytes of the file to the memory for stored chunks. */
static int read_stored(chunk_source *source, int64_t begin, size_t size) {
    uint8_t *stored = source->decoder->stored.bytes;
    return copy_watched(&source->map, stored, size, begin, NULL) || read_at(source->file, stored, size, begin);
}

/* The piece after those of the chunks that are read together, and the position in the file where these chunks end. */
static size_t end_of_run(const chunk_source *source, const piece *pieces, size_t first, size_t count, int64_t *end) {
    size_t next = first;
    *end = pieces[first].address;
    for (; next < count; next++) {
        if (next > first && pieces[next].chunk == pieces[next - 1].chunk) continue;
        int64_t end_of_chunk = pieces[next].address + source->sizes[pieces[next].chunk];
        if (next > first && (source->map.map || pieces[next].address - *end > LARGEST_GAP)) break;
        if (next > first && end_of_chunk - pieces[first].address > LARGEST_RUN) break;
        if (end_of_chunk > *end) *end = end_of_chunk;
    }
    return next;
}

/* Whether sizes are possible, and the bytes of the longest run, for which there must be memory. */
static int longest_run(const chunk_source *source, const piece *pieces, size_t count, size_t *longest) {
    *longest = 1;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].address < 0) continue;
        int64_t size = source->sizes[pieces[i].chunk];
        if (size < 0 || size > INT32_MAX || pieces[i].address > INT64_MAX - 2 * (int64_t)INT32_MAX) return 0;
        if ((size_t)size > *longest) *longest = (size_t)size;
    }
    if (count > 1 && *longest < LARGEST_RUN) *longest = LARGEST_RUN;
    return 1;
}

/* Bring the values of a piece to their place, counts as samples; they may be there already. */
static void place_values(const chunk_source *source, const uint8_t *values, const piece *each) {
    size_t target = (size_t)each->target, count = (size_t)each->count, itemsize = source->format.itemsize;
    uint8_t *to = source->out + target * itemsize;
    if (source->scale.channels) scale_counts(&source->scale, values, (int)itemsize, target, count, source->out);
    else if (values != to) memcpy(to, values, count * itemsize);
}

static int decode_pieces(chunk_source *source, const uint8_t *stored, const piece *pieces, size_t count) {
    size_t size = (size_t)source->sizes[pieces->chunk], itemsize = source->format.itemsize;
    uint32_t mask = (uint32_t)source->masks[pieces->chunk];
    int is_single = count == 1, is_direct = is_single && !source->scale.channels;
    size_t first = is_single ? (size_t)pieces->source : 0;
    size_t wanted = is_single ? (size_t)pieces->count : source->format.size / itemsize;
    uint8_t *values = is_direct ? source->out + (size_t)pieces->target * itemsize
                                : scratch_of(&source->decoder->chunk, source->format.size);
    line_verifier lines = {0};
    int is_verified = is_single && source->checks.sums.buf;  /* while values are decoded */
    if (!values || (is_verified && !verifier_of(&source->checks, pieces, itemsize, &lines))) return 0;
    if (decode_values(&source->format, source->decoder, stored, size, mask, first, wanted,
                      is_verified ? &lines : NULL, values) || lines.is_wrong) return 0;
    for (const piece *each = pieces; each < pieces + count; each++) {
        const uint8_t *from = values + ((size_t)each->source - first) * itemsize;
        if (!is_verified && !is_intact(&source->checks, each, itemsize, from)) return 0;
        place_values(source, from, each);
    }
    return 1;
}

typedef struct { chunk_source *source; const uint8_t *stored; const piece *pieces; size_t count; } decoding;

static int decode_shared(void *argument) {
    const decoding *task = argument;
    return decode_pieces(task->source, task->stored, task->pieces, task->count);
}

/* Decode pieces of a chunk where it is in the map; 0 if it has to be copied first. */
static int decode_in_place(chunk_source *source, const piece *pieces, size_t count) {
    const file_map *map = source->map.map;
    const chunk_format format = without_skipped(&source->format, (uint32_t)source->masks[pieces->chunk]);
    int64_t size = source->sizes[pieces->chunk], begin = pieces->address;
    int is_joined = format.shuffle && format.compression == GZIP_COMPRESSION && !format.fletcher32;
    if (!map || !is_joined || !source->decoder->skips_adler32 || size < READ_AT_ONCE) return 0;
    if (!is_inside(begin, size, (int64_t)map->size)) return 0;
    copy_watched(&source->map, source->decoder->stored.bytes, ONE_PAGE, begin, NULL);
    look_for_waits(&source->map);
    if (!source->map.map) return 0;
    decoding task = {source, map->bytes + begin, pieces, count};
    source->decoder->is_shared = 1;
    int is_decoded = call_guarded(map, decode_shared, &task);
    source->decoder->is_shared = 0;
    return is_decoded;
}

/* A piece of a chunk that was never written. */
static int fill_unwritten(chunk_source *source, const piece *each) {
    piece filled = *each;
    uint8_t *values = source->out;
    if (source->scale.channels) filled.target = 0, values = scratch_of(&source->decoder->chunk, source->format.size);
    if (!values) return 0;
    fill_piece(&filled, source->fill, source->format.itemsize, values);
    values += (size_t)filled.target * source->format.itemsize;
    if (!is_intact(&source->checks, each, source->format.itemsize, values)) return 0;
    place_values(source, values, each);
    return 1;
}

static size_t same_chunk_end(const piece *pieces, size_t first, size_t count) {
    size_t next = first + 1;
    while (next < count && is_same_chunk(pieces, next)) next++;
    return next;
}

static int read_chunk_pieces(chunk_source *source, const piece *pieces, size_t count) {
    size_t first = 0;
    for (; first < count && pieces[first].address < 0; first++)
        if (!fill_unwritten(source, pieces + first)) return 0;
    while (first < count) {
        int64_t begin = pieces[first].address, end;
        size_t after = end_of_run(source, pieces, first, count, &end), next = same_chunk_end(pieces, first, after);
        if (next == after && decode_in_place(source, pieces + first, next - first)) { first = next; continue; }
        if (!read_stored(source, begin, (size_t)(end - begin))) return 0;
        for (; first < after; first = next) {
            next = same_chunk_end(pieces, first, after);
            const uint8_t *stored = source->decoder->stored.bytes + (pieces[first].address - begin);
            if (!decode_pieces(source, stored, pieces + first, next - first)) return 0;
        }
    }
    return 1;
}

/* Read and decode some pieces: 0 if that failed, FROM_DISK where the map had to wait, else 1. */
static int decode_part(chunk_source *source, const piece *pieces, size_t count) {
    size_t longest;
    if (!source->decoder || !longest_run(source, pieces, count, &longest)) return 0;
    if (!scratch_of(&source->decoder->stored, longest)) return 0;
    source->decoder->skips_adler32 = source->checks.sums.buf && !source->verifies_chunks;
    if (!read_chunk_pieces(source, pieces, count)) return 0;
    look_for_waits(&source->map);
    return source->map.has_waited ? FROM_DISK : 1;
}

/* Whether there are factors for channels of `length` samples, one or one for each; or none, for values as they are. */
static int take_scale(chunk_source *source, const Py_buffer *factors, Py_ssize_t length, Py_ssize_t itemsize) {
    if (!factors->buf) return 1;
    source->scale.factors = factors->buf;
    source->scale.channels = (size_t)factors->len / 8;
    source->scale.length = (size_t)length;
    return source->scale.channels && length > 0 && (itemsize == 2 || itemsize == 4);
}

/* Fill `out` with a part of the pieces of a plan; the result of `decode_part`. */
METHOD(read_chunked_rows) {
    PyObject *capsule, *memory;
    chunk_source source = {0};
    Py_buffer sizes, masks, fill, out, factors;
    Py_ssize_t itemsize, part, parts, length;
    int is_read = 0;
    if (!PyArg_ParseTuple(args, "iOO" LINE_CHECKS "(iiin)y*y*py*w*nn(z*nd)", &source.file, &memory, &capsule,
                          CHECKS_OF(&source.checks), &source.format.compression, &source.format.shuffle,
                          &source.format.fletcher32, &itemsize, &sizes, &masks, &source.verifies_chunks, &fill, &out,
                          &part, &parts, &factors, &length, &source.scale.offset)) return NULL;
    source.map = watch_map(opened_map(memory));
    const row_plan *plan = PyErr_Occurred() ? NULL : opened_plan(capsule);
    int is_possible = plan && itemsize > 0 && fill.len == itemsize && 0 <= part && part < parts
        && (size_t)sizes.len == plan->chunks * sizeof(int64_t) && masks.len == sizes.len
        && (size_t)(out.len / (factors.buf ? 4 : itemsize)) >= plan->out_values
        && plan->chunk_values <= INT32_MAX / (size_t)itemsize && take_scale(&source, &factors, length, itemsize);
    if (is_possible) {
        source.format.itemsize = (size_t)itemsize;
        source.format.size = plan->chunk_values * (size_t)itemsize;
        source.sizes = sizes.buf, source.masks = masks.buf, source.fill = fill.buf, source.out = out.buf;
        size_t begin = part_begin(plan, source.sizes, (size_t)part, (size_t)parts);
        size_t end = part_begin(plan, source.sizes, (size_t)part + 1, (size_t)parts);
        source.decoder = decoder_open();
        Py_BEGIN_ALLOW_THREADS
        is_read = decode_part(&source, plan->pieces + begin, end - begin);
        Py_END_ALLOW_THREADS
        decoder_close(source.decoder);
    }
    Py_buffer *all[] = {&source.checks.sums, &source.checks.first_rows, &sizes, &masks, &fill, &out, &factors};
    for (size_t i = 0; i < 7; i++) PyBuffer_Release(all[i]);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(is_read);
}
