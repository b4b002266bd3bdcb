/* Made from nbs/guide/03_hdf5/19_row_pieces.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* All positions and counts are in values; a size, of a chunk that is compressed, is in bytes. An address of -1: never
   written. The dataset is a number among those of a plan. */
typedef struct { int64_t dataset, address, chunk, source, target, count, size; } piece;
typedef struct { int64_t column, source, target, count; } span;
typedef struct { int64_t rows, chunk_rows, columns, row_in_chunk, chunk_values, row_values; } row_form;

/* What is known of a dataset: the pieces of its rows, and where its chunks are. */
typedef struct {
    row_form form;
    size_t num_spans, cells, chunks;
    Py_buffer grid, addresses, sizes;  /* grid or sizes may be NULL */
    span spans[];
} located_rows;

static int is_inside(int64_t begin, int64_t count, int64_t size) {
    return begin >= 0 && count >= 0 && count <= size && begin <= size - count;
}

/* Whether the numbers of a dataset fit together. */
static int is_form(const located_rows *located) {
    const row_form *form = &located->form;
    if (form->rows < 0 || form->chunk_rows < 1 || form->columns < 1 || form->row_in_chunk < 1) return 0;
    if (form->row_values < 0 || form->chunk_rows > form->chunk_values / form->row_in_chunk) return 0;
    size_t grid_rows = ((size_t)form->rows + (size_t)form->chunk_rows - 1) / (size_t)form->chunk_rows;
    if (located->grid.buf ? located->cells / (size_t)form->columns < grid_rows : located->chunks < grid_rows) return 0;
    if (located->sizes.buf && (size_t)located->sizes.len != located->chunks * sizeof(int64_t)) return 0;
    for (size_t i = 0; i < located->num_spans; i++) {
        const span *each = located->spans + i;
        if (each->column < 0 || each->column >= (located->grid.buf ? form->columns : 1)) return 0;
        if (!is_inside(each->source, each->count, form->row_in_chunk)) return 0;
        if (!is_inside(each->target, each->count, form->row_values)) return 0;
    }
    return 1;
}

/* Rows that are wanted. */
typedef struct {
    const located_rows **datasets;
    const int64_t *numbers, *rows, *places;  /* numbers or places may be NULL: all are of the first; in this order */
    size_t num_datasets, count, out_values;
} row_request;

/* Make the pieces of a row of a dataset; 0 if one does not exist. */
static int make_pieces_of_row(const located_rows *located, piece *pieces, int64_t dataset, int64_t row, int64_t place) {
    const row_form *form = &located->form;
    const int64_t *grid = located->grid.buf, *addresses = located->addresses.buf, *sizes = located->sizes.buf;
    int64_t grid_row = form->chunk_rows == 1 ? row : row / form->chunk_rows;
    int64_t source = (row - grid_row * form->chunk_rows) * form->row_in_chunk, target = place * form->row_values;
    for (size_t i = 0; i < located->num_spans; i++) {
        const span *each = located->spans + i;
        int64_t chunk = grid ? grid[grid_row * form->columns + each->column] : grid_row;
        if (chunk < -1 || chunk >= (int64_t)located->chunks) return 0;
        pieces[i] = (piece){dataset, chunk < 0 ? -1 : addresses[chunk], chunk, source + each->source,
                            target + each->target, each->count, chunk < 0 || !sizes ? 0 : sizes[chunk]};
    }
    return 1;
}

static int64_t dataset_of(const row_request *request, size_t i) {
    return request->numbers ? request->numbers[i] : 0;
}

/* Fill `pieces` with those of all rows; 0 if a row or a place does not exist. */
static int make_pieces(const row_request *request, piece *pieces) {
    for (size_t i = 0; i < request->count; i++) {
        int64_t dataset = dataset_of(request, i), row = request->rows[i];
        int64_t place = request->places ? request->places[i] : (int64_t)i;
        const located_rows *located = request->datasets[dataset];
        int64_t row_values = located->form.row_values;
        int64_t places = row_values ? (int64_t)request->out_values / row_values : INT64_MAX;
        if (row < 0 || row >= located->form.rows || place < 0 || place >= places) return 0;
        if (!make_pieces_of_row(located, pieces, dataset, row, place)) return 0;
        pieces += located->num_spans;
    }
    return 1;
}

