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
    return i && pieces[i].chunk == pieces[i - 1].chunk && pieces[i].dataset == pieces[i - 1].dataset;
}

/* Bytes that are read for a piece, or values where chunks have no size: a compressed chunk counts once. */
static double weight_of(const row_plan *plan, size_t i) {
    if (!plan->pieces[i].size) return (double)plan->pieces[i].count;
    return plan->pieces[i].address < 0 || is_same_chunk(plan->pieces, i) ? 0 : (double)plan->pieces[i].size;
}

/* The first piece of one of several parts with as many bytes each. Pieces of a compressed chunk stay together. */
static size_t part_begin(const row_plan *plan, size_t part, size_t parts) {
    double total = 0, before = 0;
    size_t begin = 0;
    if (part == 0 || part >= parts) return part ? plan->count : 0;
    for (size_t i = 0; i < plan->count; i++) total += weight_of(plan, i);
    while (begin < plan->count && before < total * (double)part / (double)parts) before += weight_of(plan, begin++);
    while (begin < plan->count && plan->pieces[begin].size && is_same_chunk(plan->pieces, begin)) begin++;
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

/* The addresses that a piece is copied from and to. */
static next_copy copy_of(const watched_map *map, const piece *each, size_t itemsize, const uint8_t *out) {
    return (next_copy){(uintptr_t)map->map->bytes + (uintptr_t)begin_of(each, itemsize),
                       (uintptr_t)out + (uintptr_t)each->target * itemsize};
}

/* Copy the first of some pieces out of the file in memory, and verify it on the way; 0 if it has to be read. */
static int copy_piece(watched_map *map, const piece *each, size_t count, const line_checks *checks, size_t itemsize,
                      uint8_t *out) {
    uint8_t *to = out + (size_t)each->target * itemsize;
    line_verifier lines = {0};
    int is_verified = checks->sums.buf != NULL;
    if (!map->map || (is_verified && !verifier_of(checks, each, itemsize, &lines))) return 0;
    lines.next = copy_of(map, count > 1 ? each + 1 : each, itemsize, out);
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
        if (copy_piece(map, pieces + first, count - first, checks, itemsize, out)) continue;
        if (!read_neighbours(file, pieces + first, next - first, itemsize, out)) return 0;
        if (!are_intact(checks, pieces + first, next - first, itemsize, out)) return 0;
    }
    return 1;
}

enum { LARGEST_RUN = 1 << 18, LARGEST_GAP = 4096 };

/* Chunks of a file, and what one thread needs to decode them. */
typedef struct {
    int file, verifies_chunks;  /* also where rows have checksums */
    watched_map map;
    chunk_format format;
    const int64_t *masks;  /* NULL: values are stored as they are */
    const line_checks *checks;
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
        int64_t end_of_chunk = pieces[next].address + pieces[next].size;
        if (next > first && (source->map.map || pieces[next].address - *end > LARGEST_GAP)) break;
        if (next > first && end_of_chunk - pieces[first].address > LARGEST_RUN) break;
        if (end_of_chunk > *end) *end = end_of_chunk;
    }
    return next;
}

