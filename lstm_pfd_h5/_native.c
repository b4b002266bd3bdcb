#define SOURCE "4a22a9a1"
/* Made from the chapters by `python docs/native.py`: edit the notebook, not this file. */

#include "core/native.c"
#include "codecs/byte_planes.c"

static PyMethodDef methods[] = {
    {"split_planes", native_split_planes, METH_VARARGS, NULL},
    {"join_planes", native_join_planes, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "SOURCE", SOURCE) < 0) { Py_DECREF(module); return NULL; }
    return module;
}
