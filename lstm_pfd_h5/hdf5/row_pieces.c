/* Made from nbs/guide/03_hdf5/19_row_pieces.ipynb by `python docs/native.py`: edit the notebook, not this file. */

/* All positions and counts are in values. An address of -1: never written. */
typedef struct { int64_t address, chunk, source, target, count; } piece;
typedef struct { int64_t column, source, target, count; } span;
typedef struct { int64_t rows, chunk_rows, columns, row_in_chunk, chunk_values, row_values; } row_form;

/* Rows that are wanted, and what is known of their dataset. */
typedef struct {
    const row_form *form;
    const span *spans;
    const int64_t *grid, *addresses, *rows, *places;  /* grid or places may be NULL */
    size_t num_spans, cells, chunks, count, out_values;
} row_request;

static int is_inside(int64_t begin, int64_t count, int64_t size) {
    return begin >= 0 && count >= 0 && count <= size && begin <= size - count;
}

/* Whether the numbers of a dataset fit together. */
static int is_form(const row_request *request) {
    const row_form *form = request->form;
    if (form->rows < 0 || form->chunk_rows < 1 || form->columns < 1 || form->row_in_chunk < 1) return 0;
    if (form->row_values < 0 || form->chunk_rows > form->chunk_values / form->row_in_chunk) return 0;
    size_t grid_rows = ((size_t)form->rows + (size_t)form->chunk_rows - 1) / (size_t)form->chunk_rows;
    if (request->grid ? request->cells / (size_t)form->columns < grid_rows : request->chunks < grid_rows) return 0;
    for (size_t i = 0; i < request->num_spans; i++) {
        const span *each = request->spans + i;
        if (each->column < 0 || each->column >= (request->grid ? form->columns : 1)) return 0;
        if (!is_inside(each->source, each->count, form->row_in_chunk)) return 0;
        if (!is_inside(each->target, each->count, form->row_values)) return 0;
    }
    return 1;
}

/* Fill `pieces` with those of all rows; 0 if a row or a place does not exist. */
static int make_pieces(const row_request *request, piece *pieces) {
    const row_form *form = request->form;
    int64_t places = form->row_values ? (int64_t)request->out_values / form->row_values : INT64_MAX;
    if (!is_form(request)) return 0;
    for (size_t i = 0; i < request->count; i++) {
        int64_t row = request->rows[i], place = request->places ? request->places[i] : (int64_t)i;
        if (row < 0 || row >= form->rows || place < 0 || place >= places) return 0;
        int64_t grid_row = form->chunk_rows == 1 ? row : row / form->chunk_rows;
        int64_t source = (row - grid_row * form->chunk_rows) * form->row_in_chunk, target = place * form->row_values;
        for (const span *each = request->spans; each < request->spans + request->num_spans; each++) {
            int64_t chunk = request->grid ? request->grid[grid_row * form->columns + each->column] : grid_row;
            if (chunk < -1 || chunk >= (int64_t)request->chunks) return 0;
            int64_t address = chunk < 0 ? -1 : request->addresses[chunk];
            *pieces++ = (piece){address, chunk, source + each->source, target + each->target, each->count};
        }
    }
    return 1;
}

static inline int is_before(const piece *a, const piece *b) {
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

/* The buffers of a request: numbers, grid or None, spans, addresses, rows, places or None. */
typedef struct { Py_buffer numbers, grid, spans, addresses, rows, places; row_request request; } row_buffers;

#define ROW_BUFFERS "(y*z*y*)y*y*z*"
#define ROW_ADDRESSES(b) &(b)->numbers, &(b)->grid, &(b)->spans, &(b)->addresses, &(b)->rows, &(b)->places

static void release_rows(row_buffers *buffers) {
    Py_buffer *all[] = {ROW_ADDRESSES(buffers)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) PyBuffer_Release(all[i]);
}

/* The request in buffers whose sizes are right; 0, after an error, if they are not. */
static int request_of(row_buffers *buffers, size_t out_values) {
    size_t number = sizeof(int64_t), places = (size_t)buffers->places.len / number;
    row_request request = {
        buffers->numbers.buf, buffers->spans.buf, buffers->grid.buf, buffers->addresses.buf, buffers->rows.buf,
        buffers->places.buf, (size_t)buffers->spans.len / sizeof(span), (size_t)buffers->grid.len / number,
        (size_t)buffers->addresses.len / number, (size_t)buffers->rows.len / number, out_values};
    if (buffers->numbers.len == sizeof(row_form) && (!request.places || places == request.count)) {
        buffers->request = request;
        return 1;
    }
    PyErr_SetString(PyExc_ValueError, "expected the numbers of a dataset, and as many places as rows");
    return 0;
}

/* Sorted pieces, checked against these numbers of chunks, of values in a chunk, and of values to fill. */
typedef struct { size_t count, chunks, chunk_values, out_values; piece pieces[]; } row_plan;

/* The plan of a request, to be freed; NULL if a row does not exist, or memory is short. */
static row_plan *plan_of(const row_request *request) {
    size_t most = (SIZE_MAX - sizeof(row_plan)) / sizeof(piece) / 2;
    if (request->num_spans && request->count > most / request->num_spans) return NULL;
    size_t count = request->count * request->num_spans;
    row_plan *plan = malloc(sizeof(row_plan) + 2 * count * sizeof(piece));
    if (plan && make_pieces(request, plan->pieces)) {
        plan->count = count, plan->chunks = request->chunks, plan->out_values = request->out_values;
        plan->chunk_values = (size_t)request->form->chunk_values;
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

/* A capsule with the plan of a request, or None. */
METHOD(plan_rows) {
    row_buffers buffers;
    Py_ssize_t out_values;
    row_plan *plan = NULL;
    if (!PyArg_ParseTuple(args, ROW_BUFFERS "n", ROW_ADDRESSES(&buffers), &out_values)) return NULL;
    if (request_of(&buffers, out_values < 0 ? 0 : (size_t)out_values)) {
        Py_BEGIN_ALLOW_THREADS
        plan = plan_of(&buffers.request);
        Py_END_ALLOW_THREADS
    }
    release_rows(&buffers);
    if (PyErr_Occurred()) return NULL;
    if (!plan) Py_RETURN_NONE;
    PyObject *capsule = PyCapsule_New(plan, "row_plan", free_plan);
    if (!capsule) free(plan);
    return capsule;
}

/* Pieces of a plan as bytes, five int64 each; for tests. */
METHOD(planned_pieces) {
    PyObject *capsule;
    const row_plan *plan;
    if (!PyArg_ParseTuple(args, "O", &capsule) || !(plan = opened_plan(capsule))) return NULL;
    return PyBytes_FromStringAndSize((const char *)plan->pieces, (Py_ssize_t)(plan->count * sizeof(piece)));
}
