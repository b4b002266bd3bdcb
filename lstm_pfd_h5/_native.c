#define SOURCE "304f5183"
/* Made from the chapters by `python docs/native.py`: edit the notebook, not this file. */

#include "core/native.c"
#include "codecs/byte_planes.c"
#include "codecs/checksums.c"
#include "codecs/lzf.c"
#include "codecs/huffman_code.c"
#include "codecs/literal_encoder.c"
#include "codecs/literal_decoder.c"
#include "codecs/inflate.c"
#include "codecs/repeated_values.c"
#include "codecs/zlib_encoder.c"
#include "codecs/zlib_decoder.c"
#include "codecs/counts.c"
#include "codecs/chunk_codec.c"
#include "hdf5/row_pieces.c"
#include "hdf5/new_file.c"
#include "splitting/fingerprints.c"
#include "splitting/signal_index.c"
#include "store/file_bytes.c"
#include "store/row_readers.c"
#include "store/rounding.c"
#include "store/signal_statistics.c"
#include "streaming/row_pool.c"
#include "readers/exact_numbers.c"
#include "readers/row_parser.c"

static PyMethodDef methods[] = {
    {"split_planes", native_split_planes, METH_VARARGS, NULL},
    {"join_planes", native_join_planes, METH_VARARGS, NULL},
    {"adler32", native_adler32, METH_VARARGS, NULL},
    {"fletcher32", native_fletcher32, METH_VARARGS, NULL},
    {"crc32c", native_crc32c, METH_VARARGS, NULL},
    {"prepare_crc32c", native_prepare_crc32c, METH_VARARGS, NULL},
    {"crc32c_of_lines", native_crc32c_of_lines, METH_VARARGS, NULL},
    {"mark_runs", native_mark_runs, METH_VARARGS, NULL},
    {"unpack_lzf", native_unpack_lzf, METH_VARARGS, NULL},
    {"pack_lzf", native_pack_lzf, METH_VARARGS, NULL},
    {"huffman_code", native_huffman_code, METH_VARARGS, NULL},
    {"entropy_bits", native_entropy_bits, METH_VARARGS, NULL},
    {"pack_blocks", native_pack_blocks, METH_VARARGS, NULL},
    {"unpack_literals", native_unpack_literals, METH_VARARGS, NULL},
    {"inflate", native_inflate, METH_VARARGS, NULL},
    {"pack_values", native_pack_values, METH_VARARGS, NULL},
    {"unpack_values", native_unpack_values, METH_VARARGS, NULL},
    {"deflate_planes", native_deflate_planes, METH_VARARGS, NULL},
    {"decode_zlib", native_decode_zlib, METH_VARARGS, NULL},
    {"counts_to_floats", native_counts_to_floats, METH_VARARGS, NULL},
    {"counts_to_rows", native_counts_to_rows, METH_VARARGS, NULL},
    {"floats_to_counts", native_floats_to_counts, METH_VARARGS, NULL},
    {"narrow_step", native_narrow_step, METH_VARARGS, NULL},
    {"decode_chunk", native_decode_chunk, METH_VARARGS, NULL},
    {"encode_chunks", native_encode_chunks, METH_VARARGS, NULL},
    {"locate_rows", native_locate_rows, METH_VARARGS, NULL},
    {"plan_rows", native_plan_rows, METH_VARARGS, NULL},
    {"planned_pieces", native_planned_pieces, METH_VARARGS, NULL},
    {"begin_to_flush", native_begin_to_flush, METH_VARARGS, NULL},
    {"find_landmarks", native_find_landmarks, METH_VARARGS, NULL},
    {"make_keys", native_make_keys, METH_VARARGS, NULL},
    {"project_signal", native_project_signal, METH_VARARGS, NULL},
    {"pair_keys", native_pair_keys, METH_VARARGS, NULL},
    {"open_bytes", native_open_bytes, METH_VARARGS, NULL},
    {"pause_map", native_pause_map, METH_VARARGS, NULL},
    {"copy_out_of_map", native_copy_out_of_map, METH_VARARGS, NULL},
    {"describe_rows", native_describe_rows, METH_VARARGS, NULL},
    {"read_rows", native_read_rows, METH_VARARGS, NULL},
    {"moved", native_moved, METH_VARARGS, NULL},
    {"means_and_squares", native_means_and_squares, METH_VARARGS, NULL},
    {"count_samples", native_count_samples, METH_VARARGS, NULL},
    {"copy_windows", native_copy_windows, METH_VARARGS, NULL},
    {"scan_number", native_scan_number, METH_VARARGS, NULL},
    {"count_rows", native_count_rows, METH_VARARGS, NULL},
    {"parse_rows", native_parse_rows, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "SOURCE", SOURCE) < 0) { Py_DECREF(module); return NULL; }
    return module;
}
