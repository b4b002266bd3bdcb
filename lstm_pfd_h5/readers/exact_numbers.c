/* Made from nbs/guide/09_readers/11_exact_numbers.ipynb by `python docs/native.py`: edit the notebook, not this file. */

#include <math.h>

enum { LEAST_EXPONENT = -342, MOST_EXPONENT = 308, POWERS = MOST_EXPONENT - LEAST_EXPONENT + 1 };

/* The high 64 bits of a product, and the low ones. */
static uint64_t long_product(uint64_t first, uint64_t second, uint64_t *low_bits) {
    uint64_t mask = 0xFFFFFFFF;
    uint64_t low = (first & mask) * (second & mask), high = (first >> 32) * (second >> 32);
    uint64_t cross = (first >> 32) * (second & mask), other = (first & mask) * (second >> 32);
    uint64_t middle = (low >> 32) + (cross & mask) + other;
    *low_bits = middle << 32 | (low & mask);
    return high + (cross >> 32) + (middle >> 32);
}

/* The zeros in front of the first one of a number that is not 0. */
static int leading_zeros(uint64_t number) {
    int zeros = 0;
    for (int step = 32; step; step /= 2)
        if (!(number >> (64 - step))) { number <<= step; zeros += step; }
    return zeros;
}

static double nearest_of_long(uint64_t digits, int64_t exponent, const uint64_t *powers) {
    if (exponent < LEAST_EXPONENT || exponent > MOST_EXPONENT) return NAN;
    const uint64_t *power = powers + 2 * (exponent - LEAST_EXPONENT);
    int zeros = leading_zeros(digits);
    digits <<= zeros;
    uint64_t low, rest, high = long_product(digits, power[0], &low);
    if ((high & 0x1FF) == 0x1FF && low + digits < digits) {
        uint64_t more = long_product(digits, power[1], &rest);
        low += more;
        high += low < more;
        if ((high & 0x1FF) == 0x1FF && low + 1 == 0 && rest + digits < digits) return NAN;
    }
    uint64_t top = high >> 63, mantissa = high >> (top + 9);
    if (low == 0 && (high & 0x1FF) == 0 && (mantissa & 3) == 1) return NAN;  /* halfway between two doubles */
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    int64_t binary = ((217706 * exponent) >> 16) + 1086 - zeros + (int64_t)top;  /* 217706 / 2^16: bits of a digit */
    if (mantissa >> 53) { mantissa >>= 1; binary++; }
    if (binary < 1 || binary > 2046) return NAN;
    uint64_t bits = (uint64_t)binary << 52 | (mantissa & 0xFFFFFFFFFFFFF);
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* The double nearest to digits times ten to the power of exponent; NaN where that is not certain. */
static double nearest_double(uint64_t digits, int64_t exponent, const uint64_t *powers) {
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const uint64_t most = (uint64_t)1 << 53;
    if (digits == 0) return 0.0;
    if (digits > most || exponent < -22 || exponent > 22) {
        double number = nearest_of_long(digits, exponent, powers);
        if (!isnan(number) || digits % 10) return number;
        for (; digits % 10 == 0; exponent++) digits /= 10;  /* numbers such as 5.000000000000000000e-01 */
        if (digits > most || exponent < -22 || exponent > 22) return NAN;
    }
    return exponent < 0 ? (double)digits / exact[-exponent] : (double)digits * exact[exponent];
}

typedef struct {
    uint8_t decimal, thousands;  /* the bytes before the decimals and between groups of three digits, 0 for no groups */
    const uint64_t *powers;      /* powers_of_ten() */
} number_form;

static inline int is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

/* Append the digits at a place to a whole number modulo 2^64. The place behind them. */
static inline const uint8_t *scan_digits(const uint8_t *place, const uint8_t *end, uint64_t *digits) {
    for (; place < end && is_digit(*place); place++) *digits = *digits * 10 + (uint64_t)(*place - '0');
    return place;
}

/* The exponent at a place, 0 if there is none. The place behind it, or NULL if it has no digits. */
static const uint8_t *scan_exponent(const uint8_t *place, const uint8_t *end, int64_t *exponent) {
    *exponent = 0;
    if (place == end || (*place | 32) != 'e') return place;
    place++;
    int negative = place < end && *place == '-';
    place += negative || (place < end && *place == '+');
    uint64_t digits = 0;
    const uint8_t *behind = scan_digits(place, end, &digits);
    if (behind == place) return NULL;
    int64_t size = behind - place < 6 ? (int64_t)digits : 99999;
    *exponent = negative ? -size : size;
    return behind;
}

typedef struct { uint64_t digits; int64_t exponent; int significant, cut; } long_number;

static void add_digit(long_number *number, uint8_t digit, int is_decimal) {
    if (number->significant < 19) {
        number->digits = number->digits * 10 + digit;
        number->significant += number->digits != 0;
        number->exponent -= is_decimal;
    } else {
        number->exponent += !is_decimal;
        number->cut |= digit != 0;
    }
}

/* As scan_number, behind the sign. */
static const uint8_t *scan_long(const uint8_t *place, const uint8_t *end, const number_form *form, double *value) {
    long_number number = {0, 0, 0, 0};
    size_t since = 0, groups = 0;  /* digits since the last sign between groups, and those signs */
    int in_decimals = 0;
    for (; place < end; place++) {
        if (is_digit(*place)) {
            add_digit(&number, (uint8_t)(*place - '0'), in_decimals);
            since++;
        } else if (*place == form->decimal && !in_decimals && (!groups || since == 3)) in_decimals = 1;
        else if (form->thousands && *place == form->thousands && !in_decimals && since >= 1 && since <= 3
                 && (!groups || since == 3)) {
            groups++;
            since = 0;
        } else break;
    }
    if (groups && !in_decimals && since != 3) return NULL;
    int64_t power;
    const uint8_t *behind = scan_exponent(place, end, &power);
    *value = nearest_double(number.digits, number.exponent + power, form->powers);
    if (number.cut && *value != nearest_double(number.digits + 1, number.exponent + power, form->powers)) *value = NAN;
    return behind;
}

static const uint8_t *scan_number(const uint8_t *place, const uint8_t *end, const number_form *form, double *value) {
    int negative = place < end && *place == '-';
    place += negative || (place < end && *place == '+');
    uint64_t digits = 0;
    const uint8_t *begin = place;
    place = scan_digits(place, end, &digits);
    int64_t whole = place - begin, decimals = 0, power;
    int has_groups = form->thousands && place < end && *place == form->thousands;
    if (place < end && *place == form->decimal) {
        const uint8_t *first = place + 1;
        place = scan_digits(first, end, &digits);
        decimals = place - first;
    }
    if (!whole && !decimals) return NULL;
    if (whole + decimals > 19 || has_groups) place = scan_long(begin, end, form, value);
    else if ((place = scan_exponent(place, end, &power)) != NULL)
        *value = nearest_double(digits, power - decimals, form->powers);
    if (place && negative) *value = -*value;
    return place;
}

/* (text, powers, decimal, thousands) → value, place behind it or -1: for the tests of this page. */
METHOD(scan_number) {
    Py_buffer text, powers;
    number_form form;
    if (!PyArg_ParseTuple(args, "y*y*bb", &text, &powers, &form.decimal, &form.thousands)) return NULL;
    double value = NAN;
    const uint8_t *begin = text.buf, *behind = NULL;
    int whole = powers.len == 16 * POWERS;
    form.powers = powers.buf;
    if (whole) behind = scan_number(begin, begin + text.len, &form, &value);
    Py_ssize_t place = behind ? behind - begin : -1;
    PyBuffer_Release(&text);
    PyBuffer_Release(&powers);
    if (!whole) { PyErr_SetString(PyExc_ValueError, "expected the table of powers_of_ten()"); return NULL; }
    return Py_BuildValue("dn", value, place);
}