/* Whether sizes are possible, and the bytes of the longest run, for which there must be memory. */
static int longest_run(const piece *pieces, size_t count, size_t *longest) {
    *longest = 1;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].address < 0) continue;
        int64_t size = pieces[i].size;
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
    size_t size = (size_t)pieces->size, itemsize = source->format.itemsize;
    uint32_t mask = (uint32_t)source->masks[pieces->chunk];
    int is_single = count == 1, is_direct = is_single && !source->scale.channels;
    size_t first = is_single ? (size_t)pieces->source : 0;
    size_t wanted = is_single ? (size_t)pieces->count : source->format.size / itemsize;
    uint8_t *values = is_direct ? source->out + (size_t)pieces->target * itemsize
                                : scratch_of(&source->decoder->chunk, source->format.size);
    line_verifier lines = {0};
    int is_verified = is_single && source->checks->sums.buf;  /* while values are decoded */
    if (!values || (is_verified && !verifier_of(source->checks, pieces, itemsize, &lines))) return 0;
    if (decode_values(&source->format, source->decoder, stored, size, mask, first, wanted,
                      is_verified ? &lines : NULL, values) || lines.is_wrong) return 0;
    for (const piece *each = pieces; each < pieces + count; each++) {
        const uint8_t *from = values + ((size_t)each->source - first) * itemsize;
        if (!is_verified && !is_intact(source->checks, each, itemsize, from)) return 0;
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
    int64_t size = pieces->size, begin = pieces->address;
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
    if (!is_intact(source->checks, each, source->format.itemsize, values)) return 0;
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

/* Read and decode some pieces of a dataset; 0 if that failed. */
static int read_pieces(chunk_source *source, const piece *pieces, size_t count) {
    size_t longest;
    if (!source->masks) return read_plain_pieces(source->file, &source->map, pieces, count, source->checks,
                                                 source->fill, source->format.itemsize, source->out);
    if (!source->decoder || !longest_run(pieces, count, &longest)) return 0;
    if (!scratch_of(&source->decoder->stored, longest)) return 0;
    source->decoder->skips_adler32 = source->checks->sums.buf && !source->verifies_chunks;
    return read_chunk_pieces(source, pieces, count);
}

/* How the rows of a dataset are stored. */
typedef struct {
    line_checks checks;
    chunk_format format;
    Py_buffer masks, fill, factors;  /* masks are NULL where values are stored as they are */
    count_scale scale;
} stored_rows;

static void free_stored(stored_rows *stored) {
    Py_buffer *all[] = {&stored->checks.sums, &stored->checks.first_rows, &stored->masks, &stored->fill,
                        &stored->factors};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) PyBuffer_Release(all[i]);
    free(stored);
}

static void forget_stored(PyObject *capsule) {
    free_stored(PyCapsule_GetPointer(capsule, "stored_rows"));
}

/* Whether there are factors for channels of `length` samples, one or one for each; or none, for values as they are. */
static int take_scale(stored_rows *stored, Py_ssize_t length) {
    size_t itemsize = stored->format.itemsize;
    if (!stored->factors.buf) return 1;
    stored->scale.factors = stored->factors.buf;
    stored->scale.channels = (size_t)stored->factors.len / 8;
    stored->scale.length = (size_t)length;
    return stored->masks.buf && stored->scale.channels && length > 0 && (itemsize == 2 || itemsize == 4);
}

