/* Made from nbs/guide/09_readers/12_row_parser.ipynb by `python docs/native.py`: edit the notebook, not this file. */

typedef struct {
    const uint8_t *begin, *end;
    uint8_t separator, quote;  /* between cells (a blank for any blanks), and around one */
    int64_t gap;               /* empty lines between two rows */
    int trailing;              /* whether separators may follow the last column */
    number_form numbers;
} table_text;

static int is_blank(uint8_t byte) { return byte == ' ' || byte == '\t'; }
static int is_line_end(uint8_t byte) { return byte == '\n' || byte == '\r'; }

/* The place behind a line end, which is CR, LF or CR LF. */
static const uint8_t *behind_line_end(const uint8_t *place, const uint8_t *end) {
    return place + (end - place > 1 && place[0] == '\r' && place[1] == '\n' ? 2 : 1);
}

METHOD(count_rows) {
    Py_buffer text;
    if (!PyArg_ParseTuple(args, "y*", &text)) return NULL;
    Py_ssize_t rows = 0;
    int filled = 0;
    Py_BEGIN_ALLOW_THREADS
    const uint8_t *place = text.buf, *end = place + text.len;
    for (; place < end; place++) {
        if (is_line_end(*place)) { rows += filled; filled = 0; }
        else if (*place > ' ') filled = 1;
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&text);
    return PyLong_FromSsize_t(rows + filled);
}

typedef struct { const uint8_t *begin, *end; } table_cell;

/* Its content, without quotes and blanks around it. The place behind the cell. */
static const uint8_t *scan_text(const table_text *text, const uint8_t *place, table_cell *cell) {
    int quoted = place < text->end && *place == text->quote;
    place += quoted;
    cell->begin = place;
    for (; place < text->end && !is_line_end(*place) && *place != text->quote; place++) {
        if (!quoted && (*place == text->separator || (text->separator == ' ' && *place == '\t'))) break;
        if (*place == 127 || (*place < ' ' && *place != '\t')) return NULL;
    }
    cell->end = place;
    int closed = place < text->end && *place == text->quote;
    if (quoted != closed) return NULL;
    if (quoted) return place + 1;
    while (cell->end > cell->begin && is_blank(cell->end[-1])) cell->end--;
    return place;
}

/* Whether a cell as a whole is a number. Words are not, which their first letter shows. */
static int is_whole_number(const table_text *text, const table_cell *cell) {
    double value;
    if (cell->begin == cell->end || *cell->begin > '9') return 0;
    return scan_number(cell->begin, cell->end, &text->numbers, &value) == cell->end;
}

static int equal_cells(const table_cell *first, const table_cell *second) {
    size_t size = (size_t)(first->end - first->begin);
    return size == (size_t)(second->end - second->begin) && memcmp(first->begin, second->begin, size) == 0;
}

typedef struct {
    int64_t place, row, empty, stopped, leading, first, behind;
} parse_state;

typedef struct {
    const table_text *text;
    const int64_t *kinds;
    size_t columns, rows;  /* rows that values has room for */
    double *values;
    int64_t *places, *above;
    parse_state *state;
} table_rows;

static const uint8_t *parse_number(const table_rows *table, const uint8_t *place, size_t column) {
    const table_text *text = table->text;
    int quoted = place < text->end && *place == text->quote;
    double value;
    place = scan_number(place + quoted, text->end, &text->numbers, &value);
    if (!place || isnan(value)) return NULL;
    if (quoted && (place == text->end || *place != text->quote)) return NULL;
    table->values[column * table->rows + (size_t)table->state->row] = value;
    return place + quoted;
}

static const uint8_t *parse_text(const table_rows *table, const uint8_t *place, size_t column) {
    const table_text *text = table->text;
    const parse_state *state = table->state;
    table_cell cell;
    place = scan_text(text, place, &cell);
    if (!place || is_whole_number(text, &cell)) return NULL;
    int64_t *above = table->above + 2 * column;
    table_cell before = {text->begin + above[0], text->begin + above[1]};
    int same = above[0] >= 0 && equal_cells(&cell, &before);
    above[0] = cell.begin - text->begin;
    above[1] = cell.end - text->begin;
    size_t rows = (size_t)(state->behind - state->first), row = (size_t)(state->row - state->first);
    int64_t *found = table->places + 2 * (column * rows + row);
    found[0] = same ? -1 : above[0];
    found[1] = same ? -1 : above[1];
    return place;
}

static const uint8_t *skip_around_cell(const table_text *text, const uint8_t *place) {
    while (place < text->end && (*place == ' ' || (*place == '\t' && text->separator != '\t'))) place++;
    return place;
}