static inline int is_before(const piece *a, const piece *b) {
    if (a->dataset != b->dataset) return a->dataset < b->dataset;
    if (a->address != b->address) return a->address < b->address;
    if (a->chunk != b->chunk) return a->chunk < b->chunk;
    if (a->source != b->source) return a->source < b->source;
    return a->target < b->target;
}

static void merge_pieces(const piece *from, size_t middle, size_t count, piece *to) {
    for (size_t i = 0, left = 0, right = middle; i < count; i++) {
        int takes_right = left == middle || (right < count && is_before(from + right, from + left));
        to[i] = from[takes_right ? right++ : left++];
    }
}

/* Put pieces in the order of the file, with memory for as many others. */
static void sort_pieces(piece *pieces, size_t count, piece *others) {
    piece *from = pieces, *to = others;
    size_t sorted = 1;
    while (sorted < count && !is_before(pieces + sorted, pieces + sorted - 1)) sorted++;
    if (sorted >= count) return;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0, some; at < count; at += some) {
            some = smaller(2 * width, count - at);
            merge_pieces(from + at, smaller(width, some), some, to + at);
        }
        piece *merged = to;
        to = from, from = merged;
    }
    if (from != pieces) memcpy(pieces, from, count * sizeof *pieces);
}

static void free_located(located_rows *located) {
    Py_buffer *all[] = {&located->grid, &located->addresses, &located->sizes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) PyBuffer_Release(all[i]);
    free(located);
}

static void forget_located(PyObject *capsule) {
    free_located(PyCapsule_GetPointer(capsule, "located_rows"));
}

/* The buffers of a dataset in one piece of memory, which takes over all but `numbers` and `spans`. */
static located_rows *located_of(const Py_buffer *numbers, const Py_buffer *spans, Py_buffer *grid,
                                Py_buffer *addresses, Py_buffer *sizes) {
    size_t number = sizeof(int64_t);
    located_rows *located = malloc(sizeof *located + (size_t)spans->len);
    if (!located) return NULL;
    memcpy(&located->form, numbers->buf, sizeof located->form);
    memcpy(located->spans, spans->buf, (size_t)spans->len);
    located->num_spans = (size_t)spans->len / sizeof(span), located->cells = (size_t)grid->len / number;
    located->chunks = (size_t)addresses->len / number;
    located->grid = *grid, located->addresses = *addresses, located->sizes = *sizes;
    return located;
}

/* A capsule with what is known of a dataset: (numbers, grid or None, spans), addresses, sizes or None. None if the
   numbers do not fit together. */
METHOD(locate_rows) {
    Py_buffer numbers, spans, grid, addresses, sizes;
    if (!PyArg_ParseTuple(args, "(y*z*y*)y*z*", &numbers, &grid, &spans, &addresses, &sizes)) return NULL;
    int has_numbers = numbers.len == sizeof(row_form);
    located_rows *located = has_numbers ? located_of(&numbers, &spans, &grid, &addresses, &sizes) : NULL;
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&spans);
    if (!located) {
        PyBuffer_Release(&grid);
        PyBuffer_Release(&addresses);
        PyBuffer_Release(&sizes);
        if (has_numbers) return PyErr_NoMemory();
        PyErr_SetString(PyExc_ValueError, "expected the numbers of a dataset");
        return NULL;
    }
    PyObject *capsule = is_form(located) ? PyCapsule_New(located, "located_rows", forget_located) : NULL;
    if (capsule) return capsule;
    free_located(located);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

/* What a plan states of a dataset: its chunks, and the values of each. */
typedef struct { size_t chunks, chunk_values; } dataset_form;

/* Sorted pieces, checked against these datasets and against the number of values to fill. */
typedef struct { size_t count, num_datasets, out_values; dataset_form *datasets; piece pieces[]; } row_plan;

/* The number of pieces of all rows; SIZE_MAX if there are too many, or a dataset does not exist. */
static size_t count_pieces(const row_request *request) {
    size_t count = 0, most = SIZE_MAX / sizeof(piece) / 4;
    for (size_t i = 0; i < request->count; i++) {
        int64_t dataset = dataset_of(request, i);
        if (dataset < 0 || (size_t)dataset >= request->num_datasets) return SIZE_MAX;
        if (request->datasets[dataset]->num_spans > most - count) return SIZE_MAX;
        count += request->datasets[dataset]->num_spans;
    }
    return count;
}