/* A capsule with how the rows of a dataset are stored; None if the numbers do not fit together. */
METHOD(describe_rows) {
    Py_ssize_t itemsize, length;
    stored_rows *stored = calloc(1, sizeof *stored);
    if (!stored) return PyErr_NoMemory();
    if (!PyArg_ParseTuple(args, LINE_CHECKS "(iiin)z*y*(z*nd)", CHECKS_OF(&stored->checks),
                          &stored->format.compression, &stored->format.shuffle, &stored->format.fletcher32, &itemsize,
                          &stored->masks, &stored->fill, &stored->factors, &length, &stored->scale.offset)) {
        free(stored);
        return NULL;
    }
    stored->format.itemsize = itemsize > 0 ? (size_t)itemsize : 0;
    int is_possible = itemsize > 0 && stored->fill.len == itemsize && take_scale(stored, length);
    PyObject *capsule = is_possible ? PyCapsule_New(stored, "stored_rows", forget_stored) : NULL;
    if (capsule) return capsule;
    free_stored(stored);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* What a call needs for one dataset. */
typedef struct { const stored_rows *rows; open_bytes *opened; const file_map *map; int has_waited; } row_source;

/* Make what a call needs out of a source; 0 if its numbers do not fit those of the plan, or after an error. */
static int row_source_of(PyObject *item, const dataset_form *form, size_t out_values, const Py_buffer *out,
                         row_source *source) {
    source->has_waited = 0;
    if (!(source->rows = item_of(item, 1, "stored_rows"))) return 0;
    if (!(source->opened = item_of(item, 2, "open_bytes"))) return 0;
    source->map = map_of(source->opened);
    size_t itemsize = source->rows->format.itemsize, of_value = source->rows->scale.channels ? 4 : itemsize;
    if ((size_t)out->len / of_value < out_values) return 0;
    if (!source->rows->masks.buf) return 1;
    return (size_t)source->rows->masks.len == form->chunks * sizeof(int64_t)
        && form->chunk_values <= INT32_MAX / itemsize;
}

typedef struct { const row_plan *plan; size_t begin, end; int verifies_chunks; row_source *sources; } part_of_plan;

/* The sources of the datasets that the pieces of a part are from, to be freed; 0 if one does not fit. */
static int take_sources(part_of_plan *part, PyObject *sources, const Py_buffer *out) {
    const row_plan *plan = part->plan;
    if ((size_t)PyTuple_GET_SIZE(sources) < plan->num_datasets) return 0;
    size_t first = (size_t)plan->pieces[part->begin].dataset, last = (size_t)plan->pieces[part->end - 1].dataset;
    if (!(part->sources = malloc((last - first + 1) * sizeof *part->sources))) return 0;
    int has_handler = handles_bus_errors();
    for (size_t i = first; i <= last; i++) {
        row_source *source = part->sources + (i - first);
        PyObject *item = PyTuple_GET_ITEM(sources, (Py_ssize_t)i);
        if (!row_source_of(item, plan->datasets + i, plan->out_values, out, source)) return 0;
        if (!has_handler) source->map = NULL;
    }
    return 1;
}

static chunk_source chunks_of(const part_of_plan *part, const row_source *from, const dataset_form *form) {
    const stored_rows *rows = from->rows;
    chunk_source source = {.file = from->opened->file, .verifies_chunks = part->verifies_chunks};
    source.format = rows->format, source.format.size = form->chunk_values * rows->format.itemsize;
    source.masks = rows->masks.buf, source.fill = rows->fill.buf;
    source.checks = &rows->checks, source.scale = rows->scale;
    return source;
}

/* Read the pieces of a part; 0 if that failed. */
static int read_part(part_of_plan *part, struct decoder *decoder, uint8_t *out) {
    const piece *pieces = part->plan->pieces;
    long waits = waits_for_disk();
    for (size_t first = part->begin, next; first < part->end; first = next) {
        int64_t dataset = pieces[first].dataset;
        row_source *from = part->sources + (dataset - pieces[part->begin].dataset);
        chunk_source source = chunks_of(part, from, part->plan->datasets + dataset);
        source.map = watch_map(from->map, waits), source.decoder = decoder, source.out = out;
        for (next = first + 1; next < part->end && pieces[next].dataset == dataset; next++);
        int is_read = read_pieces(&source, pieces + first, next - first);
        look_for_waits(&source.map);
        from->has_waited = source.map.has_waited, waits = source.map.waits;
        if (!is_read || !is_unchanged(from->opened)) return 0;
    }
    return 1;
}

static void note_waits(const part_of_plan *part) {
    const piece *pieces = part->plan->pieces;
    for (int64_t i = pieces[part->begin].dataset; i <= pieces[part->end - 1].dataset; i++) {
        const row_source *source = part->sources + (i - pieces[part->begin].dataset);
        if (source->has_waited) source->opened->pause = PAUSE;
    }
}

/* Fill `out` with a part of the pieces of a plan, out of a tuple of sources; whether that succeeded. */
METHOD(read_rows) {
    PyObject *capsule, *sources;
    Py_buffer out;
    Py_ssize_t number, parts;
    part_of_plan part = {0};
    int is_read = 0;
    if (!PyArg_ParseTuple(args, "OO!w*nnp", &capsule, &PyTuple_Type, &sources, &out, &number, &parts,
                          &part.verifies_chunks)) return NULL;
    part.plan = opened_plan(capsule);
    if (part.plan && 0 <= number && number < parts) {
        part.begin = part_begin(part.plan, (size_t)number, (size_t)parts);
        part.end = part_begin(part.plan, (size_t)number + 1, (size_t)parts);
        is_read = part.begin == part.end;
        if (!is_read && take_sources(&part, sources, &out)) {
            struct decoder *decoder = decoder_open();
            Py_BEGIN_ALLOW_THREADS
            is_read = read_part(&part, decoder, out.buf);
            Py_END_ALLOW_THREADS
            decoder_close(decoder);
            note_waits(&part);
        }
        free(part.sources);
    }
    PyBuffer_Release(&out);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(is_read);
}
