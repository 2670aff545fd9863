/* Values in all registers, held over a loop that calls nothing, and looked at afterwards: general, vector
 * and mask registers, MXCSR, the x87 stack and control word, flags with the direction flag, and the red zone
 * below the stack pointer. Whoever takes the processor from a thread in such a loop must give all of it back:
 * System V ABI, AMD64 supplement, 3.2.
 *
 *   uint64_t state = seed;         from which the values come; another in each thread
 *   kinds_held[i].hold(&state)     one of HELD_KINDS; ends the test if a value is not what it was. Tells
 *                                  whether other threads have ended such a loop meanwhile
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "check.h"
#include <stdint.h>

enum { HELD_LOOPS = 200000, RED_ZONE = 128 };

/* Each of these takes values from `in`, loops, and puts what is there then into
 * `out`. They keep what a function must keep. */
struct control {
    uint32_t mxcsr;
    uint16_t x87_control;
    uint16_t x87_status;
    int64_t stack[6];
};

void hold_general(const uint64_t in[15], uint64_t out[15], long loops);
void hold_xmm(const void *in, void *out, long loops);
void hold_ymm(const void *in, void *out, long loops);
void hold_zmm(const void *in, void *out, long loops);
void hold_masks(const uint64_t in[8], uint64_t out[8], long loops);
void hold_control(const struct control *in, struct control *out, long loops);
void hold_red_zone(const uint64_t in[16], uint64_t out[16], long loops);
uint64_t hold_flags(uint64_t flags, long loops);

__asm__(
    ".text\n"
    ".macro function name\n"
    ".type \\name, @function\n"
    ".globl \\name\n"
    "\\name:\n"
    ".endm\n"

    /* The loop counter is on the stack, for no register is left. */
    "function hold_general\n"
    ".irp r, rbx, rbp, r12, r13, r14, r15, rsi, rdx\n"
    "  push %\\r\n"
    ".endr\n"
    ".set at, 0\n"
    ".irp r, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rdi\n"
    "  mov at(%rdi), %\\r\n"
    "  .set at, at + 8\n"
    ".endr\n"
    "1: decq (%rsp)\n"
    "  jnz 1b\n"
    "  mov %rdi, (%rsp)\n"
    "  mov 8(%rsp), %rdi\n"
    ".set at, 0\n"
    ".irp r, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
    "  mov %\\r, at(%rdi)\n"
    "  .set at, at + 8\n"
    ".endr\n"
    "  pop %rax\n"
    "  mov %rax, at(%rdi)\n"
    ".irp r, rsi, r15, r14, r13, r12, rbp, rbx\n"
    "  pop %\\r\n"
    ".endr\n"
    "  ret\n"

    ".macro hold_vectors kind, move, bytes, numbers:vararg\n"
    "function hold_\\kind\n"
    ".irp n, \\numbers\n"
    "  \\move \\bytes * \\n(%rdi), %\\kind\\n\n"
    ".endr\n"
    "1: dec %rdx\n"
    "  jnz 1b\n"
    ".irp n, \\numbers\n"
    "  \\move %\\kind\\n, \\bytes * \\n(%rsi)\n"
    ".endr\n"
    ".ifnc \\kind, xmm\n"
    "  vzeroupper\n"
    ".endif\n"
    "  ret\n"
    ".endm\n"
    "hold_vectors xmm, movdqu, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "hold_vectors ymm, vmovdqu, 32, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "hold_vectors zmm, vmovdqu64, 64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "
    "16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"

    /* The low 16 bits are all that AVX512F alone moves. */
    "function hold_masks\n"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "  kmovw 8 * \\n(%rdi), %k\\n\n"
    ".endr\n"
    "1: dec %rdx\n"
    "  jnz 1b\n"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
    "  kmovw %k\\n, 8 * \\n(%rsi)\n"
    ".endr\n"
    "  ret\n"

    "function hold_control\n"
    "  stmxcsr -4(%rsp)\n"
    "  fnstcw -8(%rsp)\n"
    "  ldmxcsr (%rdi)\n"
    "  fldcw 4(%rdi)\n"
    ".irp n, 0, 1, 2, 3, 4, 5\n"
    "  fildq 8 + 8 * \\n(%rdi)\n"
    ".endr\n"
    "1: dec %rdx\n"
    "  jnz 1b\n"
    "  stmxcsr (%rsi)\n"
    "  fnstcw 4(%rsi)\n"
    "  fnstsw 6(%rsi)\n"
    ".irp n, 5, 4, 3, 2, 1, 0\n"
    "  fistpq 8 + 8 * \\n(%rsi)\n"
    ".endr\n"
    "  ldmxcsr -4(%rsp)\n"
    "  fldcw -8(%rsp)\n"
    "  ret\n"

    "function hold_red_zone\n"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "  mov 8 * \\n(%rdi), %rax\n"
    "  mov %rax, 8 * \\n - 128(%rsp)\n"
    ".endr\n"
    "1: dec %rdx\n"
    "  jnz 1b\n"
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "  mov 8 * \\n - 128(%rsp), %rax\n"
    "  mov %rax, 8 * \\n(%rsi)\n"
    ".endr\n"
    "  ret\n"

    /* Neither lea nor jrcxz touches a flag. */
    "function hold_flags\n"
    "  mov %rsi, %rcx\n"
    "  push %rdi\n"
    "  popfq\n"
    "1: lea -1(%rcx), %rcx\n"
    "  jrcxz 2f\n"
    "  jmp 1b\n"
    "2: pushfq\n"
    "  pop %rax\n"
    "  cld\n"
    "  ret\n");

