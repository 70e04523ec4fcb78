/* Includes the file named by EACH_REAL twice: with real = float, then with real = double.

   FN(relu_forward) is pydl_relu_forward_f32 in the first pass and pydl_relu_forward_f64 in the second; a kernel
   file compiled for a CPU level (-DPYDL_LEVEL=avx2) gets pydl_relu_forward_f32_avx2.  LEVEL_FN names
   what has no real type.  A file expanded this way opens with

       #ifndef real
       #include "internal.h"            (a kernel's header: #include "pydl.h" and an include guard)
       #define EACH_REAL "activation.c"
       #include "each_real.h"
       #else
       ...
       #endif
*/
#ifndef PYDL_PASTE
#define PYDL_PASTE_(a, b, c, d) a##b##c##d
#define PYDL_PASTE(a, b, c, d) PYDL_PASTE_(a, b, c, d)
#ifdef PYDL_LEVEL
#define PYDL_LEVEL_TAIL PYDL_PASTE(_, PYDL_LEVEL, , )
#else
#define PYDL_LEVEL_TAIL
#endif
#define LEVEL_FN(name) PYDL_PASTE(pydl_, name, , PYDL_LEVEL_TAIL)
#endif

#ifdef EACH_REAL
#define real float
#define REAL_IS_FLOAT 1
#define FN(name) PYDL_PASTE(pydl_, name, _f32, PYDL_LEVEL_TAIL)
#include EACH_REAL
#undef real
#undef REAL_IS_FLOAT
#undef FN

#define real double
#define REAL_IS_FLOAT 0
#define FN(name) PYDL_PASTE(pydl_, name, _f64, PYDL_LEVEL_TAIL)
#include EACH_REAL
#undef real
#undef REAL_IS_FLOAT
#undef FN
#undef EACH_REAL
#endif
