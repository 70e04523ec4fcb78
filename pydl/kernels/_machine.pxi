# The machine: threads, CPU level, BLAS, fork.  Included by _common.pyx.

cdef extern from *:
    """
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <dlfcn.h>
    #ifdef _OPENMP
    #include <omp.h>
    #endif

    /* The highest level this CPU can run and this build holds. */
    static int pydl_cpu_best(void)
    {
    #if defined(__x86_64__)
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) return 2;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
    #endif
        return 0;
    }

    /* libgomp hangs at the first parallel region after fork unless its threads were given up before. */
    static void pydl_pause_threads(void)
    {
    #ifdef _OPENMP
        omp_pause_resource_all(omp_pause_soft);
    #endif
    }

    /* Loads a BLAS for one thread.  OpenBLAS reads its variables in the library's constructor: they are set for the
       moment of loading only.  core: a kernel name, or NULL to leave the choice to the library and the user. */
    static const char *pydl_load_blas(const char *path, const char *prefix, const char *core, pydl_blas *blas)
    {
        char name[128];
        char *old_threads = getenv("OPENBLAS_NUM_THREADS"), *kept = old_threads ? strdup(old_threads) : NULL;
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        if (core) setenv("OPENBLAS_CORETYPE", core, 1);
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (core) unsetenv("OPENBLAS_CORETYPE");
        if (kept) { setenv("OPENBLAS_NUM_THREADS", kept, 1); free(kept); }
        else unsetenv("OPENBLAS_NUM_THREADS");
        if (!library) return dlerror();
        snprintf(name, sizeof name, "%sopenblas_set_num_threads", prefix);
        void (*set_threads)(int) = (void (*)(int))dlsym(library, name);
        if (set_threads) set_threads(1);
        snprintf(name, sizeof name, "%scblas_sgemm", prefix);
        void *sgemm = dlsym(library, name);
        snprintf(name, sizeof name, "%scblas_dgemm", prefix);
        void *dgemm = dlsym(library, name);
        if (!sgemm || !dgemm) return "the library has no cblas_sgemm and cblas_dgemm under the expected names";
        memcpy(&blas->sgemm, &sgemm, sizeof sgemm);
        memcpy(&blas->dgemm, &dgemm, sizeof dgemm);
        return NULL;
    }
    """
    int pydl_cpu_best() nogil
    void pydl_pause_threads() nogil
    const char *pydl_load_blas(const char *path, const char *prefix, const char *core, pydl_blas *blas)


cdef int thread_count = 1
cdef int cpu_level = 0
cdef int best_level = 0
cdef pydl_blas blas
cdef bint blas_tried = False
cdef str blas_report = "not loaded yet"
cdef int in_kernels = 0                     # threads inside a kernel now; guarded by the GIL
cdef int running = 0                        # programs in C now; guarded by the GIL
cdef long settings = 0                      # raised by whatever makes a recording out of date

LEVEL_NAMES = ("base", "avx2", "avx512")

def settings_version():
    """A number that changes when the thread count or the CPU level does: part of every program's key."""
    return settings

def set_num_threads(n):
    """Set how many threads kernels may use.  Changes speed, never a bit of a result."""
    global thread_count, settings
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: n must be an int, got {n!r}")
    n = n.__index__()
    if not 1 <= n <= 1024:
        raise ValueError(f"set_num_threads: n must be between 1 and 1024, got {n}")
    thread_count = n
    settings += 1

def get_num_threads():
    """How many threads kernels may use."""
    return thread_count

def built_levels():
    """The CPU levels this build holds, lowest first."""
    return tuple(name for i, name in enumerate(LEVEL_NAMES) if pydl_kernel_table[0].run[i][0] != NULL)

def cpu_levels():
    """The CPU levels this build holds and this machine runs, lowest first."""
    return tuple(name for name in built_levels() if LEVEL_NAMES.index(name) <= best_level)

def set_cpu_level(name):
    """Run the kernels compiled for another CPU level: "base", "avx2" or "avx512"."""
    global cpu_level, settings
    if name not in cpu_levels():
        raise ValueError(f"CPU level: expected one of {', '.join(cpu_levels())} on this machine, got {name!r}")
    cpu_level = LEVEL_NAMES.index(name)
    settings += 1