/* Different in each thread, round and place (splitmix64). */
static uint64_t pattern(uint64_t *state)
{
    uint64_t value = *state += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

/* What a loop tells: whether others have run while it did. */
enum meanwhile { ALONE, OTHERS_RAN, NOT_HERE /* the processor has no such registers */ };

static unsigned long loops_ended;       /* of all threads */

static enum meanwhile end_loop(unsigned long before)
{
    unsigned long after = __atomic_fetch_add(&loops_ended, 1, __ATOMIC_SEQ_CST);
    return after == before ? ALONE : OTHERS_RAN;
}

static unsigned long begin_loop(void)
{
    return __atomic_load_n(&loops_ended, __ATOMIC_SEQ_CST);
}

typedef void hold_words(const uint64_t *, uint64_t *, long);

static enum meanwhile check_words(hold_words *hold, size_t words, uint64_t mask, uint64_t *state)
{
    uint64_t in[256], out[256] = { 0 };
    for (size_t i = 0; i < words; i++)
        in[i] = pattern(state) & mask;
    unsigned long before = begin_loop();
    hold(in, out, HELD_LOOPS);
    enum meanwhile meanwhile = end_loop(before);
    CHECK(memcmp(in, out, words * sizeof in[0]) == 0);
    return meanwhile;
}

static enum meanwhile check_general(uint64_t *state)
{
    return check_words(hold_general, 15, UINT64_MAX, state);
}

static enum meanwhile check_red_zone(uint64_t *state)
{
    return check_words(hold_red_zone, RED_ZONE / 8, UINT64_MAX, state);
}

static enum meanwhile check_xmm(uint64_t *state)
{
    return check_words((hold_words *)hold_xmm, 16 * 2, UINT64_MAX, state);
}

static enum meanwhile check_ymm(uint64_t *state)
{
    if (!__builtin_cpu_supports("avx2"))
        return NOT_HERE;
    return check_words((hold_words *)hold_ymm, 16 * 4, UINT64_MAX, state);
}

static enum meanwhile check_zmm(uint64_t *state)
{
    if (!__builtin_cpu_supports("avx512f"))
        return NOT_HERE;
    return check_words((hold_words *)hold_zmm, 32 * 8, UINT64_MAX, state);
}

static enum meanwhile check_masks(uint64_t *state)
{
    if (!__builtin_cpu_supports("avx512f"))
        return NOT_HERE;
    return check_words(hold_masks, 8, 0xffff, state);
}

/* Rounding, sticky exceptions and flush to zero; every exception stays masked. */
static enum meanwhile check_control(uint64_t *state)
{
    struct control in, out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.mxcsr = 0x1f80 | (pattern(state) & 0xe03f);
    in.x87_control = 0x037f & ~(pattern(state) & 0x0100);
    in.x87_control |= pattern(state) & 0x0c00;
    for (size_t i = 0; i < COUNT(in.stack); i++)
        in.stack[i] = (int64_t)pattern(state);
    unsigned long before = begin_loop();
    hold_control(&in, &out, HELD_LOOPS);
    enum meanwhile meanwhile = end_loop(before);
    CHECK(out.mxcsr == in.mxcsr);
    CHECK(out.x87_control == in.x87_control);
    CHECK((out.x87_status >> 11 & 7) == 8 - COUNT(in.stack));
    CHECK(memcmp(in.stack, out.stack, sizeof in.stack) == 0);
    return meanwhile;
}

/* Carry, parity, adjust, zero, sign, direction, overflow. */
static enum meanwhile check_flags(uint64_t *state)
{
    uint64_t mask = 0xcd5, flags = 0x202 | (pattern(state) & mask);
    unsigned long before = begin_loop();
    uint64_t found = hold_flags(flags, HELD_LOOPS);
    enum meanwhile meanwhile = end_loop(before);
    CHECK(((found ^ flags) & mask) == 0);
    return meanwhile;
}

static const struct held {
    const char *name;
    enum meanwhile (*hold)(uint64_t *state);
} kinds_held[] = {
    { "general registers", check_general },
    { "xmm", check_xmm },
    { "ymm", check_ymm },
    { "zmm", check_zmm },
    { "mask registers", check_masks },
    { "MXCSR and x87", check_control },
    { "red zone", check_red_zone },
    { "flags", check_flags },
};

enum { HELD_KINDS = COUNT(kinds_held) };

#endif