/* Where the next cell begins. */
static const uint8_t *next_cell(const table_text *text, const uint8_t *place) {
    const uint8_t *behind = skip_around_cell(text, place);
    if (text->separator == ' ') return behind > place ? behind : NULL;
    if (behind == text->end || *behind != text->separator) return NULL;
    return skip_around_cell(text, behind + 1);
}

/* The place of the line end. The numbers are those of NUMBER, TEXT and IGNORED above. */
static const uint8_t *parse_row(const table_rows *table, const uint8_t *place) {
    const table_text *text = table->text;
    size_t number = 0, word = 0;
    table_cell ignored;
    place = skip_around_cell(text, place);
    for (size_t column = 0; column < table->columns && place; column++) {
        if (column && !(place = next_cell(text, place))) return NULL;
        if (table->kinds[column] == 0) place = parse_number(table, place, number++);
        else if (table->kinds[column] == 1) place = parse_text(table, place, word++);
        else if (table->kinds[column] == 3) place = scan_text(text, place, &ignored);
    }
    if (!place) return NULL;
    place = skip_around_cell(text, place);
    while (text->trailing && place < text->end && *place == text->separator)
        place = skip_around_cell(text, place + 1);
    return place == text->end || is_line_end(*place) ? place : NULL;
}

static void parse_rows(const table_rows *table) {
    const table_text *text = table->text;
    parse_state *state = table->state;
    const uint8_t *line = text->begin + state->place, *place;
    for (state->stopped = 0; line < text->end; state->place = line - text->begin) {
        for (place = line; place < text->end && is_blank(*place); ) place++;
        if (place < text->end && !is_line_end(*place)) {
            if (state->empty >= 0 && state->empty != text->gap) state->stopped = 2;
            else if (state->row == state->behind || !(place = parse_row(table, line))) state->stopped = 1;
            if (state->stopped) return;
            state->row++;
            state->empty = 0;
        } else if (state->empty >= 0) state->empty++;
        else state->leading++;
        line = place < text->end ? behind_line_end(place, text->end) : place;
    }
}

static int is_in_text(const int64_t *above, Py_ssize_t size) {
    return above[0] == -1 || (above[0] >= 0 && above[0] <= above[1] && above[1] <= size);
}

/* Whether arrays have the sizes that parse_rows describes: text, powers, form, kinds, state, values, places, above. */
static int have_sizes_of_rows(const Py_buffer *arrays) {
    size_t count[3] = {0, 0, 0}, columns = (size_t)arrays[3].len / 8;
    const int64_t *kinds = arrays[3].buf, *above = arrays[7].buf;
    const parse_state *state = arrays[4].buf;
    if (arrays[1].len != 16 * POWERS || arrays[2].len != 6 * 8 || arrays[4].len != sizeof *state) return 0;
    if (state->place < 0 || state->place > arrays[0].len || state->first < 0) return 0;
    if (state->first > state->row || state->row > state->behind) return 0;
    for (size_t column = 0; column < columns; column++) count[kinds[column] == 0 ? 0 : kinds[column] == 1 ? 1 : 2]++;
    size_t rows = (size_t)(state->behind - state->first);
    if (count[0] && (size_t)arrays[5].len / 8 / count[0] < (size_t)state->behind) return 0;
    if (count[1] && (size_t)arrays[6].len / 16 / count[1] < rows) return 0;
    if ((size_t)arrays[7].len < 16 * count[1]) return 0;
    for (size_t column = 0; column < count[1]; column++)
        if (!is_in_text(above + 2 * column, arrays[0].len)) return 0;
    return 1;
}

METHOD(parse_rows) {
    Py_buffer a[8];
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*w*w*", a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7)) return NULL;
    int fits = have_sizes_of_rows(a);
    Py_BEGIN_ALLOW_THREADS
    if (fits) {
        const uint8_t *begin = a[0].buf;
        const int64_t *form = a[2].buf, *kinds = a[3].buf;
        size_t columns = (size_t)a[3].len / 8, numbers = 0;
        for (size_t column = 0; column < columns; column++) numbers += kinds[column] == 0;
        number_form notation = {(uint8_t)form[2], (uint8_t)form[3], a[1].buf};
        table_text text = {begin, begin + a[0].len, (uint8_t)form[0], (uint8_t)form[1], form[4], form[5] != 0, notation};
        size_t rows = numbers ? (size_t)a[5].len / 8 / numbers : 0;
        table_rows table = {&text, kinds, columns, rows, a[5].buf, a[6].buf, a[7].buf, a[4].buf};
        parse_rows(&table);
    }
    Py_END_ALLOW_THREADS
    for (int i = 0; i < 8; i++) PyBuffer_Release(a + i);
    if (!fits) { PyErr_SetString(PyExc_ValueError, "expected arrays of the sizes that parse_rows describes"); return NULL; }
    Py_RETURN_NONE;
}
