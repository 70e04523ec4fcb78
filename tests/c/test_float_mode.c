/* The float mode of kernels: in all threads of a launch and every kind of loop, and nowhere after it. */
#include <omp.h>
#include "check.h"
#include "float_mode.h"
#include "internal.h"
#include "program.h"

enum { THREADS = 4, N = 1000 };
static uint64_t seen[N];

static void look_part(const void *data, isize start, isize stop) { (void)data; for (isize i = start; i < stop; i++) seen[i] = float_mode(); }
static void look_task(const void *data, isize i, void *own) { (void)data; *(char *)own = 1; seen[i] = float_mode(); }
static void look_team(const void *data, isize thread, isize threads)
{
    (void)data;
    for (isize i = thread; i < N; i += threads) seen[i] = float_mode();
}

static void all_are(uint64_t flush, const char *where)
{
    for (long i = 0; i < N; i++) {
        check((seen[i] & FLUSH_DENORMALS) == flush, where, i, (long)seen[i]);
        seen[i] = ~flush;
    }
}
/* What an OpenMP loop of someone else's finds in these threads. */
static void elsewhere(uint64_t flush, const char *where)
{
    #pragma omp parallel for num_threads(THREADS)
    for (int i = 0; i < N; i++) seen[i] = float_mode();
    all_are(flush, where);
}

static pydl_status kernel(const pydl_ctx *ctx, const void *args)
{
    static char own[THREADS];
    (void)args;
    for (int worth = 0; worth < 2; worth++) {
        run_parts(ctx, worth, N, 3, look_part, NULL);
        all_are(FLUSH_DENORMALS, "run_parts");
        run_tasks(ctx, worth, N, look_task, NULL, own, 1);
        all_are(FLUSH_DENORMALS, "run_tasks");
        run_team(ctx, worth, look_team, NULL);
        all_are(FLUSH_DENORMALS, "run_team");
    }
    check((float_mode() & FLUSH_DENORMALS) == FLUSH_DENORMALS, "the rest of the kernel", 0, 0);
    return PYDL_BAD_VALUE;
}

int main(void)
{
    const pydl_ctx ctx = { .threads = THREADS };
    const pydl_call call = { kernel, NULL };
    const pydl_program program = { &call, 1 };
    const uint64_t before = float_mode();
    double seconds;
    isize failed = -1;
    check(pydl_launch(kernel, &ctx, NULL) == PYDL_BAD_VALUE, "the status of a launch", 0, 0);        /* first: OpenMP makes its threads inside */
    check(float_mode() == before, "the mode after a launch", 0, 0);
    elsewhere(0, "threads after a launch");
    check(pydl_program_run(&ctx, &program, &failed) == PYDL_BAD_VALUE && failed == 0, "the status of a program", failed, 0);
    check(pydl_program_profile(&ctx, &program, &seconds, &failed) == PYDL_BAD_VALUE, "the status of a profile", 0, 0);
    check(float_mode() == before, "the mode after a program", 0, 0);
    elsewhere(0, "threads after a program");
    run_parts(&ctx, 1, N, 3, look_part, NULL);                       /* without a launch: as the calling thread has it */
    all_are(0, "run_parts without a launch");

    set_float_mode(before | FLUSH_DENORMALS);                        /* a process that wants it so itself keeps it */
    pydl_launch(kernel, &ctx, NULL);
    check(float_mode() == (before | FLUSH_DENORMALS), "the mode of a process that flushes", 0, 0);
    set_float_mode(before);
    if (failures) printf("%d failures\n", failures);
    return failures != 0;
}
