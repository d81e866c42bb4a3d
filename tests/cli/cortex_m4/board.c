/* What a program needs on the bare board: start code, the floating-point unit, a clock, and a way to say something to
 * the machine that emulates it (semihosting). */
#include "board.h"

#include <stdint.h>

extern uint32_t data_begin, data_end, data_source, bss_begin, bss_end, stack_low, stack_high;

static const uint32_t kPaint = 0xa5a5a5a5u;

static int semihost(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void say(const char *text) { semihost(0x04, text); /* SYS_WRITE0 */ }

void say_number(const char *name, unsigned long value) {
  char digits[12];
  int at = 11;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  say(name);
  say(" ");
  say(digits + at);
  say("\n");
}

void leave(int code) {
  const uint32_t arguments[2] = {0x20026u, (uint32_t)code}; /* ADP_Stopped_ApplicationExit */
  semihost(0x20, arguments);                                /* SYS_EXIT_EXTENDED */
  for (;;) {
  }
}

/* SysTick at the processor's clock; with -icount shift=0 an instruction takes a nanosecond, and a tick 40 of them. */
#define SYST_CSR (*(volatile uint32_t *)0xe000e010u)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014u)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018u)
unsigned long ticks(void) { return 0xffffffu - SYST_CVR; }

unsigned long stack_used(void) {
  const uint32_t *at = &stack_low;
  while (at < &stack_high && *at == kPaint) ++at;
  return (unsigned long)((const char *)&stack_high - (const char *)at);
}

int main(void);

void start(void);
void start(void) {
  uint32_t *from = &data_source, *to;
  uint32_t *here;
  *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20; /* CPACR: the floating-point unit */
  __asm__ volatile("dsb\nisb");
  for (to = &data_begin; to < &data_end; ++to) *to = *from++;
  for (to = &bss_begin; to < &bss_end; ++to) *to = 0;
  __asm__ volatile("mov %0, sp" : "=r"(here));
  for (to = &stack_low; to < here - 16; ++to) *(volatile uint32_t *)to = kPaint;
  SYST_RVR = 0xffffffu;
  SYST_CVR = 0;
  SYST_CSR = 5;
  leave(main());
}

static void fault(void) {
  say("fault\n");
  leave(99);
}

__attribute__((section(".vectors"), used)) static const struct {
  const uint32_t *stack;
  void (*handlers[15])(void);
} vectors = {&stack_high, {start, fault, fault, fault, fault, fault}};
