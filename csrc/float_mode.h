/* How this thread's processor treats denormal numbers, those closer to 0 than the smallest normal one.

   Kernels take them for 0 and give 0 in their place.  What trains decays into them (Adam's squares of small gradients, gradients through many
   steps back), they are worth nothing there, and each operation on one costs 150 cycles on Intel: an update took 12 times as long, a product 170 times.
   The launcher sets this mode for the time of a launch; the process around it goes on as it was. */
#ifndef PYDL_FLOAT_MODE_H
#define PYDL_FLOAT_MODE_H

#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
enum { FLUSH_DENORMALS = 1 << 15 | 1 << 6 };             /* MXCSR: results (FTZ), operands (DAZ) */
static inline uint64_t float_mode(void) { return _mm_getcsr(); }
static inline void load_float_mode(uint64_t mode) { _mm_setcsr((unsigned)mode); }
#elif defined(__aarch64__)
enum { FLUSH_DENORMALS = 1 << 24 };                      /* FPCR.FZ: both */
static inline uint64_t float_mode(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static inline void load_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#else
enum { FLUSH_DENORMALS = 0 };
static inline uint64_t float_mode(void) { return 0; }
static inline void load_float_mode(uint64_t mode) { (void)mode; }
#endif

/* Reading the mode is cheap, loading one stops the pipeline. */
static inline void set_float_mode(uint64_t mode) { if (mode != float_mode()) load_float_mode(mode); }
#endif
