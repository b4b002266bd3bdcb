/* Made from nbs/guide/01_core/13_native.ipynb by `python docs/native.py`: edit the notebook, not this file. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the C code is for little-endian machines"
#endif

/* A function that Python can call, with arguments (module, args); docs/native.py lists them. */
#define METHOD(name) static PyObject *native_##name(PyObject *module, PyObject *args)

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) \
    && !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

static inline uint32_t load_32(const uint8_t *from) { uint32_t value; memcpy(&value, from, 4); return value; }
static inline uint64_t load_64(const uint8_t *from) { uint64_t value; memcpy(&value, from, 8); return value; }
static inline void store_32(uint8_t *to, uint32_t value) { memcpy(to, &value, 4); }
static inline void store_64(uint8_t *to, uint64_t value) { memcpy(to, &value, 8); }
static inline size_t smaller(size_t first, size_t second) { return first < second ? first : second; }