def get_cpu_level():
    """The name of the CPU level in use."""
    return LEVEL_NAMES[cpu_level]

def blas_status():
    """One sentence on the BLAS in use."""
    load_blas()
    return blas_report

cdef load_blas():
    """Load the private OpenBLAS beside the package, once, at the first kernel launch: an import does not pay for it."""
    global blas_tried, blas_report
    if blas_tried:
        return
    blas_tried = True
    try:
        from pydl import _build_info as build
    except ImportError:
        blas_report = "none: built without one; own kernels serve every product"
        return
    if not build.BLAS_LIBRARY:
        blas_report = "none: built without one; own kernels serve every product"
        return
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "_libs", build.BLAS_LIBRARY)
    cdef const char *core = NULL
    if best_level == 2 and "OPENBLAS_CORETYPE" not in os.environ:
        core = b"SkylakeX"                  # OpenBLAS takes AMD's AVX-512 for Haswell and runs at half speed
    encoded_path, encoded_prefix = os.fsencode(path), build.BLAS_SYMBOL_PREFIX.encode()
    cdef const char *trouble = pydl_load_blas(encoded_path, encoded_prefix, core, &blas)
    if trouble != NULL:
        blas.sgemm = blas.dgemm = NULL
        blas_report = f"none: {build.BLAS_LIBRARY} does not load ({trouble.decode(errors='replace')})"
    else:
        blas_report = f"{build.BLAS_LIBRARY} {build.BLAS_VERSION}, one thread, private"


def cgroup_cpu_quota(membership="/proc/self/cgroup", root="/sys/fs/cgroup"):
    """CPUs that the control groups grant (version 1 or 2), as a float: the tightest limit on the way up; None where there is no limit."""
    quotas = []
    try:
        with open(membership) as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except (OSError, ValueError):
        return None
    for line in lines:
        controllers, path = (line[1], line[2]) if len(line) == 3 else ("none", "/")
        if controllers and "cpu" not in controllers.split(","):
            continue
        while True:
            try:
                if controllers:
                    quota, period = [open_text(f"{root}/cpu{path.rstrip('/')}/cpu.cfs_{what}_us") for what in ("quota", "period")]
                else:
                    quota, period = open_text(f"{root}{path.rstrip('/')}/cpu.max").split()[:2]
                if quota != "max" and int(quota) > 0 and int(period) > 0:
                    quotas.append(int(quota) / int(period))
            except (OSError, ValueError):       # in a container the upper groups are not to be seen; its own lies at the root
                pass
            if path in ("", "/"):
                break
            path = os.path.dirname(path)
    return min(quotas, default=None)


def open_text(path):
    """What a small file holds, without the white space around it."""
    with open(path) as file:
        return file.read().strip()


def thread_number(text):
    """A number of threads that there may be, from text; 0 if it is none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    return number if number <= 1024 else 0


def default_num_threads():
    """PYDL_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs this process may use, within its control group's quota."""
    ours = os.environ.get("PYDL_NUM_THREADS", "").strip()
    if ours and not thread_number(ours):
        raise ValueError(f"PYDL_NUM_THREADS must be a whole number from 1 to 1024, got {ours!r}")
    named = thread_number(ours) or thread_number(os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip())     # a list is for nested regions
    if named:
        return named
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:
        cpus = os.cpu_count() or 1
    quota = cgroup_cpu_quota()
    return max(1, min(cpus, 1024, int(quota) if quota else cpus))


cdef int paused_for_fork = 0

def _before_fork():
    global paused_for_fork
    paused_for_fork = in_kernels == 0
    if paused_for_fork:
        pydl_pause_threads()

def _after_fork_in_child():
    """A child of a process that was inside a kernel cannot start threads: it goes on with one.

    It records its steps anew: those of before may be held for ever by threads that are not here.
    """
    global thread_count, in_kernels, running, settings
    if not paused_for_fork:
        thread_count = 1
    in_kernels = running = 0
    settings += 1


cdef _start():
    global thread_count, cpu_level, best_level
    best_level = pydl_cpu_best()
    while best_level > 0 and pydl_kernel_table[0].run[best_level][0] == NULL:
        best_level -= 1
    cpu_level = best_level
    wanted = os.environ.get("PYDL_CPU", "").strip()
    if wanted:
        set_cpu_level(wanted)
    thread_count = default_num_threads()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)

_start()