/* The plan of a request, to be freed; NULL if a row does not exist, or memory is short. */
static row_plan *plan_of(const row_request *request) {
    size_t count = count_pieces(request), of_pieces = 2 * count * sizeof(piece);
    if (count == SIZE_MAX || request->num_datasets > SIZE_MAX / sizeof(dataset_form) / 4) return NULL;
    row_plan *plan = malloc(sizeof(row_plan) + of_pieces + request->num_datasets * sizeof(dataset_form));
    if (plan && make_pieces(request, plan->pieces)) {
        plan->count = count, plan->num_datasets = request->num_datasets, plan->out_values = request->out_values;
        plan->datasets = (dataset_form *)((uint8_t *)plan->pieces + of_pieces);
        for (size_t i = 0; i < request->num_datasets; i++) {
            const located_rows *located = request->datasets[i];
            plan->datasets[i] = (dataset_form){located->chunks, (size_t)located->form.chunk_values};
        }
        sort_pieces(plan->pieces, count, plan->pieces + count);
        return plan;
    }
    free(plan);
    return NULL;
}

static const row_plan *opened_plan(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, "row_plan");
}

static void free_plan(PyObject *capsule) {
    free(PyCapsule_GetPointer(capsule, "row_plan"));
}

/* An item of a source, which is a tuple; NULL, after an error, if there is none of this name. */
static void *item_of(PyObject *source, Py_ssize_t number, const char *name) {
    if (PyTuple_Check(source) && PyTuple_GET_SIZE(source) > number)
        return PyCapsule_GetPointer(PyTuple_GET_ITEM(source, number), name);
    PyErr_SetString(PyExc_ValueError, "expected a source of rows");
    return NULL;
}

/* The datasets of sources, to be freed; NULL after an error. */
static const located_rows **datasets_of(PyObject *sources) {
    size_t count = (size_t)PyTuple_GET_SIZE(sources);
    const located_rows **datasets = malloc((count + 1) * sizeof *datasets);
    if (!datasets) PyErr_NoMemory();
    for (size_t i = 0; datasets && i < count; i++) {
        datasets[i] = item_of(PyTuple_GET_ITEM(sources, (Py_ssize_t)i), 0, "located_rows");
        if (datasets[i]) continue;
        free(datasets);
        return NULL;
    }
    return datasets;
}

/* A capsule with the plan of a request, or None: sources, numbers or None, rows, places or None, values to fill. */
METHOD(plan_rows) {
    PyObject *sources;
    Py_buffer numbers, rows, places;
    Py_ssize_t out_values;
    row_plan *plan = NULL;
    if (!PyArg_ParseTuple(args, "O!z*y*z*n", &PyTuple_Type, &sources, &numbers, &rows, &places, &out_values)) return NULL;
    int is_request = (!numbers.buf || numbers.len == rows.len) && (!places.buf || places.len == rows.len);
    if (!is_request) PyErr_SetString(PyExc_ValueError, "expected as many places and numbers as rows");
    const located_rows **datasets = is_request ? datasets_of(sources) : NULL;
    if (datasets) {
        row_request request = {datasets, numbers.buf, rows.buf, places.buf, (size_t)PyTuple_GET_SIZE(sources),
                               (size_t)rows.len / sizeof(int64_t), out_values < 0 ? 0 : (size_t)out_values};
        Py_BEGIN_ALLOW_THREADS
        plan = plan_of(&request);
        Py_END_ALLOW_THREADS
    }
    free(datasets);
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&rows);
    PyBuffer_Release(&places);
    if (PyErr_Occurred()) return NULL;
    if (!plan) Py_RETURN_NONE;
    PyObject *capsule = PyCapsule_New(plan, "row_plan", free_plan);
    if (!capsule) free(plan);
    return capsule;
}

/* Pieces of a plan as bytes, seven int64 each; for tests. */
METHOD(planned_pieces) {
    PyObject *capsule;
    const row_plan *plan;
    if (!PyArg_ParseTuple(args, "O", &capsule) || !(plan = opened_plan(capsule))) return NULL;
    return PyBytes_FromStringAndSize((const char *)plan->pieces, (Py_ssize_t)(plan->count * sizeof(piece)));
}
