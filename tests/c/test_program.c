/* A program's threads: every thread does its part of every team, once and in order, whatever the kernels do in between; several programs at once do not mix. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>
#include "check.h"
#include "internal.h"
#include "program.h"

enum { MOST = 5, N = 300, CALLS = 400, PROGRAMS = 3, ROUNDS = 20 };

/* What a program works on: how often each element and each thread had its turn, and in which sum each team found them. */
typedef struct { int turns[N], parts[MOST], sums[CALLS], calls; } work;

static void each_element(const void *data, isize start, isize stop)
{
    work *w = *(work *const *)data;
    for (isize i = start; i < stop; i++) w->turns[i]++;
}

/* All threads or one alone: a barrier is for those there are. */
static void counting_team(const void *data, isize thread, isize threads)
{
    work *w = *(work *const *)data;
    w->parts[thread]++;
    for (isize i = share(N, thread, threads); i < share(N, thread + 1, threads); i++) w->turns[i]++;
    team_barrier(threads);
    if (thread == threads - 1) {
        int sum = 0;
        for (int i = 0; i < N; i++) sum += w->turns[i];
        w->sums[w->calls] = sum;
    }
}

static int together(int call) { return call % 5 != 0; }

static pydl_status counting(const pydl_ctx *ctx, const void *args)
{
    work *const *w = args;
    run_parts(ctx, (*w)->calls % 3 != 0, N, 7, each_element, args);
    run_team(ctx, together((*w)->calls), counting_team, args);
    (*w)->calls++;
    return PYDL_OK;
}

/* Longer than the others stay awake: they are asleep when the next team is posted. */
static pydl_status dawdling(const pydl_ctx *ctx, const void *args)
{
    (void)ctx, (void)args;
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    return PYDL_OK;
}

static pydl_status failing(const pydl_ctx *ctx, const void *args)
{
    counting(ctx, args);
    return PYDL_BAD_INDEX;
}

static void *programs(void *of)
{
    const int threads = *(const int *)of;
    const pydl_ctx ctx = { .threads = threads };
    for (int round = 0; round < ROUNDS; round++) {
        work w = { .calls = 0 }, *const at = &w;
        pydl_call calls[CALLS];
        for (int i = 0; i < CALLS; i++) calls[i] = (pydl_call){ counting, &at };
        if (round == 0) calls[CALLS / 2].run = dawdling;
        const int fails = round % 2;
        if (fails) calls[CALLS - 10].run = failing;
        const int expected = CALLS - 9 * fails - (round == 0);
        const pydl_program program = { calls, CALLS };
        isize failed = -1;
        double seconds[CALLS] = { 0 };
        const pydl_status status = round % 4 < 2 ? pydl_program_run(&ctx, &program, &failed) : pydl_program_profile(&ctx, &program, seconds, &failed);
        check(status == (fails ? PYDL_BAD_INDEX : PYDL_OK), "the status", threads, round);
        check(failed == (fails ? CALLS - 10 : -1), "the call that failed", failed, round);
        check(w.calls == expected, "the number of calls", w.calls, round);
        for (int i = 0; i < N; i++) check(w.turns[i] == 2 * expected, "an element's turns", i, w.turns[i]);
        int shared = 0;
        for (int i = 0; i < expected; i++) shared += together(i);
        for (int t = 0; t < MOST; t++) check(w.parts[t] == (t == 0 ? expected : t < threads ? shared : 0), "a thread's parts", t, w.parts[t]);
        for (int i = 0; i < expected; i++) check(w.sums[i] == N * 2 * (i + 1), "what a team found", i, w.sums[i]);
        for (int i = 0; i < CALLS; i++) check((seconds[i] > 0) == (round % 4 >= 2 && i < CALLS - 10 * fails), "a call's time", i, round);
    }
    return NULL;
}

int main(void)
{
    static const int threads[] = { 1, 2, 3, MOST };
    for (int t = 0; t < 4; t++) programs((void *)&threads[t]);
    pthread_t others[PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++) pthread_create(&others[i], NULL, programs, (void *)&threads[1 + i % 2]);
    for (int i = 0; i < PROGRAMS; i++) pthread_join(others[i], NULL);
    if (failures) printf("%d failures\n", failures);
    return failures != 0;
}
