/* Runs an exported model, one without inputs and hidden states, as START, TIMES and METHOD ask for, and writes the bits
 * of the states, the steps, and what it took. */
#include "board.h"

#include "model.h"

#include <stdint.h>

static const float kStart[MODEL_STATES] = {START};
static const double kTimes[] = {TIMES};
#define NUM_TIMES ((int)(sizeof(kTimes) / sizeof(kTimes[0])))
static float states[NUM_TIMES][MODEL_STATES];

static void say_bits(float x) {
  union {
    float number;
    uint32_t bits;
  } u;
  u.number = x;
  say_number("bits", u.bits);
}

int main(void) {
  model_report report;
  float rate[MODEL_STATES];
  unsigned long begin, end;
  int i, j, status;
#ifdef FIXED
  status = model_solve_fixed(kStart, kTimes, NUM_TIMES, FIXED, &states[0][0], &report);
#else
  status = model_solve(kStart, kTimes, NUM_TIMES, 0, &states[0][0], &report);
#endif
  say_number("stack", stack_used());
  say_number("status", (unsigned long)status);
  say_number("accepted", (unsigned long)report.accepted);
  say_number("rejected", (unsigned long)report.rejected);
  say_number("evaluations", (unsigned long)report.evaluations);
  for (i = 0; i < NUM_TIMES; ++i)
    for (j = 0; j < MODEL_STATES; ++j) say_bits(states[i][j]);
  begin = ticks();
  for (i = 0; i < 100; ++i) status |= model_rate(0, kStart, rate);
  end = ticks();
  say_number("rate_instructions", (end - begin) * 40 / 100);
  begin = ticks();
#ifdef FIXED
  status |= model_solve_fixed(kStart, kTimes, NUM_TIMES, FIXED, &states[0][0], &report);
#else
  status |= model_solve(kStart, kTimes, NUM_TIMES, 0, &states[0][0], &report);
#endif
  end = ticks();
  say_number("solve_instructions", (end - begin) * 40);
  return status;
}
