/* Made from nbs/guide/03_hdf5/20_new_file.ipynb by `python docs/native.py`: edit the notebook, not this file. */

#ifdef __linux__
#include <fcntl.h>
#endif

/* Lets the system begin to write what it holds of a file to the disk. */
METHOD(begin_to_flush) {
    int file;
    if (!PyArg_ParseTuple(args, "i", &file)) return NULL;
#ifdef __linux__
    Py_BEGIN_ALLOW_THREADS
    (void)sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
    Py_END_ALLOW_THREADS
#endif
    Py_RETURN_NONE;
}
